import { randomBytes } from 'node:crypto'
import { RoundWriter } from '../audit/round-directory.ts'
import { requireNewDirectory } from '../lib/new-directory.ts'
import { accountLeaf } from '../protocol/account.ts'
import type { Book } from '../protocol/book.ts'
import { DEFAULT_SLOTS } from '../protocol/constants.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { SaltKey } from '../protocol/head-salts.ts'
import { vectorSignals } from '../protocol/public-vector.ts'
import { System } from '../protocol/system.ts'
import { type KeySet, keyOf } from '../prover/keys.ts'
import { type BookCircuit, circuitOf, PROFILES, type ProfileName } from '../prover/profiles.ts'
import type { ProofSource } from '../prover/proof-service.ts'
import { completeRound } from '../sequencer/planner/complete-round.ts'
import { importAccounts } from './import-accounts.ts'

/** Public outcome of a proven book. */
export interface RoundSummary {
  readonly profile: string
  readonly accounts: number
  /** Counts as in an assessment of the book. */
  readonly totals: {
    readonly healthy: number
    readonly partial: number
    readonly closed: number
    readonly badDebt: string
  }
  readonly batches: number
  readonly seconds: number
}

/** @throws PlimsollError when so many accounts do not fit the profile's tree */
export function requireCapacity(accounts: number, profile: ProfileName): void {
  const capacity = 4 ** PROFILES[profile].depth
  if (accounts > capacity)
    throw new PlimsollError(`The book has ${accounts} accounts, profile ${profile} holds ${capacity}.`, {
      hint: 'Use a larger profile.',
    })
}

/**
 * Starts with every account of the book in the inbox and proves batches until the system is complete. The public side goes
 * to `directory`, which appears when it is whole; no balance, weight, key or witness touches the disk.
 * @param saltKey of the heads' salts, which nobody needs afterwards
 * @throws PlimsollError when the directory is not new or the accounts do not fit the profile
 */
export async function proveBook(
  book: Book,
  keys: KeySet<BookCircuit>,
  proofs: ProofSource,
  directory: string,
  onBatch: (done: number, circuit: string) => void,
  saltKey: SaltKey = randomBytes(32),
): Promise<RoundSummary> {
  const started = performance.now()
  const { profile } = keys
  await requireNewDirectory(directory)
  const accounts = importAccounts(book.accounts)
  const system = System.genesis(profile, DEFAULT_SLOTS, book.minLiability, accounts, [], { saltKey })
  system.setMarks(book.marks)

  const writer = await RoundWriter.create(directory)
  try {
    await writer.round({ profile: profile.name, slots: DEFAULT_SLOTS, market: book, leaves: accounts.map(accountLeaf) })
    const counts = { healthy: accounts.length, partial: 0, closed: 0 }
    let batches = 0
    // The generator changes the system, so D is taken from a ledger one batch behind.
    const published = system.ledger.clone()
    for (const { openings, transition, resolutions } of completeRound(system)) {
      for (const opening of openings) published.open(opening)
      const circuit = circuitOf(transition.batch)
      const vector = published.vector(transition.batch)
      published.apply(transition.batch)
      const { proof, signals } = await proofs.prove(keys, circuit, transition.input)
      const { digest, z, y } = vectorSignals(vector, published.era)
      if (signals.join() !== [digest, z, y].join())
        throw new PlimsollError('The circuit and the ledger disagree on the public signals.')
      await writer.batch({
        openings,
        batch: transition.batch,
        vector,
        signals,
        proof,
        verificationKeyHash: keyOf(keys, circuit).keyHash,
      })
      for (const { liquidation } of resolutions) {
        if (liquidation === undefined || liquidation.status === 'healthy') continue
        counts[liquidation.status]++
        counts.healthy--
      }
      onBatch(++batches, transition.batch.circuit)
    }
    const summary: RoundSummary = {
      profile: profile.name,
      accounts: accounts.length,
      totals: { ...counts, badDebt: formatDecimal(system.ledger.badDebt, book.cashDecimals) },
      batches,
      seconds: Math.round(performance.now() - started) / 1000,
    }
    await writer.finish({ ...summary })
    return summary
  } catch (error) {
    await writer.discard()
    throw error
  }
}
