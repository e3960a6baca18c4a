import { CONSTANT_BYTES, ConstantPool, type Frame, kernel } from '../../../prover/kernel/emit.ts'
import { type Bound, balancedLimbs, type Element, type Field } from '../../../prover/kernel/field.ts'
import { FmaField } from '../../../prover/kernel/field-fma.ts'
import { IntegerField } from '../../../prover/kernel/field-integer.ts'
import type { FieldVariant } from '../../../prover/kernel/module.ts'
import { encodeModule, type Local, v128 } from '../../../prover/kernel/wasm.ts'
import { Random } from '../../protocol/random.ts'

/** Limbs of one element as they are in a vector's lane, from the lowest. */
export type Limbs = readonly bigint[]

const PAGES = 4

/** Single operations on elements whose limbs a test sets and reads, within a bound or at it. */
export class FieldLab {
  readonly field: Field
  readonly random = new Random(1)
  readonly #variant: FieldVariant
  readonly #pool = new ConstantPool()

  constructor(variant: FieldVariant, modulus: bigint) {
    this.#variant = variant
    this.field = variant === 'fma' ? new FmaField(modulus, this.#pool) : new IntegerField(modulus, this.#pool)
  }

  /**
   * An operation on elements of certain bounds: what it makes of a pair of lanes, and the bound that the builder
   * claims for that.
   */
  operation(bounds: readonly Bound[], build: (field: Field, frame: Frame, inputs: Element[]) => Element): Operation {
    let claimed: Bound | undefined
    const run = this.#compile((frame, inputs, output) => {
      const result = build(this.field, frame, inputs)
      claimed = { limb: result.limb, value: result.value }
      this.field.store({ pointer: output, offset: 0 }, result)
    }, bounds)
    const apply = (first: readonly Limbs[], second: readonly Limbs[]) => {
      const view = run(first, second)
      return [this.#readLane(view, 0), this.#readLane(view, 1)] as const
    }
    return { claimed: claimed!, apply }
  }

