import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Address } from 'viem'
import { address } from '../address.ts'
import { keysOption } from '../keys-option.ts'
import { onChain } from '../on-chain.ts'
import { rpcOption } from '../rpc-option.ts'
import { wholeNumber } from '../whole-number.ts'

function addWeight(text: string, weights: Readonly<Record<string, number>> = {}): Record<string, number> {
  const match = /^(.+)=([0-9]+)$/.exec(text)
  const weight = Number(match?.[2])
  if (match === null || weight < 1 || weight > 15)
    throw new InvalidArgumentError('Write it as SYMBOL=WEIGHT, with a weight from 1 to 15.')
  if (Object.hasOwn(weights, match[1]!)) throw new InvalidArgumentError(`${match[1]} has a weight already.`)
  return { ...weights, [match[1]!]: weight }
}

const expiresIn = () =>
  new Option('--expires-in <seconds>', 'how long the signature is good')
    .argParser(wholeNumber(1, 31_536_000))
    .default(3_600)
const wait = ['--wait', 'wait until it is settled; exit code 1 if it fails, 3 if that is not known in the end'] as const
const again = ['--again', 'sign another although one of the same terms is open'] as const
const voidWaiting = ['--void-waiting', 'sign although that voids half a trade of the account that waits'] as const

function operationHash(text: string): `0x${string}` {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text))
    throw new InvalidArgumentError('It must be the id of an operation, 0x and 64 hexadecimal digits.')
  return text.toLowerCase() as `0x${string}`
}

/** The action of a command about one settlement, which `--settlement` names or a node is of. */
function atSettlement<O extends { settlement: Address; node?: string }>(
  load: () => Promise<{ run(options: O): Promise<void> }>,
) {
  return onChain<O>(async () => {
    const [{ run }, { namedSettlement }] = await Promise.all([load(), import('../wallet/session.ts')])
    return { run: async (options) => run({ ...options, settlement: await namedSettlement(options) }) }
  })
}

