import type { Command } from 'commander'
import type { Address } from 'viem'
import { address } from '../address.ts'
import { onChain } from '../on-chain.ts'
import { rpcOption } from '../rpc-option.ts'

export function register(program: Command): void {
  program
    .command('auctions')
    .summary('list what the backstop sells and buys back, at which price, and who took what')
    .description(
      'Lists the lots of the liquidation market with their prices of the latest block, all fills so far, and the share of the penalty that they kept in the system. From the chain alone.',
    )
    .addOption(rpcOption())
    .requiredOption('--settlement <address>', 'settlement contract on that chain', address)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll auctions --rpc http://127.0.0.1:8545 --settlement 0x...')
    .action(onChain<{ rpc: readonly string[]; settlement: Address; json?: true }>(() => import('../run-auctions.ts')))
}
