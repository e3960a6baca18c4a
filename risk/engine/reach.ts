import { ASSETS } from '../../protocol/constants.ts'
import { WatchHeap } from './watch-heap.ts'

/**
 * Bound on the relative error of a health in floating point: fewer than 40 roundings of 2^-53 on any term (see `AccountTable`'s scan),
 * with room to spare.
 */
const ERROR = 2 ** -46
const SCALE = 2 ** 32

/** A verdict of `Reach.look`. */
export const HEALTHY = 0
export const BREACHED = 1
/** Too near the line for floating point. */
const UNSURE = 2

/** Prices an account would have to leave before it needs another look: a fall of long positions and a rise of short ones. */
export interface ReachOptions {
  /** Accounts whose reach is below this relative move are looked at in every step instead of being watched. */
  readonly near: number
}

/**
 * The accounts that need valuing as prices move. The idea is that of the protocol's envelopes: an account of health `H` whose positions
 * are worth `R` at maintenance marks stays healthy while no price of a position has moved against it by more than `r = H / R`, as even
 * all of them together then cost it `r R`. `r`, less what rounding may take, is its reach; it is watched at `price (1 - r)` of what it
 * is long and `price (1 + r)` of what it is short. A step costs one comparison for each asset and side, and a look at each account
 * whose watch was passed.
 *
 * Soundness: prices here are the integer price marks. `u >= price f - 1` and `v <= price f + 1` (one rounding), so the exact health is at
 * least that of unrounded marks less `sum |b|`; that one differs from the float by at most `ERROR` times the sum of all terms. Both are
 * taken off `H` before `r` is computed. Below the range of marks collateral counts as 0: the engine then values everybody.
 */
export class Reach {
  readonly #count: number
  readonly #used: number
  /** 8 balances a row. */
  readonly balances: Float64Array
  readonly #versions: Int32Array
  readonly #lower: WatchHeap[]
  readonly #upper: WatchHeap[]
  readonly #near: number
  /** Accounts looked at in every step, and the place of each in that list, or -1. */
  readonly hot: Int32Array
  readonly #place: Int32Array
  hotCount = 0
  /** Maintenance value of a positive and of a negative unit of each asset at the present prices, unrounded. */
  readonly #long = new Float64Array(ASSETS)
  readonly #short = new Float64Array(ASSETS)
  readonly #prices = new Float64Array(ASSETS)
  #start: StartingPoint | undefined
  readonly #pointers = new Int32Array(2 * ASSETS)

  /** @param used how many assets there are, cash included */
  constructor(count: number, used: number, { near }: ReachOptions) {
    this.#count = count
    this.#used = used
    this.#near = near
    this.balances = new Float64Array(count * ASSETS)
    this.#versions = new Int32Array(count)
    this.hot = new Int32Array(count)
    this.#place = new Int32Array(count).fill(-1)
    this.#lower = Array.from({ length: used }, () => new WatchHeap())
    this.#upper = Array.from({ length: used }, () => new WatchHeap())
  }

  /** Prices of the step, as marks, and the factors that they are multiplied by. */
  setPrices(prices: Float64Array, collateralFactors: Float64Array, liabilityFactors: Float64Array): void {
    for (let a = 1; a < this.#used; a++) {
      this.#prices[a] = prices[a]!
      this.#long[a] = prices[a]! * collateralFactors[a]!
      this.#short[a] = prices[a]! * liabilityFactors[a]!
    }
  }

  setBalances(i: number, balances: readonly bigint[]): void {
    for (let a = 0; a < ASSETS; a++) this.balances[i * ASSETS + a] = Number(balances[a]!)
  }

  /** Values an account at the present prices, and where `watch` is set and it is healthy, sets its watches anew. */
  look(i: number, watch: boolean): number {
    const base = i * ASSETS
    const { balances } = this
    let health = balances[base]! * SCALE
    let risky = 0
    let units = 0
    const cash = Math.abs(health)
    for (let a = 1; a < this.#used; a++) {
      const balance = balances[base + a]!
      if (balance > 0) {
        const value = balance * this.#long[a]!
        health += value
        risky += value
        units += balance
      } else if (balance < 0) {
        const value = balance * this.#short[a]!
        health += value
        risky -= value
        units -= balance
      }
    }
    const doubt = units + ERROR * (cash + risky)
    if (health < -doubt) return BREACHED
    if (health <= doubt) {
      if (watch) this.heat(i)
      return UNSURE
    }
    if (watch) this.#watch(i, risky === 0 ? Infinity : (health - doubt) / risky)
    return HEALTHY
  }