  /** The two lanes of a mask. */
  mask(
    bounds: readonly Bound[],
    build: (field: Field, frame: Frame, inputs: Element[]) => Local<'v128'>,
  ): (first: readonly Limbs[], second: readonly Limbs[]) => readonly [bigint, bigint] {
    const run = this.#compile(
      (frame, inputs, output) => v128.store({ offset: 0, align: 8 }, output, build(this.field, frame, inputs)),
      bounds,
    )
    return (first, second) => {
      const view = run(first, second)
      return [view.getBigInt64(0, true), view.getBigInt64(8, true)]
    }
  }

  /** What `pack` stores of an element a lane. */
  packed(bound: Bound): (first: Limbs, second: Limbs) => readonly [bigint, bigint] {
    const run = this.#compile(
      (frame, [input], output) =>
        this.field.pack(frame, { pointer: output, offset: 0 }, { pointer: output, offset: 32 }, input!),
      [bound],
    )
    return (first, second) => {
      const view = run([first], [second])
      const integer = (at: number) =>
        [3, 2, 1, 0].reduce((sum, word) => (sum << 64n) | view.getBigUint64(at + 8 * word, true), 0n)
      return [integer(0), integer(32)]
    }
  }

  value(limbs: Limbs): bigint {
    return limbs.reduceRight((sum, limb) => (sum << BigInt(this.field.limbBits)) + limb, 0n)
  }

  limbs(value: bigint): Limbs {
    return balancedLimbs(value, this.field.limbCount, this.field.limbBits)
  }

  /** Whether an element is within a bound. */
  fits(limbs: Limbs, bound: Bound): boolean {
    const half = 1n << BigInt(this.field.limbBits - 1)
    const magnitude = (x: bigint) => (x < 0n ? -x : x)
    // Bounds have few digits after the point, or are rounded in the 16th.
    const SCALE = 10n ** 12n
    const scaled = (x: number) => BigInt(Math.ceil(x * 1e12 + 1))
    return (
      limbs.every((limb) => magnitude(limb) * SCALE <= half * scaled(bound.limb)) &&
      magnitude(this.value(limbs)) * SCALE <= this.field.modulus * scaled(bound.value)
    )
  }

  /** Elements at the bound: every limb as large as it may be, in all sorts of signs, and every one but one. */
  extremes(bound: Bound): Limbs[] {
    const { limbCount, limbBits } = this.field
    const largest = BigInt(Math.floor(bound.limb * 2 ** (limbBits - 1)))
    const signs: ((i: number) => bigint)[] = [
      () => 1n,
      () => -1n,
      (i) => (i % 2 === 0 ? 1n : -1n),
      (i) => (i % 2 === 0 ? -1n : 1n),
      (i) => (i === limbCount - 1 ? -1n : 1n),
      (i) => (i === limbCount - 1 ? 1n : -1n),
      ...Array.from({ length: limbCount }, (_, only) => (i: number) => (i === only ? 1n : 0n)),
      ...Array.from({ length: 4 }, () => () => BigInt(this.random.pick([-1, 0, 1]))),
    ]
    return signs.map((sign) =>
      this.#clamped(
        Array.from({ length: limbCount }, (_, i) => sign(i) * largest),
        bound,
      ),
    )
  }

  /** Any element within the bound. */
  any(bound: Bound): Limbs {
    const { limbCount, limbBits } = this.field
    const largest = BigInt(Math.floor(bound.limb * 2 ** (limbBits - 1)))
    return this.#clamped(
      Array.from({ length: limbCount }, () => (this.random.bits(64) % (2n * largest + 1n)) - largest),
      bound,
    )
  }

  /** With a top limb that makes the value fit. */
  #clamped(limbs: Limbs, bound: Bound): Limbs {
    const unit = 1n << BigInt(this.field.limbBits * (this.field.limbCount - 1))
    const top = limbs.at(-1)!
    const limit =
      BigInt(Math.floor((Number(this.field.modulus) / Number(unit)) * bound.value)) - BigInt(Math.ceil(bound.limb)) - 1n
    const clamped = top > limit ? limit : top < -limit ? -limit : top
    return [...limbs.slice(0, -1), clamped]
  }

  #compile(body: (frame: Frame, inputs: Element[], output: Local<'i32'>) => void, bounds: readonly Bound[]) {
    const slotBytes = 2 * this.field.elementBytes
    const run = kernel(2, ([input, output], frame) => {
      body(
        frame,
        bounds.map((bound, i) => this.field.load(frame, { pointer: input!, offset: i * slotBytes }, bound)),
        output!,
      )
    })
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(encodeModule({ run }, PAGES)), {
      env: { memory },
    })
    new Uint8Array(memory.buffer).set(this.#pool.bytes())
    const input = CONSTANT_BYTES
    const output = 2 * CONSTANT_BYTES
    const view = new DataView(memory.buffer)
    return (first: readonly Limbs[], second: readonly Limbs[]): DataView => {
      for (const [lane, elements] of [first, second].entries())
        elements.forEach((limbs, i) => this.#writeLane(view, input + i * slotBytes, lane, limbs))
      ;(exports.run as (input: number, output: number) => void)(input, output)
      return new DataView(memory.buffer, output)
    }
  }

  #writeLane(view: DataView, pointer: number, lane: number, limbs: Limbs): void {
    limbs.forEach((limb, i) => {
      if (this.#variant === 'fma') view.setFloat64(pointer + 16 * i + 8 * lane, Number(limb), true)
      else view.setInt32(pointer + 8 * i + 4 * lane, Number(limb), true)
    })
  }

  #readLane(view: DataView, lane: number): Limbs {
    return Array.from({ length: this.field.limbCount }, (_, i) =>
      BigInt(
        this.#variant === 'fma' ? view.getFloat64(16 * i + 8 * lane, true) : view.getInt32(8 * i + 4 * lane, true),
      ),
    )
  }
}

export interface Operation {
  readonly claimed: Bound
  readonly apply: (first: readonly Limbs[], second: readonly Limbs[]) => readonly [Limbs, Limbs]
}
