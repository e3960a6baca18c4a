import { once } from 'node:events'
import type { Command } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import { keysOption } from '../keys-option.ts'
import { printText } from '../output.ts'
import { rpcOption } from '../rpc-option.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly rpc: readonly string[]
  readonly node?: string
  readonly settlement?: string
  readonly keys?: string
  readonly port: number
  readonly report?: string
  readonly json?: true
}

export function register(program: Command): void {
  program
    .command('web')
    .summary('serve the page for browsers, over a node anywhere')
    .description(
      'Serves the page for owners, operators and everybody on 127.0.0.1. The chain is read through --rpc, so that a node that lies is found out. ' +
        'Without a node, as after its end, --settlement says which contract it is about: accounts are recovered, and left, from the chain alone.',
    )
    .addOption(rpcOption())
    .option('--node <url>', 'the node, http or https')
    .option('--settlement <address>', 'the settlement contract; by default the one that the node names')
    .addOption(keysOption())
    .option('--port <port>', 'port to serve on, 0 for any free one', wholeNumber(0, 65_535), 9_465)
    .option('--report <file>', "the risk laboratory's report, which the page then has")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll web --rpc http://127.0.0.1:8545 --node http://127.0.0.1:9464')
    .action(async ({ rpc, node, settlement: named, keys, port: wanted, report, json }: Options) => {
      if (node === undefined && named === undefined)
        throw new PlimsollError('Neither --node nor --settlement is given.', { hint: 'Give one of them.' })
      const { isAddress } = await import('viem')
      const { PlimsollClient } = await import('../../sdk/client.ts')
      if (named !== undefined && !isAddress(named))
        throw new PlimsollError(`${named} is not an address.`, { hint: 'Check --settlement.' })
      const { openPage, requireReport } = await import('../page.ts')
      await requireReport(report)
      const asked = node === undefined ? undefined : new PlimsollClient({ node })
      const { connect } = await import('../../sdk/chain/client.ts')
      const { Settlement } = await import('../../chain/settlement.ts')
      const { serveWeb } = await import('../web-server.ts')
      const client = await connect(rpc)
      const settlement = named ?? (await asked!.deployment()).settlement
      const contract = await Settlement.at(client, settlement)
      const { name: profile } = await contract.profile()
      const page = openPage(client, {
        served: 'web',
        operator: false,
        settlement: contract.address,
        profile,
        keys,
        report,
      })
      const { server, port } = await serveWeb(page, node, wanted)
      const address = `http://127.0.0.1:${port}/`
      printText(json ? JSON.stringify({ listening: address, settlement }) : `The page is at ${address}`)
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
      server.close()
      server.closeAllConnections()
    })
}
