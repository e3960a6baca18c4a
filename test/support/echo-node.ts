import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../../protocol/errors.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { SequencerNode } from '../../sequencer/node/node.ts'
import { echo, echoKeys, verifyEcho } from './echo-system.ts'

// A node without proofs in a process of its own, to be killed: `node echo-node.ts RPC DATA [MILLISECONDS]`. It prints its port and
// takes operations; it settles them where it is told how long a proof takes.
const [rpc, data, slowness] = process.argv.slice(2) as [string, string, string?]
const proofs = {
  prove: async (...args: Parameters<typeof echo>) => {
    await sleep(Number(slowness))
    return echo(...args)
  },
  verify: verifyEcho,
}
const node = await SequencerNode.open(data, await connectSigner(rpc), async () => echoKeys('tiny'), {
  proofs,
  decoys: false,
})
const { port } = await serve(node, new NodeMetrics(), 0)
process.stdout.write(`${port}\n`)
while (slowness !== undefined) {
  await node.step().catch((error: unknown) => {
    if (!(error instanceof PlimsollError)) throw error
  })
  await sleep(20)
}
