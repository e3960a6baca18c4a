import type { Command } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import * as compare from './risk-compare.ts'
import * as flow from './risk-flow.ts'
import * as forecast from './risk-forecast.ts'
import * as report from './risk-report.ts'
import * as rule from './risk-rule.ts'
import * as simulate from './risk-simulate.ts'
import * as tolerance from './risk-tolerance.ts'
import * as train from './risk-train.ts'

const COMMANDS: readonly { register(risk: Command): void }[] = [
  forecast,
  train,
  flow,
  simulate,
  compare,
  tolerance,
  report,
  rule,
]

/** The laboratory's commands; each is in a file of its own. */
export function register(program: Command): void {
  const risk = program
    .command('risk')
    .summary('measure forecasts, liquidations and policies on the shipped history and on simulated paths')
    .description(
      'The risk laboratory: forecasts of falls, what a book would liquidate, simulations, policies compared, thresholds from a tolerance, a report.',
    )
    .addHelpText('after', '\nExample:\n  plimsoll risk report --out risk.html')
  for (const command of COMMANDS) command.register(risk)

  // Last, as commands inherit what was set before. In place of the help text that commander would print as an error.
  risk.allowExcessArguments().action((_options: unknown, command: Command) => {
    const [name] = command.args
    throw new PlimsollError(name === undefined ? 'No command of risk is given.' : `risk has no command '${name}'.`, {
      hint: 'See plimsoll risk --help.',
    })
  })
}
