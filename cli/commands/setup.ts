import type { Command } from 'commander'
import type { ProfileName } from '../../prover/profiles.ts'
import { printJson, printText } from '../output.ts'
import { profileOption } from '../profile-option.ts'

export function register(program: Command): void {
  program
    .command('setup')
    .summary('compile the circuits and make development keys')
    .description(
      'Compiles the circuits of a profile and makes reproducible development keys. Both are cached: a second run costs nothing.',
    )
    .addOption(profileOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll setup --profile small')
    .action(async (options: { profile: ProfileName; json?: true }) => {
      const { loadKeys } = await import('../load-keys.ts')
      const { CIRCUITS } = await import('../../prover/profiles.ts')
      const started = performance.now()
      const keys = await loadKeys(options.profile)
      const seconds = Math.round((performance.now() - started) / 100) / 10
      const circuits = CIRCUITS.map((name) => keys[name]).map(({ circuit, constraints, keyHash }) => ({
        circuit,
        constraints,
        keyHash,
      }))
      if (options.json) return printJson({ profile: options.profile, directory: keys.directory, seconds, circuits })
      for (const { circuit, constraints, keyHash } of circuits) {
        printText(`${circuit.padEnd(8)} ${String(constraints).padStart(6)} constraints, development key ${keyHash}`)
      }
      printText(`Keys of profile ${options.profile} are in ${keys.directory} (${seconds} s).`)
    })
}
