import type { Hex, PublicClient } from 'viem'
import { batchWrites, type Shape } from '../../protocol/batch.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { type ChainPlace, settledBatch, systemEvents } from './settlement-history.ts'
import type { SystemContracts } from './system-contracts.ts'

/** A settlement as its transaction's events tell it. What a sweep moves is not public, only that there was one. */
export interface PastSettlement extends ChainPlace {
  /** Whether nobody was breached after it. */
  readonly complete: boolean
  /** Batches of sweeps. */
  readonly sweeps: number
  /** Accounts taken out of distress: liquidated, or found healthy again. */
  readonly resolved: number
  /** Steps of operations: deposits, withdrawals, halves of trades and so on. */
  readonly operations: number
  readonly proofs: number
  /** Base units of cash. */
  readonly badDebt: bigint
}

/** A round as the chain's events tell it. */
export interface PastRound extends ChainPlace {
  readonly number: number
  /** Unix seconds. */
  readonly timestamp: number
  /** Prices as marks, of assets 1 to 7; 0 where there is none. */
  readonly prices: readonly bigint[]
  /** Whether it is known to have been complete at some time: by a settlement or a checkpoint. */
  readonly complete: boolean
  readonly settlements: readonly PastSettlement[]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
interface OpenRound extends Mutable<Omit<PastRound, 'settlements'>> {
  settlements: Mutable<PastSettlement>[]
}

const NAMES = ['RoundPosted', 'Swept', 'Resolved', 'Transacted', 'Settled', 'Checkpointed']

/** Every round since the deployment and its settlements, read piece by piece from events alone. */
export class RoundHistory {
  #rounds: OpenRound[] = []
  #next: bigint | undefined

  /** Oldest first. */
  get rounds(): readonly PastRound[] {
    return this.#rounds
  }

  /** Reads on up to a block. @throws PlimsollError where the rounds do not follow each other */
  async readTo(read: PublicClient, contracts: SystemContracts, shape: Shape, end: bigint): Promise<void> {
    if (this.#next !== undefined && this.#next > end) return
    // A piece that breaks off is read again whole.
    const rounds = this.#copies()
    const first = this.#next
    let batches = nothing()
    let transaction: Hex | undefined
    for await (const event of systemEvents(read, {
      contracts,
      of: ['rounds', 'settlement', 'vault'],
      names: NAMES,
      end,
      ...(first !== undefined && { first }),
    })) {
      if (event.transaction !== transaction) batches = nothing()
      transaction = event.transaction
      const last = rounds.at(-1)
      switch (event.eventName) {
        case 'RoundPosted': {
          const { round, timestamp, prices } = event.args
          if (round !== BigInt((last?.number ?? 0) + 1))
            throw new PlimsollError(`Round ${round} does not follow round ${last?.number ?? 0}.`)
          const { block } = event
          const posted = { number: Number(round), timestamp: Number(timestamp), prices, complete: false }
          rounds.push({ block, transaction, ...posted, settlements: [] })
          break
        }
        case 'Checkpointed':
          if (last !== undefined && event.args.round === BigInt(last.number)) last.complete = true
          break
        case 'Settled': {
          const { complete } = event.args
          if (last === undefined) break
          last.complete ||= complete
          last.settlements.push({ block: event.block, transaction, complete, ...batches })
          batches = nothing()
          break
        }
        default:
          count(batches, batchOf(event, shape))
      }
    }
    this.#rounds = rounds
    this.#next = end + 1n
  }

  /** Another that goes on from here by itself. */
  copy(): RoundHistory {
    const copy = new RoundHistory()
    copy.#rounds = this.#copies()
    copy.#next = this.#next
    return copy
  }

  #copies(): OpenRound[] {
    return this.#rounds.map((round) => ({ ...round, settlements: [...round.settlements] }))
  }
}

function nothing() {
  return { sweeps: 0, resolved: 0, operations: 0, proofs: 0, badDebt: 0n }
}

/** The batch of an event; undefined where there is none that this version can read. */
function batchOf(event: Parameters<typeof settledBatch>[0], shape: Shape) {
  try {
    return settledBatch(event, shape)?.batch
  } catch (error) {
    if (error instanceof PlimsollError) return undefined
    throw error
  }
}

function count(sum: ReturnType<typeof nothing>, batch: ReturnType<typeof batchOf>): void {
  if (batch === undefined) return
  sum.proofs++
  if (batch.circuit === 'sweep') sum.sweeps++
  else if (batch.circuit === 'transact') sum.operations += batch.active
  else {
    // Steps that only drop a stale leaf write nothing.
    sum.resolved += batchWrites(batch).length
    sum.badDebt += batch.badDebt
  }
}
