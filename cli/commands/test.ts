import type { Command } from 'commander'

export function register(program: Command): void {
  program
    .command('test')
    .summary('run the test suite')
    .description('Runs every test of the project, a type check included, or only those of the files that are named.')
    .argument('[files...]', 'test files')
    .option('--grep <pattern>', 'only tests whose title matches')
    .addHelpText('after', '\nExample:\n  plimsoll test')
    .action(async (files: string[], options: { grep?: string }) => {
      const { runTests } = await import('../run-tests.ts')
      process.exitCode = await runTests(files, options.grep)
    })
}
