import { PlimsollError } from './errors.ts'
import { type BatchHash, poseidon, poseidonBatch } from './poseidon.ts'

const ARITY = 4

/** A membership path: all four children of each node on it, from the leaf's parent to the root. */
export type Path = readonly (readonly bigint[])[]

/** Root of the tree that has `leaf` at `index`, by the index's path. */
export function pathRoot(path: Path, index: number, leaf: bigint): bigint {
  return path.reduce(
    (node, children, level) => poseidon(children.with(Math.floor(index / ARITY ** level) % ARITY, node)),
    leaf,
  )
}

/** 4-ary Poseidon tree of account leaves; empty leaf 0; a leaf's index is its position. */
export class AccountTree {
  readonly depth: number
  /** `levels[0]` are the leaves. Only the used prefix of a level is stored; beyond it every node is `empty[level]`. */
  readonly #levels: bigint[][]
  readonly #empty: bigint[]

  /** `hashBatch` may be a faster one, for many leaves. */
  constructor(depth: number, leaves: readonly bigint[] = [], hashBatch: BatchHash = poseidonBatch) {
    this.depth = depth
    if (leaves.length > this.capacity) {
      throw new PlimsollError(
        `${leaves.length} accounts do not fit a tree of depth ${depth}, which holds ${this.capacity}.`,
        { hint: 'Use a larger profile.' },
      )
    }
    this.#empty = [0n]
    for (let level = 0; level < depth; level++)
      this.#empty.push(poseidon(Array<bigint>(ARITY).fill(this.#empty[level]!)))
    this.#levels = [[...leaves]]
    for (let level = 0; level < depth; level++) {
      const parents = Math.ceil(this.#levels[level]!.length / ARITY)
      this.#levels.push(hashBatch(Array.from({ length: parents }, (_, i) => this.#children(level, i))))
    }
  }

  clone(): AccountTree {
    const copy = new AccountTree(this.depth)
    this.#levels.forEach((nodes, level) => (copy.#levels[level] = [...nodes]))
    return copy
  }

  get capacity(): number {
    return ARITY ** this.depth
  }

  get root(): bigint {
    return this.#node(this.depth, 0)
  }

  leaf(index: number): bigint {
    return this.#node(0, index)
  }

  path(index: number): Path {
    return Array.from({ length: this.depth }, (_, level) =>
      this.#children(level, Math.floor(index / ARITY ** (level + 1))),
    )
  }

  /** @throws PlimsollError when the index is outside the tree */
  set(index: number, leaf: bigint): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.capacity)
      throw new PlimsollError(`Index ${index} is outside the account tree.`)
    this.#write(0, index, leaf)
    for (let level = 0, i = index; level < this.depth; level++) {
      i = Math.floor(i / ARITY)
      this.#write(level + 1, i, poseidon(this.#children(level, i)))
    }
  }

  #write(level: number, index: number, value: bigint): void {
    const nodes = this.#levels[level]!
    while (nodes.length < index) nodes.push(this.#empty[level]!)
    nodes[index] = value
  }

  #node(level: number, index: number): bigint {
    return this.#levels[level]![index] ?? this.#empty[level]!
  }

  #children(level: number, parent: number): bigint[] {
    return Array.from({ length: ARITY }, (_, i) => this.#node(level, parent * ARITY + i))
  }
}
