/** What checkpoints cut from withdrawals, kept claim by claim: the model of the contract's two running totals. */

const SCALE = 1n << 32n

interface Cut {
  /** 2^32 scale. */
  readonly value: bigint
  readonly prices: readonly bigint[]
  readonly start: bigint
  readonly amount: bigint
}

export class OwedLine {
  total = 0n
  repaid = 0n
  readonly #cuts = new Map<bigint, Cut>()
  readonly #collected = new Map<bigint, bigint>()

  get outstanding(): bigint {
    return this.total - this.repaid
  }

  /**
   * An epoch ends under water.
   * @param amounts of the withdrawals that are cut, by asset
   * @param prices of all assets, cash first
   * @returns what is owed for it, cash
   */
  cut(epoch: bigint, amounts: readonly bigint[], prices: readonly bigint[], num: bigint, den: bigint): bigint {
    const value = amounts.reduce((sum, amount, a) => sum + amount * prices[a]!, 0n)
    const kept = (value * num + den - 1n) / den
    const amount = (value - kept) / SCALE
    if (amount === 0n) return 0n
    this.#cuts.set(epoch, { value, prices: [...prices], start: this.total, amount })
    this.total += amount
    return amount
  }

  /** The part of one withdrawal in the first `upTo` of the line. */
  partOf(w: { epoch: bigint; asset: number; amount: bigint; inFull: boolean }, upTo: bigint): bigint {
    const cut = this.#cuts.get(w.epoch)
    if (cut === undefined || w.inFull || upTo <= cut.start) return 0n
    const part = upTo - cut.start
    return ((part < cut.amount ? part : cut.amount) * w.amount * cut.prices[w.asset]!) / cut.value
  }

  /** What a withdrawal may collect now. */
  due(w: { id: bigint; epoch: bigint; asset: number; amount: bigint; inFull: boolean }): bigint {
    return this.partOf(w, this.repaid) - (this.#collected.get(w.id) ?? 0n)
  }

  collect(id: bigint, amount: bigint): void {
    this.#collected.set(id, (this.#collected.get(id) ?? 0n) + amount)
  }
}
