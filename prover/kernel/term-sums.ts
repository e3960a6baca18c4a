import type { Kernel } from './kernel.ts'
import { TERM_BYTES } from './quotient-kernels.ts'
import { writeElements } from './scalars.ts'

const TERM_WORDS = TERM_BYTES / 4
const LANES = 2

/** Many sums of products of elements `coefficient * value`: a number of slots, with a sum in each of their two lanes. */
export class TermSums {
  readonly #kernel: Kernel
  readonly #slots: number
  readonly #counts: number
  readonly #terms: number
  /** `starts[s]` is the number of steps of the slots before s. */
  readonly #starts: Uint32Array
  /** Place of each sum's next term, in steps. */
  readonly #next: readonly Uint32Array[]
  readonly #table: Uint32Array

  /** `counts` has the number of terms of every slot's sum, for each lane. */
  constructor(kernel: Kernel, counts: readonly [Uint32Array, Uint32Array]) {
    const { arena, machine } = kernel
    this.#kernel = kernel
    this.#slots = counts[0].length
    this.#starts = new Uint32Array(this.#slots + 1)
    for (let slot = 0; slot < this.#slots; slot++)
      this.#starts[slot + 1] = this.#starts[slot]! + Math.max(counts[0][slot]!, counts[1][slot]!)
    this.#next = Array.from({ length: LANES }, () => this.#starts.slice())

    this.#counts = arena.allocate(4 * this.#slots)
    const steps = this.#starts[this.#slots]!
    this.#terms = arena.allocate(steps * TERM_BYTES)
    machine.words(this.#counts, this.#slots).set(this.#starts.subarray(1).map((end, slot) => end - this.#starts[slot]!))
    // What fills up the shorter of a slot's two sums.
    this.#table = machine.words(this.#terms, steps * TERM_WORDS).fill(writeElements(kernel, 0n))
  }

  /** Adds a term, by the addresses of its factors. */
  add(lane: number, slot: number, coefficient: number, value: number): void {
    const at = this.#next[lane]![slot]!++ * TERM_WORDS + lane * 2
    this.#table[at] = coefficient
    this.#table[at + 1] = value
  }

  /** Computes the sums, as integers of 32 bytes: those of each lane one behind the other from an address on. */
  async export(first: number, second: number): Promise<void> {
    const { arena, machine, pool } = this.#kernel
    const sums = arena.allocate(this.#slots * LANES * machine.elementBytes)
    const slot = (index: number): number => sums + index * LANES * machine.elementBytes
    await pool.split('rows', this.#slots, 1, (from, end) => ({
      terms: this.#terms + this.#starts[from]! * TERM_BYTES,
      counts: this.#counts + 4 * from,
      ab: slot(from),
      rows: end - from,
    }))
    machine.call.fr_exportSlots!(sums, first, second, this.#slots)
  }
}
