import { min } from '../../protocol/integer.ts'

const FIRST = 10_000n
const LONGEST = 1_000_000n
/** Good answers after which what was refused once is tried again: limits by the number of results depend on the blocks. */
const COURAGE = 16

/** Number of blocks of logs that an endpoint serves at a time, as learned from what it refuses. */
export class LogRange {
  #size = FIRST
  /** The least that it refused. */
  #refused: bigint | undefined
  #streak = 0

  /** Blocks to ask for next. */
  get size(): bigint {
    return this.#size
  }

  /** It served as many blocks. */
  served(blocks: bigint): void {
    if (this.#refused !== undefined && ++this.#streak >= COURAGE) this.#refused = undefined
    if (blocks < this.#size) return
    const larger = 2n * this.#size
    const most = this.#refused === undefined ? LONGEST : this.#refused - 1n
    this.#size = larger < most ? larger : most > this.#size ? most : this.#size
  }

  /** It refused as many blocks, perhaps saying how many it would serve. */
  refused(blocks: bigint, words: string): void {
    this.#streak = 0
    this.#refused = blocks
    const said = limitIn(words)
    const half = blocks / 2n
    this.#size = said !== undefined && said < blocks ? said : half > 0n ? half : 1n
  }
}

/** The number of blocks that a refusal speaks of, in any of the usual ways; undefined where it names none. */
function limitIn(words: string): bigint | undefined {
  const range = /\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]/i.exec(words)
  if (range !== null) {
    const blocks = BigInt(range[2]!) - BigInt(range[1]!) + 1n
    return blocks > 0n ? blocks : undefined
  }
  if (!/block/i.test(words) || /results|logs returned/i.test(words)) return undefined
  const numbers = [...words.matchAll(/(?<![0-9a-fx,.])\d[\d,]*(?:\s?k\b)?/gi)]
    .map(([text]) => {
      const digits = BigInt(text.replace(/[^\d]/g, ''))
      return /k$/i.test(text) ? 1000n * digits : digits
    })
    .filter((number) => number > 0n)
  // The least of them is the limit, where the range that was asked for is named beside it.
  return numbers.length === 0 ? undefined : numbers.reduce(min)
}
