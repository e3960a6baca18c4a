import { type Command, InvalidArgumentError } from 'commander'
import { keysOption } from '../keys-option.ts'
import { printText } from '../output.ts'
import { proverOption } from '../prover-option.ts'

interface Options {
  readonly rpc: string
  readonly data: string
  readonly keys?: string
  readonly port: number
  readonly interval: number
  readonly prover: string
  readonly json?: true
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^[0-9]+$/.test(text) || value < least || value > most) throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
    return value
  }
}

export function register(program: Command): void {
  program
    .command('node')
    .summary('run the sequencer against a chain')
    .description('Watches the feeds, posts rounds, sweeps, resolves and settles, until it is interrupted. Serves /health, /state and /metrics on 127.0.0.1.')
    .requiredOption('--rpc <url>', 'JSON-RPC endpoint of the chain')
    .requiredOption('--data <dir>', 'private state written by plimsoll deploy')
    .addOption(keysOption())
    .option('--port <port>', 'port to serve on, 0 for any free one', wholeNumber(0, 65_535), 9_464)
    .option('--interval <seconds>', 'seconds between two looks at the chain', wholeNumber(1, 3_600), 2)
    .addOption(proverOption())
    .option('--json', 'print a line of JSON a round')
    .addHelpText('after', '\nExample:\n  plimsoll node --rpc http://127.0.0.1:8545 --data state')
    .action(async (options: Options) => {
      const { useProver } = await import('../../prover/prove.ts')
      await useProver(options.prover)
      const { connectSigner } = await import('../../sequencer/rpc.ts')
      const { SequencerNode } = await import('../../sequencer/node.ts')
      const { NodeMetrics, serve } = await import('../../sequencer/server.ts')
      const { loadKeys } = await import('../load-keys.ts')
      const { runNode } = await import('../run-node.ts')
      const node = await SequencerNode.open(options.data, await connectSigner(options.rpc), (profile) => loadKeys(profile, options.keys))
      const metrics = new NodeMetrics()
      const { server, port } = await serve(node, metrics, options.port)
      const address = `http://127.0.0.1:${port}`
      if (options.json) printText(JSON.stringify({ listening: address, settlement: node.settlement.address }))
      else printText(`Serving ${address} for the settlement ${node.settlement.address}.`)
      await runNode(node, metrics, 1_000 * options.interval, options.json === true)
      server.close()
    })
}
