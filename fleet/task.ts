import { FIELD } from '../protocol/constants.ts'
import type { SomeKeys } from '../prover/keys.ts'
import type { CircuitName } from '../prover/profiles.ts'
import type { Proven, ProveOptions, Urgency } from '../prover/proof-service.ts'
import type { CircuitInput } from '../prover/witness.ts'
import { priorityOf } from './job.ts'

let number = 0

/** A proof that was asked for and is not there yet. */
export class Task {
  /** Place in the order in which proofs were asked for. */
  readonly number = number++
  readonly askedAt = performance.now()
  readonly keys: SomeKeys
  readonly circuit: CircuitName
  readonly input: CircuitInput
  readonly options: ProveOptions
  readonly proven: Promise<Proven>
  resolve!: (proven: Proven) => void
  reject!: (error: unknown) => void
  place: 'waiting' | 'fleet' | 'local' = 'waiting'
  /** Whether the fleet is not to be asked again. */
  locally = false
  /** Number of the job that it is in the fleet. */
  attempt = 0
  /** Attempts that brought nothing. */
  failures = 0
  /** Jobs of it that may still be answered. */
  readonly ids = new Set<string>()
  /** Jobs whose answers are being verified. */
  readonly judging = new Set<string>()
  sealed: { readonly digest: string; readonly sealed: string } | undefined
  /** Time at which it was handed out, or last asked about. */
  heardAt = 0
  /** A worker that says the circuit refuses the input. */
  accused: string | undefined
  /** Ends the local work at it. */
  readonly stop = new AbortController()

  constructor(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, options: ProveOptions) {
    this.keys = keys
    this.circuit = circuit
    this.input = input
    this.options = options
    this.proven = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  get urgency(): Urgency {
    return this.options.urgency ?? 'operations'
  }

  /** Lower ones first. */
  get rank(): number {
    return priorityOf(this.urgency, this.failures > 0)
  }
}

/**
 * Whether signals are those of the input: a proof of something else may be as good as any. An exit's are worked out by its
 * circuit, and whoever asks for one looks at them.
 */
export function expects(circuit: CircuitName, { digest, z, y }: CircuitInput, signals: readonly bigint[]): boolean {
  if (circuit === 'exit') return true
  return (
    signals.length === 3 &&
    [digest, z, y].every(
      (value, i) => typeof value !== 'object' && value !== undefined && modulo(BigInt(value)) === signals[i],
    )
  )
}

function modulo(value: bigint): bigint {
  return ((value % FIELD) + FIELD) % FIELD
}
