import { type Command, Option } from 'commander'
import { textTable } from '../../lib/text-table.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { nameList, numberWithin, oneOfNumbers } from '../risk-options.ts'

/** Names as in risk/evaluation/walk-forward.ts, which is too heavy to load for a help text. */
const MODELS = ['formula', 'ewma', 'garch', 'gjr', 'har', 'downside'] as const
const DEFAULT_MODELS = ['formula', 'ewma', 'garch', 'gjr', 'har'] as const

interface Options {
  readonly assets?: string[]
  readonly from: string
  readonly to: string
  readonly horizon: number
  readonly quantile: number
  readonly models: (typeof MODELS)[number][]
  readonly refit: 'never' | 'yearly'
  readonly json?: true
}

export function register(risk: Command): void {
  risk
    .command('forecast')
    .summary('measure forecasts of the next fall on the shipped history')
    .description(
      'Forecasts, after every hour, the fall that the next hours exceed with a given probability, and scores the models: how often it was exceeded, pinball loss, ' +
        'QLIKE of the variance, tests of Kupiec and Christoffersen. Models are fitted each 1 January to all before it; the formula has constants frozen at the end of 2021.',
    )
    .option('--assets <symbols>', 'assets of the history, separated by commas; all of them when left out', nameList())
    .option('--from <date>', 'first day evaluated', '2022-01-01')
    .option('--to <date>', 'last day evaluated', '2025-12-31')
    .addOption(
      new Option('--horizon <hours>', 'hours ahead: 1, 6 or 24').argParser(oneOfNumbers([1, 6, 24])).default(1),
    )
    .option('--quantile <share>', 'how often the forecast should be exceeded', numberWithin(0.0005, 0.5), 0.01)
    .addOption(
      new Option('--models <names>', `which of ${MODELS.join(', ')}`)
        .argParser(nameList(MODELS))
        .default([...DEFAULT_MODELS], 'all but downside'),
    )
    .addOption(
      new Option('--refit <when>', 'when the formula is fitted again, to ETH and BTC')
        .choices(['never', 'yearly'])
        .default('never'),
    )
    .option('--json', 'print JSON: shares, p-values, plain numbers')
    .addHelpText('after', '\nExample:\n  plimsoll risk forecast --assets ETH,BTC --horizon 6')
    .action(async (options: Options) => {
      const { parsePeriod, requireAssets } = await import('../risk-period.ts')
      const { forecastReport } = await import('../../risk/evaluation/forecast.ts')
      const { intervals, ...report } = forecastReport({
        assets: requireAssets(options.assets),
        ...parsePeriod(options.from, options.to),
        horizon: options.horizon,
        share: options.quantile,
        models: options.models,
        refit: options.refit === 'yearly',
        onProgress: progress,
      })
      endProgress()
      if (options.json) return printJson(report)
      const percent = (share: number) => `${(100 * share).toFixed(2)} %`
      const probability = (p: number) => (p < 1e-4 ? p.toExponential(0) : p.toFixed(4))
      const rows = report.assets.flatMap(({ symbol, hours, models }, a) =>
        models.map((one, m) => {
          const { low, high } = intervals[a]![m]!
          const ratio = `${one.ratioToEwma.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]`
          return [
            m === 0 ? symbol : '',
            m === 0 ? String(hours) : '',
            one.model,
            percent(one.exceeded),
            one.pinball.toExponential(3),
            ratio,
            one.qlike.toFixed(3),
            probability(one.kupiec),
            probability(one.christoffersen),
          ]
        }),
      )
      printText(
        `The fall of the next ${options.horizon === 1 ? 'hour' : `${options.horizon} hours`}, forecast so that ${percent(options.quantile)} are beyond it.\n`,
      )
      printText(
        textTable(
          [
            'asset',
            'hours',
            'model',
            'exceeded',
            'pinball',
            'ratio to EWMA [95 %]',
            'QLIKE',
            'Kupiec',
            'Christoffersen',
          ],
          rows,
          [1, 3, 4, 5, 6, 7, 8],
        ),
      )
      printText(
        '\nThe ratio is that of the pinball losses, with bounds from a bootstrap of weeks; Kupiec and Christoffersen are p-values.',
      )
      const { loadHistory } = await import('../../risk/data/history.ts')
      const faults = report.assets.flatMap(({ symbol }) => {
        const { missingHours, flatHours } = loadHistory(requireAssets([symbol])[0]!).report
        return missingHours + flatHours === 0 ? [] : [`${symbol} ${missingHours} missing, ${flatHours} of outage`]
      })
      if (faults.length > 0) {
        printText(
          `Hours of the history without trades: ${faults.join('; ')}. No forecast reaches into a missing one; outages stay, as hours in which nothing moved.`,
        )
      }
    })
}
