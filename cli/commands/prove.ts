import type { Command } from 'commander'
import type { ProfileName } from '../../prover/profiles.ts'
import { keysOption } from '../keys-option.ts'
import { printJson, printText } from '../output.ts'
import { profileOption } from '../profile-option.ts'
import { endProgress, progress, stage } from '../progress.ts'
import { proverOption } from '../prover-option.ts'

export function register(program: Command): void {
  program
    .command('prove')
    .summary('prove the liquidations of a book, and that none was skipped')
    .description(
      'Starts with every account of a book in the inbox and proves sweeps and resolves until the system is complete. Writes the public side to a new directory.',
    )
    .argument('<book>', 'a BOOK.json')
    .requiredOption('--out <dir>', 'directory to write; it must be new or empty')
    .addOption(profileOption())
    .addOption(keysOption())
    .addOption(proverOption())
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', '\nExample:\n  plimsoll prove book.json --out proof')
    .action(
      async (
        path: string,
        options: { out: string; profile: ProfileName; keys?: string; prover: string; json?: true },
      ) => {
        const { readBook } = await import('../read-book.ts')
        const { requireNewDirectory } = await import('../../lib/new-directory.ts')
        const { requireCapacity } = await import('../../book/prove-book.ts')
        const book = await readBook(path)
        await requireNewDirectory(options.out)
        requireCapacity(book.accounts.length, options.profile)
        const { ProofService } = await import('../../prover/proof-service.ts')
        const proofs = await ProofService.open(options.prover)
        const { loadKeys } = await import('../load-keys.ts')
        const { proveBook } = await import('../../book/prove-book.ts')
        const { BOOK_CIRCUITS } = await import('../../prover/profiles.ts')
        const keys = await loadKeys(options.profile, options.keys, BOOK_CIRCUITS)
        stage('proving')
        // By way of the exit handlers, which remove what is half written.
        for (const [signal, number] of [
          ['SIGINT', 2],
          ['SIGTERM', 15],
        ] as const)
          process.once(signal, () => process.exit(128 + number))
        const summary = await proveBook(book, keys, proofs, options.out, (done, circuit) =>
          progress(`${done} batches proven, the last a ${circuit}`),
        ).finally(endProgress)
        if (options.json) return printJson(summary)
        const { healthy, partial, closed, badDebt } = summary.totals
        printText(
          `${summary.accounts} accounts: ${healthy} healthy, ${partial} liquidated in part, ${closed} closed, bad debt ${badDebt}.`,
        )
        printText(`${summary.batches} batches proven in ${summary.seconds} s; the public side is in ${options.out}.`)
      },
    )
}
