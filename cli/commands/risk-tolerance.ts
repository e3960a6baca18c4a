import { type Command, Option } from 'commander'
import { textTable } from '../../lib/text-table.ts'
import { IMPACTS, type ImpactName } from '../../risk/impact/impact.ts'
import { PATH_MODELS, type PathModelName } from '../../risk/paths/path-model.ts'
import { printError, printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { numberWithin } from '../risk-options.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly loss: number
  readonly hours: number
  readonly probability?: number
  readonly rescale?: true
  readonly paths: number
  readonly stepSeconds: number
  readonly model: PathModelName
  readonly sigma?: number
  readonly correlation?: number
  readonly seed: number
  readonly impact: ImpactName
  readonly json?: true
}

const NOT_POSSIBLE = 1

export function register(risk: Command): void {
  risk
    .command('tolerance')
    .summary('find the laxest factors that keep a loss improbable, or how probable it is under the factors of a book')
    .description(
      'From "the system loses more than so much of the debt within so many hours with at most this probability" to the factors, for the accounts of a book as they are, by root finding on the same paths. ' +
        'Without --probability: from the factors of the book to the probability. Exit code 1: no factors keep to it.',
    )
    .argument('<book>', 'a BOOK.json')
    .requiredOption('--loss <share>', 'share of the debt that may be lost, such as 0.001', numberWithin(0, 1))
    .requiredOption('--hours <h>', 'hours', wholeNumber(1, 100_000))
    .option('--probability <p>', 'how probable a greater loss may be, such as 0.01', numberWithin(0, 1))
    .option(
      '--rescale',
      'let accounts take the same share of the leverage that the factors allow, instead of leaving them as they are',
    )
    .option('--paths <n>', 'number of paths', wholeNumber(1, 1_000_000), 2000)
    .option('--step-seconds <s>', 'seconds of a step', wholeNumber(1, 86_400), 300)
    .addOption(new Option('--model <model>', 'model of the paths').choices([...PATH_MODELS]).default('fhs'))
    .option('--sigma <a>', 'volatility of every asset, per year of 365 days', numberWithin(0, 100))
    .option('--correlation <r>', 'correlation of every pair of assets', numberWithin(-1, 1))
    .option('--seed <x>', 'seed of the paths', wholeNumber(0, Number.MAX_SAFE_INTEGER), 1)
    .addOption(new Option('--impact <impact>', 'how sales move prices').choices([...IMPACTS]).default('linear'))
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll risk tolerance book.json --loss 0.001 --hours 24 --probability 0.01')
    .action(async (path: string, { json, probability, ...options }: Options) => {
      const { factorsOf, lossProbability, tolerance } = await import('../../risk/tolerance/tolerance.ts')
      const { readBook } = await import('../read-book.ts')
      const book = await readBook(path)
      const run = {
        ...options,
        onNote: (note: string) => process.stderr.write(`plimsoll: ${note}\n`),
        onTrial: (share: number) => progress(`last trial: a probability of ${share}`),
      }
      const report = await (probability === undefined
        ? lossProbability(book, run).then((share) => ({ assets: factorsOf(book.assets), probability: share }))
        : tolerance(book, { ...run, probability })
      ).finally(endProgress)
      if (report === undefined) {
        printError({
          message: `No factors keep the probability of losing more than ${options.loss} of the debt in ${options.hours} hours at ${probability}.`,
          hint: 'Allow more, or give the book more depth.',
          exitCode: NOT_POSSIBLE,
        })
        process.exitCode = NOT_POSSIBLE
        return
      }
      if (json) return printJson(report)
      printText(
        textTable(
          ['asset', 'collateral factor', 'liability factor', 'target collateral factor', 'target liability factor'],
          report.assets.map(({ symbol, ...factors }) => [
            symbol,
            ...Object.values(factors).map((factor) => factor.toFixed(4)),
          ]),
          [1, 2, 3, 4],
        ),
      )
      const { mean, low, high } = report.probability
      printText(
        `Loses more than ${options.loss} of the debt within ${options.hours} hours in ${(100 * mean).toPrecision(3)} % of the paths [${(100 * low).toPrecision(3)}, ${(100 * high).toPrecision(3)}]`,
      )
    })
}
