/** Exact rationals, so that a formula of docs/protocol.md can be written down as it stands. */
export class Fraction {
  readonly top: bigint
  /** Above 0. */
  readonly bottom: bigint

  constructor(top: bigint, bottom = 1n) {
    this.top = top
    this.bottom = bottom
  }

  /** Of a plain decimal. */
  static of(text: string): Fraction {
    const [whole, rest = ''] = text.split('.')
    return new Fraction(BigInt(whole! + rest), 10n ** BigInt(rest.length))
  }

  plus(other: Fraction): Fraction {
    return new Fraction(this.top * other.bottom + other.top * this.bottom, this.bottom * other.bottom)
  }

  minus(other: Fraction): Fraction {
    return new Fraction(this.top * other.bottom - other.top * this.bottom, this.bottom * other.bottom)
  }

  times(other: Fraction): Fraction {
    return new Fraction(this.top * other.top, this.bottom * other.bottom)
  }

  floor(): bigint {
    const remainder = ((this.top % this.bottom) + this.bottom) % this.bottom
    return (this.top - remainder) / this.bottom
  }

  ceil(): bigint {
    const floor = this.floor()
    return floor * this.bottom === this.top ? floor : floor + 1n
  }
}
