import { type Command, InvalidArgumentError, Option } from 'commander'
import { fleetKeyOption, redisOption } from '../fleet-options.ts'
import { proverOption, proverTablesOption } from '../prover-option.ts'
import { wholeNumber } from '../whole-number.ts'

/** A worker's name: Redis and the log show it. */
function workerName(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text))
    throw new InvalidArgumentError('It must have 1 to 64 letters, digits, dots, hyphens and underscores.')
  return text
}

export function register(program: Command): void {
  program
    .command('prover')
    .summary('make proofs for a node elsewhere')
    .description(
      'Takes jobs of a node from a queue in Redis and answers with proofs, until it is interrupted. Any number of provers may run, on any number of machines; what they are asked for is encrypted with the key of the fleet. Proving keys are fetched by their hash, once, and kept in the cache.',
    )
    .addOption(redisOption().makeOptionMandatory())
    .addOption(fleetKeyOption().makeOptionMandatory())
    .option(
      '--keys-from <place>',
      'where the proving keys are: address of the node, of another server that has /keys/HASH, or a directory with files named by their SHA-256',
      'http://127.0.0.1:9464',
    )
    .option('--jobs <count>', 'proofs at a time', wholeNumber(1, 64), 1)
    .option('--name <name>', 'what the name of this prover begins with (default: that of the host)', workerName)
    .addOption(proverOption())
    .addOption(proverTablesOption())
    .addOption(
      new Option('--log-format <format>', 'write the log as text or as JSON').choices(['text', 'json']).default('text'),
    )
    .option('--json', 'write the log as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  plimsoll prover --redis redis://10.0.0.5:6379 --fleet-key fleet.key --keys-from http://10.0.0.5:9464',
    )
    .action(async (options) => {
      const { runProver } = await import('../run-prover.ts')
      await runProver(options)
    })
}
