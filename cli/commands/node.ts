import { type Command, InvalidArgumentError, Option } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { fleetKeyOption, redisOption } from '../fleet-options.ts'
import { keysOption } from '../keys-option.ts'
import { printText } from '../output.ts'
import { endProgress, progress, stage } from '../progress.ts'
import { proverOption, proverTablesOption, tableOptions } from '../prover-option.ts'
import { rpcOption } from '../rpc-option.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly rpc?: readonly string[]
  readonly data: string
  readonly keys?: string
  readonly port: number
  readonly interval: number
  readonly prover: string
  readonly proverTables: number
  readonly rebuild?: true
  readonly verify?: true
  readonly check?: true
  readonly settlement?: string
  readonly pyth?: string
  readonly redis?: string
  readonly fleetKey?: string
  readonly web?: boolean
  readonly operatorPort: number
  readonly report?: string
  readonly decoys: boolean
  readonly ahead: number
  readonly json?: true
  readonly logFormat?: 'text' | 'json'
}

function webUrl(text: string): string {
  if (!/^https?:\/\/[^\s?#]+$/.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('It must be an http or https URL without a query.')
  return text
}

export function register(program: Command): void {
  program
    .command('node')
    .summary('run the sequencer against a chain')
    .description(
      'Watches the feeds, posts rounds, carries out what owners and deposits ask for, liquidates and settles, until it is interrupted. Serves the API of the owners, /health, /state and /metrics on 127.0.0.1. ' +
        'With --redis its proofs are made by the provers of a fleet (plimsoll prover), and by itself while there are none. ' +
        'With --rebuild it first makes its private state anew from the chain and the keys of the sequencer alone, all that it ever had: PLIMSOLL_SEQUENCER_KEY, with commas between, or sequencer.key in an otherwise empty directory, one a line.',
    )
    .addOption(rpcOption({ mandatory: false }))
    .requiredOption('--data <dir>', 'private state written by plimsoll deploy')
    .addOption(keysOption())
    .option('--port <port>', 'port to serve on, 0 for any free one', wholeNumber(0, 65_535), 9_464)
    .option('--interval <seconds>', 'seconds between two looks at the chain', wholeNumber(1, 3_600), 2)
    .addOption(proverOption())
    .addOption(proverTablesOption())
    .addOption(redisOption())
    .addOption(fleetKeyOption())
    .option('--rebuild', 'make the private state in a new directory first: needs --settlement')
    .option('--settlement <address>', 'settlement contract to rebuild from')
    .option('--verify', 'with --rebuild: check every proof as well')
    .option('--check', 'check all of the state in the directory, and end; no chain is asked')
    .option(
      '--pyth <url>',
      "service of Pyth's price updates (Hermes): the node brings the latest to the chain, and pays Pyth, before each round",
      webUrl,
    )
    .option('--web', 'serve the page for browsers at the same address (default: on local chains)')
    .option('--no-web', 'serve no page')
    .option(
      '--operator-port <port>',
      "port of the operator's own page, with the private book, 0 for any free one",
      wholeNumber(0, 65_535),
      0,
    )
    .option('--report <file>', "the risk laboratory's report, which the page then has for everybody")
    .option(
      '--no-decoys',
      'rewrite no accounts besides those that are liquidated: fewer proofs, and everybody sees who was liquidated',
    )
    .option(
      '--ahead <percent>',
      'while there is nothing else to do, sweep accounts that a move of prices by so much would not reach out of the slots that it would: more gas in all, fewer proofs due at once',
      wholeNumber(0, 50),
      0,
    )
    .option('--json', 'print a line of JSON a round')
    .addOption(
      new Option(
        '--log-format <format>',
        'write the log as text or as JSON: to standard output, or with --json to standard error (default: text, with --json none)',
      ).choices(['text', 'json']),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  plimsoll node --rpc http://127.0.0.1:8545 --data state\n  plimsoll node --check --data state\n\nExit code of --check: 1 where something is wrong with the state.',
    )
    .action(async (options: Options, command: Command) => {
      if (options.check) {
        if (options.rebuild || options.verify) throw new PlimsollError('--check goes with --data and --json alone.')
        const { runCheck } = await import('../check-state.ts')
        return runCheck(options.data, options.json === true)
      }
      const { rpc } = options
      if (rpc === undefined) command.error("error: required option '--rpc <url>' not specified")
      const { ProofService } = await import('../../prover/proof-service.ts')
      const local = await ProofService.open(
        options.prover,
        tableOptions(options.proverTables, () => log),
      )
      const { openSigner } = await import('../signer.ts')
      const { SequencerNode } = await import('../../sequencer/node/node.ts')
      const { NodeMetrics } = await import('../../sequencer/api/metrics.ts')
      const { serve } = await import('../../sequencer/api/server.ts')
      const { loadKeys } = await import('../load-keys.ts')
      const { BATCH_CIRCUITS } = await import('../../prover/keys.ts')
      const { runNode } = await import('../run-node.ts')
      const { nodeLog } = await import('../node-log.ts')
      const { serveOperator } = await import('../../sequencer/api/operator.ts')
      const { LOCAL_CHAINS } = await import('../../sdk/chain/client.ts')
      const { SILENT } = await import('../../sequencer/state/node-log.ts')
      const { json, logFormat = json ? undefined : 'text' } = options
      const log = logFormat === undefined ? SILENT : nodeLog(logFormat, json ? process.stderr : process.stdout)
      const { openFleet } = await import('../open-fleet.ts')
      const fleet = await openFleet(options, local, log)
      const signer = await openSigner(rpc)
      if (options.rebuild) await rebuildState({ ...options, rpc }, signer)
      else if (command.getOptionValueSource('settlement') === 'cli' || options.verify)
        throw new PlimsollError('--settlement and --verify go with --rebuild.')
      const keysOf = async (profile: ProfileName) => {
        const keys = await loadKeys(profile, options.keys, BATCH_CIRCUITS)
        // What a look's first proofs need is loaded while the state is read: a node that is killed often has little time.
        void local.prepare(keys, ['transact', 'sweep'])
        void fleet?.announce(keys)
        return keys
      }
      const node = await SequencerNode.open(options.data, signer, keysOf, {
        proofs: fleet ?? local,
        log,
        decoys: options.decoys,
        ahead: -Math.log(1 - options.ahead / 100),
        ...(options.pyth !== undefined && { pyth: options.pyth }),
      })
      try {
        const metrics = new NodeMetrics()
        if (fleet !== undefined) {
          const { FleetMetrics } = await import('../../fleet/fleet-metrics.ts')
          new FleetMetrics(fleet, metrics.registry)
        }
        const wanted = options.web ?? LOCAL_CHAINS.includes(signer.chainId)
        const pages = wanted ? await nodePages(node, signer, options) : undefined
        const { server, port } = await serve(node, metrics, options.port, pages?.page)
        const operator =
          pages === undefined ? undefined : await serveOperator(node, metrics, pages.operator, options.operatorPort)
        const address = `http://127.0.0.1:${port}`
        const link = operator && `http://127.0.0.1:${operator.port}/#/operator?token=${operator.token}`
        if (json)
          printText(
            JSON.stringify({
              listening: address,
              settlement: node.settlement.address,
              ...(link !== undefined && { operator: link }),
            }),
          )
        else if (logFormat === 'json')
          log.info({ event: 'listening', address, settlement: node.settlement.address }, `serving ${address}`)
        else {
          const also = link === undefined ? '.' : `, the page and the API; the operator's page is at ${link}`
          printText(`Serving ${address} for the settlement ${node.settlement.address}${also}`)
        }
        await runNode(
          node,
          metrics,
          1_000 * options.interval,
          json ? 'json' : logFormat === 'json' ? 'log' : 'table',
          log,
        )
        for (const one of [server, operator?.server]) {
          one?.close()
          one?.closeAllConnections()
        }
      } finally {
        await node.close()
      }
      await fleet?.close()
      await local.close()
    })
}

/** The page for everybody, and the operator's own. @throws PlimsollError when the report cannot be read */
async function nodePages(node: SequencerNode, signer: SigningClient, { keys, report }: Options) {
  const { openPage, requireReport } = await import('../page.ts')
  await requireReport(report)
  const { profile, settlement } = node.deployment
  const options = { served: 'node', settlement, profile, keys, report } as const
  return {
    page: openPage(signer, { ...options, operator: false }),
    operator: openPage(signer, { ...options, operator: true }),
  }
}

async function rebuildState(
  { rpc, settlement, data, keys, verify }: Options & { rpc: readonly string[] },
  signer: SigningClient,
): Promise<void> {
  if (settlement === undefined) throw new PlimsollError('--rebuild needs --settlement.')
  const { requireSequencerKeys, secretOf } = await import('../../sequencer/state/sequencer-key.ts')
  const { rebuild } = await import('../../sequencer/state/rebuild.ts')
  const { RebuildProgress } = await import('../../sequencer/state/rebuild-progress.ts')
  const { withDirectory } = await import('../../lib/directory-lock.ts')
  const { requireStateless, Store } = await import('../../sequencer/state/store.ts')
  await requireStateless(data)
  const secrets = await requireSequencerKeys(data)
  await withDirectory(data, async () => {
    if (verify) {
      const { verifyChain } = await import('../../audit/verify-chain.ts')
      const { loadKeys } = await import('../load-keys.ts')
      const verdict = await verifyChain(
        rpc,
        settlement,
        (profile) => loadKeys(profile, keys),
        (done) => {
          stage('checking the settlements')
          progress(`${done} settlements checked`)
        },
      ).finally(endProgress)
      if (!verdict.ok) throw new PlimsollError(`The chain's history is not sound: ${verdict.error}`)
    }
    stage('replaying the settlements')
    const kept = new RebuildProgress(data)
    const { deployment, state } = await rebuild(signer, settlement, secrets, {
      onSettlement: (done) => progress(`${done} settlements replayed`),
      progress: kept,
    }).finally(endProgress)
    const secret = secretOf(secrets, state.system.ledger.domain.sequencer)!
    const store = await Store.create(data, deployment, state, secret)
    store.close()
    await kept.remove()
  })
}
