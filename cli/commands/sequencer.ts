import { type Command, InvalidArgumentError } from 'commander'
import type { Address } from 'viem'
import { isOwnerPoint, type Point } from '../../protocol/curve.ts'
import { address } from '../address.ts'
import { onChain } from '../on-chain.ts'
import { rpcOption } from '../rpc-option.ts'

/** A public key as two decimal numbers. @throws InvalidArgumentError for what is none, or none that the contract takes */
function publicKey(text: string): Point {
  const match = /^([0-9]{1,78}),([0-9]{1,78})$/.exec(text)
  if (match === null) throw new InvalidArgumentError('It must be a public key: two decimal numbers, written X,Y.')
  const point = [BigInt(match[1]!), BigInt(match[2]!)] as const
  if (!isOwnerPoint(point))
    throw new InvalidArgumentError('It is no key: not a point of BabyJubJub of large order, in its one form.')
  return point
}

export function register(program: Command): void {
  const sequencer = program
    .command('sequencer')
    .summary('hand the sequencer over: its role and its key')
    .description(
      'The operator, or the admin, nominates the next sequencer with its key; the nominee accepts when the delay is over. ' +
        'The private state and the secrets of all former keys are handed over off the chain, before.',
    )
    .addHelpText(
      'after',
      '\nExample:\n' +
        '  plimsoll sequencer key --data next\n' +
        '  plimsoll sequencer nominate 0x... --key X,Y --rpc URL --settlement 0x...\n' +
        '  plimsoll sequencer accept --data next --rpc URL --settlement 0x...',
    )

  sequencer
    .command('key')
    .summary('draw the next key of a sequencer')
    .description(
      'Draws a secret, writes it behind those in sequencer.key of the directory, and prints its public key, for the nomination. The key in force stays in force until the handover.',
    )
    .requiredOption('--data <dir>', 'directory of the next sequencer')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll sequencer key --data next')
    .action(onChain<{ data: string; json?: true }>(() => import('../sequencer/key.ts')))

  sequencer
    .command('show')
    .summary('say who the sequencer is, and who is nominated')
    .description(
      'Reads the operator, the keys that the sequencer ever had and the nomination that stands from the chain.',
    )
    .addOption(rpcOption())
    .requiredOption('--settlement <address>', 'settlement contract on that chain', address)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll sequencer show --rpc http://127.0.0.1:8545 --settlement 0x...')
    .action(onChain<{ rpc: readonly string[]; settlement: Address; json?: true }>(() => import('../sequencer/show.ts')))

  sequencer
    .command('nominate')
    .summary('nominate the next sequencer')
    .description(
      'Nominates an address as the operator, together with the key that it brings, in place of any nomination before. For the operator and the admin; what the admin nominated, only the admin can replace. PLIMSOLL_PRIVATE_KEY signs.',
    )
    .argument('<address>', 'the next operator, who may be the present one')
    .requiredOption('--key <x,y>', 'public key of the next sequencer, as plimsoll sequencer key prints it', publicKey)
    .addOption(rpcOption())
    .requiredOption('--settlement <address>', 'settlement contract on that chain', address)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  plimsoll sequencer nominate 0x... --key X,Y --rpc http://127.0.0.1:8545 --settlement 0x...',
    )
    .action((who: string, options: { rpc: readonly string[]; settlement: Address; key: Point; json?: true }) =>
      onChain<typeof options & { who: string }>(() => import('../sequencer/nominate.ts'), 'who')({ ...options, who }),
    )

  sequencer
    .command('accept')
    .summary('take the sequencer over')
    .description(
      'Takes over the role of the operator and puts the nominated key in force. The directory needs the secret of that key, and either the private state or the secrets of all former keys: without them the system would end by the escape. No node may run on it. PLIMSOLL_PRIVATE_KEY signs.',
    )
    .requiredOption('--data <dir>', 'directory of the next sequencer')
    .addOption(rpcOption())
    .requiredOption('--settlement <address>', 'settlement contract on that chain', address)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  plimsoll sequencer accept --data next --rpc http://127.0.0.1:8545 --settlement 0x...',
    )
    .action(
      onChain<{ rpc: readonly string[]; settlement: Address; data: string; json?: true }>(
        () => import('../sequencer/accept.ts'),
      ),
    )
}
