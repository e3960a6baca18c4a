import { stat } from 'node:fs/promises'
import { object } from '../protocol/book.ts'
import { INBOX } from '../protocol/constants.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Ledger } from '../protocol/ledger.ts'
import { type KeySet, keyOf } from '../prover/keys.ts'
import { type BookCircuit, circuitOf, type ProfileName } from '../prover/profiles.ts'
import { Audit, AuditImpossible, auditKeys, UNKNOWN } from './batch-audit.ts'
import { listBatches, readBatch, readRound, readSummary } from './round-directory.ts'

export type RoundVerdict =
  | {
      readonly ok: true
      readonly profile: string
      readonly accounts: number
      readonly batches: number
      /** Batches of sweeps: how many accounts they moved is not public. */
      readonly sweeps: number
      readonly resolved: number
      readonly badDebt: string
      readonly complete: true
      readonly unknown: string
    }
  | {
      readonly ok: false /** File that is wrong; null when it is the round as a whole. */
      readonly batch: string | null
      readonly error: string
    }

/**
 * Checks a directory written by `prove`, trusting nothing in it: see docs/protocol.md#what-verify-checks.
 * @param keysOf the installation's keys of a profile
 * @throws PlimsollError when there is no such directory, or no sound keys to check it with
 */
export async function verifyRound(
  directory: string,
  keysOf: (profile: ProfileName) => Promise<KeySet<BookCircuit>>,
): Promise<RoundVerdict> {
  const found = await stat(directory).catch(() => undefined)
  if (!found?.isDirectory()) throw new PlimsollError(`${directory} is not a directory.`)
  let current: string | null = null
  try {
    const names = await listBatches(directory)
    current = 'round.json'
    const { profile, slots, market, leaves } = await readRound(directory)
    const keys = await auditKeys(keysOf, profile)
    const shape = keys.profile
    const audit = new Audit(keys, slots, market.minLiability, leaves)
    const { ledger } = audit
    ledger.marks = market.marks

    const counts = { sweeps: 0, resolved: 0 }
    for (const name of names) {
      current = name
      const file = await readBatch(directory, name, shape)
      const { batch } = file
      const proven = circuitOf(batch)
      if (file.verificationKeyHash !== keyOf(keys, proven).keyHash)
        throw new PlimsollError(`It was proven under another key than this installation's ${proven} key.`)
      await audit.batch(file, (vector, { digest, z, y }) => {
        const wrong = vector.findIndex((element, i) => element !== file.vector[i])
        if (wrong >= 0 || vector.length !== file.vector.length) {
          throw new PlimsollError(
            `D differs from the state before the batch or the round's marks at element ${wrong < 0 ? vector.length : wrong}.`,
          )
        }
        if (file.signals.join() !== [digest, z, y].join()) throw new PlimsollError('The signals are not those of D.')
      })
      if (batch.circuit === 'sweep') counts.sweeps++
      if (batch.circuit === 'resolve') counts.resolved += batch.active
    }
    current = null
    if (!ledger.isComplete()) throw new PlimsollError(incompleteness(ledger))
    current = 'summary.json'
    const summary = await readSummary(directory)
    const badDebt = formatDecimal(ledger.badDebt, market.cashDecimals)
    const { badDebt: claimed } = object(summary.totals, 'totals')
    for (const [what, value, right] of [
      ['profile', summary.profile, profile],
      ['accounts', summary.accounts, leaves.length],
      ['batches', summary.batches, names.length],
      ['bad debt', claimed, badDebt],
    ] as const) {
      if (value !== right) throw new PlimsollError(`The summary's ${what} is not ${right}, which the batches prove.`)
    }
    return {
      ok: true,
      profile,
      accounts: leaves.length,
      batches: names.length,
      ...counts,
      badDebt,
      complete: true,
      unknown: UNKNOWN,
    }
  } catch (error) {
    if (!(error instanceof PlimsollError) || error instanceof AuditImpossible) throw error
    const prefix = `${current}: `
    return {
      ok: false,
      batch: current,
      error: error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message,
    }
  }
}

function incompleteness(ledger: Ledger): string {
  const slot = ledger.heads.findIndex((head, number) => head !== 0n && !(number > INBOX && ledger.isCovered(number)))
  return `The system is not complete at the end: slot ${slot} still holds accounts${slot > INBOX ? ' and is not covered' : ''}.`
}
