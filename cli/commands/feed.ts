import type { Command } from 'commander'
import type { Address } from 'viem'
import { address } from '../address.ts'
import { onChain } from '../on-chain.ts'
import { rpcOption } from '../rpc-option.ts'

export function register(program: Command): void {
  const feed = program
    .command('feed')
    .summary('show the price feeds of a market, or move a mock feed of a local chain')
    .description(
      'Feeds as the contracts read them. `set` gives a mock feed of a local chain another answer: the node posts a round at it, and who is breached there is liquidated.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  plimsoll feed set ETH 120 --rpc http://127.0.0.1:8545 --node http://127.0.0.1:9464',
    )
  const command = (name: string, summary: string, example: string): Command =>
    feed
      .command(name)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .addOption(rpcOption())
      .option('--settlement <address>', 'settlement contract on that chain', address)
      .option('--node <url>', 'the API of a node, in place of --settlement: it knows the names of synthetics too')
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  plimsoll feed ${name} ${example}`)
  command(
    'list',
    'list the feeds with their answers and ages',
    '--rpc http://127.0.0.1:8545 --settlement 0x...',
  ).action(
    onChain(async () => {
      const { list } = await import('../run-feed.ts')
      return { run: list }
    }),
  )
  const set = command(
    'set',
    'set the answer of a mock feed of a local chain',
    'ETH 120 --rpc http://127.0.0.1:8545 --node http://127.0.0.1:9464',
  )
    .argument('<symbol>', 'the asset')
    .argument('<price>', 'its price in cash')
    .option('--from <address>', 'unlocked account of the chain that sends', address)
  set.action((symbol: string, price: string) =>
    onChain<FeedOptions>(async () => {
      const { set } = await import('../run-feed.ts')
      return { run: (options) => set(symbol, price, options) }
    })(set.opts<FeedOptions>()),
  )
}

interface FeedOptions {
  readonly rpc: readonly string[]
  readonly settlement?: Address
  readonly node?: string
  readonly from?: Address
  readonly json?: true
}
