import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { PlimsollError } from '../protocol/errors.ts'
import { chainFailureIn, OutcomeUnknown } from '../sdk/chain/chain-failure.ts'
import * as assess from './commands/assess.ts'
import * as auctions from './commands/auctions.ts'
import * as completion from './commands/completion.ts'
import * as demo from './commands/demo.ts'
import * as deploy from './commands/deploy.ts'
import * as feed from './commands/feed.ts'
import * as fleetKey from './commands/fleet-key.ts'
import * as keeper from './commands/keeper.ts'
import * as keys from './commands/keys.ts'
import * as market from './commands/market.ts'
import * as node from './commands/node.ts'
import * as prove from './commands/prove.ts'
import * as prover from './commands/prover.ts'
import * as risk from './commands/risk.ts'
import * as sequencer from './commands/sequencer.ts'
import * as setup from './commands/setup.ts'
import * as test from './commands/test.ts'
import * as verify from './commands/verify.ts'
import * as wallet from './commands/wallet.ts'
import * as web from './commands/web.ts'
import { asCalled, setRunning } from './invocation.ts'
import { NotKnown } from './not-known.ts'
import { printError } from './output.ts'
import { applySettings, settingHint } from './settings.ts'

const FAILURE = 1
const BAD_INPUT = 2
/** Something was asked for that may have happened or may happen yet. */
const NOT_KNOWN = 3

/** Tells the user what went wrong; the exit code. */
function report(thrown: unknown): number {
  // What a library makes of a failure of the chain is still that.
  const error = chainFailureIn(thrown) ?? thrown
  // Commander has complained by itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT
  if (error instanceof PlimsollError) {
    const exitCode = error instanceof OutcomeUnknown || error instanceof NotKnown ? NOT_KNOWN : BAD_INPUT
    const code = 'code' in error ? String(error.code) : undefined
    printError({ message: error.message, hint: error.hint, code, exitCode })
    return exitCode
  }
  printError({
    message: `unexpected error: ${error instanceof Error ? error.message : String(error)}`,
    exitCode: FAILURE,
  })
  if (process.env.PLIMSOLL_DEBUG === '1') process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`)
  return FAILURE
}

/** Ends the process, whatever still holds it (worker threads, sockets), once all output has been read. */
function exit(code: number): void {
  // After what the streams have to say of a write that failed.
  process.stdout.write('', () => process.stderr.write('', () => setImmediate(() => process.exit(code))))
}

// A reader that has seen enough, such as `head`, is no error.
process.stderr.on('error', () => process.exit(FAILURE))
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  printError({ message: `The output cannot be written: ${error.message}.`, exitCode: FAILURE })
  process.exit(FAILURE)
})
process.on('uncaughtException', (error) => exit(report(error)))

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const program = new Command('plimsoll')
  .description('A private margin rollup whose liquidations are proven correct, gentle on the market, and complete.')
  .version(version)
  .exitOverride()
  .configureOutput({
    writeOut: (text) => process.stdout.write(asCalled(text)),
    outputError: (text) => {
      const hint = settingHint(/^error: required option '--([a-z-]+)/.exec(text)?.[1] ?? '')
      const message = text.trim().replace(/^error: /, '')
      printError({ message: hint === undefined ? message : `${message}.`, hint, exitCode: BAD_INPUT })
    },
  })
  .addHelpText('after', '\nExample:\n  plimsoll demo')
  .hook('preAction', (_, command) => setRunning(command))
const COMMANDS = [
  setup,
  assess,
  prove,
  verify,
  market,
  deploy,
  node,
  prover,
  fleetKey,
  sequencer,
  auctions,
  keeper,
  feed,
  wallet,
  web,
  keys,
  risk,
  demo,
  test,
  completion,
]
for (const command of COMMANDS) command.register(program)

try {
  if (process.argv.length === 2) throw new PlimsollError('No command is given.', { hint: 'See plimsoll --help.' })
  applySettings(program)
  await program.parseAsync()
  exit(Number(process.exitCode ?? 0))
} catch (error) {
  exit(report(error))
}
