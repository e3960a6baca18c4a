import type { KeyManifest } from '../prover/key-files.ts'
import type { ProfileName } from '../prover/profiles.ts'
import type { Proven, Urgency } from '../prover/proof-service.ts'
import type { CircuitInput } from '../prover/witness.ts'
import type { FleetKey } from './fleet-key.ts'
import { decodeInput, encodeInput } from './input-codec.ts'

/** Name of the queue below the fleet's prefix. */
export const QUEUE = 'proofs'

/** Prefix of all that a fleet has in Redis. */
export function prefixOf({ id }: FleetKey): string {
  return `plimsoll:${id}`
}

/** Sorted set of the fleets that have a node, by the unix milliseconds of its last beat. */
export const FLEETS = 'plimsoll:fleets'

/** Names of a fleet's keys in Redis beside the queue's own. */
export function namesOf(key: FleetKey): {
  readonly workers: string
  readonly aside: string
  readonly control: string
  readonly keys: string
} {
  const prefix = prefixOf(key)
  return {
    /** Hash: what each worker says of itself. */
    workers: `${prefix}:workers`,
    /** Hash: workers that are put aside, with the reason. */
    aside: `${prefix}:aside`,
    /** Channel of `Control`s. */
    control: `${prefix}:control`,
    /** Sealed list of the keys that the node proves with. */
    keys: `${prefix}:keys`,
  }
}

/** Word of the node to all workers. */
export type Control = { readonly cancel: string } | { readonly aside: string; readonly why: string }

/** Word of a worker on itself, with every beat. */
export interface WorkerRecord {
  /** Grows by one each time. */
  readonly beat: number
  /** Proofs that it makes at a time; 0 of one that has left. */
  readonly slots: number
  /** Jobs that it is at. */
  readonly jobs: readonly string[]
}

/** Input to be proven, and the keys that it is proven under. */
export interface Request {
  readonly profile: ProfileName
  readonly keys: KeyManifest
  readonly input: CircuitInput
}

/** A worker's answer: a proof with the seconds it took, or why the circuit refuses the input. */
export type Answer =
  | { readonly proven: Proven; readonly seconds: number }
  | { readonly refused: string; readonly hint?: string | undefined }

/** A job's result as it lies in Redis. */
export interface SealedAnswer {
  readonly worker: string
  readonly sealed: string
}

/** A request under its name: the same for the same circuit, keys and input, so that it is not proven twice. */
export function sealRequest(
  key: FleetKey,
  { profile, keys, input }: Request,
): { readonly digest: string; readonly sealed: string } {
  const head = Buffer.from(JSON.stringify({ profile, keys }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(head.length)
  const body = encodeInput(input)
  const digest = key.digest(head, body)
  return { digest, sealed: key.seal(`request ${digest}`, Buffer.concat([length, head, body])) }
}

/** Number of a job in BullMQ; lower ones come first. What is asked for again holds up what comes after it. */
export function priorityOf(urgency: Urgency, again: boolean): number {
  return 2 * (['distress', 'operations', 'ahead'].indexOf(urgency) + 1) - (again ? 1 : 0)
}

/** @throws SealBroken for what the node did not ask under this digest */
export function openRequest(key: FleetKey, digest: string, sealed: unknown): Request {
  const bytes = key.open(`request ${digest}`, sealed)
  const end = 4 + bytes.readUInt32BE()
  const { profile, keys } = JSON.parse(bytes.toString('utf8', 4, end)) as Pick<Request, 'profile' | 'keys'>
  return { profile, keys, input: decodeInput(bytes.subarray(end)) }
}

export function sealAnswer(key: FleetKey, digest: string, worker: string, answer: Answer): SealedAnswer {
  const text = JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  return { worker, sealed: key.seal(`answer ${digest} ${worker}`, Buffer.from(text)) }
}

/** @throws SealBroken for what that worker did not answer to this digest */
export function openAnswer(key: FleetKey, digest: string, { worker, sealed }: SealedAnswer): Answer {
  const answer = JSON.parse(key.open(`answer ${digest} ${worker}`, sealed).toString('utf8')) as Answer
  if (!('proven' in answer)) return answer
  const { proof, signals } = answer.proven
  return { ...answer, proven: { proof, signals: signals.map(BigInt) } }
}

/** The keys that a node proves with, as it announces them. */
export interface Announcement {
  readonly profile: ProfileName
  readonly circuits: readonly KeyManifest[]
}

export function sealAnnouncement(key: FleetKey, announcement: Announcement): string {
  return key.seal('keys', Buffer.from(JSON.stringify(announcement)))
}

/** @throws SealBroken */
export function openAnnouncement(key: FleetKey, sealed: string): Announcement {
  return JSON.parse(key.open('keys', sealed).toString('utf8')) as Announcement
}

/** A job's id: the digest, and how many times it was asked for before. BullMQ takes none that could be a number. */
export function jobId(digest: string, tries: number): string {
  return `p${digest}-${tries}`
}

/** Digest of a job's id. */
export function digestIn(id: string): string {
  return id.slice(1, 65)
}
