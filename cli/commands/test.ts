import type { Command } from 'commander'

export function register(program: Command): void {
  program
    .command('test')
    .summary('run the test suite')
    .description('Runs every test of the project, a type check included.')
    .option('--grep <pattern>', 'only the tests whose title matches')
    .option(
      '--fast',
      'types, lint, the reference machine, contracts over stub verifiers, witnesses of tiny: four minutes',
    )
    .addHelpText('after', '\nExample:\n  plimsoll test')
    .action(async (options: { grep?: string; fast?: true }) => {
      const { runTests } = await import('../run-tests.ts')
      process.exitCode = await runTests(options)
    })
}
