import { type Command, InvalidArgumentError } from 'commander'
import type { Address } from 'viem'
import type { ProfileName } from '../../prover/profiles.ts'
import { commandLine } from '../invocation.ts'
import { keysOption } from '../keys-option.ts'
import { printJson, printText, printWarning } from '../output.ts'
import { profileOption } from '../profile-option.ts'
import { deploymentStage, endProgress } from '../progress.ts'
import { rpcOption } from '../rpc-option.ts'

interface Options {
  readonly rpc: readonly string[]
  readonly data: string
  readonly profile: ProfileName
  readonly feed?: Readonly<Record<string, Address>>
  readonly admin?: Address
  readonly operator?: Address
  readonly guardian?: Address
  readonly keys?: string
  readonly allowDevelopmentKeys?: true
  readonly json?: true
}

function addFeed(text: string, feeds: Readonly<Record<string, Address>> = {}): Record<string, Address> {
  const match = /^(.+)=(0x[0-9a-fA-F]{40})$/.exec(text)
  if (match === null) throw new InvalidArgumentError('Write it as SYMBOL=0xADDRESS.')
  return { ...feeds, [match[1]!]: match[2] as Address }
}

function readAddress(text: string): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text))
    throw new InvalidArgumentError('Write it as an address, 0x and 40 hexadecimal digits.')
  return text as Address
}

export function register(program: Command): void {
  program
    .command('deploy')
    .summary('deploy a system of real accounts')
    .description(
      'Deploys verifiers and contracts for a market, makes the key of the sequencer, and stores the private state for `plimsoll node`; owners open accounts by deposits. ' +
        'A local chain gets mock feeds at the prices of the market and, where none are named, mock tokens; PLIMSOLL_PRIVATE_KEY holds the key that signs, or else a local chain signs with its own account.',
    )
    .argument(
      '<market>',
      'a MARKET.json: assets and minLiability as in a BOOK.json, custody of the assets with a token, and their sources of prices',
    )
    .addOption(rpcOption())
    .requiredOption('--data <dir>', "directory for the node's private state; it must be new or empty")
    .addOption(profileOption())
    .addOption(keysOption())
    .option(
      '--feed <symbol=address>',
      'Chainlink-compatible feed of an asset without sources in the market (repeat it for others)',
      addFeed,
    )
    .option('--admin <address>', 'who proposes parameters and terms; the signer where it is left out', readAddress)
    .option('--operator <address>', 'who settles, with `plimsoll node`; the signer where it is left out', readAddress)
    .option('--guardian <address>', 'who may stop new risk for a while; nobody where it is left out', readAddress)
    .option(
      '--allow-development-keys',
      'deploy on a chain that is not local although anyone can forge proofs under development keys',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll deploy market.json --rpc http://127.0.0.1:8545 --data state')
    .action(async (path: string, options: Options) => {
      const { readMarket } = await import('../read-market.ts')
      const { requireStateless } = await import('../../sequencer/state/store.ts')
      const { connect } = await import('../../sdk/chain/client.ts')
      const { openSigner } = await import('../signer.ts')
      const { deploy, requireLocalChain } = await import('../../deploy/deploy.ts')
      const { loadKeys } = await import('../load-keys.ts')
      const { requireChecksum } = await import('../require-checksum.ts')
      for (const role of ['admin', 'operator', 'guardian'] as const) requireChecksum(role, options[role])
      for (const feed of Object.values(options.feed ?? {})) requireChecksum('feed', feed)
      const { market, custody, oracles, rules, auction } = await readMarket(path)
      await requireStateless(options.data)
      const allowDevelopmentKeys = options.allowDevelopmentKeys === true
      const { chainId } = await connect(options.rpc)
      if (options.keys === undefined) requireLocalChain(chainId, allowDevelopmentKeys)
      const signer = await openSigner(options.rpc)
      const keys = await loadKeys(options.profile, options.keys)
      const deployed = await deploy(market, keys, signer, {
        custody,
        oracles,
        rules,
        auction,
        feeds: options.feed ?? {},
        onCreate: deploymentStage,
        allowDevelopmentKeys,
        data: options.data,
        roles: {
          ...(options.admin !== undefined && { admin: options.admin }),
          ...(options.operator !== undefined && { operator: options.operator }),
          ...(options.guardian !== undefined && { guardian: options.guardian }),
        },
      }).finally(endProgress)
      if (deployed.admin.toLowerCase() === deployed.operator.toLowerCase())
        printWarning(
          `${deployed.admin} is admin and operator: who has its key can change parameters and settle. Name two with --admin and --operator, or hand one role over.`,
        )
      const brought = Object.values(oracles.assets).some(({ sources }) => sources.some(({ kind }) => kind === 'pyth'))
      if (brought)
        printWarning('Prices of Pyth are on the chain only where somebody brings them: run the node with --pyth URL.')
      if (options.json) return printJson(deployed)
      printText(`Settlement ${deployed.settlement} and vault ${deployed.vault} on chain ${deployed.chainId}.`)
      const guardian = /^0x0+$/.test(deployed.guardian) ? 'nobody' : deployed.guardian
      printText(`Admin: ${deployed.admin}; operator: ${deployed.operator}; guardian: ${guardian}.`)
      for (const [symbol, feed] of Object.entries(deployed.feeds)) printText(`Feed of ${symbol}: ${feed}`)
      for (const [symbol, sources] of Object.entries(deployed.sources))
        if (sources.length > 1) printText(`Sources of ${symbol}: ${sources.join(', ')}`)
      for (const [symbol, token] of Object.entries(deployed.tokens)) printText(`Token of ${symbol}: ${token}`)
      printText(
        `The private state is in ${deployed.data}, with the sequencer's key: keep a copy of sequencer.key. Run: ${commandLine(['node'], ['rpc', 'data', 'keys'])}`,
      )
    })
}
