import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../../protocol/errors.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { SequencerNode } from '../../sequencer/node/node.ts'
import { echo, echoKeys } from './echo-system.ts'

// A node without proofs in a process of its own, to be killed: `node echo-node.ts RPC DATA [work]`. It prints its port and takes
// operations; it settles them where it is told to work.
const [rpc, data, work] = process.argv.slice(2) as [string, string, string?]
const node = await SequencerNode.open(data, await connectSigner(rpc), async () => echoKeys('tiny'), {
  proofs: { prove: echo },
})
const { port } = await serve(node, new NodeMetrics(), 0)
process.stdout.write(`${port}\n`)
while (work !== undefined) {
  await node.step().catch((error: unknown) => {
    if (!(error instanceof PlimsollError)) throw error
  })
  await sleep(20)
}
