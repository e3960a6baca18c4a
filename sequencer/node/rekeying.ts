import { setImmediate as turn } from 'node:timers/promises'
import type { Point } from '../../protocol/curve.ts'
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
  /** View keys that owners share with the key in force, by account: a reorganization may put somebody else at an index. */
  readonly #shared = new Map<number, { readonly owner: Point; readonly viewKey: bigint }>()
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
      let shared = this.#shared.get(index)
      if (shared === undefined || shared.owner[0] !== publicKey[0] || shared.owner[1] !== publicKey[1]) {
        shared = { owner: publicKey, viewKey: sharedViewKey(secret, publicKey) }
        this.#shared.set(index, shared)
        if (this.#shared.size % EACH === 0) await turn()
      }
      if (shared.viewKey !== accounts.at(index)!.viewKey) found.push(index)
    }
    this.#searched = { batches: salts.batches, found }
    this.left = found.length
    return found
  }
}
