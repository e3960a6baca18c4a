import { setImmediate as turn } from 'node:timers/promises'
import { sharedViewKey } from '../../protocol/keys.ts'
import type { System } from '../../protocol/system.ts'

/** Keys that are worked out before the process answers to others again: some 30 milliseconds. */
const EACH = 20

/**
 * Finds the accounts that a handover has left readable by a former key of the sequencer: those whose view keys are not shared
 * with the key in force. An owner's is worked out once.
 */
export class Rekeying {
  /** Number of them as of the last search. */
  left = 0
  /** View keys that owners share with the key in force, by account. */
  readonly #shared = new Map<number, bigint>()
  /** Batches of the state that was searched last, and the accounts to rekey that were found. */
  #searched = { batches: -1, found: [] as readonly number[] }

  /**
   * Indices of these accounts; none of a trusted import, whose owners nobody knows. A later state has no others, as new accounts
   * are under the key in force.
   * @param handedOver whether there ever was another key
   */
  async find(system: System, handedOver: boolean): Promise<readonly number[]> {
    if (!handedOver) return []
    const { accounts, publicKeys, secret, salts } = system
    const { batches, found: before } = this.#searched
    const isLater = batches >= 0 && salts.batches >= batches
    const found: number[] = []
    for (const index of isLater ? before : accounts.map((account) => account.index)) {
      const publicKey = publicKeys.at(index)
      if (publicKey === undefined || secret === undefined) continue
      if (!this.#shared.has(index)) {
        this.#shared.set(index, sharedViewKey(secret, publicKey))
        if (this.#shared.size % EACH === 0) await turn()
      }
      if (this.#shared.get(index) !== accounts.at(index)!.viewKey) found.push(index)
    }
    this.#searched = { batches: salts.batches, found }
    this.left = found.length
    return found
  }
}
