import type { Command } from 'commander'
import type { ProfileName } from '../../prover/profiles.ts'
import { profileOption } from '../profile-option.ts'
import { proverOption } from '../prover-option.ts'

export function register(program: Command): void {
  program
    .command('demo')
    .summary('replay the crash of 12 March 2020 on a local chain, proving every liquidation')
    .description(
      'Starts a local chain, deploys, imports 64 accounts, runs the sequencer through the hours of 12 March 2020 (ETH and BTC), ' +
        'then audits the chain. Exit code 1 if a round stayed incomplete or the audit differs.',
    )
    .addOption(profileOption())
    .addOption(proverOption())
    .option('--json', 'print JSON at the end')
    .addHelpText('after', '\nExample:\n  plimsoll demo')
    .action(async (options: { profile: ProfileName; prover: string; json?: true }) => {
      const { useProver } = await import('../../prover/prove.ts')
      await useProver(options.prover)
      const { runDemo } = await import('../run-demo.ts')
      process.exitCode = (await runDemo(options.profile, options.json === true)) ? 0 : 1
    })
}
