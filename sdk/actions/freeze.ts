import type { Address, PublicClient } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { sleep } from '../chain/sleep.ts'
import { type SystemContracts, systemContracts } from '../chain/system-contracts.ts'

/** Milliseconds between two looks at the chain. */
const POLL = 1_000
/** Seconds of notice where feeds are the cause, as the contract has them. */
const FEED_NOTICE = 7 * 86_400
/** Places of the queue of forced requests that are looked at: the first one is the first to be overdue. */
const PLACES = 64n
/** Refusals of a step that the chain's state between look and step explains. */
const OVERTAKEN = ['AlreadyDeclared', 'AlreadyFrozen', 'NotDeclared', 'NotStalled', 'NoticeRunning']

export interface FreezeParameters {
  readonly settlement: Address
  /** Called with the seconds of notice that are counted, and those that are demanded. */
  readonly onNotice?: (elapsed: number, period: number) => void | Promise<void>
}

export type FreezeErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Brings a stalled system to its end: declares the stall, counts the notice off in quarters, and freezes. Anyone may do any
 * of it at the same time, and it can be broken off and begun again.
 * @throws PlimsollError when the system is not stalled, or is not any more
 * @example
 * import { freeze } from '../../sdk/actions/freeze.ts'
 *
 * await freeze(signer, { settlement, onNotice: (elapsed, period) => console.log(`${elapsed} of ${period} s of notice`) })
 */
export async function freeze(
  signer: SigningClient,
  { settlement, onNotice = () => {} }: FreezeParameters,
): Promise<void> {
  const { read } = signer
  const contracts = await systemContracts(read, settlement)
  const contract = { address: contracts.escape, abi: ESCAPE_ABI } as const
  const { grace, noticePeriod } = await read.readContract({ ...contract, functionName: 'config' })
  while (!(await read.readContract({ address: contracts.vault, abi: VAULT_ABI, functionName: 'frozen' }))) {
    const notice = await oldestNotice(read, contracts)
    if (notice === undefined) throw await notStalled(read, contracts, grace)
    const { cause, declared, elapsed, ofFeeds, lastTick, feeds } = notice
    if (!declared) {
      await act('declareStall', cause)
      continue
    }
    const since = Number((await read.getBlock({ blockTag: 'pending' })).timestamp - lastTick)
    const period = feeds ? FEED_NOTICE : noticePeriod
    const quarter = Math.floor(period / 4)
    const counted = Number(feeds ? elapsed + ofFeeds : elapsed) + Math.min(since, quarter)
    await onNotice(counted, period)
    if (counted >= period) await act('freeze', cause)
    else if (since >= quarter) await act('tick', cause)
    else await sleep(POLL)
  }

  /** One step, unless somebody else has just taken it, or it is a second too early: the next look tells. */
  async function act(functionName: 'declareStall' | 'tick' | 'freeze', cause: bigint): Promise<void> {
    await sendCall(signer, { ...contract, functionName, args: [cause] }).catch(async (error: unknown) => {
      if (!(error instanceof ContractRefusal && OVERTAKEN.includes(error.errorName))) throw error
      await sleep(POLL)
    })
  }
}

interface Notice {
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
async function oldestNotice(read: PublicClient, contracts: SystemContracts): Promise<Notice | undefined> {
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

async function notStalled(read: PublicClient, { vault }: SystemContracts, grace: number): Promise<PlimsollError> {
  const at = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'checkpointedAt' })
  const { timestamp } = await read.getBlock({ blockTag: 'pending' })
  return new PlimsollError(
    `The system is not stalled: its last checkpoint is ${timestamp - at} s old, of ${grace} that it may be, and no deposit or forced request is overdue.`,
    {
      hint: 'plimsoll wallet withdraw --forced asks the contract for a withdrawal.',
    },
  )
}
