import type { Command } from 'commander'
import { textTable } from '../../lib/text-table.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'

interface Options {
  readonly shocksBp: string
  readonly asset?: string
  readonly json?: true
}

export function register(risk: Command): void {
  risk
    .command('flow')
    .summary('show what books would liquidate under shocks of the prices, and whether that cascades')
    .description(
      "The liquidation curve: what one or several books over one market would sell and buy if all prices, or one, moved at once, as assess says of each point. Delta and Gamma are its slopes at the books' prices, " +
        'in units of the asset; rho is Delta over depth, the reproduction number of liquidations; a cascade explodes where the spectral radius reaches 1. The cascade of each shock is where prices come to rest with linear depth.',
    )
    .argument('<books...>', 'BOOK.json files; several add up to one curve')
    .option('--shocks-bp <range>', 'FROM:TO:STEP in basis points, both ends included', '-5000:0:100')
    .option('--asset <symbol>', 'the one asset whose price moves, instead of all')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll risk flow book.json --shocks-bp -3000:0:250')
    .action(async (paths: string[], options: Options) => {
      const { flow, parseShocks } = await import('../../risk/flow/flow.ts')
      const { readBook } = await import('../read-book.ts')
      const shocks = parseShocks(options.shocksBp)
      const books = await Promise.all(paths.map(async (path) => ({ name: path, book: await readBook(path) })))
      const report = flow(books, {
        shocks,
        asset: options.asset,
        onProgress: (done, total) => progress(`shock ${done} of ${total}`),
      })
      endProgress()
      if (options.json) return printJson(report)
      const list = (amounts: Readonly<Record<string, string>>) =>
        Object.entries(amounts)
          .map(([symbol, amount]) => `${amount} ${symbol}`)
          .join(', ') || '-'
      const number = (value: number | null) => (value === null ? '-' : String(Number(value.toPrecision(5))))
      printText(
        textTable(
          ['shock (bp)', 'liquidated', 'closed', 'sold', 'bought', 'bad debt', 'comes to rest (bp)', 'amplification'],
          report.points.map((point, i) => [
            String(point.shockBp),
            String(point.liquidated),
            String(point.closed),
            list(point.sold),
            list(point.bought),
            point.badDebt,
            report.cascade[i]!.finalBp.toFixed(1),
            number(report.cascade[i]!.amplification),
          ]),
          [0, 1, 2, 5, 6, 7],
        ),
      )
      printText('')
      printText(
        textTable(
          ['asset', 'Delta', 'Gamma', 'rho'],
          Object.keys(report.delta).map((symbol) => [
            symbol,
            number(report.delta[symbol]!),
            number(report.gamma[symbol]!),
            number(report.rho[symbol]!),
          ]),
          [1, 2, 3],
        ),
      )
      printText(
        `Spectral radius of R: ${number(report.spectralRadius)}${report.spectralRadius >= 1 ? ', a cascade explodes' : ''}`,
      )
    })
}
