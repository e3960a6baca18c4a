import { type Command, Option } from 'commander'
import { IMPACTS, type ImpactName } from '../../risk/impact/impact.ts'
import { PATH_MODELS, type PathModelName } from '../../risk/paths/path-model.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'
import { numberWithin } from '../risk-options.ts'
import { wholeNumber } from '../whole-number.ts'

interface Options {
  readonly out: string
  readonly paths: number
  readonly hours: number
  readonly model: PathModelName
  readonly sigma?: number
  readonly correlation?: number
  readonly seed: number
  readonly impact?: ImpactName
  readonly json?: true
}

export function register(risk: Command): void {
  risk
    .command('report')
    .summary('write what the laboratory finds of a book as one page with charts')
    .description(
      'The liquidation curve with Delta and rho, the cascade, the fan of losses, policies side by side, the forecast and its exceedances in time, and the days that make the losses: ' +
        'one HTML file that needs neither scripts nor a network. Without a book it is of a seeded sample.',
    )
    .argument('[book]', 'a BOOK.json')
    .requiredOption('--out <file>', 'HTML file to write')
    .option('--paths <n>', 'number of simulated paths', wholeNumber(1, 1_000_000), 1000)
    .option('--hours <h>', 'hours of a path', wholeNumber(1, 10_000), 24)
    .addOption(new Option('--model <model>', 'model of the paths').choices([...PATH_MODELS]).default('fhs'))
    .option('--sigma <a>', 'volatility of every asset, per year of 365 days', numberWithin(0, 100))
    .option('--correlation <r>', 'correlation of every pair of assets', numberWithin(-1, 1))
    .option('--seed <x>', 'seed of the paths', wholeNumber(0, Number.MAX_SAFE_INTEGER), 1)
    .addOption(new Option('--impact <impact>', 'how sales move prices; linear when left out').choices([...IMPACTS]))
    .option('--json', 'print JSON: the file, and the seconds it took')
    .addHelpText('after', '\nExample:\n  plimsoll risk report book.json --out risk.html')
    .action(async (path: string | undefined, { out, json, ...options }: Options) => {
      const { requireNewFile, writeWhole } = await import('../whole-file.ts')
      const { readBook } = await import('../read-book.ts')
      const started = performance.now()
      await requireNewFile(out)
      const book = path === undefined ? undefined : { name: path, book: await readBook(path) }
      const { riskReport } = await import('../../risk/report/report.ts')
      const html = await riskReport({ ...options, ...(book && { book }), onProgress: progress }).finally(endProgress)
      await writeWhole(out, html)
      const seconds = (performance.now() - started) / 1000
      if (json) return printJson({ out, seconds })
      printText(`The report is in ${out}; it took ${seconds.toFixed(0)} s.`)
    })
}
