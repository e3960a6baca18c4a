/** A binary heap of watches, the greatest key first: prices at which an account has to be looked at again. */
export class WatchHeap {
  size = 0
  #keys = new Float64Array(64)
  #ids = new Int32Array(64)
  #versions = new Int32Array(64)

  clear(): void {
    this.size = 0
  }

  /** The greatest key; minus infinity when there is none. */
  get top(): number {
    return this.size === 0 ? -Infinity : this.#keys[0]!
  }

  get id(): number {
    return this.#ids[0]!
  }

  get version(): number {
    return this.#versions[0]!
  }

  push(key: number, id: number, version: number): void {
    if (this.size === this.#keys.length) this.#grow()
    const keys = this.#keys
    const ids = this.#ids
    const versions = this.#versions
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (keys[parent]! >= key) break
      keys[at] = keys[parent]!
      ids[at] = ids[parent]!
      versions[at] = versions[parent]!
      at = parent
    }
    keys[at] = key
    ids[at] = id
    versions[at] = version
  }

  /** Takes the greatest away; there has to be one. */
  pop(): void {
    const last = --this.size
    if (last === 0) return
    const keys = this.#keys
    const ids = this.#ids
    const versions = this.#versions
    const key = keys[last]!
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= last) break
      if (child + 1 < last && keys[child + 1]! > keys[child]!) child++
      if (keys[child]! <= key) break
      keys[at] = keys[child]!
      ids[at] = ids[child]!
      versions[at] = versions[child]!
      at = child
    }
    keys[at] = key
    ids[at] = ids[last]!
    versions[at] = versions[last]!
  }

  #grow(): void {
    const grown = <T extends Float64Array | Int32Array>(old: T, next: T): T => {
      next.set(old)
      return next
    }
    this.#keys = grown(this.#keys, new Float64Array(2 * this.size))
    this.#ids = grown(this.#ids, new Int32Array(2 * this.size))
    this.#versions = grown(this.#versions, new Int32Array(2 * this.size))
  }
}
