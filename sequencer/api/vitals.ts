import { statfs } from 'node:fs/promises'
import { formatEther } from 'viem'
import type { AssetRisk, SourceSaid } from '../../chain/oracles.ts'
import type { Fault } from '../../protocol/oracle.ts'
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
  /** Accounts that a former key of the sequencer can still read. */
  readonly accountsToRekey: number
  /** Bytes that are free where the state is kept. */
  readonly diskFree: number | null
}

/** An asset's risk as numbers: factors and the six-hour drop as shares of one. */
export interface AssetVitals extends RiskFigures {
  readonly asset: string
  readonly sources: readonly { readonly source: string; readonly fault: Fault; readonly age: number | null }[]
}

export interface RiskFigures {
  readonly initialCollateralFactor: number
  readonly initialLiabilityFactor: number
  /** Null where the rule is off. */
  readonly quantile: number | null
  /** Unix seconds of the first round at which it was held; null: it is not. */
  readonly heldSince: number | null
  /** Points by which the marks of a held asset are widened. */
  readonly widened: number
}

export function riskOf(risk: AssetRisk): RiskFigures {
  return {
    initialCollateralFactor: risk.initialCollateralFactor / 10_000,
    initialLiabilityFactor: risk.initialLiabilityFactor / 10_000,
    quantile: risk.quantile === null ? null : Number(risk.quantile) / 2 ** 48,
    heldSince: risk.heldSince === 0 ? null : risk.heldSince,
    widened: risk.widened,
  }
}

/** Answers of an asset's sources as of the node's last look. */
export function sourcesOf({ snapshot }: SequencerNode, asset: number): readonly SourceSaid[] {
  return snapshot.oracles.sources.filter((said) => said.asset === asset)
}

function symbolOf({ deployment }: SequencerNode, asset: number): string {
  return deployment.assets[asset]?.symbol ?? `#${asset}`
}

/** Traded assets at the latest round, and what their sources say now. */
export function assetVitalsOf(node: SequencerNode): readonly AssetVitals[] {
  const now = node.pool.now()
  return node.snapshot.risks.map((risk, i) => ({
    asset: symbolOf(node, i + 1),
    ...riskOf(risk),
    sources: sourcesOf(node, i + 1).map(({ source, fault, time }) => ({
      source,
      fault,
      age: time === 0n ? null : now - Number(time),
    })),
  }))
}

/** Figures of a node as of its last look. */
export async function vitalsOf(node: SequencerNode): Promise<Vitals> {
  const { snapshot, health, pool } = node
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
    feeds: snapshot.risks.map((_, i) => {
      const own = sourcesOf(node, i + 1)
      const counted = own.filter(({ fault }) => fault === 'none')
      const youngest = counted.reduce((most, { time }) => (time > most ? time : most), 0n)
      return {
        asset: symbolOf(node, i + 1),
        up: counted.length > 0 && counted.length === own.filter(({ fault }) => fault !== 'disabled').length,
        age: counted.length === 0 ? null : now - Number(youngest),
      }
    }),
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
    accountsToRekey: node.accountsToRekey,
    diskFree: bavail === undefined ? null : bavail * bsize,
  }
}
