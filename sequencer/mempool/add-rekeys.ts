import type { System } from '../../protocol/system.ts'
import type { OperationPool } from './operation-pool.ts'

/**
 * Those of the accounts under a former key of the sequencer whose owners have signed for what a rekey makes of them: the node said
 * that it was under way, and it did not come to its end. It comes first then.
 */
export function promisedRekeys(former: readonly number[], { accounts }: System, pool: OperationPool): number[] {
  if (former.length === 0) return []
  const first = new Map<number, bigint>()
  for (const { operation } of pool.open()) {
    const { index, version } = operation
    if (version < (first.get(index) ?? version + 1n)) first.set(index, version)
  }
  return former.filter((index) => first.get(index) === accounts.at(index)!.version + 1n)
}

/**
 * Those whose owners have nothing under way, whom a new version therefore takes nothing away from: none of `touched`, which batches
 * write already, and none with anything in the pool, halves of trades that wait included.
 */
export function idleRekeys(former: readonly number[], touched: ReadonlySet<number>, pool: OperationPool): number[] {
  if (former.length === 0) return []
  const busy = pool.busy()
  return former.filter((index) => !touched.has(index) && !busy.has(index))
}
