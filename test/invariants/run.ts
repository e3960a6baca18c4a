import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtEnvironment } from '../../chain/artifacts.ts'
import { Counts } from '../fuzz/run.ts'

// The contracts as Hardhat compiled them, under forge's stateful fuzzer: random sequences of calls, in which the books have
// to be right, and at the end of each an escape of everybody.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CACHE = join(ROOT, 'cache', 'invariants')
/** Calls of one sequence. */
const DEPTH = 250

export interface InvariantOptions {
  /** At least so many calls. */
  readonly calls: number
  readonly seed: number
  /** Where the contracts' artifacts are, instead of Hardhat's; relative to the repository. */
  readonly artifacts?: string
}

/** A sequence of calls that breaks an invariant, with forge's account of it. */
export class InvariantBroken extends Error {}

/**
 * Runs sequences of random calls, on all cores.
 * @returns how often each kind of event came up, and `calls`
 * @throws InvariantBroken with the shortest sequence that forge found
 */
export async function runInvariants({ calls, seed, artifacts }: InvariantOptions): Promise<Counts> {
  await builtEnvironment()
  await mkdir(CACHE, { recursive: true })
  const build = await forge(['build'], {})
  if (build.code !== 0 || /^Error/m.test(build.output)) throw new Error(build.output)
  const workers = Math.min(availableParallelism(), Math.ceil(calls / DEPTH))
  const runs = Math.ceil(calls / DEPTH / workers)
  const reports = await mkdtemp(join(CACHE, 'report-'))
  try {
    const counts = new Counts()
    await Promise.all(
      Array.from({ length: workers }, async (_, i) => {
        const report = join(reports, `${i}.txt`)
        const { code, output } = await forge(['test', '--fuzz-seed', String(seed + i), '-v'], {
          FOUNDRY_INVARIANT_RUNS: String(runs),
          FOUNDRY_INVARIANT_DEPTH: String(DEPTH),
          INVARIANTS_REPORT: report,
          ...(artifacts !== undefined && { INVARIANTS_ARTIFACTS: artifacts }),
        })
        // forge's launcher does not pass its exit code on in every version.
        if (code !== 0 || !/Suite result: ok\./.test(output)) throw new InvariantBroken(output)
        counts.add('calls', true, runs * DEPTH)
        for (const line of (await readFile(report, 'utf8')).trim().split('\n'))
          for (const entry of line.split(',')) {
            const [kind, times] = entry.split(':')
            counts.add(kind!, true, Number(times))
          }
      }),
    )
    return counts
  } finally {
    await rm(reports, { recursive: true })
  }
}

async function forge(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    [
      join(ROOT, 'node_modules', '@foundry-rs', 'forge', 'bin.mjs'),
      ...args,
      '--root',
      ROOT,
      '--use',
      fileURLToPath(new URL('solc.mjs', import.meta.url)),
    ],
    {
      cwd: ROOT,
      env: {
        ...process.env,
        // The compiler's wrapper asks for node.
        PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
        FOUNDRY_CONFIG: fileURLToPath(new URL('foundry.toml', import.meta.url)),
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  child.stderr.on('data', (data: Buffer) => (output += data.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}
