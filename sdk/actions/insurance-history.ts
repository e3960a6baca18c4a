import { type Address, isAddressEqual } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { concludeFromLogs } from '../chain/complete-logs.ts'
import { inOrder } from '../chain/in-order.ts'
import { InsurerHistory, type InsurerMove } from '../chain/insurer-history.ts'
import { systemEvents } from '../chain/settlement-history.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { insurancePosition } from './insurance-position.ts'
import { type InsuranceValueReturnType, insuranceValue } from './insurance-value.ts'

const YEAR = 31_536_000n

export interface InsuranceHistoryParameters {
  readonly settlement: Address
  readonly insurer: Address
}

/** Account of what somebody's insurance brought so far. Cash in base units. */
export interface InsuranceYield {
  /** Cash that became shares, and cash that redeemed shares gave. */
  readonly paidIn: bigint
  readonly paidOut: bigint
  /** Cash that the shares that are left would give at the latest round; undefined where that is not known. */
  readonly worth: bigint | undefined
  /** `paidOut + worth - paidIn`. */
  readonly gain: bigint | undefined
  /**
   * Cash behind the backstop times the seconds that it was there, at what was paid for it. The gain over it, times the seconds of a
   * year, is the yield of a year, without interest on interest.
   */
  readonly cashSeconds: bigint
  /** The gain of a year as a ratio; undefined where nothing was ever behind the backstop, or its worth is not known. */
  readonly annual: { readonly numerator: bigint; readonly denominator: bigint } | undefined
}

export interface InsuranceHistoryReturnType {
  readonly moves: readonly (InsurerMove & { readonly timestamp: bigint })[]
  readonly yield: InsuranceYield
}

export type InsuranceHistoryErrorType = PlimsollError | ChainFailure

/**
 * All that an insurer did behind the backstop and got for it, from events alone, and what it yielded.
 * @throws PlimsollError where the events do not add up to the insurer's position
 * @example
 * import { insuranceHistory } from '../../sdk/actions/insurance-history.ts'
 *
 * const { moves } = await insuranceHistory(signer, { settlement, insurer: signer.sender })
 */
export async function insuranceHistory(
  client: ReadClient,
  { settlement, insurer }: InsuranceHistoryParameters,
): Promise<InsuranceHistoryReturnType> {
  const { read } = client
  const end = await read.getBlockNumber()
  const contracts = await systemContracts(read, settlement)
  return concludeFromLogs(client, settlement, async () => {
    const history = new InsurerHistory()
    for await (const event of systemEvents(read, { contracts, of: ['insurance', 'escape'], end })) {
      if (event.eventName === undefined) continue
      const own = 'insurer' in event.args && isAddressEqual(event.args.insurer, insurer)
      history.event(event, own)
    }
    const position = await insurancePosition(client, { settlement, insurer, blockNumber: end })
    history.requirePosition(position, insurer)
    const value = await insuranceValue(client, { settlement, blockNumber: end })
    const times = new Map<bigint, bigint>()
    const blocks = new Set([...history.moves.map(({ block }) => block), end])
    const timed = inOrder(blocks, async (blockNumber) => await read.getBlock({ blockNumber }))
    for await (const { number, timestamp } of timed) times.set(number, timestamp)
    const moves = history.moves.map((move) => ({ ...move, timestamp: times.get(move.block)! }))
    return { moves, yield: yieldOf(moves, position.shares, value, times.get(end)!) }
  })
}

/** @param shares that the insurer has, offered ones included */
function yieldOf(
  moves: InsuranceHistoryReturnType['moves'],
  shares: bigint,
  value: InsuranceValueReturnType,
  now: bigint,
): InsuranceYield {
  let [paidIn, paidOut, cost, owned, cashSeconds] = [0n, 0n, 0n, 0n, 0n]
  let since = 0n
  for (const move of moves) {
    if (move.kind !== 'converted' && move.kind !== 'redeemed') continue
    cashSeconds += cost * (move.timestamp - since)
    since = move.timestamp
    if (move.kind === 'converted') {
      paidIn += move.cash
      cost += move.cash
      owned += move.shares
    } else {
      paidOut += move.cash
      if (owned > 0n) cost -= (cost * move.shares) / owned
      owned -= move.shares
    }
  }
  cashSeconds += cost * (now - since)
  const worth = shares === 0n ? 0n : value && (shares * value.redemption.cash) / value.redemption.shares
  const gain = worth === undefined ? undefined : paidOut + worth - paidIn
  const annual =
    gain === undefined || cashSeconds === 0n ? undefined : { numerator: gain * YEAR, denominator: cashSeconds }
  return { paidIn, paidOut, worth, gain, cashSeconds, annual }
}
