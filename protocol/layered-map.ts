/** Entries written at a time, over those written before; neither change any more. */
interface Layer<K, V> {
  readonly map: ReadonlyMap<K, V>
  readonly below: Layer<K, V> | undefined
}

/** A newer layer swallows an older one of less than so many times its size: so there are few, and each entry is copied seldom. */
const GROWTH = 2

/**
 * A map whose copies cost nothing: a copy shares all that was written before it was made, and what either writes afterwards stays
 * its own. Nothing is ever removed.
 */
export class LayeredMap<K, V extends {}> {
  #top = new Map<K, V>()
  #sealed: Layer<K, V> | undefined

  get(key: K): V | undefined {
    const own = this.#top.get(key)
    if (own !== undefined) return own
    for (let layer = this.#sealed; layer !== undefined; layer = layer.below) {
      const value = layer.map.get(key)
      if (value !== undefined) return value
    }
    return undefined
  }

  set(key: K, value: V): void {
    this.#top.set(key, value)
  }

  clone(): LayeredMap<K, V> {
    this.#seal()
    const copy = new LayeredMap<K, V>()
    copy.#sealed = this.#sealed
    return copy
  }

  /** All that was written, the latest value of each key; in no order. */
  entries(): ReadonlyMap<K, V> {
    const layers: ReadonlyMap<K, V>[] = [this.#top]
    for (let layer = this.#sealed; layer !== undefined; layer = layer.below) layers.unshift(layer.map)
    if (layers.length === 1) return this.#top
    const all = new Map(layers[0])
    for (const layer of layers.slice(1)) for (const [key, value] of layer) all.set(key, value)
    return all
  }

  #seal(): void {
    if (this.#top.size === 0) return
    let map: ReadonlyMap<K, V> = this.#top
    let below = this.#sealed
    while (below !== undefined && below.map.size < GROWTH * map.size) {
      const merged = new Map(below.map)
      for (const [key, value] of map) merged.set(key, value)
      map = merged
      below = below.below
    }
    this.#sealed = { map, below }
    this.#top = new Map()
  }
}
