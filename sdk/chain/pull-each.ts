import type { Address } from 'viem'
import { ASSETS } from '../../protocol/constants.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import type { ReadClient } from './client.ts'
import { ContractRefusal } from './contract-errors.ts'

/**
 * Pulls from a frozen system one token after the other; of what was pulled before there is more only where a token got back
 * what it had lost.
 * @param pull the call for an asset, with what it paid
 * @returns token units, by asset
 */
export async function pullEach(
  { read }: ReadClient,
  escapeAddress: Address,
  pull: (asset: number) => Promise<bigint>,
): Promise<bigint[]> {
  const [holdings] = await read.readContract({ address: escapeAddress, abi: ESCAPE_ABI, functionName: 'snapshot' })
  const amounts = Array<bigint>(ASSETS).fill(0n)
  for (let asset = 0; asset < ASSETS; asset++) {
    if (holdings[asset] === 0n) continue
    amounts[asset] = await pull(asset).catch((error: unknown) => {
      if (error instanceof ContractRefusal && error.errorName === 'AlreadyPulled') return 0n
      throw error
    })
  }
  return amounts
}
