import type { Command } from 'commander'
import { printJson, printText } from '../output.ts'

export function register(program: Command): void {
  program
    .command('assess')
    .summary('show which accounts of a book would be liquidated, and by how much')
    .description(
      'Works out, at the prices of a book, the health of every account and the one liquidation that the protocol allows.',
    )
    .argument('<book>', 'a BOOK.json')
    .option('--json', 'print JSON: exact decimals, in the order of the book')
    .addHelpText('after', '\nExample:\n  plimsoll assess book.json')
    .action(async (path: string, options: { json?: true }) => {
      const { readBook } = await import('../read-book.ts')
      const { assess } = await import('../assessment.ts')
      const book = await readBook(path)
      const assessment = assess(book)
      if (options.json) return printJson(assessment)
      const { assessmentTable } = await import('../assessment-table.ts')
      printText(assessmentTable(book, assessment))
    })
}
