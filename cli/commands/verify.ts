import type { Command } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import { keysOption } from '../keys-option.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress, stage } from '../progress.ts'
import { rpcOption } from '../rpc-option.ts'

interface Options {
  readonly rpc?: readonly string[]
  readonly settlement?: string
  readonly keys?: string
  readonly json?: true
}

export function register(program: Command): void {
  program
    .command('verify')
    .summary('verify a proven book, or every settlement of a chain')
    .description(
      "Checks what `prove` wrote, or all that a settlement contract took, under this installation's own development keys or those of --keys. Exit code 1: something is wrong.",
    )
    .argument('[dir]', 'directory written by prove')
    .addOption(rpcOption({ mandatory: false }))
    .option('--settlement <address>', 'settlement contract on that chain')
    .addOption(keysOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  plimsoll verify proof\n  plimsoll verify --rpc http://127.0.0.1:8545 --settlement 0x5FbDB2315678afecb367f032d93F642f64180aa3',
    )
    .action(async (directory: string | undefined, options: Options, command: Command) => {
      const chain = options.rpc !== undefined || options.settlement !== undefined
      const flagged = ['rpc', 'settlement'].some((name) => command.getOptionValueSource(name) === 'cli')
      // An endpoint that the environment or a file names is no reason not to check a directory.
      if (directory === undefined ? !chain : flagged)
        throw new PlimsollError('verify takes either a directory, or --rpc and --settlement.')
      if (directory !== undefined) return verifyDirectory(directory, options)
      if (options.rpc === undefined || options.settlement === undefined)
        throw new PlimsollError('--rpc and --settlement go together.')
      return verifyChain(options.rpc, options.settlement, options)
    })
}

async function verifyDirectory(directory: string, options: Options): Promise<void> {
  const { verifyRound } = await import('../../audit/verify-round.ts')
  const { loadKeys } = await import('../load-keys.ts')
  const { BOOK_CIRCUITS } = await import('../../prover/profiles.ts')
  const verdict = await verifyRound(directory, (profile) => loadKeys(profile, options.keys, BOOK_CIRCUITS))
  if (!verdict.ok) process.exitCode = 1
  if (options.json) return printJson(verdict)
  if (!verdict.ok) {
    process.stderr.write(`plimsoll: ${verdict.batch === null ? '' : `${verdict.batch}: `}${verdict.error}\n`)
    return
  }
  printText(
    `${verdict.batches} batches of ${verdict.accounts} accounts verified: ${verdict.sweeps} sweeps, ${verdict.resolved} resolved, bad debt ${verdict.badDebt}.`,
  )
  printText('The system is complete: no account is breached at the marks of the round.')
  printText(`Not known: ${verdict.unknown}`)
}

async function verifyChain(rpc: readonly string[], settlement: string, options: Options): Promise<void> {
  const { verifyChain } = await import('../../audit/verify-chain.ts')
  const { loadKeys } = await import('../load-keys.ts')
  const verdict = await verifyChain(
    rpc,
    settlement,
    (profile) => loadKeys(profile, options.keys),
    (done) => {
      stage('checking the settlements')
      progress(`${done} settlements checked`)
    },
  ).finally(endProgress)
  if (!verdict.ok) process.exitCode = 1
  if (options.json) return printJson(verdict)
  if (!verdict.ok) {
    process.stderr.write(`plimsoll: ${verdict.error}\n`)
    for (const { transaction, block, reason } of verdict.notRechecked ?? [])
      printText(`not re-checked: transaction ${transaction} in block ${block}: ${reason}`)
    return
  }
  for (const { round, complete, sweeps, resolved, proofs, gas } of verdict.rounds) {
    printText(
      `round ${round}: ${complete ? 'complete' : 'NOT COMPLETE'}, ${sweeps} sweeps, ${resolved} resolved, ${proofs} proofs, ${gas ?? 'unknown'} gas`,
    )
  }
  printText(`${verdict.rounds.length} rounds verified from the chain alone; its storage agrees.`)
  printText(`Not known: ${verdict.unknown}`)
}
