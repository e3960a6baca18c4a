import { randomBytes } from 'node:crypto'
import { PlimsollError } from '../../protocol/errors.ts'
import { modulo, SCALAR_FIELD } from './bigint-field.ts'
import { CurveGroup, type Point } from './curve.ts'
import { windowCount } from './digits.ts'
import type { Kernel } from './kernel.ts'
import type { WindowRow } from './msm-window.ts'
import { BLINDING, loadProvingKey, type PointArray, type ProvingKey } from './proving-key.ts'
import { summerBytes } from './sum-lists.ts'
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

/** Window sizes: of the wires' scalars and of the quotient's. */
interface Windows {
  readonly wires: number
  readonly quotient: number
}

/** Proves under one key, one proof at a time. */
export class Groth16 {
  readonly key: ProvingKey
  readonly #kernel: Kernel
  readonly #bits: Windows
  readonly #scratch: Scratch

  private constructor(kernel: Kernel, key: ProvingKey) {
    this.#kernel = kernel
    this.key = key
    this.#bits = { wires: windowBits(key.wires), quotient: windowBits(key.domainSize) }
    const { arena, machine } = kernel
    const { wires, domainSize } = key
    kernel.reserveWorkspaces(
      summerBytes(
        machine,
        'g1',
        windowPoints(Math.max(wires + BLINDING, domainSize), Math.max(this.#bits.wires, this.#bits.quotient)),
      ),
    )
    kernel.reserveWorkspaces(summerBytes(machine, 'g2', windowPoints(wires + BLINDING, this.#bits.wires)))
    const slotBytes = 2 * machine.elementBytes
    const scalars = wires + BLINDING
    this.#scratch = {
      scalars: arena.allocate(32 * (scalars + 1)),
      digits: arena.allocate(2 * scalars * windowCount(this.#bits.wires)),
      ab: arena.allocate(domainSize * slotBytes),
      c: arena.allocate((domainSize / 2) * slotBytes),
      quotient: arena.allocate(32 * domainSize),
      quotientDigits: arena.allocate(2 * domainSize * windowCount(this.#bits.quotient)),
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
    const { wires, delta1 } = this.key
    if (witness.length !== 32 * wires)
      throw new PlimsollError(`The witness has ${witness.length / 32} wires, the key has ${wires}.`)
    let started = performance.now()
    const phase = (name: string): void => {
      const now = performance.now()
      onPhase(name, now - started)
      started = now
    }
    const [r, s] = [randomScalar(), randomScalar()]
    await this.#loadWitness(witness, [1n, r, s])
    phase('witness')
    await this.#evaluateRows()
    phase('rows')
    await this.#quotient()
    phase('quotient')

    const { wires: bits, quotient: quotientBits } = this.#bits
    const scalars = wires + BLINDING
    const wireRow = (points: PointArray, first: number) => (window: number) =>
      windowRow(points, this.#scratch.digits + 2 * (window * scalars + first))
    const { a, b1, b2, c, h, publicSignals, domainSize } = this.key
    // The longest tasks first.
    const [sumB2, sumH, sumA, sumB1, sumC] = await Promise.all([
      this.#multiply(b2, bits, wireRow(b2, 0)),
      this.#multiply(h, quotientBits, (window) => windowRow(h, this.#scratch.quotientDigits + 2 * window * domainSize)),
      this.#multiply(a, bits, wireRow(a, 0)),
      this.#multiply(b1, bits, wireRow(b1, 0)),
      this.#multiply(c, bits, wireRow(c, publicSignals + 1)),
    ])
    phase('multiplications')

    const g1 = new CurveGroup('g1')
    const blinding = g1.sumOfMultiples([
      [sumA, s],
      [sumB1, r],
      [delta1, modulo(-r * s, SCALAR_FIELD)],
    ])
    const proof = { a: sumA, b: sumB2, c: g1.add(g1.add(sumC, sumH), blinding) }
    phase('assembly')
    if (proof.a === undefined || proof.b === undefined || proof.c === undefined)
      throw new Error('A point of the proof is at infinity.')
    return proof as ProofPoints
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
    await this.#digits(pointer, digits, wires + BLINDING, this.#bits.wires)
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
    await this.#digits(quotient, quotientDigits, domainSize, this.#bits.quotient)
  }

  /** A multi-scalar multiplication, a task a window. */
  async #multiply(points: PointArray, bits: number, row: (window: number) => WindowRow): Promise<Point> {
    const { group, count } = points
    const windows = Array.from({ length: windowCount(bits) }, (_, window) =>
      this.#kernel.pool.run('window', { group, rows: [row(window)], bits, points: windowPoints(count, bits) }),
    )
    return this.#kernel.pool.run('combine', { group, points: (await Promise.all(windows)).flat() })
  }
}

function windowRow({ points, finite, count }: PointArray, digits: number): WindowRow {
  return { digits, points, finite, count }
}

/** Sums that a window of so many points can make. */
export function windowPoints(count: number, bits: number): number {
  return count + 4 * 2 ** bits
}

/** The window size that takes the fewest additions: a point a window, and some three for each bucket. */
export function windowBits(points: number): number {
  const cost = (bits: number) => windowCount(bits) * (points + 3 * 2 ** (bits - 1))
  let best = 2
  for (let bits = 3; bits <= 16; bits++) if (cost(bits) < cost(best)) best = bits
  return best
}

/** Uniform below r, from the platform's generator of random numbers. */
function randomScalar(): bigint {
  // 512 bits, so that the remainder is as good as uniform.
  return BigInt(`0x${randomBytes(64).toString('hex')}`) % SCALAR_FIELD
}
