import { type Command, Option } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import { printJson, printText } from '../output.ts'
import { nameList, numberWithin } from '../risk-options.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly until: string
  readonly assets: string[]
  readonly horizon: number
  readonly quantile: number
  readonly form: 'formula' | 'downside'
  readonly json?: true
}

export function register(risk: Command): void {
  risk
    .command('train')
    .summary('fit the formula of the next fall to the shipped history')
    .description(
      'Fits the constants of q = sqrt(C0 + C1 s2 + C2 s5 + C3 s8) by pinball loss, where s2, s5 and s8 are moving averages of squared hourly returns with half-lives of 2.4, 22 and 177 hours, ' +
        'and q is the fall that the next hours exceed with a given probability.',
    )
    .option('--until <date>', 'last day used', '2021-12-31')
    .option('--assets <symbols>', 'assets of the history, each weighing the same', nameList(), ['ETH', 'BTC'])
    .option('--horizon <hours>', 'hours ahead, 1 to 168', wholeNumber(1, 168), 1)
    .option('--quantile <share>', 'how often the forecast should be exceeded', numberWithin(0.0005, 0.5), 0.01)
    .addOption(
      new Option('--form <form>', 'downside: rises weigh a quarter, faster averages')
        .choices(['formula', 'downside'])
        .default('formula'),
    )
    .option('--json', 'print JSON: plain numbers')
    .addHelpText('after', '\nExample:\n  plimsoll risk train --horizon 6')
    .action(async (options: Options) => {
      const { requireAssets } = await import('../risk-period.ts')
      const { FORMS } = await import('../../risk/evaluation/walk-forward.ts')
      const { DAY, parseDate } = await import('../../risk/evaluation/calendar.ts')
      const { LEAST_TRAINING, trainFormula } = await import('../../risk/evaluation/samples.ts')
      const fit = trainFormula(
        requireAssets(options.assets),
        parseDate(options.until, '--until') + DAY,
        options.horizon,
        options.quantile,
        FORMS[options.form],
      )
      if (fit === undefined)
        throw new PlimsollError(
          `--until ${options.until} leaves an asset fewer than ${LEAST_TRAINING} hours to fit to.`,
        )
      if (options.json) return printJson(fit)
      const { C0, C1, C2, C3, pinball } = fit
      const [fast, middle, slow] = FORMS[options.form].shifts
      const show = (value: number) => String(Number(value.toPrecision(6)))
      printText(
        `q = sqrt(${show(C0)} + ${show(C1)} s${fast} + ${show(C2)} s${middle} + ${show(C3)} s${slow})\nMean pinball loss ${pinball.toExponential(4)}`,
      )
    })
}
