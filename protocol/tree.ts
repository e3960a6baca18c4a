import { PlimsollError } from './errors.ts'
import { type BatchHash, poseidon, poseidonBatch } from './poseidon.ts'

/** Children of a node of the account tree. */
export const ARITY = 4

/** A membership path: all four children of each node on it, from the leaf's parent to the root. */
export type Path = readonly (readonly bigint[])[]

/** Root of the tree that has `leaf` at `index`, by the index's path. */
export function pathRoot(path: Path, index: number, leaf: bigint): bigint {
  return path.reduce(
    (node, children, level) => poseidon(children.with(Math.floor(index / ARITY ** level) % ARITY, node)),
    leaf,
  )
}

/** Nodes of a tree, wherever they lie; level 0 are the leaves. */
export interface TreeNodes {
  /** Undefined where there is nothing but empty leaves below. */
  node(level: number, index: number): bigint | undefined
  setNode(level: number, index: number, value: bigint): void
}

/** 4-ary Poseidon tree of account leaves; empty leaf 0; a leaf's index is its position. */
export class AccountTree {
  readonly depth: number
  readonly #nodes: TreeNodes
  /** Nodes over empty leaves, by level. */
  readonly #empty: readonly bigint[]

  /** `hashBatch` may be a faster one, for many leaves. */
  constructor(depth: number, leaves: readonly bigint[] = [], hashBatch: BatchHash = poseidonBatch, nodes?: TreeNodes) {
    this.depth = depth
    if (leaves.length > this.capacity) {
      throw new PlimsollError(
        `${leaves.length} accounts do not fit a tree of depth ${depth}, which holds ${this.capacity}.`,
        { hint: 'Use a larger profile.' },
      )
    }
    this.#empty = emptyNodes(depth)
    if (nodes !== undefined) {
      this.#nodes = nodes
      return
    }
    const levels: bigint[][] = [[...leaves]]
    this.#nodes = new NodeLists(levels, this.#empty)
    for (let level = 0; level < depth; level++) {
      const parents = Math.ceil(levels[level]!.length / ARITY)
      levels.push(hashBatch(Array.from({ length: parents }, (_, i) => this.#children(level, i))))
    }
  }

  /** The tree of nodes that lie elsewhere. */
  static over(depth: number, nodes: TreeNodes): AccountTree {
    return new AccountTree(depth, [], undefined, nodes)
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

  /** Undefined where there is nothing but empty leaves below. */
  node(level: number, index: number): bigint | undefined {
    return this.#nodes.node(level, index)
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
    this.#nodes.setNode(0, index, leaf)
    for (let level = 0, i = index; level < this.depth; level++) {
      i = Math.floor(i / ARITY)
      this.#nodes.setNode(level + 1, i, poseidon(this.#children(level, i)))
    }
  }

  #node(level: number, index: number): bigint {
    return this.#nodes.node(level, index) ?? this.#empty[level]!
  }

  #children(level: number, parent: number): bigint[] {
    return Array.from({ length: ARITY }, (_, i) => this.#node(level, parent * ARITY + i))
  }
}

const EMPTY_NODES: bigint[] = [0n]

/** Nodes over empty leaves, by level up to the root. */
function emptyNodes(depth: number): readonly bigint[] {
  while (EMPTY_NODES.length <= depth) EMPTY_NODES.push(poseidon(Array<bigint>(ARITY).fill(EMPTY_NODES.at(-1)!)))
  return EMPTY_NODES
}

/** Nodes in lists, of which only the used beginning of a level is there. */
class NodeLists implements TreeNodes {
  readonly #levels: readonly bigint[][]
  readonly #empty: readonly bigint[]

  constructor(levels: readonly bigint[][], empty: readonly bigint[]) {
    this.#levels = levels
    this.#empty = empty
  }

  node(level: number, index: number): bigint | undefined {
    return this.#levels[level]![index]
  }

  setNode(level: number, index: number, value: bigint): void {
    const nodes = this.#levels[level]!
    while (nodes.length < index) nodes.push(this.#empty[level]!)
    nodes[index] = value
  }
}
