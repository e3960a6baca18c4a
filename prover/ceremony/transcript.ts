import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { array, object } from '../../protocol/book.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { type Json, type JsonObject, parseJson } from '../../protocol/json.ts'
import type { CircuitName, ProfileName } from '../profiles.ts'
import { CIRCUITS, PROFILES } from '../profiles.ts'
import { hashFile, type PtauFile } from './ptau-file.ts'
import type { ZkeyState } from './zkey-state.ts'
import { readZkeyState } from './zkey-state.ts'

/** Record of a ceremony, for people to read and for `verify` to check: each field is recomputed from the keys. */
export interface Transcript {
  readonly format: number
  readonly profile: ProfileName
  readonly powersOfTau: Pick<PtauFile, 'published' | 'power' | 'blake2b512'>
  readonly circuits: Readonly<Record<CircuitName, CircuitRecord>>
  readonly contributions: readonly ContributionRecord[]
  /** The public value that closed the ceremony; null until then. */
  readonly beacon: BeaconRecord | null
}

export interface CircuitRecord {
  readonly constraints: number
  readonly r1csSha256: string
  /** snarkjs's circuit hash: blake2b-512 of the initial key's points. */
  readonly circuitHash: string
  /** Hash of the key after the last step. */
  readonly zkeySha256: string
  /** Hash of that key's verification key, as its verifier contract reports it. */
  readonly keyHash: string
}

/** snarkjs's contribution hashes, by circuit. */
type Hashes = Readonly<Record<CircuitName, string>>

export interface ContributionRecord {
  readonly name: string
  readonly hashes: Hashes
}

export interface BeaconRecord {
  /** Hexadecimal. */
  readonly value: string
  /** The value was hashed 2^iterations times. */
  readonly iterations: number
  readonly hashes: Hashes
}

/** The parts of a transcript that are not in the keys. */
export interface Setting {
  readonly profile: ProfileName
  readonly powersOfTau: Transcript['powersOfTau']
  readonly circuits: Readonly<Record<CircuitName, Pick<CircuitRecord, 'constraints' | 'r1csSha256'>>>
}

export const TRANSCRIPT = 'transcript.json'
export const BEACON_NAME = 'beacon'
const MAX_NAME = 64
/** 2: a ladder of sweeps. */
const FORMAT = 2
/** Thousands of contributions. */
const MAX_TRANSCRIPT_BYTES = 16 << 20

/** Path at which a directory has the key of a circuit. */
export function zkeyPath(directory: string, circuit: CircuitName): string {
  return join(directory, `${circuit}.zkey`)
}

function byCircuit<T>(value: (circuit: CircuitName) => T): Record<CircuitName, T> {
  return Object.fromEntries(CIRCUITS.map((circuit) => [circuit, value(circuit)])) as Record<CircuitName, T>
}

/** The same of promises, one after the other. */
export async function forEachCircuit<T>(value: (circuit: CircuitName) => Promise<T>): Promise<Record<CircuitName, T>> {
  const entries: [CircuitName, T][] = []
  for (const circuit of CIRCUITS) entries.push([circuit, await value(circuit)])
  return Object.fromEntries(entries) as Record<CircuitName, T>
}

/** Facts that the keys in a directory say about themselves. @throws PlimsollError naming the key that is missing or malformed */
export function readKeys(directory: string): Promise<Record<CircuitName, ZkeyState>> {
  return forEachCircuit((circuit) => readZkeyState(zkeyPath(directory, circuit)))
}

/**
 * The transcript of the keys of all circuits, whose chains must have the same steps.
 * @throws PlimsollError when they do not, or the order of steps is not one of a ceremony
 */
export async function describeKeys(
  setting: Setting,
  keys: Readonly<Record<CircuitName, ZkeyState>>,
): Promise<Transcript> {
  const [first, ...others] = CIRCUITS
  const steps = keys[first!].contributions
  for (const circuit of others) {
    const chain = keys[circuit].contributions
    if (chain.length !== steps.length)
      throw new PlimsollError(
        `The chain of ${circuit} has ${chain.length} contributions, that of ${first} ${steps.length}.`,
      )
    const other = chain.findIndex(
      ({ name, beacon }, i) => name !== steps[i]!.name || JSON.stringify(beacon) !== JSON.stringify(steps[i]!.beacon),
    )
    if (other >= 0)
      throw new PlimsollError(`Contribution ${other + 1} of ${circuit} is not by the one who made that of ${first}.`)
  }
  for (const [i, { name, beacon }] of steps.entries()) {
    requireName(name, `Contribution ${i + 1} of ${first}`)
    if (beacon === undefined) continue
    if (i < steps.length - 1)
      throw new PlimsollError(
        `A contribution follows the beacon, which has to be the last step: contribution ${i + 2} of ${first}.`,
      )
    if (i === 0)
      throw new PlimsollError('The beacon is the only contribution: everybody knows the secret of such keys.')
  }
  const beacon = steps.at(-1)?.beacon
  const hashes = (i: number): Hashes => byCircuit((circuit) => keys[circuit].contributions[i]!.hash)
  return {
    format: FORMAT,
    profile: setting.profile,
    powersOfTau: setting.powersOfTau,
    circuits: await forEachCircuit(async (circuit) => {
      const { circuitHash, keyHash, path } = keys[circuit]
      const { constraints, r1csSha256 } = setting.circuits[circuit]
      const [zkeySha256] = await hashFile(path, ['sha256'])
      return { constraints, r1csSha256, circuitHash, zkeySha256: zkeySha256!, keyHash }
    }),
    contributions: steps
      .filter((step) => step.beacon === undefined)
      .map(({ name }, i) => ({ name, hashes: hashes(i) })),
    beacon: beacon === undefined ? null : { ...beacon, hashes: hashes(steps.length - 1) },
  }
}

