interface Part {
  units: number
  readonly since: number
}

/** Inventory by the moments at which it came, the oldest first: what is taken is the oldest, what nets out the youngest. */
export class Waiting {
  readonly #parts: Part[] = []
  #side = 0

  clear(): void {
    this.#parts.length = 0
  }

  /** @param delta signed units that the backstop's balance changed by @param time seconds */
  arrive(delta: number, time: number): void {
    const side = Math.sign(delta)
    let units = Math.abs(delta)
    if (this.#parts.length > 0 && side !== this.#side) {
      while (units > 0 && this.#parts.length > 0) {
        const youngest = this.#parts.at(-1)!
        const part = Math.min(units, youngest.units)
        youngest.units -= part
        units -= part
        if (youngest.units <= 0) this.#parts.pop()
      }
    }
    if (units <= 0) return
    this.#side = side
    this.#parts.push({ units, since: time })
  }

  /** @returns the mean time that the units, the oldest ones, waited */
  leave(units: number, time: number): number {
    let left = units
    let weighted = 0
    while (left > 0 && this.#parts.length > 0) {
      const oldest = this.#parts[0]!
      const part = Math.min(left, oldest.units)
      weighted += part * (time - oldest.since)
      left -= part
      oldest.units -= part
      if (oldest.units <= 0) this.#parts.shift()
    }
    return weighted / units
  }
}
