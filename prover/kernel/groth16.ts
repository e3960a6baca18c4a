import { randomBytes } from 'node:crypto'
import { PlimsollError } from '../../protocol/errors.ts'
import { inverse, SCALAR_FIELD } from './bigint-field.ts'
import { bucketBytes } from './bucket-sums.ts'
import { CurveGroup, type Point } from './curve.ts'
import { windowCount } from './digits.ts'
import type { Kernel } from './kernel.ts'
import type { PointArray } from './key-points.ts'
import { type KeyTables, type PointTable, tableBits } from './key-tables.ts'
import { type DigitArray, multiply } from './multiplication.ts'
import { BLINDING, loadProvingKey, type ProvingKey } from './proving-key.ts'
import { rowLog, type TransformArray } from './transform.ts'
import { parseZkey } from './zkey.ts'

/** A Groth16 proof as affine points. */
export interface ProofPoints {
  readonly a: NonNullable<Point>
  readonly b: NonNullable<Point>
  readonly c: NonNullable<Point>
}

/** Called with the milliseconds that a phase took. */
export type PhaseTimer = (phase: string, milliseconds: number) => void

/** Memory for one proof at a time. */
interface Scratch {
  readonly scalars: number
  readonly digits: number
  readonly ab: number
  readonly c: number
  readonly quotient: number
  readonly quotientDigits: number
}

/** Proves under one key, one proof at a time. */
export class Groth16 {
  readonly key: ProvingKey
  readonly #kernel: Kernel
  readonly #plainBits: number
  readonly #scratch: Scratch
  #tables: KeyTables | undefined

  private constructor(kernel: Kernel, key: ProvingKey) {
    this.#kernel = kernel
    this.key = key
    this.#plainBits = windowBits(key.c.count + key.h.count)
    const { arena, machine } = kernel
    const { wires, domainSize } = key
    const sizes = [this.#plainBits, tableBits(key)]
    kernel.reserveWorkspaces(bucketBytes(machine, 'g2', Math.max(...sizes)))
    const windows = Math.max(...sizes.map(windowCount))
    const slotBytes = 2 * machine.elementBytes
    const scalars = wires + BLINDING
    this.#scratch = {
      scalars: arena.allocate(32 * (scalars + 1)),
      digits: arena.allocate(2 * scalars * windows),
      ab: arena.allocate(domainSize * slotBytes),
      c: arena.allocate((domainSize / 2) * slotBytes),
      quotient: arena.allocate(32 * domainSize),
      quotientDigits: arena.allocate(2 * domainSize * windows),
    }
  }

  /**
   * Loads a key from the contents of a `.zkey` file. @throws PlimsollError where it is malformed; `name` is what
   * errors call it.
   */
  static async load(kernel: Kernel, file: Uint8Array, name: string): Promise<Groth16> {
    const zkey = parseZkey(file, name)
    const before = kernel.arena.used
    const key = await loadProvingKey(kernel, zkey, name).catch((error: unknown) => {
      kernel.arena.release(before)
      throw error
    })
    return new Groth16(kernel, key)
  }

