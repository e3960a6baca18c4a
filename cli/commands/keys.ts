import { type Command, InvalidArgumentError } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Transcript } from '../../prover/ceremony/transcript.ts'
import type { CeremonyVerdict } from '../../prover/ceremony/verify-ceremony.ts'
import type { ProfileName } from '../../prover/profiles.ts'
import { printJson, printText } from '../output.ts'
import { profileOption } from '../profile-option.ts'
import { endProgress, progress } from '../progress.ts'

interface Written {
  readonly out: string
  readonly json?: true
}

interface Checked {
  readonly ptau: string
  readonly hash?: string
  readonly json?: true
}

const HASH = [
  '--hash <hex>',
  'blake2b-512 or SHA-256 hash that the file must have, where it is none of the published ones that are known here',
] as const
const PTAU = ['--ptau <file>', 'Powers of Tau file that the ceremony began from'] as const

export function register(program: Command): void {
  const keys = program
    .command('keys')
    .summary('make keys whose secret nobody knows, by a ceremony')
    .description(
      'Groth16 keys for use with real funds: initial keys from a Perpetual Powers of Tau file, contributions by several people, of whom one has to be honest, ' +
        'a public random value at the end. Each step reads a directory and writes another. All circuits of a profile go together.',
    )
    .addHelpText(
      'after',
      '\nExample:\n' +
        '  plimsoll keys import-ptau powersOfTau28_hez_final_16.ptau --out step0\n' +
        '  plimsoll keys contribute step0 --name Alice --out step1\n' +
        '  plimsoll keys beacon step1 --value 0x... --out step2\n' +
        '  plimsoll keys verify step2 --ptau powersOfTau28_hez_final_16.ptau\n' +
        '  plimsoll keys export step2 --ptau powersOfTau28_hez_final_16.ptau --out keys\n' +
        '  plimsoll deploy market.json --keys keys --rpc URL --data state',
    )

  keys
    .command('import-ptau')
    .summary('begin a ceremony from a Powers of Tau file')
    .description(
      'Checks a prepared Perpetual Powers of Tau file against its published hash, compiles the circuits of a profile and makes their initial keys.',
    )
    .argument('<file>', 'a .ptau file, such as powersOfTau28_hez_final_16.ptau')
    .requiredOption('--out <dir>', 'directory to write; it must be new or empty')
    .addOption(profileOption())
    .option(...HASH)
    .option('--json', 'print the transcript as JSON')
    .addHelpText('after', '\nExample:\n  plimsoll keys import-ptau powersOfTau28_hez_final_16.ptau --out step0')
    .action(async (ptau: string, options: Written & { profile: ProfileName; hash?: string }) => {
      await prepareOutput(options.out)
      const { importPtau } = await import('../../prover/ceremony/import-ptau.ts')
      const { out: output, profile, hash } = options
      const transcript = await importPtau({ ptau, hash, profile, output, onProgress: progress }).finally(endProgress)
      if (options.json) return printJson(transcript)
      printText(`${ptau} is ${sourceOf(transcript)}.`)
      printText(`Initial keys of profile ${profile} are in ${output}. Nobody has contributed to them yet.`)
    })

  keys
    .command('contribute')
    .summary('contribute a secret to a ceremony')
    .description(
      'Multiplies the secret of each key by random numbers from the operating system, which are forgotten at once. Prints the hashes of the contribution, for its maker to publish.',
    )
    .argument('<dir>', 'the ceremony so far')
    .requiredOption('--out <dir>', 'directory to write; it must be new or empty')
    .requiredOption('--name <name>', 'who contributes; it is public')
    .option('--entropy', 'stir in a text too: asked for on a terminal, else read from standard input')
    .option('--json', 'print the contribution as JSON')
    .addHelpText('after', '\nExample:\n  plimsoll keys contribute step0 --name Alice --out step1')
    .action(async (directory: string, options: Written & { name: string; entropy?: true }) => {
      await prepareOutput(options.out)
      const { contribute } = await import('../../prover/ceremony/extend-ceremony.ts')
      const { readEntropy } = await import('../read-entropy.ts')
      const text = options.entropy ? await readEntropy() : ''
      const { contributions } = await contribute({
        directory,
        output: options.out,
        name: options.name,
        text,
        onProgress: progress,
      }).finally(endProgress)
      const { name, hashes } = contributions.at(-1)!
      if (options.json) return printJson({ directory: options.out, number: contributions.length, name, hashes })
      printText(
        `Contribution ${contributions.length}, by ${name}, is in ${options.out}. Publish its hashes, so that everybody can find it in the keys:`,
      )
      for (const [circuit, hash] of Object.entries(hashes)) printText(`${circuit}: ${hash}`)
    })

  keys
    .command('beacon')
    .summary('close a ceremony with a public random value')
    .description(
      'Applies a value that nobody could know or choose before the last contribution was published, such as the hash of a later block that had been announced.',
    )
    .argument('<dir>', 'the ceremony so far')
    .requiredOption('--out <dir>', 'directory to write; it must be new or empty')
    .requiredOption('--value <hex>', 'the value, in hexadecimal')
    .option('--iterations <exponent>', 'the value is hashed 2^exponent times, 10 to 30', wholeNumber, 10)
    .option('--json', 'print the beacon as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  plimsoll keys beacon step1 --value 0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6 --out step2',
    )
    .action(async (directory: string, options: Written & { value: string; iterations: number }) => {
      await prepareOutput(options.out)
      const { applyBeacon } = await import('../../prover/ceremony/extend-ceremony.ts')
      const { value, iterations, out: output } = options
      const { beacon } = await applyBeacon({ directory, output, value, iterations, onProgress: progress }).finally(
        endProgress,
      )
      if (options.json) return printJson({ directory: output, ...beacon })
      printText(`The beacon is applied; the closed ceremony is in ${output}.`)
      for (const [circuit, hash] of Object.entries(beacon!.hashes)) printText(`${circuit}: ${hash}`)
    })

  keys
    .command('verify')
    .summary('verify a ceremony or exported keys, from the powers of tau on')
    .description(
      "Compiles this installation's own circuits, derives the initial keys from the Powers of Tau file, and checks every contribution and the beacon. Exit code 1: something is wrong.",
    )
    .argument('<dir>', 'a ceremony, or what export wrote')
    .requiredOption(...PTAU)
    .option(...HASH)
    .option('--unfinished', 'accept a ceremony without a beacon, before contributing to it')
    .option('--json', 'print the verdict, with the transcript, as JSON')
    .addHelpText('after', '\nExample:\n  plimsoll keys verify step2 --ptau powersOfTau28_hez_final_16.ptau')
    .action(async (directory: string, options: Checked & { unfinished?: true }) => {
      const { verifyCeremony } = await import('../../prover/ceremony/verify-ceremony.ts')
      const { ptau, hash, unfinished = false } = options
      const verdict = await verifyCeremony({ directory, ptau, hash, unfinished, onProgress: progress }).finally(
        endProgress,
      )
      if (!accepted(verdict, options.json) || options.json) return
      printTranscript(verdict.transcript)
      printText(
        verdict.finished
          ? 'The keys follow from these. Nobody can forge proofs under them as long as one contributor, here and to the powers of tau, was honest.'
          : 'The keys follow from these so far. The ceremony is not finished: do not use them.',
      )
    })

  keys
    .command('export')
    .summary('write the keys of a verified ceremony for use')
    .description(
      'Verifies a finished ceremony as verify does, then writes proving keys, verification keys, verifier contracts, transcript and checksums: a directory for --keys of prove, verify, deploy and node. Exit code 1: the ceremony is not sound, and nothing is written.',
    )
    .argument('<dir>', 'the finished ceremony')
    .requiredOption('--out <dir>', 'directory to write; it must be new or empty')
    .requiredOption(...PTAU)
    .option(...HASH)
    .option('--json', 'print the verdict, with the transcript, as JSON')
    .addHelpText('after', '\nExample:\n  plimsoll keys export step2 --ptau powersOfTau28_hez_final_16.ptau --out keys')
    .action(async (directory: string, options: Written & Checked) => {
      await prepareOutput(options.out)
      const { exportKeys } = await import('../../prover/ceremony/exported-keys.ts')
      const { ptau, hash, out: output } = options
      const verdict = await exportKeys({ directory, ptau, hash, output, onProgress: progress }).finally(endProgress)
      if (!accepted(verdict, options.json) || options.json) return
      const { profile, circuits } = verdict.transcript
      for (const [circuit, { keyHash }] of Object.entries(circuits))
        printText(`${circuit}: verification key ${keyHash}`)
      printText(`The keys are in ${output}. Use them with --keys ${output} --profile ${profile}.`)
    })

  // Last, as commands inherit what was set before. In place of the help text that commander would print as an error.
  keys.allowExcessArguments().action((_options: unknown, command: Command) => {
    const [name] = command.args
    throw new PlimsollError(name === undefined ? 'No command of keys is given.' : `keys has no command '${name}'.`, {
      hint: 'See plimsoll keys --help.',
    })
  })
}

