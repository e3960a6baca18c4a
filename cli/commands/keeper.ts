import { type Command, Option } from 'commander'
import type { Address } from 'viem'
import { address } from '../address.ts'
import { onChain } from '../on-chain.ts'
import { rpcOption } from '../rpc-option.ts'
import { wholeNumber } from '../whole-number.ts'

function addPool(text: string, others: readonly Address[] = []): readonly Address[] {
  return [...others, address(text)]
}

export function register(program: Command): void {
  program
    .command('keeper')
    .summary('take lots of the liquidation market that pay after gas')
    .description(
      'Watches the lots, compares their prices with the round or with pools, and takes what pays after gas, for cash of its own or through a ' +
        'PoolTaker for its tip. PLIMSOLL_KEEPER_KEY holds the private key that signs; on a local chain --from names an unlocked account instead. ' +
        'What it took it keeps: selling it on is up to its owner.',
    )
    .addOption(rpcOption())
    .requiredOption('--settlement <address>', 'settlement contract on that chain', address)
    .option('--from <address>', 'unlocked account of a local chain, in place of PLIMSOLL_KEEPER_KEY', address)
    .addOption(
      new Option(
        '--pool <address>',
        'Uniswap v3 pool of an asset and cash that says what the asset is worth, or a PoolTaker, which is called too; more than one may be given',
      ).argParser(addPool),
    )
    .option(
      '--max-inventory <decimal>',
      'most cash that its inventory may be worth; what is taken through a PoolTaker is none (default: its cash)',
    )
    .option('--min-profit <decimal>', 'least cash that a fill has to bring after gas', '0')
    .option('--native-price <decimal>', 'cash for a coin that gas is paid in (default: the mark of ETH or WETH)')
    .option('--interval <seconds>', 'time between two looks', wholeNumber(1, 3_600), 2)
    .option('--once', 'look once, and take at most one fill an asset')
    .option('--dry-run', 'say what it would take, and send nothing')
    .option('--json', 'print JSON, one object a line')
    .addHelpText(
      'after',
      '\nExample:\n  plimsoll keeper --rpc http://127.0.0.1:8545 --settlement 0x... --max-inventory 50000 --dry-run',
    )
    .action(onChain(() => import('../run-keeper.ts')))
}
