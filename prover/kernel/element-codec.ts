import { inverse, modulo } from './bigint-field.ts'
import { balancedLimbs, centered, type Field } from './field.ts'
import type { FieldVariant } from './module.ts'

/** Elements as they are in memory, to and from integers: for tables, single points and tests. */
export class ElementCodec {
  readonly modulus: bigint
  readonly bytes: number
  /** The Montgomery factor. */
  readonly radix: bigint
  readonly #count: number
  readonly #bits: number
  readonly #doubles: boolean
  readonly #inverseRadix: bigint

  constructor({ modulus, radix, limbCount, limbBits, elementBytes }: Field, variant: FieldVariant) {
    this.modulus = modulus
    this.radix = radix
    this.bytes = elementBytes
    this.#count = limbCount
    this.#bits = limbBits
    this.#doubles = variant === 'fma'
    this.#inverseRadix = inverse(radix, modulus)
  }

  write(view: DataView, pointer: number, value: bigint): void {
    const limbs = balancedLimbs(centered(value * this.radix, this.modulus), this.#count, this.#bits)
    limbs.forEach((limb, i) =>
      this.#doubles
        ? view.setFloat64(pointer + 8 * i, Number(limb), true)
        : view.setInt32(pointer + 4 * i, Number(limb), true),
    )
  }

  /** The canonical value. */
  read(view: DataView, pointer: number): bigint {
    let value = 0n
    for (let i = this.#count - 1; i >= 0; i--) {
      const limb = this.#doubles ? view.getFloat64(pointer + 8 * i, true) : view.getInt32(pointer + 4 * i, true)
      value = (value << BigInt(this.#bits)) + BigInt(limb)
    }
    return modulo(value * this.#inverseRadix, this.modulus)
  }
}
