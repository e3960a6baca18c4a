import type { Command } from 'commander'
import { textTable } from '../../lib/text-table.ts'
import type { ClearingName } from '../../risk/engine/clearing.ts'
import { clearingOption } from '../clearing-option.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { metricsTable } from '../risk-metrics-table.ts'

interface Options {
  readonly windows: string
  readonly history?: true
  readonly clearing: ClearingName
  readonly json?: true
}

/** Days that the table for people shows. */
const WORST = 3

export function register(risk: Command): void {
  risk
    .command('compare')
    .summary('run the policies of liquidation along crashes as they were')
    .description(
      'A seeded population of 1,000 accounts in ETH and BTC, each of which stays a week, meets every policy under the same static margins: 15 points of maintenance, 20 of target and initial, a penalty of 2 %. ' +
        'Metrics are those of simulate, of one path: shares of the mean debt, plain numbers (so VaR and expected shortfall are the loss itself). The days add up to the system loss.',
    )
    .option(
      '--windows <list>',
      'all six crashes, or some of 2020-03, 2021-05, 2022-05, 2022-11, 2024-08, 2025-10, 2018-21, 2022-25',
      'all',
    )
    .option('--history', 'the years 2018-21 and 2022-25 as well')
    .addOption(clearingOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll risk compare --windows 2020-03,2025-10')
    .action(async (options: Options) => {
      const { compare, parseWindows, PERIOD_NAMES } = await import('../../risk/engine/compare.ts')
      const windows = parseWindows(options.windows)
      if (options.history) for (const name of PERIOD_NAMES) if (!windows.includes(name)) windows.push(name)
      const report = compare({
        windows,
        clearing: options.clearing,
        onProgress: (window, policy) => progress(`${window}: ${policy}`),
      })
      endProgress()
      if (options.json) return printJson(report)
      for (const { window, policies } of report.windows) {
        printText(window)
        printText(metricsTable(policies))
        const worst = [...policies[0]!.days].sort((a, b) => b.systemLoss - a.systemLoss).slice(0, WORST)
        const lossOn = (days: readonly { date: string; systemLoss: number }[], date: string) =>
          `${(100 * (days.find((day) => day.date === date)?.systemLoss ?? 0)).toPrecision(3)} %`
        printText(
          textTable(
            ['worst days', ...policies.map(({ policy }) => policy)],
            worst.map(({ date }) => [date, ...policies.map(({ days }) => lossOn(days, date))]),
            policies.map((_, i) => i + 1),
          ),
        )
        printText('')
      }
    })
}
