import { connectSigner } from '../../sequencer/rpc.ts'
import { NodeMetrics } from '../../sequencer/metrics.ts'
import { SequencerNode } from '../../sequencer/node.ts'
import { serve } from '../../sequencer/server.ts'
import { echo, echoKeys } from './echo-system.ts'

// A node without proofs in a process of its own, to be killed: `node echo-node.ts RPC DATA`. It prints its port and takes
// operations, but settles nothing.
const [rpc, data] = process.argv.slice(2) as [string, string]
const node = await SequencerNode.open(data, await connectSigner(rpc), async () => echoKeys('tiny'), { prove: echo })
const { port } = await serve(node, new NodeMetrics(), 0)
process.stdout.write(`${port}\n`)