/**
 * A name as snarkjs keeps it whole and a terminal shows it.
 * @throws PlimsollError when `name` is none
 */
export function requireName(name: string, what: string): void {
  if (
    name.length >= 1 &&
    name.length <= MAX_NAME &&
    name.isWellFormed() &&
    name === name.trim() &&
    !/\p{C}/u.test(name)
  )
    return
  throw new PlimsollError(
    `${what} has no proper name: it must have 1 to ${MAX_NAME} printable characters, the first and the last of them no space.`,
  )
}

export async function writeTranscript(directory: string, transcript: Transcript): Promise<void> {
  await writeFile(join(directory, TRANSCRIPT), `${JSON.stringify(transcript, null, 2)}\n`)
}

/**
 * Reads a transcript, as what somebody claims: only its shape is checked.
 * @throws PlimsollError when there is none, or naming the field that is wrong
 */
export async function readTranscript(directory: string): Promise<Transcript> {
  const path = join(directory, TRANSCRIPT)
  const size = (await stat(path).catch(() => undefined))?.size ?? 0
  if (size > MAX_TRANSCRIPT_BYTES) throw new PlimsollError(`${path} has ${size} bytes: no transcript is that large.`)
  const text = await readFile(path, 'utf8').catch(() => {
    throw new NoTranscript(`${directory} holds no ceremony: it has no ${TRANSCRIPT}.`, {
      hint: '`plimsoll keys import-ptau` begins one.',
    })
  })
  try {
    return parseTranscript(parseJson(text))
  } catch (error) {
    if (error instanceof PlimsollError) throw new PlimsollError(`${path}: ${error.message}`)
    throw error
  }
}

/** The directory is no ceremony at all. */
export class NoTranscript extends PlimsollError {}

function parseTranscript(json: Json): Transcript {
  const fields = object(json, 'the transcript')
  if (fields.format !== FORMAT) throw new PlimsollError(`format is not ${FORMAT}.`)
  const { profile } = fields
  if (typeof profile !== 'string' || !Object.hasOwn(PROFILES, profile))
    throw new PlimsollError('the profile is unknown.')
  const tau = object(fields.powersOfTau, 'powersOfTau')
  const circuits = object(fields.circuits, 'circuits')
  const whole = (value: Json | undefined, field: string): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new PlimsollError(`${field} is not a whole number.`)
    return value
  }
  const string = (value: Json | undefined, field: string): string => {
    if (typeof value !== 'string') throw new PlimsollError(`${field} is not a string.`)
    return value
  }
  const hex = (value: Json | undefined, bytes: number, field: string): string => {
    const text = string(value, field)
    if (!/^[0-9a-f]*$/.test(text) || text.length !== 2 * bytes)
      throw new PlimsollError(`${field} is not a hash of ${bytes} bytes in hexadecimal.`)
    return text
  }
  const hashes = (value: Json | undefined, field: string): Hashes => {
    const given = object(value, field)
    return byCircuit((circuit) => hex(given[circuit], 64, `${field}.${circuit}`))
  }
  const transcript: Transcript = {
    format: FORMAT,
    profile: profile as ProfileName,
    powersOfTau: {
      published: tau.published === null ? null : string(tau.published, 'powersOfTau.published'),
      power: whole(tau.power, 'powersOfTau.power'),
      blake2b512: hex(tau.blake2b512, 64, 'powersOfTau.blake2b512'),
    },
    circuits: byCircuit((circuit) => {
      const field = `circuits.${circuit}`
      const record = object(circuits[circuit], field)
      return {
        constraints: whole(record.constraints, `${field}.constraints`),
        r1csSha256: hex(record.r1csSha256, 32, `${field}.r1csSha256`),
        circuitHash: hex(record.circuitHash, 64, `${field}.circuitHash`),
        zkeySha256: hex(record.zkeySha256, 32, `${field}.zkeySha256`),
        keyHash: `0x${hex(string(record.keyHash, `${field}.keyHash`).replace(/^0x/, ''), 32, `${field}.keyHash`)}`,
      }
    }),
    contributions: array(fields.contributions ?? null, 'contributions').map((entry, i) => {
      const field = `contributions[${i}]`
      const record = object(entry, field)
      return { name: string(record.name, `${field}.name`), hashes: hashes(record.hashes, `${field}.hashes`) }
    }),
    beacon: fields.beacon === null ? null : parseBeacon(object(fields.beacon, 'beacon')),
  }
  const extra = difference(json, transcript as unknown as Json)
  if (extra !== undefined) throw new PlimsollError(`${extra} does not belong there.`)
  return transcript

  function parseBeacon(record: JsonObject): BeaconRecord {
    return {
      value: string(record.value, 'beacon.value'),
      iterations: whole(record.iterations, 'beacon.iterations'),
      hashes: hashes(record.hashes, 'beacon.hashes'),
    }
  }
}

/** Path of the first field in which two JSON values differ; undefined where they are equal. */
export function difference(a: unknown, b: unknown, path = ''): string | undefined {
  if (a === b) return undefined
  if (
    typeof a !== 'object' ||
    typeof b !== 'object' ||
    a === null ||
    b === null ||
    Array.isArray(a) !== Array.isArray(b)
  )
    return path
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const inner = Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    if (!Object.hasOwn(a, key) || !Object.hasOwn(b, key)) return inner
    const found = difference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], inner)
    if (found !== undefined) return found
  }
  return undefined
}
