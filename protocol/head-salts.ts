import { concat, type Hex, hexToBigInt, keccak256, toHex } from 'viem'
import { FIELD } from './constants.ts'
import { poseidon } from './poseidon.ts'
import { EMPTY_HEAD } from './stack.ts'

/** Salt of the heads that a genesis brings: its leaves are public, so there is nothing to hide. */
export const GENESIS_SALT = 0n

/**
 * The blinded head that the chain keeps of a stack: 0 of an empty one, else `Poseidon(head, salt)`, as `blind_head.circom` has
 * it. Whoever does not know the salt cannot tell which leaves are in the stack (docs/protocol.md#blinded-heads).
 */
export function blindHead(head: bigint, salt: bigint): bigint {
  return head === EMPTY_HEAD ? EMPTY_HEAD : poseidon([head, salt])
}

/** Whether what is kept of a stack is its blinded head; under a salt that is none of the field's it never is. */
export function isBlindHead(kept: bigint, head: bigint, salt: bigint): boolean {
  return salt < FIELD && kept === blindHead(head, salt)
}

/** 32 bytes that whoever looks on does not know: see `memoKey`. */
export type SaltKey = Uint8Array

/** Key of a system that has no secret: its salts are no secret either. */
const NO_KEY: SaltKey = new Uint8Array(32)

const word = (value: bigint | number) => toHex(value, { size: 32 })

/**
 * The salts of a system's heads as the chain has them, by slot, and what the next ones follow from: a key, the number of
 * batches since the deployment, and the head that the chain has of the slot. So who has the key and the chain has the salts,
 * and a batch that is made a second time from one state is the same.
 */
export class HeadSalts {
  /** That of the sequencer in force: a handover changes it for the batches that follow. */
  key: SaltKey
  /** Salts in force, by slot; that of an empty one counts for nothing. */
  readonly current: bigint[]
  /** Batches since the deployment. */
  batches: number

  constructor(key: SaltKey | undefined, current: readonly bigint[], batches = 0) {
    this.key = key ?? NO_KEY
    this.current = [...current]
    this.batches = batches
  }

  /** Salts at the start. */
  static genesis(slots: number, key?: SaltKey): HeadSalts {
    return new HeadSalts(key, Array<bigint>(slots).fill(GENESIS_SALT))
  }

  clone(): HeadSalts {
    return new HeadSalts(this.key, this.current, this.batches)
  }

  /** Salts in force of some slots. */
  of(slots: readonly number[]): bigint[] {
    return slots.map((slot) => this.current[slot]!)
  }

  /**
   * Counts a batch and salts the slots that it names anew, whether their stacks change or not:
   * `keccak256(key, slot, batch number, head before) mod r`, in 32 bytes each.
   * @param heads that the chain has before the batch, of all slots
   * @returns the slots' new salts
   */
  renew(slots: readonly number[], heads: readonly bigint[]): bigint[] {
    for (const slot of slots) {
      const parts: Hex[] = [toHex(this.key), word(slot), word(this.batches), word(heads[slot]!)]
      this.current[slot] = hexToBigInt(keccak256(concat(parts))) % FIELD
    }
    this.batches++
    return this.of(slots)
  }

  /**
   * The slots in an order that nobody without the key can tell from a random one, another for every batch: for what a batch
   * names only to hide what it is about. From one state it is always the same, or whoever sees two attempts at a batch would
   * know what they have in common.
   */
  shuffle(slots: readonly number[]): number[] {
    const ranked = slots.map((slot) => ({
      slot,
      rank: keccak256(concat([toHex(this.key), toHex('plimsoll.window'), word(slot), word(this.batches)])),
    }))
    return ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ slot }) => slot)
  }

  /**
   * A source of numbers in [0, 1), of 48 bits each, that nobody without the key can tell from random ones; the same for the same
   * label and seed.
   * @param seed what the numbers are for; the number of batches where it is left out, so that one state always gives the same
   */
  random(label: string, seed: number = this.batches): () => number {
    let drawn = 0
    return () => {
      const parts = [toHex(this.key), toHex(label), word(seed), word(drawn++)]
      return Number.parseInt(keccak256(concat(parts)).slice(2, 14), 16) / 2 ** 48
    }
  }
}
