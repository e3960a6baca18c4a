import type { Command } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import { printJson } from '../output.ts'
import { profileOption } from '../profile-option.ts'
import { proverOption } from '../prover-option.ts'
import type { Act } from '../run-demo.ts'

export function register(program: Command): void {
  program
    .command('demo')
    .summary('replay the crash of 12 March 2020 on a local chain, proving every liquidation')
    .description(
      'Starts a local chain, deploys, imports 64 accounts, runs the sequencer through the hours of 12 March 2020 (ETH and BTC), ' +
        'then audits the chain. A second act deploys a system of real accounts: owners deposit, borrow, trade, are liquidated, recover from the chain and are paid. A third sells what liquidations bring: a pool, two keepers that compete and an insurer. Exit code 1 if a round stayed incomplete or an audit differs.',
    )
    .addOption(profileOption())
    .addOption(proverOption())
    .option('--book', 'only the first act: the crash over an imported book')
    .option('--wallets', 'only the second act: owners with keys of their own')
    .option('--market', 'only the third act: what liquidations bring is sold')
    .option('--web', 'only the second act: then leave chain and node running, and open the page over them')
    .option('--json', 'print JSON at the end')
    .addHelpText('after', '\nExample:\n  plimsoll demo')
    .action(
      async ({
        profile,
        prover,
        book,
        wallets,
        market,
        web,
        json,
      }: {
        profile: ProfileName
        prover: string
        book?: true
        wallets?: true
        market?: true
        web?: true
        json?: true
      }) => {
        const chosen = Object.entries({ book, wallets, market }).flatMap(([name, wanted]) => (wanted ? [name] : []))
        if (chosen.length > 1)
          throw new PlimsollError(`--${chosen.join(' and --')} each leave the other acts out.`, { hint: 'Choose one.' })
        if (web && chosen.some((name) => name !== 'wallets'))
          throw new PlimsollError(`--web is of the second act, which --${chosen[0]} leaves out.`, {
            hint: 'Choose one.',
          })
        if (web) chosen.splice(0, chosen.length, 'wallets')
        const plays = (name: string) => chosen.length === 0 || chosen[0] === name
        const { ProofService } = await import('../../prover/proof-service.ts')
        const proofs = await ProofService.open(prover)
        const acts: Record<string, Act> = {}
        try {
          if (plays('book')) acts.book = await (await import('../run-demo.ts')).runDemo(profile, proofs, json === true)
          if (plays('wallets'))
            acts.wallets = await (await import('../run-wallet-demo.ts')).runWalletDemo(
              profile,
              proofs,
              json === true,
              web && (await import('../stay-open.ts')).stayOpen(json === true),
            )
          if (plays('market'))
            acts.market = await (await import('../run-market-demo.ts')).runMarketDemo(profile, proofs, json === true)
        } finally {
          await proofs.close()
        }
        const ok = Object.values(acts).every((act) => act.ok)
        if (json) printJson({ ok, ...acts })
        process.exitCode = ok ? 0 : 1
      },
    )
}
