import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Batch, type Opening, parseBatch, rungOf, type Shape } from '../protocol/batch.ts'
import { array, formatMarket, type Market, object, parseMarket } from '../protocol/book.ts'
import { DEFAULT_SLOTS, TRADED } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { type Json, type JsonObject, parseJson } from '../protocol/json.ts'
import { PROFILES, type ProfileName } from '../prover/profiles.ts'

/** The public side of a proven book: `round.json`. */
export interface RoundFile {
  readonly profile: ProfileName
  readonly slots: number
  readonly market: Market
  /** Initial leaf of each index. */
  readonly leaves: readonly bigint[]
}

/** `batch-NNN.json`. */
export interface BatchFile {
  readonly openings: readonly Opening[]
  readonly batch: Batch
  readonly vector: readonly bigint[]
  readonly signals: readonly bigint[]
  readonly proof: unknown
  readonly verificationKeyHash: string
}

/** 3: heads are blinded, and a sweep does not say how many moves it makes. */
const FORMAT = 3
const ROUND = 'round.json'
const SUMMARY = 'summary.json'

/** A million leaves of 80 digits, and far more than any batch has. */
const MAX_ROUND_BYTES = 96 << 20
const MAX_BATCH_BYTES = 4 << 20

function batchName(i: number): string {
  return `batch-${String(i).padStart(3, '0')}.json`
}

/** Collects a round's files beside their directory, which appears only when all are written. */
export class RoundWriter {
  readonly #target: string
  readonly #staging: string
  #batches = 0
  /** Nothing stays behind when the process ends early. */
  readonly #onExit = () => rmSync(this.#staging, { recursive: true, force: true })

