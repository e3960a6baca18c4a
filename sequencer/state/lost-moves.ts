import { pushHead } from '../../protocol/stack.ts'
import { headOf, type Stack } from '../../protocol/stacks.ts'
import type { Move } from '../../protocol/sweep-input.ts'

/** Hashes after which the search is given up: some seconds. */
const MOST_HASHES = 20_000

/**
 * The moves of a sweep whose memo cannot be read, worked out from the heads that it leads to. Only slots whose head changed are
 * taken to have a part in it, each either as one that leaves left or as one that they came to, and only so many ways are tried.
 * What is found is right: the heads prove it.
 * @param stacks before the sweep, by slot
 * @returns undefined where there is no such way, or it is not among those tried
 */
export function findMoves(
  stacks: readonly Stack[],
  window: readonly number[],
  active: number,
  headsAfter: readonly bigint[],
  mostHashes = MOST_HASHES,
): Move[] | undefined {
  const changed = window.flatMap((slot, i) =>
    headOf(stacks[slot]!) === headsAfter[i] ? [] : [{ slot, head: headsAfter[i]!, stack: stacks[slot]! }],
  )
  const sources = changed.flatMap(({ slot, head, stack }) => {
    // How many leaves lie above that head.
    const depth = stack.findLastIndex(({ below }) => below === head)
    const leaves = stack.length - depth
    return depth < 0 ? [] : [{ slot, stack, leaves, left: leaves }]
  })
  const targets = changed
    .filter(({ slot }) => !sources.some((source) => source.slot === slot))
    .map(({ slot, head, stack }) => ({ slot, goal: head, head: headOf(stack) }))
  if (sources.reduce((sum, { left }) => sum + left, 0) !== active) return undefined
  const moves: Move[] = []
  let hashes = 0

  function search(): boolean {
    if (moves.length === active) return targets.every(({ head, goal }) => head === goal)
    for (const source of sources) {
      if (source.left === 0) continue
      const { leaf } = source.stack.at(source.left - source.leaves - 1)!
      for (const target of targets) {
        // Nothing comes to a slot that is as it is to be.
        if (target.head === target.goal || ++hashes > mostHashes) continue
        const before = target.head
        target.head = pushHead(before, leaf)
        source.left--
        moves.push({ from: source.slot, to: target.slot })
        if (search()) return true
        moves.pop()
        source.left++
        target.head = before
      }
    }
    return false
  }
  return search() ? moves : undefined
}
