import { statfs } from 'node:fs/promises'
import { formatEther } from 'viem'
import type { SequencerNode } from '../node/node.ts'

/** Figures of a node that an operator watches: public aggregates and the operator's own, ages in seconds. */
export interface Vitals {
  readonly lastLook: { readonly at: string; readonly age: number; readonly seconds: number } | null
  readonly roundAge: number | null
  readonly feeds: readonly { readonly asset: string; readonly up: boolean; readonly age: number | null }[]
  readonly checkpoint: { readonly age: number; readonly grace: number }
  readonly operator: {
    readonly address: string
    readonly ether: string
    /** Settlements that the ether lasts for, at the gas of the latest and the fee of now. */
    readonly settlementsLeft: number
  }
  readonly operations: {
    readonly accepted: number
    readonly waiting: number
    readonly settled: number
    /** Failures since the start, by code. */
    readonly failed: Readonly<Record<string, number>>
  }
  readonly deposits: number
  readonly forcedRequests: number
  /** Bytes that are free where the state is kept. */
  readonly diskFree: number | null
}

/** Figures of a node as of its last look. */
export async function vitalsOf(node: SequencerNode): Promise<Vitals> {
  const { snapshot, health, pool, deployment } = node
  const now = pool.now()
  const { lastLook } = health
  const { bavail, bsize } = await statfs(node.directory).catch(() => ({ bavail: undefined, bsize: 0 }))
  const waiting = pool.waiting().length
  return {
    lastLook:
      lastLook === undefined
        ? null
        : {
            at: new Date(lastLook.endedAt).toISOString(),
            age: Math.round((Date.now() - lastLook.endedAt) / 100) / 10,
            seconds: lastLook.seconds,
          },
    roundAge: snapshot.round.number === 0 ? null : now - Number(snapshot.round.timestamp),
    feeds: snapshot.feeds.map(({ answer, updatedAt }, i) => ({
      asset: deployment.assets[i + 1]?.symbol ?? `#${i + 1}`,
      up: answer !== undefined,
      age: answer === undefined ? null : now - Number(updatedAt),
    })),
    checkpoint: { age: now - snapshot.checkpointedAt, grace: node.grace },
    operator: {
      address: node.operator,
      ether: formatEther(snapshot.balance),
      settlementsLeft: Number(snapshot.balance / (node.settlementGas * snapshot.gasPrice + 1n)),
    },
    operations: {
      accepted: pool.openCount() - waiting,
      waiting,
      settled: pool.counts.settled,
      failed: Object.fromEntries(pool.counts.failed),
    },
    deposits: snapshot.deposits.length,
    forcedRequests: snapshot.forced.length,
    diskFree: bavail === undefined ? null : bavail * bsize,
  }
}
