import type { ConstantPool, Frame, V128, V128Value } from './emit.ts'
import { i64x2, local } from './wasm.ts'

/**
 * Sums by power of a base, in 64-bit lanes. To its value each sum has a bias added, a multiple of the base that keeps it positive
 * so that an unsigned shift carries it, and half a base, which makes limbs balanced. What terms bring along beyond their
 * value is kept count of, and taken off before a sum is read.
 */
export class BiasedColumns {
  protected readonly frame: Frame
  protected readonly pool: ConstantPool
  readonly #bits: number
  readonly #bias: bigint
  readonly #sums = new Map<number, V128>()
  /** Summand after which a sum is bias and half a base above its value. */
  readonly #corrections = new Map<number, bigint>()

  /** A base of `bits` bits, of which `bias` is a multiple. */
  protected constructor(frame: Frame, pool: ConstantPool, bits: number, bias: bigint) {
    this.frame = frame
    this.pool = pool
    this.#bits = bits
    this.#bias = bias
  }

  /** Adds to the next column what exceeds a balanced limb of this one. */
  carry(column: number): void {
    this.add(column + 1, i64x2.shr_u(this.settled(column), this.#bits), this.#bias >> BigInt(this.#bits))
  }

  /** Adds a term that is `excess` above its value. */
  protected add(column: number, term: V128Value, excess: bigint): void {
    const sum = this.#sums.get(column)
    if (sum === undefined) {
      this.#sums.set(column, this.frame.assign(term))
      this.#corrections.set(column, this.#bias + (1n << BigInt(this.#bits - 1)) - excess)
      return
    }
    local.set(sum, i64x2.add(sum, term))
    this.#corrections.set(column, this.#corrections.get(column)! - excess)
  }

  /** The column's sum, above its value by the bias and half a base. */
  protected settled(column: number): V128 {
    const sum = this.#sums.get(column)!
    const correction = BigInt.asUintN(64, this.#corrections.get(column)!)
    if (correction !== 0n) local.set(sum, i64x2.add(sum, this.pool.splat(correction)))
    this.#corrections.set(column, 0n)
    return sum
  }
}