  private constructor(target: string, staging: string) {
    this.#target = target
    this.#staging = staging
    process.once('exit', this.#onExit)
  }

  /** @throws PlimsollError when the parent cannot be written to */
  static async create(path: string): Promise<RoundWriter> {
    const target = resolve(path)
    const staging = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`)
    await mkdir(staging).catch((error: NodeJS.ErrnoException) => {
      throw new PlimsollError(`Cannot write to ${path}: ${error.message}.`)
    })
    return new RoundWriter(target, staging)
  }

  async round({ profile, slots, market, leaves }: RoundFile): Promise<void> {
    await this.#write(ROUND, { format: FORMAT, profile, slots, ...formatMarket(market), leaves: leaves.map(String) })
  }

  async batch({ openings, batch, vector, signals, proof, verificationKeyHash }: BatchFile): Promise<void> {
    await this.#write(batchName(this.#batches++), {
      circuit: batch.circuit,
      ...(batch.circuit === 'sweep' && { rung: batch.rung }),
      envelopes: openings.map(({ slot, envelope }) => ({
        slot,
        floors: envelope.floors.map(String),
        ceilings: envelope.ceilings.map(String),
      })),
      window: batch.circuit === 'sweep' ? [...batch.window] : [],
      D: vector.map(String),
      signals: signals.map(String),
      proof: proof as Json,
      verificationKeyHash,
    })
  }

  /** Writes the summary and moves the directory into place. */
  async finish(summary: JsonObject): Promise<void> {
    await this.#write(SUMMARY, summary)
    await rmdir(this.#target).catch(() => {})
    await rename(this.#staging, this.#target).catch(async (error: NodeJS.ErrnoException) => {
      await this.discard()
      throw new PlimsollError(`Cannot write to ${this.#target}: ${error.message}.`)
    })
    process.removeListener('exit', this.#onExit)
  }

  async discard(): Promise<void> {
    await rm(this.#staging, { recursive: true, force: true })
    process.removeListener('exit', this.#onExit)
  }

  async #write(name: string, content: JsonObject): Promise<void> {
    await writeFile(join(this.#staging, name), `${JSON.stringify(content, null, 1)}\n`)
  }
}

/** @throws PlimsollError naming what is missing or malformed */
export async function readRound(directory: string): Promise<RoundFile> {
  const file = await readObject(directory, ROUND)
  if (file.format !== FORMAT) throw new PlimsollError(`${ROUND}: format is not ${FORMAT}.`)
  const { profile, slots } = file
  if (typeof profile !== 'string' || !Object.hasOwn(PROFILES, profile))
    throw new PlimsollError(`${ROUND}: the profile is unknown.`)
  if (slots !== DEFAULT_SLOTS) throw new PlimsollError(`${ROUND}: slots is not ${DEFAULT_SLOTS}.`)
  const leaves = elements(file.leaves, `${ROUND}: leaves`)
  if (leaves.length === 0) throw new PlimsollError(`${ROUND}: leaves is empty.`)
  return { profile: profile as ProfileName, slots, market: within(ROUND, () => parseMarket(file)), leaves }
}

/**
 * Names of the batch files, in order.
 * @throws PlimsollError when one is missing, or a file does not belong
 */
export async function listBatches(directory: string): Promise<string[]> {
  const names = new Set(await readdir(directory))
  names.delete(ROUND)
  names.delete(SUMMARY)
  const expected = Array.from(names, (_, i) => batchName(i))
  const stranger = [...names].find((name) => !/^batch-\d{3,}\.json$/.test(name))
  if (stranger !== undefined) throw new PlimsollError(`${stranger} does not belong to a round.`)
  const missing = expected.find((name) => !names.has(name))
  if (missing !== undefined) throw new PlimsollError(`${missing} is missing.`)
  return expected
}

/** @throws PlimsollError saying what is malformed */
export async function readBatch(directory: string, name: string, shape: Shape): Promise<BatchFile> {
  const file = await readObject(directory, name)
  const { circuit, proof, verificationKeyHash } = file
  if (circuit !== 'sweep' && circuit !== 'resolve') throw new PlimsollError('circuit is neither sweep nor resolve.')
  if (typeof verificationKeyHash !== 'string') throw new PlimsollError('verificationKeyHash is not a string.')
  const vector = elements(file.D, 'D')
  const window = array(file.window, 'window').map((slot) => wholeNumber(slot, 'window'))
  if (circuit === 'resolve' && window.length > 0) throw new PlimsollError('A resolve has no window.')
  if (circuit === 'resolve' && file.rung !== undefined) throw new PlimsollError('A resolve has no rung.')
  const rung = circuit === 'sweep' ? wholeNumber(file.rung, 'rung') : 0
  return {
    openings: array(file.envelopes, 'envelopes').map(parseOpening),
    batch: parseBatch(circuit, rung, window, publishedValues(circuit, rung, vector, shape), shape),
    vector,
    signals: elements(file.signals, 'signals'),
    proof,
    verificationKeyHash,
  }
}

/** @throws PlimsollError when it is missing or malformed */
export async function readSummary(directory: string): Promise<JsonObject> {
  return readObject(directory, SUMMARY)
}

/** The elements of D that the prover published, in the order the settlement takes them; the rest is the ledger's. */
function publishedValues(circuit: Batch['circuit'], rung: number, vector: readonly bigint[], shape: Shape): bigint[] {
  const pick = (...positions: number[]) => positions.map((i) => vector[i] ?? -1n)
  if (circuit === 'sweep') {
    const { window } = rungOf(shape, rung)
    return vector.slice(window, 2 * window)
  }
  return [...pick(0, 2, 4, 6), ...vector.slice(71)]
}

function parseOpening(value: Json): Opening {
  const fields = object(value, 'an envelope')
  const slot = wholeNumber(fields.slot, 'the slot of an envelope')
  const [floors, ceilings] = [elements(fields.floors, 'floors'), elements(fields.ceilings, 'ceilings')]
  if (floors.length !== TRADED || ceilings.length !== TRADED)
    throw new PlimsollError(`The envelope of slot ${slot} does not have ${TRADED} floors and ceilings.`)
  return { slot, envelope: { floors, ceilings } }
}

async function readObject(directory: string, name: string): Promise<JsonObject> {
  const path = join(directory, name)
  const failed = (error: NodeJS.ErrnoException) => {
    throw new PlimsollError(error.code === 'ENOENT' ? `${name} is missing.` : `Cannot read ${name}: ${error.message}.`)
  }
  // A pipe would never end, and a file without bound would end the process.
  const found = await stat(path).catch(failed)
  if (!found.isFile()) throw new PlimsollError(`${name} is not a file.`)
  if (found.size > (name === ROUND ? MAX_ROUND_BYTES : MAX_BATCH_BYTES))
    throw new PlimsollError(`${name} is too large to be one of a round.`)
  const text = await readFile(path, 'utf8').catch(failed)
  return within(name, () => object(parseJson(text), name))
}

function within<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof PlimsollError) throw new PlimsollError(`${name}: ${error.message}`)
    throw error
  }
}

function elements(value: Json | undefined, field: string): bigint[] {
  return array(value, field).map((item) => {
    if (typeof item !== 'string' || !/^(0|[1-9][0-9]{0,77})$/.test(item))
      throw new PlimsollError(`${field} has an element that is not a decimal integer.`)
    return BigInt(item)
  })
}

function wholeNumber(value: Json | undefined, field: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new PlimsollError(`${field} is not a whole number.`)
  return value as number
}
