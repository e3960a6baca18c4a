import type { ProvenBatch } from '../../chain/settlement.ts'
import { max } from '../../protocol/integer.ts'
import { OP } from '../../protocol/transact.ts'
import { TRANSACTION_GAS_CAP } from '../../sdk/chain/send-transaction.ts'

/**
 * Gas of a batch at the most, by circuit, with its proof and its share of what every transaction costs, of a resolve with a first lot
 * of each of seven assets: see docs/figures.md.
 */
const PER_BATCH = { sweep: 230_000n, resolve: 850_000n, transact: 350_000n } as const
/** Gas of a slot of a sweep's window. */
const PER_SLOT = 45_000n
/** Gas of an operation at the most: that of an unwinding, marks included. */
const PER_OPERATION = 150_000n
/** Gas of a forced close beyond that: it begins a lot, and asks whether the backstop takes it. */
const PER_CLOSE = 70_000n
/** Gas of an envelope that is opened, the first time of a slot. */
const PER_OPENING = 95_000n
/** Gas of what a settlement that completes does besides: the checkpoint, with insurance to convert. */
const CHECKPOINT = 320_000n

/** Says when a settlement is full: what comes next might not fit the gas that a transaction may use. */
export class SettlementGas {
  readonly #cap: bigint
  readonly #largest: bigint
  readonly #measure: (batches: readonly ProvenBatch[]) => Promise<bigint>
  #expected = CHECKPOINT

  /**
   * @param blockLimit gas of a block
   * @param steps operations of a batch
   * @param measure gas that a settlement of batches would use, asked where the bounds alone do not tell
   */
  constructor(blockLimit: bigint, steps: number, measure: (batches: readonly ProvenBatch[]) => Promise<bigint>) {
    // A tenth is left for what the state costs by the time that it is mined.
    this.#cap = ((blockLimit < TRANSACTION_GAS_CAP ? blockLimit : TRANSACTION_GAS_CAP) * 9n) / 10n
    const operations = PER_OPERATION * BigInt(steps)
    const closes = PER_BATCH.transact + operations + PER_CLOSE * BigInt(steps)
    this.#largest = max(PER_BATCH.resolve + operations, closes)
    this.#measure = measure
  }

  /** Counts the last of the batches. @returns whether they should be settled before another is added */
  async isFull(batches: readonly ProvenBatch[]): Promise<boolean> {
    const last = batches.at(-1)!
    if (batches.length === 1) this.#expected = CHECKPOINT
    this.#expected += bound(last)
    if (this.#expected + this.#largest <= this.#cap) return false
    const measured = await this.#measure(batches).catch(() => undefined)
    // Where it would be refused, the settlement itself says why.
    if (measured === undefined) return true
    this.#expected = measured + CHECKPOINT
    return this.#expected + this.#largest > this.#cap
  }
}

function bound({ batch, openings }: ProvenBatch): bigint {
  const operations = batch.circuit === 'transact' ? batch.active : 0
  const closes = batch.circuit === 'transact' ? batch.steps.filter(({ op }) => op === OP.close).length : 0
  const slots = batch.circuit === 'sweep' ? batch.window.length : 0
  return (
    PER_BATCH[batch.circuit] +
    PER_SLOT * BigInt(slots) +
    PER_OPERATION * BigInt(operations) +
    PER_CLOSE * BigInt(closes) +
    PER_OPENING * BigInt(openings.length)
  )
}
