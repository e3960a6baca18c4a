/** A list that is read by position, wherever it lies. A copy of it would take as long as there are records. */
export class Records<T> implements Iterable<T> {
  readonly #count: () => number
  readonly #read: (index: number) => T

  constructor(count: () => number, read: (index: number) => T) {
    this.#count = count
    this.#read = read
  }

  get length(): number {
    return this.#count()
  }

  /** Undefined where there is none. @param index as of an array: from the end where it is negative */
  at(index: number): T | undefined {
    const { length } = this
    const position = index < 0 ? length + index : index
    return Number.isInteger(index) && position >= 0 && position < length ? this.#read(position) : undefined
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.length; i++) yield this.#read(i)
  }

  map<U>(project: (record: T, index: number) => U): U[] {
    return Array.from(this, project)
  }
}
