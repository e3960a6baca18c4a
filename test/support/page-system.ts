import { setTimeout as sleep } from 'node:timers/promises'
import { openPage } from '../../cli/page.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serveOperator } from '../../sequencer/api/operator.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { type EchoSystem, startEchoSystem } from './echo-system.ts'
import { tinyKeysWithVerifiers } from './live-chain.ts'
import { proofs } from './proofs.ts'

/** A chain, a node, and the page over both. */
export interface PageSystem {
  readonly system: EchoSystem
  readonly node: SequencerNode
  /** Address of the page and the node's API. */
  readonly url: string
  /** Link of the operator's page, with its token. */
  readonly operator: string
  /** Does something while the node does not look at the chain. */
  hold<T>(work: () => Promise<T>): Promise<T>
  /** Ends the node and its listeners; the chain goes on. */
  stopNode(): Promise<void>
  stop(): Promise<void>
}

interface PageSystemOptions {
  /** Report of the risk laboratory, a file. */
  readonly report?: string
  /** Whether proofs are made and checked: without, everything else is as in earnest, and quick. */
  readonly proving?: boolean
}

/** Starts all of it; the node looks at the chain every tenth of a second. */
export async function startPageSystem({ report, proving = false }: PageSystemOptions = {}): Promise<PageSystem> {
  const system = await startEchoSystem('tiny', {}, proving ? await tinyKeysWithVerifiers() : undefined)
  const node = await system.open({ patience: 100 })
  const metrics = new NodeMetrics()
  const { settlement, profile } = node.deployment
  const options = { served: 'node', settlement, profile, report } as const
  const { server, port } = await serve(node, metrics, 0, openPage(system.signer, { ...options, operator: false }))
  const own = await serveOperator(node, metrics, openPage(system.signer, { ...options, operator: true }), 0)
  let running = true
  let gate = Promise.resolve()
  let look: Promise<unknown> = gate
  const looking = (async () => {
    while (running) {
      for (let passed: unknown; passed !== gate; await gate) passed = gate
      look = node.step().then(
        (report) => report !== undefined && metrics.record(report),
        (error: unknown) => {
          if (!(error instanceof PlimsollError)) throw error
        },
      )
      await look
      await sleep(300)
    }
  })()
  const hold = async <T>(work: () => Promise<T>): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    try {
      await look
      return await work()
    } finally {
      resolve()
    }
  }
  let stopped = false
  const stopNode = async () => {
    if (stopped) return
    stopped = true
    running = false
    await looking
    for (const one of [server, own.server]) {
      one.close()
      one.closeAllConnections()
    }
    await node.close()
  }
  return {
    system,
    node,
    url: `http://127.0.0.1:${port}`,
    operator: `http://127.0.0.1:${own.port}/#/operator?token=${own.token}`,
    hold,
    stopNode,
    stop: async () => {
      await stopNode()
      await system.stop()
      await proofs.close()
    },
  }
}
