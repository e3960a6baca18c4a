import { type Address, encodeDeployData, isAddressEqual, zeroAddress } from 'viem'
import { importAccounts } from '../book/import-accounts.ts'
import { loadArtifact } from '../chain/artifacts.ts'
import { type ContractName, deployContracts } from '../chain/deployment.ts'
import { Settlement } from '../chain/settlement.ts'
import { writeSymbols } from '../chain/symbols.ts'
import { withDirectory } from '../lib/directory-lock.ts'
import { accountLeaves } from '../protocol/account.ts'
import type { BookAccount, Market } from '../protocol/book.ts'
import { DEFAULT_SLOTS, INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { sequencerKey } from '../protocol/keys.ts'
import { checkContractFactors, checkParameters, initialFactorsOf, type RiskParameters } from '../protocol/marks.ts'
import { System } from '../protocol/system.ts'
import { hashBatch } from '../prover/kernel/hashing.ts'
import type { KeySet } from '../prover/keys.ts'
import { type CircuitName, SWEEPS } from '../prover/profiles.ts'
import { verifierDirectory, writeVerifierContracts } from '../prover/verifier-contract.ts'
import { LOCAL_CHAINS, type SigningClient } from '../sdk/chain/client.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { sendTransaction } from '../sdk/chain/send-transaction.ts'
import { newSequencerKey, readSequencerKeys } from '../sequencer/state/sequencer-key.ts'
import { genesisState, requireStateless, Store } from '../sequencer/state/store.ts'
import { type AuctionPlan, DEFAULT_AUCTION } from './auction-plan.ts'
import { explainDepths, requireDepths } from './concentration.ts'
import { createSources } from './create-sources.ts'
import type { CustodyPlan } from './market-plan.ts'
import { NO_ORACLES, type OraclePlan, SOURCE_GAS } from './oracle-plan.ts'
import { requireContracts } from './require-contracts.ts'
import { contractRule, NO_RULES, type RulePlan } from './rule-plan.ts'

/**
 * Clocks of the contracts (docs/protocol.md#contracts), in seconds; those of forced requests and deposits run only
 * while there is a fresh round.
 */
export interface Clocks {
  readonly provingTime: number
  readonly roundMin: number
  readonly roundShort: number
  readonly maxAge: number
  readonly grace: number
  readonly parameterDelay: number
  /** A feed's answer older than this is stale. */
  readonly heartbeat: number
  readonly depositDelay: number
  readonly depositSpacing: number
  readonly forcedDelay: number
  readonly forcedSpacing: number
  readonly expirySlack: number
  readonly noticePeriod: number
  /** From the nomination of an operator, admin or guardian until it may be accepted. */
  readonly handoverDelay: number
}

/** Clocks of local chains: short enough for a demonstration. */
export const DEFAULT_CLOCKS: Clocks = {
  provingTime: 240,
  roundMin: 300,
  roundShort: 30,
  maxAge: 900,
  grace: 7_200,
  parameterDelay: 86_400,
  heartbeat: 3_600,
  depositDelay: 3_600,
  depositSpacing: 15,
  forcedDelay: 3_600,
  forcedSpacing: 60,
  expirySlack: 86_400,
  noticePeriod: 3_600,
  handoverDelay: 3_600,
}

/**
 * The clocks that a deployment has unless it names others. Off local chains an outage of some hours must not end the system,
 * and whoever does not want new parameters has time to leave.
 */
function defaultClocks(chainId: number): Clocks {
  if (LOCAL_CHAINS.includes(chainId)) return DEFAULT_CLOCKS
  return {
    ...DEFAULT_CLOCKS,
    grace: 86_400,
    noticePeriod: 86_400,
    // More than grace, notice and forced delay together.
    parameterDelay: 259_200,
    expirySlack: 259_200,
    // Less than grace and notice together: a lost operator key is replaced before anyone can freeze.
    handoverDelay: 43_200,
  }
}

const COIN = 10n ** 18n
/** In the chain's coin. */
const FEES = { openingFee: COIN / 1_000n, forcedFee: COIN / 1_000n, bond: COIN / 100n }
/** Decimals of mock tokens other than cash: unlike the rollup's, as tokens have them. */
const MOCK_DECIMALS = 18

export interface DeployOptions {
  /** Chainlink-compatible feed of a traded symbol; mock feeds at the market's prices where there are none at all. */
  readonly feeds: Readonly<Record<string, Address>>
  /** Sources of the assets that name any, in place of a feed. */
  readonly oracles?: OraclePlan
  /** Rules by which parameters follow the market; nowhere where it is left out. */
  readonly rules?: RulePlan
  /** The liquidation market's settings; `DEFAULT_AUCTION` where they are left out. */
  readonly auction?: AuctionPlan
  readonly custody: CustodyPlan
  readonly allowDevelopmentKeys: boolean
  /** Directory for the node's private state. */
  readonly data: string
  /** Those of `defaultClocks` where they are left out. */
  readonly clocks?: Clocks
  /** The signer is admin and operator where they are left out, and nobody is guardian. */
  readonly roles?: Partial<Roles>
  /** A trusted import to begin with, on local chains only; without it owners open accounts with deposits. */
  readonly accounts?: readonly BookAccount[]
  /** Called when all is checked, before anything is compiled or sent. */
  readonly onCreate?: () => void
  /** Puts a verifier of a circuit on the chain; the ones generated from the keys where it is left out. */
  readonly verifier?: (circuit: CircuitName) => Promise<Address>
}

/** Holders of the roles after the deployment; see docs/threat-model.md. */
export interface Roles {
  readonly admin: Address
  readonly operator: Address
  /** The zero address where there is none. */
  readonly guardian: Address
}

export interface Deployed extends Roles {
  readonly chainId: number
  readonly governance: Address
  readonly settlement: Address
  readonly vault: Address
  readonly forced: Address
  readonly insurance: Address
  readonly escape: Address
  readonly rounds: Address
  readonly oracles: Address
  readonly market: Address
  readonly verifiers: Readonly<Record<CircuitName, Address>>
  /** By symbol: the feed of an asset that has one alone. */
  readonly feeds: Readonly<Record<string, Address>>
  /** By symbol, cash too where it has any: what the oracles ask. */
  readonly sources: Readonly<Record<string, readonly Address[]>>
  /** By symbol; synthetics have none. */
  readonly tokens: Readonly<Record<string, Address>>
  readonly accounts: number
  readonly data: string
}

/**
 * Refuses a chain on which development keys could cost somebody money, before anything is sent.
 * @throws PlimsollError
 */
export function requireLocalChain(chainId: number, allowDevelopmentKeys: boolean): void {
  if (LOCAL_CHAINS.includes(chainId) || allowDevelopmentKeys) return
  throw new PlimsollError(
    `These are development keys: whoever made them can forge proofs, and their verifiers refuse the chain id ${chainId}.`,
    {
      hint: '--allow-development-keys deploys verifiers without that check, --keys takes the keys of a ceremony.',
    },
  )
}

/**
 * Deploys verifiers, the nine contracts and, where none are named, mock feeds and tokens; makes the sequencer's key, and
 * stores the private state. The market's prices only matter to mock feeds.
 * @throws PlimsollError when the chain or a contract refuses, or the directory is not new or in use
 */
export async function deploy(
  market: Market,
  keys: KeySet,
  signer: SigningClient,
  options: DeployOptions,
): Promise<Deployed> {
  if (keys.origin === 'development') requireLocalChain(signer.chainId, options.allowDevelopmentKeys)
  requireComplete(market, signer.chainId, options)
  requireRoles(signer, options)
  await requireStateless(options.data)
  return withDirectory(options.data, () => deployInto(market, keys, signer, options))
}

async function deployInto(
  market: Market,
  keys: KeySet,
  signer: SigningClient,
  options: DeployOptions,
): Promise<Deployed> {
  const secret = (await readSequencerKeys(options.data))?.at(-1) ?? newSequencerKey()
  const { oracles = NO_ORACLES, rules = NO_RULES } = options
  await requireContracts(signer, { ...options, oracles, rules })
  options.onCreate?.()
  const [traded, { profile }] = [market.assets.slice(1), keys]
  const verifier = options.verifier ?? (await generatedVerifier(keys, signer, options.allowDevelopmentKeys))
  const verifiers = {
    sweep: await verifier('sweep'),
    sweep2: await verifier('sweep2'),
    sweep3: await verifier('sweep3'),
    resolve: await verifier('resolve'),
    transact: await verifier('transact'),
    exit: await verifier('exit'),
  }

  const {
    provingTime,
    roundMin,
    roundShort,
    maxAge,
    grace,
    parameterDelay,
    heartbeat,
    depositDelay,
    depositSpacing,
    forcedDelay,
    forcedSpacing,
    expirySlack,
    noticePeriod,
    handoverDelay,
  } = options.clocks ?? defaultClocks(signer.chainId)
  const create = (name: string, args: readonly unknown[]) => deployContract(signer, name, args)
  const created = await createSources(market.assets, oracles, options.feeds, heartbeat, create)
  const { feeds, sources } = created
  const tokens: Record<string, Address> = {}
  for (const [a, { symbol, decimals }] of market.assets.entries()) {
    if (!Object.hasOwn(options.custody, symbol)) continue
    tokens[symbol] =
      options.custody[symbol]!.token ??
      (await deployContract(signer, 'MockToken', [symbol, a === 0 ? decimals : MOCK_DECIMALS]))
  }

  const { publicKey } = sequencerKey(secret)
  const roles: Roles = { admin: signer.sender, operator: signer.sender, guardian: zeroAddress, ...options.roles }
  const { openingFee, bond, forcedFee } = FEES
  const parts = await deployContracts(
    {
      governance: { admin: roles.admin, guardian: roles.guardian, handoverDelay },
      oracles: {
        config: {
          sourceGas: SOURCE_GAS,
          uptimeFeed: oracles.uptimeFeed ?? zeroAddress,
          uptimeGrace: oracles.uptimeGrace,
        },
        assets: created.assets,
      },
      rounds: {
        provingTime,
        roundMin,
        roundShort,
        maxAge,
        parameterDelay,
        patience: rules.patience,
        tipShare: Number(rules.tipShare),
        roundTip: rules.roundTip,
        concentration: Number(rules.concentration),
      },
      assets: traded.map(({ symbol, decimals, parameters }) => ({
        parameters: contractParameters(parameters),
        rule: contractRule(rules.assets[symbol], symbol, decimals),
      })),
      vault: { depositDelay, depositSpacing, openingFee },
      custody: market.assets.map(({ symbol }) => {
        const { cap, minOpen, minDeposit } = options.custody[symbol] ?? { cap: 0n, minOpen: 0n, minDeposit: 0n }
        return { token: tokens[symbol] ?? zeroAddress, cap, minOpen, minDeposit }
      }),
      forced: { forcedDelay, forcedSpacing, expirySlack, bond, forcedFee },
      settlement: {
        operator: roles.operator,
        sweepVerifiers: SWEEPS.map((circuit) => verifiers[circuit]),
        resolveVerifier: verifiers.resolve,
        transactVerifier: verifiers.transact,
        minLiability: market.minLiability,
        slots: DEFAULT_SLOTS,
        sequencerKey: publicKey,
      },
      escape: { exitVerifier: verifiers.exit, grace, noticePeriod },
      market: { ...(options.auction ?? DEFAULT_AUCTION) },
    },
    (name, args) => deployContract(signer, name, args).catch(explainDepths(rules.concentration)),
    (name, address, functionName, args) => callContract(signer, name, address, functionName, args),
  )

  const domain = { chainId: BigInt(signer.chainId), settlement: BigInt(parts.settlement) }
  const accounts = importAccounts(options.accounts ?? [])
  const system = System.genesis(
    profile,
    DEFAULT_SLOTS,
    market.minLiability,
    accounts,
    [],
    { domain, secret },
    hashBatch,
  )
  const facts = { chainId: signer.chainId, settlement: parts.settlement, profile: profile.name }
  const store = await Store.create(options.data, facts, genesisState(system), secret)
  store.close()
  await writeSymbols(
    options.data,
    market.assets.map(({ symbol }) => symbol),
  )
  if (accounts.length > 0) {
    const leaves = accountLeaves(accounts, hashBatch)
    const settlement = await Settlement.at(signer, parts.settlement)
    await settlement.send(signer, 'genesis', [system.ledger.root, system.ledger.heads[INBOX]!, leaves])
  }
  return {
    chainId: signer.chainId,
    ...parts,
    ...roles,
    verifiers,
    feeds,
    sources,
    tokens,
    accounts: accounts.length,
    data: options.data,
  }
}

/** @throws PlimsollError when a role is nobody's, or the signer may not import what it is to import */
function requireRoles(signer: SigningClient, { roles = {}, accounts }: DeployOptions): void {
  for (const role of ['admin', 'operator'] as const)
    if (roles[role] === zeroAddress) throw new PlimsollError(`--${role} names nobody: the zero address.`)
  if (accounts !== undefined && roles.operator !== undefined && !isAddressEqual(roles.operator, signer.sender))
    throw new PlimsollError(`Accounts are imported by the operator, and ${signer.sender} is not to be that.`, {
      hint: 'Leave --operator out, and hand over afterwards.',
    })
}

/** @throws PlimsollError when something is named that the market does not have, or missing off local chains */
function requireComplete(market: Market, chainId: number, options: DeployOptions): void {
  const { feeds, custody, accounts, oracles = NO_ORACLES, rules = NO_RULES } = options
  const [cash, ...traded] = market.assets
  if (traded.length === 0) throw new PlimsollError('A deployment needs an asset besides cash.')
  for (const { symbol, parameters } of traded) {
    checkParameters(parameters, symbol)
    checkContractFactors(parameters, symbol)
  }
  const sourced = (symbol: string) => Object.hasOwn({ ...feeds, ...oracles.assets }, symbol)
  requireDepths(market, rules.concentration, sourced)
  const unknown = Object.keys(feeds).find((symbol) => !traded.some((asset) => asset.symbol === symbol))
  if (unknown !== undefined)
    throw new PlimsollError(`--feed names ${unknown}, which is not a traded asset of the market.`)
  const twice = Object.keys(feeds).find((symbol) => Object.hasOwn(oracles.assets, symbol))
  if (twice !== undefined)
    throw new PlimsollError(`--feed names ${twice}, whose sources the market names already.`, {
      hint: 'Leave one of the two out.',
    })
  const { roundMin, grace } = options.clocks ?? defaultClocks(chainId)
  if (oracles.uptimeGrace + roundMin >= grace)
    throw new PlimsollError(
      `uptimeGrace is ${oracles.uptimeGrace} seconds: with the ${roundMin} of a round it has to be below the ${grace} after which the system is stalled.`,
    )
  if (!Object.hasOwn(custody, cash!.symbol))
    throw new PlimsollError(`custody has no ${cash!.symbol}: cash needs a token.`)
  if (LOCAL_CHAINS.includes(chainId)) return
  if (accounts !== undefined) throw new PlimsollError('Accounts are imported on local chains only.')
  const feedless = traded.find(({ symbol }) => !sourced(symbol))
  if (feedless !== undefined)
    throw new PlimsollError(`No feed is named for ${feedless.symbol}.`, {
      hint: `Add --feed ${feedless.symbol}=0x..., or sources in the market.`,
    })
  const tokenless = Object.entries(custody).find(([, { token }]) => token === undefined)
  if (tokenless !== undefined)
    throw new PlimsollError(`custody.${tokenless[0]} names no token.`, { hint: 'Mock tokens are for local chains.' })
}

async function generatedVerifier(
  keys: KeySet,
  signer: SigningClient,
  allowDevelopmentKeys: boolean,
): Promise<(circuit: CircuitName) => Promise<Address>> {
  await writeVerifierContracts(keys)
  const variant =
    keys.origin === 'development' && allowDevelopmentKeys && !LOCAL_CHAINS.includes(signer.chainId)
      ? 'VerifierAnyChain'
      : 'Verifier'
  return (circuit) => {
    const name = `${circuit[0]!.toUpperCase()}${circuit.slice(1)}`
    return deployContract(
      signer,
      `contracts/generated/${verifierDirectory(keys)}/${name}Verifier.sol:${name}${variant}`,
      [],
    )
  }
}

function contractParameters(parameters: RiskParameters) {
  const { collateral: initialCollateralFactor, liability: initialLiabilityFactor } = initialFactorsOf(parameters)
  const { depth, ...factors } = { ...parameters, initialCollateralFactor, initialLiabilityFactor }
  return { ...Object.fromEntries(Object.entries(factors).map(([name, factor]) => [name, Number(factor)])), depth }
}

/** Creates a contract by its artifact's name. @throws PlimsollError when that is reverted */
export async function deployContract(signer: SigningClient, name: string, args: readonly unknown[]): Promise<Address> {
  const { abi, bytecode } = await loadArtifact(name)
  try {
    const { status, contractAddress } = await sendTransaction(signer, {
      data: encodeDeployData({ abi, bytecode, args: [...args] }),
    })
    if (status !== 'success' || !contractAddress) throw new PlimsollError(`The deployment of ${name} was reverted.`)
    return contractAddress
  } catch (error) {
    throw refusal(error, `the deployment of ${name}`)
  }
}

async function callContract(
  signer: SigningClient,
  name: ContractName,
  address: Address,
  functionName: string,
  args: readonly unknown[],
): Promise<void> {
  const { abi } = await loadArtifact(name)
  await sendCall(signer, { address, abi, functionName, args: [...args] })
}
