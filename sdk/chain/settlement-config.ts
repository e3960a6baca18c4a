import type { Address, PublicClient } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { chainFailureIn } from './chain-failure.ts'

/**
 * Configuration that a settlement was deployed with. @throws PlimsollError when there is none at the address, or the
 * chain does not answer
 */
export async function settlementConfig(read: PublicClient, settlement: Address) {
  return read
    .readContract({ address: settlement, abi: SETTLEMENT_ABI, functionName: 'config' })
    .catch((error: unknown) => {
      throw (
        chainFailureIn(error) ??
        new PlimsollError(`There is no settlement of this version at ${settlement}.`, {
          hint: 'Check --settlement and --rpc.',
        })
      )
    })
}
