import type { Hex } from 'viem'

/**
 * Finds the owner's operation for which prover or contract refuse a transaction although the node judged it good, so that it
 * cannot keep everything else from being carried out. After a refusal half as many are tried, in the end one alone. That one
 * is given up when it is refused again after all the rest was carried out without it.
 */
export class OperationQuarantine {
  /** The most units of owners' operations that the next look should carry out. */
  most = Infinity
  /** The unit of operations that was refused alone. */
  #suspect: string | undefined

  /**
   * A transaction with these units was refused.
   * @returns the operations that are to be given up
   */
  refused(units: readonly (readonly Hex[])[]): readonly Hex[] {
    const [unit] = units
    if (unit === undefined) return []
    if (units.length > 1) {
      this.most = Math.floor(units.length / 2)
      return []
    }
    const again = this.#suspect === unit.join()
    this.#suspect = again ? undefined : unit.join()
    this.most = again ? 1 : 0
    return again ? unit : []
  }

  /** A look came to its end: the next may carry out more. */
  passed(): void {
    this.most = Math.max(1, 2 * this.most)
  }
}
