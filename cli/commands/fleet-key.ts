import type { Command } from 'commander'
import { printJson, printText } from '../output.ts'

export function register(program: Command): void {
  program
    .command('fleet-key')
    .summary('make the key that a node and its provers share')
    .description(
      "Draws a key and writes it to a new file that only its owner can read. Node and provers of a fleet need the same file. Whoever has it can read the accounts that are to be proven; he cannot make the node take a false proof. Prints the fleet's name, which is no secret.",
    )
    .argument('<file>', 'file to write; there must be none')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  plimsoll fleet-key fleet.key')
    .action(async (file: string, { json }: { json?: true }) => {
      const { FleetKey } = await import('../../fleet/fleet-key.ts')
      const { id } = await FleetKey.create(file)
      if (json) printJson({ fleet: id, file })
      else
        printText(`The key of the fleet ${id} is in ${file}: hand it to its node and its provers, and to nobody else.`)
    })
}