  /**
   * Proves a witness, 32 bytes little-endian a wire, with fresh blinding. Whether it satisfies the circuit is not checked: if it
   * does not, the proof is no proof. @throws PlimsollError for a witness of another size or with a value of r or more.
   */
  async prove(witness: Uint8Array, onPhase: PhaseTimer = () => {}): Promise<ProofPoints> {
    const { wires } = this.key
    if (witness.length !== 32 * wires)
      throw new PlimsollError(`The witness has ${witness.length / 32} wires, the key has ${wires}.`)
    let started = performance.now()
    const phase = (name: string): void => {
      const now = performance.now()
      onPhase(name, now - started)
      started = now
    }
    const [s, t] = [randomScalar(0n), randomScalar(1n)]
    await this.#loadWitness(witness, [1n, s])
    phase('witness')
    await this.#evaluateRows()
    phase('rows')
    await this.#quotient()
    phase('quotient')

    const { a, b2, c, h, publicSignals, domainSize } = this.key
    const { bits } = this
    const wireDigits: DigitArray = { pointer: this.#scratch.digits, scalars: wires + BLINDING, bits }
    const quotientDigits: DigitArray = { pointer: this.#scratch.quotientDigits, scalars: domainSize, bits }
    const tables = this.#tables
    const wireTerm = (points: PointArray, table: PointTable | undefined, first = 0) => ({
      points,
      table,
      digits: wireDigits,
      first,
    })
    const [sumA, sumB, sumC] = (await multiply(this.#kernel, [
      [wireTerm(a, tables?.a)],
      [wireTerm(b2, tables?.b2)],
      // Only their sum is wanted.
      [wireTerm(c, tables?.c, publicSignals + 1), { points: h, table: tables?.h, digits: quotientDigits, first: 0 }],
    ])) as [Point, Point, Point]
    phase('multiplications')

    // Scaled against each other, A and B are as random as with a multiple of delta each; so B is not needed in G1.
    const [a1, b, blinding] = await Promise.all([
      this.#kernel.pool.run('multiple', { group: 'g1', point: sumA, scalar: t }),
      this.#kernel.pool.run('multiple', { group: 'g2', point: sumB, scalar: inverse(t, SCALAR_FIELD) }),
      this.#kernel.pool.run('multiple', { group: 'g1', point: sumA, scalar: s }),
    ])
    const proof = { a: a1, b, c: new CurveGroup('g1').add(sumC, blinding) }
    phase('assembly')
    if (proof.a === undefined || proof.b === undefined || proof.c === undefined)
      throw new Error('A point of the proof is at infinity.')
    return proof as ProofPoints
  }

  /** Uses a key's tables, or none, from the next proof on. */
  use(tables: KeyTables | undefined): void {
    this.#tables = tables
  }

  /** Size of the windows. */
  get bits(): number {
    return this.#tables?.bits ?? this.#plainBits
  }

  async #loadWitness(witness: Uint8Array, blinding: readonly bigint[]): Promise<void> {
    const { machine } = this.#kernel
    const { wires, toMontgomery, wireElements } = this.key
    const { scalars: pointer, digits } = this.#scratch
    machine.bytes(pointer, witness.length).set(witness)
    // Elements are made in pairs; the one behind the last wire is nobody's.
    machine.bytes(pointer + witness.length, 32).fill(0)
    const canonical = await this.#kernel.pool.split('importElements', wires + (wires % 2), 2, (first, end) => ({
      field: 'fr',
      words: pointer + 32 * first,
      elements: wireElements + machine.elementBytes * first,
      count: end - first,
      factor: toMontgomery,
    }))
    if (canonical.includes(false))
      throw new PlimsollError("The witness has a value that is not below the scalar field's modulus.")
    const words = machine.words(pointer + witness.length, 8 * BLINDING)
    blinding.forEach((scalar, i) => {
      for (let word = 0; word < 8; word++) words[8 * i + word] = Number((scalar >> BigInt(32 * word)) & 0xffffffffn)
    })
    await this.#digits(pointer, digits, wires + BLINDING, this.bits)
  }

  #digits(scalars: number, digits: number, count: number, bits: number): Promise<unknown> {
    return this.#kernel.pool.split('digits', count, 1, (first, end) => ({
      scalars,
      digits,
      count,
      windows: windowCount(bits),
      bits,
      first,
      end,
    }))
  }

  async #evaluateRows(): Promise<void> {
    const { rows, domainSize } = this.key
    const slotBytes = 2 * this.#kernel.machine.elementBytes
    await this.#kernel.pool.split('rows', domainSize, 1, (first, end) => ({
      terms: rows.terms + 16 * rows.starts[first]!,
      counts: rows.counts + 4 * first,
      ab: this.#scratch.ab + first * slotBytes,
      rows: end - first,
    }))
  }

  /** The values of (A B - C) on the odd coset, as scalars. */
  async #quotient(): Promise<void> {
    const { domainSize, roots, cosetFactors } = this.key
    const { ab, c, quotient, quotientDigits } = this.#scratch
    const log = Math.log2(domainSize)
    const both: TransformArray = { data: ab, log, roots }
    const product: TransformArray = { data: c, log: log - 1, roots }
    const arrays = [both, product]
    const half = domainSize / 2

    await this.#kernel.pool.split('products', half, 1, (first, end) => ({ ab, c: product, first, end }))
    const columns = (inverse: boolean) =>
      Promise.all(
        arrays.map((array) =>
          this.#kernel.pool.split('columns', 2 ** rowLog(array.log), 1, (first, end) => ({
            array,
            inverse,
            first,
            end,
          })),
        ),
      )
    await columns(true)
    await Promise.all(
      arrays.map((array) => {
        const row = 2 ** rowLog(array.log)
        return this.#kernel.pool.split('rowsThroughCoset', 2 ** array.log / row, 1, (first, end) => ({
          array,
          row,
          factors: cosetFactors,
          split: array === product,
          first,
          end,
        }))
      }),
    )
    await columns(false)
    await this.#kernel.pool.split('finish', half, 1, (first, end) => ({ ab, c: product, words: quotient, first, end }))
    await this.#digits(quotient, quotientDigits, domainSize, this.bits)
  }
}

/** The window size that costs least: an addition for each point of a window, and, as sums of buckets cost more, two for each bucket. */
export function windowBits(points: number): number {
  const cost = (bits: number) => windowCount(bits) * (points + 2 ** bits)
  let best = 2
  for (let bits = 3; bits <= 16; bits++) if (cost(bits) < cost(best)) best = bits
  return best
}

/** Uniform from `least` on and below r, from the platform's generator of random numbers. */
function randomScalar(least: bigint): bigint {
  // 512 bits, so that the remainder is as good as uniform.
  return least + (BigInt(`0x${randomBytes(64).toString('hex')}`) % (SCALAR_FIELD - least))
}