  /** Puts an account among those that are looked at in every step. */
  heat(i: number): void {
    if (this.#place[i]! >= 0) return
    this.#versions[i]!++
    this.#place[i] = this.hotCount
    this.hot[this.hotCount++] = i
  }

  #cool(i: number): void {
    const place = this.#place[i]!
    const last = this.hot[--this.hotCount]!
    this.hot[place] = last
    this.#place[last] = place
    this.#place[i] = -1
  }

  #watch(i: number, reach: number): void {
    const isHot = this.#place[i]! >= 0
    if (reach < (isHot ? 2 * this.#near : this.#near)) {
      this.heat(i)
      return
    }
    if (isHot) this.#cool(i)
    const version = ++this.#versions[i]!
    const base = i * ASSETS
    for (let a = 1; a < this.#used; a++) {
      const balance = this.balances[base + a]!
      if (balance > 0) {
        if (reach < 1) this.#lower[a]!.push(this.#prices[a]! * (1 - reach), i, version)
      } else if (balance < 0) this.#upper[a]!.push(-this.#prices[a]! * (1 + reach), i, version)
    }
  }

  /**
   * Collects into `found` the accounts that need a look, each once: those whose watch the present prices have passed, which are not
   * watched any more then, and the hot ones.
   */
  due(found: Int32Array): number {
    let count = 0
    for (let a = 1; a < this.#used; a++) {
      count = this.#passed(2 * a, this.#lower[a]!, this.#prices[a]!, found, count)
      count = this.#passed(2 * a + 1, this.#upper[a]!, -this.#prices[a]!, found, count)
    }
    for (let h = 0; h < this.hotCount; h++) found[count++] = this.hot[h]!
    return count
  }

  #passed(side: number, heap: WatchHeap, key: number, found: Int32Array, count: number): number {
    const versions = this.#versions
    const initial = this.#start?.watches[side]
    if (initial !== undefined) {
      const { keys, ids } = initial
      let at = this.#pointers[side]!
      while (at < keys.length && keys[at]! > key) {
        const i = ids[at++]!
        if (versions[i] !== 0) continue
        versions[i] = 1
        found[count++] = i
      }
      this.#pointers[side] = at
    }
    while (heap.top > key) {
      const { id, version } = heap
      heap.pop()
      if (versions[id] !== version) continue
      versions[id]!++
      found[count++] = id
    }
    return count
  }

  /** Looks at every account and keeps their watches as the point that `restart` goes back to. */
  keepStart(): void {
    this.clear()
    for (let i = 0; i < this.#count; i++) if (this.look(i, true) === BREACHED) this.heat(i)
    const watches: Watches[] = []
    for (let a = 1; a < this.#used; a++) {
      for (const side of [0, 1]) {
        const heap = (side === 0 ? this.#lower : this.#upper)[a]!
        const keys = new Float64Array(heap.size)
        const ids = new Int32Array(heap.size)
        for (let at = 0; heap.size > 0; at++) {
          keys[at] = heap.top
          ids[at] = heap.id
          heap.pop()
        }
        watches[2 * a + side] = { keys, ids }
      }
    }
    this.#start = { balances: this.balances.slice(), watches, hot: this.hot.slice(0, this.hotCount) }
    this.restart([])
  }

  /** Back to the start, where only the accounts `changed` have other balances. */
  restart(changed: readonly number[]): void {
    const start = this.#start!
    this.clear()
    for (const i of changed) {
      for (let a = 0; a < ASSETS; a++) this.balances[i * ASSETS + a] = start.balances[i * ASSETS + a]!
    }
    for (const i of start.hot) {
      this.#versions[i] = 1
      this.#place[i] = this.hotCount
      this.hot[this.hotCount++] = i
    }
  }

  /** Forgets all watches. */
  clear(): void {
    this.#versions.fill(0)
    this.#pointers.fill(0)
    for (const heap of this.#lower) heap.clear()
    for (const heap of this.#upper) heap.clear()
    for (let h = 0; h < this.hotCount; h++) this.#place[this.hot[h]!] = -1
    this.hotCount = 0
  }

  /** Forgets the starting point as well: all accounts are placed by `look` from here on. */
  forget(): void {
    this.#start = undefined
    this.clear()
  }
}

interface Watches {
  /** Descending. */
  readonly keys: Float64Array
  readonly ids: Int32Array
}

interface StartingPoint {
  readonly balances: Float64Array
  readonly watches: readonly Watches[]
  readonly hot: Int32Array
}
