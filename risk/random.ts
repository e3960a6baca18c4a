/** Rotates and multiplies until every bit of the input has touched every bit of the output (the finalizer of MurmurHash3). */
function mix32(value: number): number {
  let x = value | 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

/**
 * A seeded source of random numbers: the small fast counting generator sfc32 (C. Doty-Humphrey, PractRand 0.93), 128 bits of state.
 * The same seed and stream numbers give the same numbers on every machine and in every worker, so path `n` of a simulation is
 * `new Random(seed, n)` wherever it is drawn.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1
  #spare = Number.NaN

  /** A generator of its own for each `seed` and list of `streams`; all of them integers from 0 to 2^53 - 1. */
  constructor(seed: number, ...streams: readonly number[]) {
    let a = 0x9e3779b9
    let b = 0x243f6a88
    let c = 0xb7e15162
    for (const key of [seed, ...streams]) {
      const low = key >>> 0
      const high = Math.floor(key / 2 ** 32) >>> 0
      a = mix32(a ^ low) + 0x9e3779b9
      b = mix32(b ^ high ^ a) + 0x7f4a7c15
      c = mix32(c ^ b ^ low) + 0x94d049bb
    }
    this.#a = a | 0
    this.#b = b | 0
    this.#c = c | 0
    for (let i = 0; i < 15; i++) this.bits()
  }

  /** 32 random bits, from 0 to 2^32 - 1. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** Uniform in [0, 1), a multiple of 2^-53. */
  uniform(): number {
    return ((this.bits() >>> 5) * 2 ** 26 + (this.bits() >>> 6)) / 2 ** 53
  }

  /** Uniform over the integers 0 to `count - 1`; the bias is below `count / 2^53`. */
  integer(count: number): number {
    return Math.floor(this.uniform() * count)
  }

  /** Standard normal, by the polar method (G. Marsaglia and T. Bray, 1964). */
  normal(): number {
    const spare = this.#spare
    if (!Number.isNaN(spare)) {
      this.#spare = Number.NaN
      return spare
    }
    for (;;) {
      // Half a step off the grid: never exactly 0.
      const x = (this.bits() + 0.5) / 2 ** 31 - 1
      const y = (this.bits() + 0.5) / 2 ** 31 - 1
      const square = x * x + y * y
      if (square >= 1) continue
      const factor = Math.sqrt((-2 * Math.log(square)) / square)
      this.#spare = y * factor
      return x * factor
    }
  }

  /** Exponential with the given rate (mean `1 / rate`), by inversion. */
  exponential(rate: number): number {
    return -Math.log(1 - this.uniform()) / rate
  }

  /** Gamma with the given shape above 0 and scale 1 (G. Marsaglia and W. Tsang, A simple method for generating gamma variables, 2000). */
  gamma(shape: number): number {
    if (shape < 1) return this.gamma(shape + 1) * (1 - this.uniform()) ** (1 / shape)
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = this.normal()
      const v = (1 + c * x) ** 3
      if (v <= 0) continue
      if (Math.log(1 - this.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }

  /** Student's t with `freedom` degrees of freedom above 0; its variance is `freedom / (freedom - 2)` where that is finite. */
  student(freedom: number): number {
    return this.normal() / Math.sqrt(this.gamma(freedom / 2) / (freedom / 2))
  }

  /**
   * Poisson with the given mean, 0 or more: multiplication of uniforms below a mean of 10 (D. Knuth), transformed rejection above
   * (W. Hormann, The transformed rejection method for generating Poisson random variables, 1993, algorithm PTRS).
   */
  poisson(mean: number): number {
    if (mean < 10) {
      const limit = Math.exp(-mean)
      let product = this.uniform()
      let count = 0
      while (product > limit) {
        product *= this.uniform()
        count++
      }
      return count
    }
    const b = 0.931 + 2.53 * Math.sqrt(mean)
    const a = -0.059 + 0.02483 * b
    const inverse = 1.1239 + 1.1328 / (b - 3.4)
    const accept = 0.9277 - 3.6224 / (b - 2)
    for (;;) {
      const u = this.uniform() - 0.5
      const v = 1 - this.uniform()
      const us = 0.5 - Math.abs(u)
      const k = Math.floor(((2 * a) / us + b) * u + mean + 0.43)
      if (us >= 0.07 && v <= accept) return k
      if (k < 0 || (us < 0.013 && v > us)) continue
      if (Math.log((v * inverse) / (a / (us * us) + b)) <= k * Math.log(mean) - mean - logFactorial(k)) return k
    }
  }
}

/** `ln k!`: summed up to 20, by Stirling's series beyond (its error there is below 1e-13). */
function logFactorial(k: number): number {
  if (k <= 20) {
    let sum = 0
    for (let i = 2; i <= k; i++) sum += Math.log(i)
    return sum
  }
  const n = k + 1
  return (
    (n - 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5)
  )
}
