import assert from 'node:assert/strict'
import { PlimsollError } from '../../protocol/errors.ts'
import { MemoryState } from '../../protocol/memory-state.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { StateView } from '../../protocol/state-view.ts'
import { AccountTree } from '../../protocol/tree.ts'
import { Random } from './random.ts'

/** The root over all 4^depth leaves, empty ones included. */
function naiveRoot(depth: number, leaves: readonly bigint[]): bigint {
  let level = Array.from({ length: 4 ** depth }, (_, i) => leaves[i] ?? 0n)
  while (level.length > 1)
    level = Array.from({ length: level.length / 4 }, (_, i) => poseidon(level.slice(4 * i, 4 * i + 4)))
  return level[0]!
}

describe('the account tree', () => {
  it('has the root of all its leaves', () => {
    for (const depth of [1, 2, 3]) {
      for (const count of [0, 1, 4, 5, 4 ** depth].filter((count) => count <= 4 ** depth)) {
        const leaves = Array.from({ length: count }, (_, i) => BigInt(i + 1))
        assert.equal(new AccountTree(depth, leaves).root, naiveRoot(depth, leaves), `${count} leaves at depth ${depth}`)
      }
    }
  })

  it('keeps it through writes in any order, and paths that lead to it', () => {
    const random = new Random(6)
    const tree = new AccountTree(3, [1n, 2n])
    const leaves = [1n, 2n]
    for (let i = 0; i < 20; i++) {
      const index = random.integer(0, 63)
      const leaf = random.bits(250)
      tree.set(index, leaf)
      leaves[index] = leaf
      assert.equal(tree.root, naiveRoot(3, leaves))
      assert.equal(tree.leaf(index), leaf)

      const other = random.integer(0, 63)
      let node = leaves[other] ?? 0n
      tree.path(other).forEach((children, level) => {
        assert.equal(children[Math.floor(other / 4 ** level) % 4], node)
        node = poseidon([...children])
      })
      assert.equal(node, tree.root)
    }
  })

  it('lies wherever its nodes do, and is copied whole with them', () => {
    const view = new StateView(new MemoryState(2, [], [], [], undefined, [1n, 2n, 3n]))
    const { tree } = view
    const copy = view.clone().tree
    tree.set(1, 9n)
    assert.equal(copy.root, naiveRoot(2, [1n, 2n, 3n]))
    copy.set(8, 7n)
    assert.equal(tree.root, naiveRoot(2, [1n, 9n, 3n]))
  })

  it('refuses more accounts than it holds, and an index outside it', () => {
    assert.throws(
      () => new AccountTree(1, Array<bigint>(5).fill(1n)),
      (error) => error instanceof PlimsollError && /5 accounts do not fit a tree of depth 1/.test(error.message),
    )
    const tree = new AccountTree(1)
    for (const index of [-1, 4, 0.5])
      assert.throws(
        () => tree.set(index, 1n),
        (error) => error instanceof PlimsollError && /outside the account tree/.test(error.message),
      )
  })

  it('hashes as circomlib does', () => {
    // Of circomlib's own tests.
    assert.equal(poseidon([1n, 2n]), 7853200120776062878684798364095072458815029376092732009249414926327459813530n)
    assert.equal(
      poseidon([1n, 2n, 3n, 4n]),
      18821383157269793795438455681495246036402687001665670618754263018637548127333n,
    )
  })
})
