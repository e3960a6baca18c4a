import type { RawLog } from './answers.ts'
import { CallFailure } from './rpc-call.ts'

/**
 * Logs in the chain's order, each once, however an endpoint lists them.
 * @throws CallFailure when they contradict each other: then they are not all of one chain
 */
export function orderedLogs(logs: readonly RawLog[]): RawLog[] {
  const keyed = logs.map((log) => ({ log, block: BigInt(log.blockNumber), index: BigInt(log.logIndex) }))
  keyed.sort((a, b) => (a.block === b.block ? compare(a.index, b.index) : compare(a.block, b.block)))
  const list: RawLog[] = []
  let transaction = -1n
  for (const { log, block, index } of keyed) {
    const before = list.at(-1)
    if (before !== undefined && BigInt(before.blockNumber) === block) {
      if (before.blockHash !== log.blockHash)
        throw new CallFailure('malformed', `it answered with logs of two blocks that are both number ${block}`)
      if (BigInt(before.logIndex) === index) {
        if (!same(before, log))
          throw new CallFailure('malformed', `it answered with two logs ${index} of block ${block}`)
        continue
      }
      if (BigInt(log.transactionIndex) < transaction)
        throw new CallFailure('malformed', `it answered with logs of block ${block} that are in no order`)
    }
    transaction = BigInt(log.transactionIndex)
    list.push(log)
  }
  return list
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function same(a: RawLog, b: RawLog): boolean {
  const key = ({ address, topics, data, transactionHash }: RawLog) => [address, ...topics, data, transactionHash].join()
  return key(a).toLowerCase() === key(b).toLowerCase()
}
