import type { Proof } from '../protocol/proof.ts'
import type { TableOptions } from './backends/table-maker.ts'
import { closeCurve, openCurve } from './curve.ts'
import { littleEndian } from './kernel/section-file.ts'
import { keyOf, type SomeKeys } from './keys.ts'
import type { CircuitName } from './profiles.ts'
import { openProver, type Prover } from './prover.ts'
import { verifyProof } from './verify-proof.ts'
import { type CircuitInput, type Witness, WitnessCalculator } from './witness.ts'

/** A proof with its circuit's public signals: digest, z, y; of an exit its own. */
export interface Proven {
  readonly proof: Proof
  readonly signals: readonly bigint[]
}

/**
 * Class of a proof by how much depends on it: those of `distress` complete a round, those of `operations` carry out what owners ask for, and
 * those `ahead` are made while there is nothing else to do.
 */
export type Urgency = 'distress' | 'operations' | 'ahead'

/** Terms on which a proof is asked for. */
export interface ProveOptions {
  /** Ends the work when nobody wants the proof any more; the promise is rejected with its reason. */
  readonly signal?: AbortSignal | undefined
  /** `operations` where it is left out. */
  readonly urgency?: Urgency
}

/** Proofs that are best in flight at a time where the source does not say. */
export const DEFAULT_WIDTH = 2

/** Whatever makes proofs for a node: this process's prover, one that remembers, a fleet, or a test's stand-in. */
export interface ProofSource {
  /** Number of proofs that are best in flight at a time, as of now; `DEFAULT_WIDTH` where it is left out. */
  readonly width?: number
  /**
   * Proves an input. Several may be in flight at a time.
   * @throws PlimsollError when the input does not satisfy the circuit
   */
  prove(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, options?: ProveOptions): Promise<Proven>
  /** Whether a proof of whatever origin is good; left out where that cannot be told. */
  verify?(keys: SomeKeys, circuit: CircuitName, proven: Proven): Promise<boolean>
}

/**
 * Makes proofs in this process, over one backend. Any number may be in flight: witnesses are worked out while the backend proves,
 * which takes its proofs one after the other or at once, as it can.
 */
export class ProofService implements ProofSource {
  readonly #open: () => Promise<Prover>
  #prover: Promise<Prover> | undefined
  readonly #calculators = new Map<string, Promise<WitnessCalculator>>()
  readonly #inFlight = new Set<Promise<unknown>>()

  /** @param open the backend; called when the first proof is asked for */
  constructor(open: () => Promise<Prover> = () => openProver('kernel')) {
    this.#open = open
  }

  /**
   * A service over the backend that the user wrote, with tables of multiples where they are wanted.
   * @throws PlimsollError where there is none such: see `openProver`
   */
  static async open(choice: string, tables?: TableOptions): Promise<ProofService> {
    const prover = await openProver(choice, tables)
    return new ProofService(async () => prover)
  }

  /** Number of proofs that are being made. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /**
   * Proves an input. The proof has been verified: a fault of the prover or the machine does not leave this process.
   * @throws PlimsollError when the input does not satisfy the circuit
   */
  prove(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, { signal }: ProveOptions = {}): Promise<Proven> {
    const proven = this.#make(keys, circuit, input, signal)
    this.#inFlight.add(proven)
    const done = () => this.#inFlight.delete(proven)
    proven.then(done, done)
    return proven
  }

  /**
   * Makes ready for proofs of some circuits: key, witness program, kernel and curve are some seconds' work on a busy machine, which
   * can be done while the node still reads its state. Whatever fails here fails again, and is told, at the first proof.
   */
  async prepare(keys: SomeKeys, circuits: readonly CircuitName[]): Promise<void> {
    this.#prover ??= this.#open()
    const prover = await this.#prover
    await Promise.allSettled([
      ...circuits.map((circuit) => prover.prepare?.(keyOf(keys, circuit).zkey)),
      ...circuits.map((circuit) => this.#calculator(keyOf(keys, circuit).wasm, circuit)),
      openCurve(),
    ])
  }

  verify(keys: SomeKeys, circuit: CircuitName, { proof, signals }: Proven): Promise<boolean> {
    return verifyProof(keys, circuit, signals, proof)
  }

  /** Waits for what is in flight, then ends the threads of backend and snarkjs: the latter keep the process alive. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#inFlight)
    const prover = this.#prover
    this.#prover = undefined
    await (await prover)?.close()
    await closeCurve()
  }

  async #make(keys: SomeKeys, circuit: CircuitName, input: CircuitInput, signal?: AbortSignal): Promise<Proven> {
    const { wasm, zkey, verificationKey } = keyOf(keys, circuit)
    const calculator = await this.#calculator(wasm, circuit)
    signal?.throwIfAborted()
    const witness = await calculator.calculate(input)
    this.#prover ??= this.#open()
    const prover = await this.#prover
    const signals = publicSignals(witness, verificationKey.nPublic)
    for (let attempt = 0; attempt < 2; attempt++) {
      const proof = await prover.prove(zkey, witness, signal)
      if (await verifyProof(keys, circuit, signals, proof)) return { proof, signals }
      // A second time where the first may have been spoiled by what the prover had worked out ahead.
      if (!(await prover.distrust?.(zkey))) break
    }
    throw new Error(`The prover ${prover.name} made a proof of ${circuit} that does not verify.`)
  }

  #calculator(wasm: string, circuit: CircuitName): Promise<WitnessCalculator> {
    let calculator = this.#calculators.get(wasm)
    if (calculator === undefined) {
      calculator = WitnessCalculator.open(wasm, circuit)
      this.#calculators.set(wasm, calculator)
      // One that could not be read is tried again.
      calculator.catch(() => this.#calculators.delete(wasm))
    }
    return calculator
  }
}

/** The public wires come behind the constant one. */
export function publicSignals(witness: Witness, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => littleEndian(witness.subarray(32 * (i + 1), 32 * (i + 2))))
}