/**
 * Before any work: the directory must be new, and an interrupt must go by way of the exit handlers, which remove what
 * is half written.
 */
async function prepareOutput(path: string): Promise<void> {
  const { requireNewDirectory } = await import('../../lib/new-directory.ts')
  await requireNewDirectory(path)
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.once(signal, () => process.exit(128 + number))
}

/** Prints a verdict as JSON, or else, if it is a failure, on standard error; whether it is none. */
function accepted(verdict: CeremonyVerdict, json: true | undefined): verdict is CeremonyVerdict & { ok: true } {
  if (json) printJson(verdict)
  if (verdict.ok) return true
  process.exitCode = 1
  if (!json)
    process.stderr.write(`plimsoll: ${verdict.circuit === null ? '' : `${verdict.circuit}: `}${verdict.error}\n`)
  return false
}

function printTranscript(transcript: Transcript): void {
  const { profile, powersOfTau, circuits, contributions, beacon } = transcript
  printText(`Powers of tau: ${sourceOf(transcript)}`)
  printText(`blake2b-512 ${powersOfTau.blake2b512}`)
  for (const [circuit, { constraints, r1csSha256, keyHash }] of Object.entries(circuits)) {
    printText(
      `${circuit}, profile ${profile}: ${constraints} constraints, r1cs ${r1csSha256}, verification key ${keyHash}`,
    )
  }
  for (const [i, { name, hashes }] of contributions.entries()) {
    printText(`Contribution ${i + 1}, by ${name}:`)
    for (const [circuit, hash] of Object.entries(hashes)) printText(`  ${circuit} ${hash}`)
  }
  if (beacon === null) return
  printText(`Beacon ${beacon.value}, hashed 2^${beacon.iterations} times:`)
  for (const [circuit, hash] of Object.entries(beacon.hashes)) printText(`  ${circuit} ${hash}`)
}

function sourceOf({ powersOfTau: { published, power } }: Transcript): string {
  return published === null
    ? `no published file that is known here, but has the hash that was given (2^${power} powers)`
    : `the published ${published} (2^${power} powers)`
}

function wholeNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
