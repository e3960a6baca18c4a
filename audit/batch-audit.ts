import { type Batch, batchWrites, type Opening } from '../protocol/batch.ts'
import { FIELD } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { blindHead, GENESIS_SALT } from '../protocol/head-salts.ts'
import { type Domain, Ledger } from '../protocol/ledger.ts'
import { type Signals, vectorSignals } from '../protocol/public-vector.ts'
import { stackHead } from '../protocol/stack.ts'
import { AccountTree } from '../protocol/tree.ts'
import { hashBatch } from '../prover/kernel/hashing.ts'
import type { SomeKeys } from '../prover/keys.ts'
import { circuitOf, type ProfileName } from '../prover/profiles.ts'
import { verifyProof } from '../prover/verify-proof.ts'

/** The words for what an audit cannot know, said wherever one succeeds. */
export const UNKNOWN =
  'What was in the leaves at the start: their balances, weights and keys are a trusted import. What happened to them since is proven.'

/** An audit could not be made, which says nothing about what it was to audit. */
export class AuditImpossible extends PlimsollError {}

/** The keys to audit with. @throws AuditImpossible when the installation's own cannot be had */
export function auditKeys<K extends SomeKeys>(
  keysOf: (profile: ProfileName) => Promise<K>,
  profile: ProfileName,
): Promise<K> {
  return keysOf(profile).catch((error: unknown) => {
    if (!(error instanceof PlimsollError)) throw error
    throw new AuditImpossible(error.message, error.hint === undefined ? {} : { hint: error.hint })
  })
}

/** A published batch, not believed yet. */
export interface ClaimedBatch {
  readonly openings: readonly Opening[]
  readonly batch: Batch
  readonly proof: unknown
}

/**
 * Replays published batches on a ledger of its own, from the list of initial leaves on. Nothing it is given is trusted but
 * the installation's keys.
 */
export class Audit {
  readonly keys: SomeKeys
  readonly ledger: Ledger
  readonly #tree: AccountTree
  #leavesKnown = true

  /** @throws PlimsollError when the leaves are no field elements or do not fit the tree */
  constructor(keys: SomeKeys, slots: number, minLiability: bigint, leaves: readonly bigint[], domain?: Domain) {
    this.keys = keys
    // Poseidon reduces its inputs: leaf + r would have the same root and head.
    const alias = leaves.findIndex((leaf) => leaf >= FIELD)
    if (alias >= 0) throw new PlimsollError(`The initial leaf ${alias} is not below r.`)
    this.#tree = new AccountTree(keys.profile.depth, leaves, hashBatch)
    const inbox = blindHead(stackHead(leaves, hashBatch), GENESIS_SALT)
    this.ledger = new Ledger(keys.profile, slots, minLiability, this.#tree.root, inbox, domain)
  }

  /** Goes on from a state that is taken on trust: no leaves are known from here on, and no roots can be rebuilt. */
  resume(root: bigint, heads: readonly bigint[]): void {
    this.ledger.root = root
    for (const [slot, head] of heads.entries()) this.ledger.heads[slot] = head
    this.#leavesKnown = false
  }

  /**
   * Checks one batch against the state so far: openings only on empty slots, D as that state has it, the proof under the
   * installation's key, and that the published leaves rebuild the new root. Then applies it.
   * @param check further claims about the batch's D and signals
   * @throws PlimsollError saying what is wrong
   */
  async batch(
    { openings, batch, proof }: ClaimedBatch,
    check?: (vector: readonly bigint[], signals: Signals) => void,
  ): Promise<void> {
    for (const opening of openings) this.ledger.open(opening)
    const vector = this.ledger.vector(batch)
    const signals = vectorSignals(vector, this.ledger.era)
    check?.(vector, signals)
    if (!(await verifyProof(this.keys, circuitOf(batch), [signals.digest, signals.z, signals.y], proof))) {
      throw new PlimsollError("The proof is not valid under this installation's key.")
    }
    if (batch.circuit !== 'sweep' && this.#leavesKnown) {
      for (const { index, leaf } of batchWrites(batch)) this.#tree.set(index, leaf)
      if (this.#tree.root !== batch.rootAfter) throw new PlimsollError('The published leaves do not have the new root.')
    }
    this.ledger.apply(batch)
  }
}
