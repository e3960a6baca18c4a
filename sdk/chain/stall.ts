import type { Address, PublicClient } from 'viem'
import { ESCAPE_ABI } from '../abi/escape.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { ContractRefusal, refusal } from './contract-errors.ts'
import type { SystemContracts } from './system-contracts.ts'

/** Seconds of notice where feeds are the cause, as the contract has them. */
const FEED_NOTICE = 7 * 86_400
/** Places of the queue of forced requests that are looked at: the first one is the first to be overdue. */
const PLACES = 64n

/** The notice of a stall that there is now. */
export interface Notice {
  /** A forced request by its number; 0 for the last checkpoint's age and the deposits. */
  readonly cause: bigint
  readonly declared: boolean
  readonly elapsed: bigint
  /** Seconds besides in which feeds were the cause. */
  readonly ofFeeds: bigint
  readonly lastTick: bigint
  /** Whether feeds are the cause now: then the contract asks for a longer notice. */
  readonly feeds: boolean
}

/** The cause of a stall, among those there are now, whose notice is furthest. */
export async function oldestNotice(read: PublicClient, contracts: SystemContracts): Promise<Notice | undefined> {
  const { forced, escape: address } = contracts
  const contract = { address, abi: ESCAPE_ABI } as const
  let oldest: Notice | undefined
  let overdue = false
  for (const cause of [0n, ...(await queuedRequests(read, forced))]) {
    if (!(await read.readContract({ ...contract, functionName: 'stalled', args: [cause] }))) continue
    overdue ||= cause !== 0n
    const [declared, elapsed, ofFeeds, lastTick] = await read.readContract({
      ...contract,
      functionName: 'notice',
      args: [cause],
    })
    if (oldest === undefined || elapsed > oldest.elapsed || (declared && !oldest.declared))
      oldest = { cause, declared, elapsed, ofFeeds, lastTick, feeds: false }
  }
  if (oldest?.cause !== 0n || overdue) return oldest
  return { ...oldest, feeds: await feedsStopRounds(read, contracts) }
}

/** Whether a feed gives no valid answer, and no deposit is overdue: as the contract finds it at a step. */
async function feedsStopRounds(read: PublicClient, { vault, rounds }: SystemContracts): Promise<boolean> {
  if (await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'depositOverdue' })) return false
  try {
    await read.readContract({ address: rounds, abi: ROUNDS_ABI, functionName: 'readPrices' })
    return false
  } catch (error) {
    const refused = refusal(error, 'prices')
    if (refused instanceof ContractRefusal) return true
    throw refused
  }
}

/** Numbers of the forced requests whose places are the first in the queue. */
async function queuedRequests(read: PublicClient, address: Address): Promise<bigint[]> {
  const forced = { address, abi: FORCED_ABI } as const
  const [first, end] = await read.readContract({ ...forced, functionName: 'queue' })
  const count = Number(end - first < PLACES ? end - first : PLACES)
  return Promise.all(
    Array.from({ length: count }, (_, i) =>
      read.readContract({ ...forced, functionName: 'numberAt', args: [first + BigInt(i)] }),
    ),
  )
}

/** Seconds that are counted of a notice by a time, and those that are demanded. */
export function countedNotice({ elapsed, ofFeeds, lastTick, feeds }: Notice, noticePeriod: number, now: bigint) {
  const since = Number(now - lastTick)
  const period = feeds ? FEED_NOTICE : noticePeriod
  const quarter = Math.floor(period / 4)
  const counted = Number(feeds ? elapsed + ofFeeds : elapsed) + Math.min(since, quarter)
  return { counted, period, quarter, since }
}

/** Clocks by which a system lives, or is given up: unix seconds and seconds. */
export interface StallClocks {
  /** The chain's time. */
  readonly now: number
  /** Time of the last checkpoint, and the age at which the system stalls. */
  readonly checkpointedAt: number
  readonly grace: number
  readonly frozen: boolean
  /** Whether anybody may declare a stall now. */
  readonly stalled: boolean
  /** Seconds of notice that a freeze needs, and those that are counted where a stall was declared; null: it was not. */
  readonly noticePeriod: number
  readonly notice: { readonly counted: number; readonly period: number; readonly feeds: boolean } | null
  readonly depositsWaiting: number
  readonly forcedWaiting: number
  /** Time of the latest round, 0 before the first; its prices count for `maxAge` seconds. */
  readonly roundAt: number
  readonly maxAge: number
}

/** Reads the clocks from the chain alone. @throws ChainFailure when it does not answer */
export async function stallClocks(read: PublicClient, contracts: SystemContracts): Promise<StallClocks> {
  const escapeHatch = { address: contracts.escape, abi: ESCAPE_ABI } as const
  const vault = { address: contracts.vault, abi: VAULT_ABI } as const
  const rounds = { address: contracts.rounds, abi: ROUNDS_ABI } as const
  try {
    const [block, config, at, frozen, deposits, queue, round, { maxAge }] = await Promise.all([
      read.getBlock(),
      read.readContract({ ...escapeHatch, functionName: 'config' }),
      read.readContract({ ...vault, functionName: 'checkpointedAt' }),
      read.readContract({ ...vault, functionName: 'frozen' }),
      read.readContract({ ...vault, functionName: 'depositQueue' }),
      read.readContract({ address: contracts.forced, abi: FORCED_ABI, functionName: 'queue' }),
      read.readContract({ ...rounds, functionName: 'round' }),
      read.readContract({ ...rounds, functionName: 'config' }),
    ])
    const notice = frozen ? undefined : await oldestNotice(read, contracts)
    return {
      now: Number(block.timestamp),
      checkpointedAt: Number(at),
      grace: config.grace,
      frozen,
      stalled: notice !== undefined,
      noticePeriod: config.noticePeriod,
      notice: notice?.declared ? publicNotice(notice, config.noticePeriod, block.timestamp) : null,
      depositsWaiting: Number(deposits[1] - deposits[0]),
      forcedWaiting: Number(queue[1] - queue[0]),
      roundAt: Number(round[1]),
      maxAge,
    }
  } catch (error) {
    throw refusal(error, 'the clocks')
  }
}

function publicNotice(notice: Notice, noticePeriod: number, now: bigint) {
  const { counted, period } = countedNotice(notice, noticePeriod, now)
  return { counted, period, feeds: notice.feeds }
}
