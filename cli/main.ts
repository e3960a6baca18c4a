import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { PlimsollError } from '../protocol/errors.ts'
import { chainFailureIn, OutcomeUnknown } from '../sdk/chain/chain-failure.ts'
import * as assess from './commands/assess.ts'
import * as demo from './commands/demo.ts'
import * as deploy from './commands/deploy.ts'
import * as keys from './commands/keys.ts'
import * as node from './commands/node.ts'
import * as prove from './commands/prove.ts'
import * as risk from './commands/risk.ts'
import * as setup from './commands/setup.ts'
import * as test from './commands/test.ts'
import * as verify from './commands/verify.ts'
import * as wallet from './commands/wallet.ts'

const BAD_INPUT = 2
const FAILURE = 1
/** Something was asked for that may have happened or may happen yet. */
const NOT_KNOWN = 3

/** One line whatever the text: a name in it may hold a line break. */
function complain(message: string): void {
  process.stderr.write(`plimsoll: ${message.trim().replace(/\s*[\r\n]+\s*/g, ' ')}\n`)
}

/** Tells the user what went wrong; the exit code. */
function report(thrown: unknown): number {
  // What a library makes of a failure of the chain is still that.
  const error = chainFailureIn(thrown) ?? thrown
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : BAD_INPUT
  if (error instanceof PlimsollError) {
    complain(error.hint === undefined ? error.message : `${error.message} ${error.hint}`)
    return error instanceof OutcomeUnknown ? NOT_KNOWN : BAD_INPUT
  }
  complain(`unexpected error: ${error instanceof Error ? error.message : String(error)}`)
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
  complain(`The output cannot be written: ${error.message}.`)
  process.exit(FAILURE)
})
process.on('uncaughtException', (error) => exit(report(error)))

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const program = new Command('plimsoll')
  .description('A private margin rollup whose liquidations are proven correct, gentle on the market, and complete.')
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text) => complain(text.replace(/^error: /, '')) })
  .addHelpText('after', '\nExample:\n  plimsoll demo')
for (const command of [setup, assess, prove, verify, deploy, node, wallet, keys, risk, demo, test])
  command.register(program)

try {
  if (process.argv.length === 2) throw new PlimsollError('No command is given.', { hint: 'See plimsoll --help.' })
  await program.parseAsync()
  exit(Number(process.exitCode ?? 0))
} catch (error) {
  exit(report(error))
}
