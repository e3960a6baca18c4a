import type { Address } from 'viem'

import { type ContractArtifact, loadArtifact } from './artifacts.ts'

/** The contracts of a deployment, in the order in which they are created. */
export const CONTRACTS = [
  'Governance',
  'Oracles',
  'Rounds',
  'Vault',
  'Forced',
  'Insurance',
  'Settlement',
  'Escape',
  'Market',
] as const

export type ContractName = (typeof CONTRACTS)[number]

/** Structs as the constructors take them, without the addresses of the other contracts. */
export interface DeploymentConfig {
  readonly governance: Readonly<Record<string, unknown>>
  readonly oracles: {
    /** sourceGas, uptimeFeed, uptimeGrace. */
    readonly config: Readonly<Record<string, unknown>>
    /** Assets 0, 1, ...: decimals, jump, confirm, sources. */
    readonly assets: readonly object[]
  }
  readonly rounds: Readonly<Record<string, unknown>>
  /** Assets 1, 2, ...: parameters, rule. */
  readonly assets: readonly Readonly<Record<string, unknown>>[]
  readonly vault: Readonly<Record<string, unknown>>
  /** Assets 0, 1, ...: token, cap, minOpen, minDeposit. */
  readonly custody: readonly Readonly<Record<string, unknown>>[]
  readonly forced: Readonly<Record<string, unknown>>
  readonly settlement: Readonly<Record<string, unknown>>
  readonly escape: Readonly<Record<string, unknown>>
  /** blockTime, floorDiscount, maxImpact. */
  readonly market: Readonly<Record<string, unknown>>
}

export type Deployment = Readonly<Record<Lowercase<ContractName>, Address>>

/** Creates the contracts and binds them to one another. Everything is sent by one account, the deployer. */
export async function deployContracts(
  config: DeploymentConfig,
  create: (name: ContractName, args: readonly unknown[]) => Promise<Address>,
  call: (name: ContractName, address: Address, functionName: string, args: readonly unknown[]) => Promise<unknown>,
): Promise<Deployment> {
  const governance = await create('Governance', [config.governance])
  const oracles = await create('Oracles', [{ ...config.oracles.config, governance }, config.oracles.assets])
  const rounds = await create('Rounds', [{ ...config.rounds, governance, oracles }, config.assets])
  const vault = await create('Vault', [{ ...config.vault, rounds }, config.custody])
  const forced = await create('Forced', [{ ...config.forced, vault }])
  const insurance = await create('Insurance', [vault])
  const settlement = await create('Settlement', [{ ...config.settlement, vault }])
  const exits = await create('Escape', [{ ...config.escape, vault, settlement, forced, insurance }])
  const market = await create('Market', [{ ...config.market, vault }])
  await call('Oracles', oracles, 'bind', [rounds])
  await call('Rounds', rounds, 'bind', [settlement, market])
  await call('Vault', vault, 'bind', [settlement, forced, insurance, exits, market])
  await call('Governance', governance, 'bind', [settlement])
  return { governance, oracles, rounds, vault, forced, insurance, settlement, escape: exits, market }
}

/** Everything that the contracts can revert with: an error may come from a contract that another one calls. */
export async function contractErrors(): Promise<ContractArtifact['abi']> {
  const artifacts = await Promise.all(CONTRACTS.map(loadArtifact))
  const errors = artifacts.flatMap(({ abi }) => abi.filter(({ type }) => type === 'error'))
  return [...new Map(errors.map((error) => [JSON.stringify(error), error])).values()]
}
