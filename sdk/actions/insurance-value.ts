import type { Address } from 'viem'
import { SCALE } from '../../protocol/constants.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import { marksOfRow } from '../../protocol/marks.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { SHARES_PER_UNIT } from '../chain/insurance-shares.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface InsuranceValueParameters {
  readonly settlement: Address
  /** Block that it is read at; the latest where it is left out. */
  readonly blockNumber?: bigint | undefined
}

/** A price of shares: `cash` base units for `shares` of them. */
export interface SharePrice {
  readonly cash: bigint
  readonly shares: bigint
}

/** Prices at which shares are sold and redeemed at the latest round; undefined while an asset of the backstop is held, or after a freeze. */
export type InsuranceValueReturnType =
  | {
      /** Price of a new share at a checkpoint: the backstop's equity at the round's prices; undefined where none is sold. */
      readonly entry: SharePrice | undefined
      /** Price of a redeemed share: the equity with inventory at the prices where its sale ends. */
      readonly redemption: SharePrice
    }
  | undefined

export type InsuranceValueErrorType = PlimsollError | ChainFailure

/**
 * Value of a share of the backstop at both prices, as a checkpoint at the latest round would have them.
 * @example
 * import { insuranceValue } from '../../sdk/actions/insurance-value.ts'
 *
 * const value = await insuranceValue(signer, { settlement })
 */
export async function insuranceValue(
  { read }: ReadClient,
  { settlement, blockNumber }: InsuranceValueParameters,
): Promise<InsuranceValueReturnType> {
  const contracts = await systemContracts(read, settlement)
  const at = { blockNumber: blockNumber ?? (await read.getBlockNumber()) }
  const vault = { address: contracts.vault, abi: VAULT_ABI, ...at } as const
  const insurance = { address: contracts.insurance, abi: INSURANCE_ABI, ...at } as const
  const rounds = { address: contracts.rounds, abi: ROUNDS_ABI, ...at } as const
  const [backstop, frozen, [total, repaid], shares, [, , prices], marks, held] = await Promise.all([
    read.readContract({ ...vault, functionName: 'backstop' }),
    read.readContract({ ...vault, functionName: 'frozen' }),
    read.readContract({ ...insurance, functionName: 'owed' }),
    read.readContract({ ...insurance, functionName: 'totalShares' }),
    read.readContract({ ...rounds, functionName: 'round' }),
    read.readContract({ ...rounds, functionName: 'marks' }),
    read.readContract({ ...rounds, functionName: 'held' }),
  ])
  const isUnpriced = backstop.some((units, a) => a > 0 && units !== 0n && ((held >> BigInt(a)) & 1n) === 1n)
  if (frozen || isUnpriced) return undefined
  const worthAt = (priceOf: (asset: number, units: bigint) => bigint) =>
    backstop.reduce((sum, units, a) => sum + units * (a === 0 ? SCALE : priceOf(a - 1, units)), 0n)
  const equity = worthAt((i) => prices[i]!)
  const low = worthAt((i, units) => marksOfRow(marks[i]!)[units > 0n ? 'sell' : 'buy'])
  const debt = (total - repaid) * SCALE
  const worth = equity < debt ? undefined : (equity - debt) / SCALE
  // What there is before the first insurer becomes nobody's shares, at the price of the first.
  const outstanding = (shares === 0n ? (worth ?? 0n) * SHARES_PER_UNIT : shares) + SHARES_PER_UNIT
  return {
    entry: worth === undefined || (worth === 0n && shares > 0n) ? undefined : { cash: worth + 1n, shares: outstanding },
    redemption: { cash: low < debt ? 0n : (low - debt) / SCALE + 1n, shares: outstanding },
  }
}
