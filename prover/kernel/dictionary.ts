/** Gives equal runs of words equal numbers, 0, 1, ... in the order in which they first came. */
export class WordDictionary {
  readonly #width: number
  #values: Uint32Array
  #slots: Int32Array
  #size = 0

  /** `width` is the number of 32-bit words of a run. */
  constructor(width: number) {
    this.#width = width
    this.#values = new Uint32Array(width * 1024)
    this.#slots = new Int32Array(4096).fill(-1)
  }

  get size(): number {
    return this.#size
  }

  /** All values in order. */
  get values(): Uint32Array {
    return this.#values.subarray(0, this.#size * this.#width)
  }

  /** The number of the run that starts at `position` of an array. */
  number(words: Uint32Array, position: number): number {
    const mask = this.#slots.length - 1
    let slot = this.#hash(words, position) & mask
    for (; this.#slots[slot]! >= 0; slot = (slot + 1) & mask) {
      if (this.#equals(this.#slots[slot]!, words, position)) return this.#slots[slot]!
    }
    const number = this.#size++
    this.#slots[slot] = number
    if (this.#values.length < this.#size * this.#width) {
      const values = new Uint32Array(2 * this.#values.length)
      values.set(this.#values)
      this.#values = values
    }
    for (let i = 0; i < this.#width; i++) this.#values[number * this.#width + i] = words[position + i]!
    if (2 * this.#size > this.#slots.length) this.#rehash()
    return number
  }

  #equals(number: number, words: Uint32Array, position: number): boolean {
    for (let i = 0; i < this.#width; i++)
      if (this.#values[number * this.#width + i] !== words[position + i]) return false
    return true
  }

  /** FNV-1a over words. */
  #hash(words: Uint32Array, position: number): number {
    let hash = 0x811c9dc5
    for (let i = 0; i < this.#width; i++) hash = Math.imul(hash ^ words[position + i]!, 0x01000193)
    return hash ^ (hash >>> 15)
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length).fill(-1)
    const mask = this.#slots.length - 1
    for (let number = 0; number < this.#size; number++) {
      let slot = this.#hash(this.#values, number * this.#width) & mask
      while (this.#slots[slot]! >= 0) slot = (slot + 1) & mask
      this.#slots[slot] = number
    }
  }
}
