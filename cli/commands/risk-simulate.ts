import { type Command, Option } from 'commander'
import type { ClearingName } from '../../risk/engine/clearing.ts'
import { IMPACTS, type ImpactName } from '../../risk/impact/impact.ts'
import { PATH_MODELS, type PathModelName } from '../../risk/paths/path-model.ts'
import { clearingOption } from '../clearing-option.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { metricsTable } from '../risk-metrics-table.ts'
import { numberWithin } from '../risk-options.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly paths: number
  readonly hours: number
  readonly stepSeconds: number
  readonly model: PathModelName
  readonly sigma?: number
  readonly correlation?: number
  readonly seed: number
  readonly policies?: string
  readonly impact: ImpactName
  readonly clearing: ClearingName
  readonly json?: true
}

export function register(risk: Command): void {
  risk
    .command('simulate')
    .summary('run a book along thousands of price paths under several policies of liquidation')
    .description(
      'Every policy meets the same paths. Metrics are shares of the debt at the start, but liquidatedAccounts (of the accounts), pUncovered1 (a probability) and overLiquidation (a ratio), ' +
        'each with bounds of 95 %. What takers of liquidated positions lose is counted by the day; they sell in the step after, into a market that their sales move.',
    )
    .argument('<book>', 'a BOOK.json')
    .requiredOption('--paths <n>', 'number of paths', wholeNumber(1, 100_000_000))
    .requiredOption('--hours <h>', 'hours of a path', wholeNumber(1, 100_000))
    .option('--step-seconds <s>', 'seconds of a step', wholeNumber(1, 86_400), 300)
    .addOption(new Option('--model <model>', 'model of the paths').choices([...PATH_MODELS]).default('fhs'))
    .option('--sigma <a>', 'volatility of every asset, per year of 365 days', numberWithin(0, 100))
    .option('--correlation <r>', 'correlation of every pair of assets', numberWithin(-1, 1))
    .option('--seed <x>', 'seed of the paths', wholeNumber(0, Number.MAX_SAFE_INTEGER), 1)
    .option('--policies <list>', 'some of plimsoll, aave-v3, aave-v4, comet, mango; all by default')
    .addOption(new Option('--impact <impact>', 'how sales move prices').choices([...IMPACTS]).default('linear'))
    .addOption(clearingOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll risk simulate book.json --paths 10000 --hours 24')
    .action(async (path: string, { json, policies, ...options }: Options) => {
      const { simulate } = await import('../../risk/engine/simulate.ts')
      const { parsePolicies, POLICY_NAMES } = await import('../../risk/policies/policies.ts')
      const { readBook } = await import('../read-book.ts')
      const names = policies === undefined ? POLICY_NAMES : parsePolicies(policies)
      const book = await readBook(path)
      const report = await simulate(book, {
        ...options,
        policies: names,
        onNote: (note) => process.stderr.write(`plimsoll: ${note}\n`),
        onProgress: (done, total) => progress(`path ${done} of ${total}`),
      }).finally(endProgress)
      if (json) return printJson(report)
      printText(`${report.paths} paths of ${options.hours} hours, seed ${report.seed}, ${report.seconds.toFixed(1)} s`)
      printText(metricsTable(report.policies))
    })
}
