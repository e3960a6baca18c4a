/** A seeded source of numbers for fuzzing: the same run every time. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** A 32-bit word (mulberry32). */
  #word(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }

  /** Uniform in `low`..`high`, both included. */
  integer(low: number, high: number): number {
    return low + (this.#word() % (high - low + 1))
  }

  /** Uniform below 2^`bits`. */
  bits(bits: number): bigint {
    let value = 0n
    for (let i = 0; i < bits; i += 32) value = (value << 32n) | BigInt(this.#word())
    return BigInt.asUintN(bits, value)
  }

  /** Any magnitude up to 2^`bits` is about as likely. */
  magnitude(bits: number): bigint {
    return this.bits(this.integer(0, bits))
  }

  chance(share: number): boolean {
    return this.#word() < share * 2 ** 32
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!
  }
}
