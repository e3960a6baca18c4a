import { Argument, type Command } from 'commander'
import { printText } from '../output.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

export function register(program: Command): void {
  program
    .command('completion')
    .summary('print what completes commands and options in a shell')
    .description('Prints a script for a shell; its first lines say how to load it.')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText('after', '\nExample:\n  source <(plimsoll completion bash)')
    .action(async (shell: (typeof SHELLS)[number]) => {
      const { completionScript } = await import('../completion-script.ts')
      printText(completionScript(program, shell))
    })
}
