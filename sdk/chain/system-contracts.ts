import type { Address, PublicClient } from 'viem'
import { VAULT_ABI } from '../abi/vault.ts'
import { settlementConfig } from './settlement-config.ts'

/** The contracts of a deployment, as its settlement and vault name them. */
export interface SystemContracts {
  readonly settlement: Address
  readonly vault: Address
  readonly rounds: Address
  readonly forced: Address
  readonly insurance: Address
  readonly escape: Address
}

/** The contracts around a settlement. @throws PlimsollError when there is none at the address, or the chain does not answer */
export async function systemContracts(read: PublicClient, settlement: Address): Promise<SystemContracts> {
  const { vault } = await settlementConfig(read, settlement)
  const part = (functionName: 'rounds' | 'forced' | 'insurance' | 'escape') =>
    read.readContract({ address: vault, abi: VAULT_ABI, functionName })
  const [rounds, forced, insurance, escapeContract] = await Promise.all([
    part('rounds'),
    part('forced'),
    part('insurance'),
    part('escape'),
  ])
  return { settlement, vault, rounds, forced, insurance, escape: escapeContract }
}