export function register(program: Command): void {
  const wallet = program
    .command('wallet')
    .summary('be the owner of an account')
    .description(
      "The owner's side: deposits, operations signed with the account's key, recovery from the chain alone and the exit without the sequencer. " +
        'PLIMSOLL_WALLET_KEY holds the Ethereum private key that everything comes from; on a local chain --from names an unlocked account instead.',
    )
    .addHelpText('after', '\nExample:\n  plimsoll wallet balance --node http://127.0.0.1:9464')

  /** A command of the wallet with the options that all of them take. */
  const command = (name: string, summary: string, example: string): Command =>
    wallet
      .command(name)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .option('--from <address>', 'unlocked account of a local chain, in place of PLIMSOLL_WALLET_KEY', address)
      .option(
        '--account <number>',
        'number of the key, for owners with several accounts',
        wholeNumber(0, 0xffff_ffff),
        0,
      )
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  plimsoll wallet ${name} ${example}`)
  /** Options of commands on one account. */
  const indexed = (to: Command) =>
    to.option(
      '--index <number>',
      "which of the key's accounts, where it has several (default: the first)",
      wholeNumber(0, 0xffff_ffff),
    )
  const node = (to: Command) =>
    to
      .requiredOption('--node <url>', 'the API of a node')
      .addOption(rpcOption({ mandatory: false }))
      .option('--settlement <address>', 'settlement that the node must be of', address)
  const chain = (to: Command) =>
    to
      .addOption(rpcOption())
      .option('--settlement <address>', 'settlement contract on that chain', address)
      .option('--node <url>', 'the API of a node whose settlement it is, in place of --settlement')

  chain(
    command(
      'address',
      'print the public key that deposits are made out to',
      '--rpc http://127.0.0.1:8545 --settlement 0x...',
    ),
  ).action(atSettlement(() => import('../wallet/address.ts')))

  command(
    'deposit',
    "deposit into one's account, which the first deposit opens, or into anyone's with --index",
    '--rpc http://127.0.0.1:8545 --node http://127.0.0.1:9464 --asset USD --amount 1000',
  )
    .addOption(rpcOption())
    .requiredOption('--node <url>', 'the API of a node')
    .requiredOption('--asset <symbol>', 'what to deposit')
    .requiredOption('--amount <decimal>', 'how much')
    .option('--settlement <address>', 'settlement that the node must be of', address)
    .option('--index <number>', 'the account, of whomever', wholeNumber(0, 0xffff_ffff))
    .option('--mint', 'make the tokens first: mock tokens of a local chain')
    .option('--even-under-water', 'open an account although the backstop is under water: withdrawals are cut then')
    .option(...wait)
    .action(onChain(() => import('../wallet/deposit.ts')))

  indexed(
    command(
      'withdraw',
      'withdraw to an address: claimable after the next checkpoint',
      '--node http://127.0.0.1:9464 --asset USD --amount 100 --to 0x...',
    ),
  )
    .option('--node <url>', 'the API of a node')
    .addOption(rpcOption({ mandatory: false }))
    .option('--settlement <address>', 'settlement contract on that chain', address)
    .option('--asset <symbol>', 'what to withdraw')
    .option('--amount <decimal>', 'how much')
    .option('--to <address>', 'the recipient', address)
    .addOption(expiresIn())
    .option(
      '--in-full',
      'wait for a checkpoint that pays all of it instead of being cut while the backstop is under water',
    )
    .option('--forced', 'ask the contract, which the sequencer must obey or stall: needs --rpc and --settlement')
    .option(
      '--claim <id>',
      'take a withdrawal that is claimable: needs --rpc, and --node or --settlement',
      wholeNumber(0, 0xffff_ffff),
    )
    .option(...again)
    .option(...voidWaiting)
    .option(...wait)
    .action(onChain(() => import('../wallet/withdraw.ts')))

  indexed(
    chain(
      command(
        'close',
        'have the contract close a position in a synthetic at the price of a liquidation, which the sequencer must obey or stall',
        '--rpc http://127.0.0.1:8545 --settlement 0x... --asset BTC',
      ),
    ),
  )
    .requiredOption('--asset <symbol>', 'the synthetic: its symbol by --node, or its number such as #3')
    .option('--amount <decimal>', 'how much of the position at the most (default: all of it)')
    .option('--limit <price>', 'cash for one at the worst, the penalty taken off or added (default: any price)')
    .action(atSettlement(() => import('../wallet/close.ts')))

  indexed(
    node(
      command(
        'trade',
        'sign half of a trade; whoever has the link signs the other half',
        '--node http://127.0.0.1:9464 --asset ETH --buy 2 --for 400',
      ),
    ),
  )
    .option('--asset <symbol>', 'what is traded for cash')
    .option('--buy <decimal>', 'how much of it to buy')
    .option('--sell <decimal>', 'how much of it to sell')
    .option('--for <cash>', 'the price of all of it')
    .option('--accept <link>', 'sign the other half of the trade that a link carries, as the first half printed it')
    .option(
      '--link <hex>',
      'link of the half that was signed before, with the terms typed; without it a new one is made',
    )
    .option('--backstop', 'trade with the backstop instead of another account')
    .addOption(expiresIn())
    .option(...again)
    .option(...voidWaiting)
    .option(...wait)
    .action(onChain(() => import('../wallet/trade.ts')))

  indexed(
    node(
      command(
        'transfer',
        "give units or cash to another account for nothing: to one's own, or by a link to somebody else's",
        '--node http://127.0.0.1:9464 --asset USD --amount 50 --to-account 1',
      ),
    ),
  )
    .requiredOption('--asset <symbol>', 'what is given')
    .requiredOption('--amount <decimal>', 'how much of it')
    .option('--to-account <number>', "number of the key of one's own account that gets it", wholeNumber(0, 0xffff_ffff))
    .option('--to-index <number>', "which of that key's accounts (default: the first)", wholeNumber(0, 0xffff_ffff))
    .addOption(expiresIn())
    .option(...again)
    .option(...voidWaiting)
    .option(...wait)
    .action(onChain(() => import('../wallet/transfer.ts')))

  indexed(
    node(
      command(
        'blend',
        "hide what an account holds: a random share goes to a second account of one's own and a random share comes back, at random times",
        '--node http://127.0.0.1:9464 --with-account 1 --within 3600',
      ),
    ),
  )
    .option(
      '--with-account <number>',
      'number of the key of the second account (default: the number after --account)',
      wholeNumber(0, 0xffff_ffff),
    )
    .option('--with-index <number>', "which of that key's accounts (default: the first)", wholeNumber(0, 0xffff_ffff))
    .option('--within <seconds>', 'time in which it happens', wholeNumber(0, 2_592_000), 3_600)
    .addOption(expiresIn())
    .option(...voidWaiting)
    .action(onChain(() => import('../wallet/blend.ts')))

  indexed(
    node(
      command(
        'preferences',
        'say what a liquidation is to trade first; only the sequencer sees it',
        '--node http://127.0.0.1:9464 --set ETH=15',
      ),
    ),
  )
    .requiredOption(
      '--set <symbol=weight>',
      'weight of an asset, from 1 to 15, 8 is neutral (repeat it for others)',
      addWeight,
    )
    .addOption(expiresIn())
    .option(...again)
    .option(...voidWaiting)
    .option(...wait)
    .action(onChain(() => import('../wallet/preferences.ts')))

  indexed(
    node(
      command(
        'operations',
        "list what one's account asked of the node, or cancel half a trade that waits",
        '--node http://127.0.0.1:9464',
      ),
    ),
  )
    .option('--cancel <id>', 'have the node forget half a trade that waits', operationHash)
    .action(onChain(() => import('../wallet/operations.ts')))

  wallet
    .command('status')
    .summary('say what became of an operation')
    .description(
      'Says what became of an operation, by its id alone. Exit code 1: it failed; 3: the node does not say, so that it may have been settled or not.',
    )
    .argument('<id>', 'id of the operation, as it was printed when it was signed', operationHash)
    .requiredOption('--node <url>', 'the API of a node')
    .option(...wait)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll wallet status 0x... --node http://127.0.0.1:9464')
    .action((id: `0x${string}`, options: object) =>
      onChain<{ id: `0x${string}`; node: string }>(() => import('../wallet/status.ts'))({
        ...(options as { node: string }),
        id,
      }),
    )

  indexed(node(command('balance', "show one's account, as opened with one's own key", '--node http://127.0.0.1:9464')))
    .option(
      '--what-if <changes>',
      'show it as it would be, such as "sell ETH 2", "buy ETH 2 for 400", "withdraw USD 50", "price ETH -10%"; several with commas between',
    )
    .action(onChain(() => import('../wallet/balance.ts')))

  indexed(
    chain(
      command(
        'history',
        "list what happened to one's account, from the chain alone",
        '--rpc http://127.0.0.1:8545 --settlement 0x...',
      ),
    ),
  ).action(atSettlement(() => import('../wallet/history.ts')))

  indexed(
    chain(
      command(
        'recover',
        "rebuild one's account from the chain alone",
        '--rpc http://127.0.0.1:8545 --settlement 0x...',
      ),
    ),
  )
    .option('--at-checkpoint', 'as of the last checkpoint, with the path that an exit proves')
    .option('--out <file>', 'write it to a new file instead')
    .action(atSettlement(() => import('../wallet/recover.ts')))

  chain(
    command(
      'refund',
      'take back deposits that bounced, that a freeze voided or that wait too long, bonds, and cash that checkpoints cut',
      '--rpc http://127.0.0.1:8545 --settlement 0x...',
    ),
  ).action(atSettlement(() => import('../wallet/refund.ts')))

  chain(
    command(
      'insure',
      'put cash behind the backstop against shares of it, take it out, or show what one has there',
      '--rpc http://127.0.0.1:8545 --settlement 0x... --deposit 1000',
    ),
  )
    .option('--deposit <decimal>', 'cash, which becomes shares at a checkpoint')
    .option('--redeem <shares>', 'shares to turn into cash at a checkpoint: a number, or all')
    .option('--cancel', 'take back cash that has not become shares')
    .option('--collect', 'take the cash of redeemed shares')
    .option('--pull', "after a freeze: take one's part of every token")
    .option('--history', 'list what one did behind the backstop, what checkpoints made of it, and what it yielded')
    .action(atSettlement(() => import('../wallet/insure.ts')))

  chain(
    command(
      'redeem',
      'offer shares of the backstop, which checkpoints turn into cash; `wallet insure --collect` takes it',
      '--rpc http://127.0.0.1:8545 --settlement 0x... --shares all',
    ),
  )
    .option('--shares <number>', 'shares, or all that are not offered yet', 'all')
    .action(atSettlement(() => import('../wallet/insure.ts')))

  indexed(
    chain(
      command(
        'exit',
        'leave a frozen system with its share of every token, without the sequencer',
        '--rpc http://127.0.0.1:8545 --settlement 0x... --to 0x... --freeze --pull',
      ),
    ),
  )
    .requiredOption('--to <address>', 'the recipient', address)
    .option('--freeze', 'freeze the system first, which takes the notice period, if it is stalled')
    .option('--pull', 'pay the share of every token at once')
    .addOption(keysOption())
    .action(atSettlement(() => import('../wallet/exit.ts')))
}
