import type { Command } from 'commander'
import { FACTOR_ONE } from '../../protocol/constants.ts'
import { parseDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { printJson, printText } from '../output.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly maintenance: string
  readonly liability: string
  readonly g: string
  readonly decimals: number
  readonly cashDecimals: number
  readonly json?: true
}

/** A factor in 1/10^4, between bounds. */
function factor(text: string, option: string, least: bigint, most: bigint): bigint {
  const value = parseDecimal(text, 4, option)
  if (value < least || value > most)
    throw new PlimsollError(`${option} ${text} is not between ${Number(least) / 1e4} and ${Number(most) / 1e4}.`)
  return value
}

export function register(risk: Command): void {
  risk
    .command('rule')
    .summary('run the exact rule of initial margin over a list of prices')
    .description(
      'The rule that rounds evaluate, in its exact integers: moving averages of squared moves on a grid of 900 seconds, the fall that the next six hours exceed once in a hundred, and the initial margin that follows. ' +
        'The first row is the start; a row within a grid step has the reading of a step that ended then.',
    )
    .argument('<prices>', 'a CSV of rows unix,price')
    .option('--maintenance <factor>', 'collateral factor of maintenance and target', '0.86')
    .option('--liability <factor>', 'liability factor of maintenance and target', '1.15')
    .option('--g <share>', 'initial margin beyond maintenance in calm markets', '0.10')
    .option('--decimals <n>', 'decimals of the asset', wholeNumber(0, 18), 8)
    .option('--cash-decimals <n>', 'decimals of cash', wholeNumber(0, 8), 6)
    .option('--json', 'print JSON: integers as decimal strings')
    .addHelpText('after', '\nExample:\n  plimsoll risk rule prices.csv --g 0.15')
    .action(async (path: string, options: Options) => {
      const { readParsed } = await import('../read-book.ts')
      const { marginPath, parsePriceRows } = await import('../../risk/rule/margin-path.ts')
      const collateralFactor = factor(options.maintenance, '--maintenance', 0n, FACTOR_ONE)
      const liabilityFactor = factor(options.liability, '--liability', FACTOR_ONE, 65_535n)
      const g = factor(options.g, '--g', 1n, 4_000n)
      const rows = await readParsed(path, (text) => parsePriceRows(text, options.decimals, options.cashDecimals))
      const points = marginPath(rows, { maintenance: { collateralFactor, liabilityFactor }, g })
      if (options.json)
        return printJson({
          points: points.map((point) =>
            Object.fromEntries(Object.entries(point).map(([name, value]) => [name, String(value)])),
          ),
        })
      const { textTable } = await import('../../lib/text-table.ts')
      const percent = (value: number) => `${(100 * value).toFixed(2)} %`
      printText(
        textTable(
          ['time (UTC)', 'fall in 6 h', 'gap', 'initial collateral', 'initial liability'],
          points.map((p) => [
            new Date(Number(p.unix) * 1000).toISOString().slice(0, 19).replace('T', ' '),
            percent(Number(p.q) / 2 ** 48),
            percent(Number(p.gapBp) / 1e4),
            (Number(p.initialCollateralFactorBp) / 1e4).toFixed(4),
            (Number(p.initialLiabilityFactorBp) / 1e4).toFixed(4),
          ]),
          [1, 2, 3, 4],
        ),
      )
    })
}
