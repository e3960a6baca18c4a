import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { decodeState, encodeState, requireFormat, type StoredState } from './state-json.ts'

const NAME = 'rebuild.json'
/** Milliseconds between two writings, and how many times as long as one takes, whichever is more. */
const [PAUSE, SHARE] = [5_000, 20]
const BLOCKS = 5_000n

/** Point that a rebuild had come to: all events up to a block are in the state. */
export interface RebuildPoint {
  readonly block: bigint
  /** Hash of the block: where the chain has another one there, nothing of this holds. */
  readonly hash: Hex
  readonly state: StoredState
}

/** Keeps how far a rebuild has come in the directory that it is for, so that one that was interrupted need not begin anew. */
export class RebuildProgress {
  /** Blocks that a rebuild should ask for at a time: what it has read of less than a piece is not kept. */
  readonly blocks: bigint
  readonly #path: string
  readonly #pause: number
  #due: number

  /** @param pause milliseconds between two writings at the least */
  constructor(directory: string, pause = PAUSE, blocks = BLOCKS) {
    this.blocks = blocks
    this.#path = join(directory, NAME)
    this.#pause = pause
    this.#due = performance.now() + pause
  }

  /** Whether it is time to write again. */
  get isDue(): boolean {
    return performance.now() >= this.#due
  }

  /** The point that was written last; undefined where there is none of this deployment that makes sense. */
  async read(deployment: { readonly chainId: number; readonly settlement: string }): Promise<RebuildPoint | undefined> {
    try {
      const point = decodeState(await readFile(this.#path, 'utf8')) as RebuildPoint
      requireFormat(point.state)
      const { chainId, settlement } = point.state
      return chainId === deployment.chainId && settlement === deployment.settlement ? point : undefined
    } catch {
      return undefined
    }
  }

  /** Whatever keeps it from being written keeps nobody from going on. */
  async write(point: RebuildPoint): Promise<void> {
    const started = performance.now()
    const temporary = `${this.#path}.tmp`
    await writeFile(temporary, encodeState(point), { mode: 0o600, flush: true })
      .then(() => rename(temporary, this.#path))
      .catch(() => {})
    const now = performance.now()
    this.#due = now + Math.max(this.#pause, SHARE * (now - started))
  }

  async remove(): Promise<void> {
    for (const path of [this.#path, `${this.#path}.tmp`]) await rm(path, { force: true })
  }
}

/** Whether a name in a directory is that of a rebuild's progress. */
export function isProgressName(name: string): boolean {
  return name === NAME || name === `${NAME}.tmp`
}
