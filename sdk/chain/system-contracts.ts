import type { Address, PublicClient } from 'viem'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { settlementConfig } from './settlement-config.ts'

/** The contracts of a deployment, as its settlement and vault name them. */
export interface SystemContracts {
  readonly settlement: Address
  readonly vault: Address
  readonly governance: Address
  readonly oracles: Address
  readonly rounds: Address
  readonly forced: Address
  readonly insurance: Address
  readonly escape: Address
  readonly market: Address
}

/** The contracts around a settlement. @throws PlimsollError when there is none at the address, or the chain does not answer */
export async function systemContracts(read: PublicClient, settlement: Address): Promise<SystemContracts> {
  const { vault } = await settlementConfig(read, settlement)
  const part = (functionName: 'rounds' | 'forced' | 'insurance' | 'escape' | 'market') =>
    read.readContract({ address: vault, abi: VAULT_ABI, functionName })
  const rounds = await part('rounds')
  const [{ governance, oracles }, forced, insurance, escapeAddress, market] = await Promise.all([
    read.readContract({ address: rounds, abi: ROUNDS_ABI, functionName: 'config' }),
    part('forced'),
    part('insurance'),
    part('escape'),
    part('market'),
  ])
  return { settlement, governance, oracles, rounds, vault, forced, insurance, escape: escapeAddress, market }
}
