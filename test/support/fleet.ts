import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { manifestOf } from '../../prover/key-files.ts'
import type { ProvingKeys, SomeKeys } from '../../prover/keys.ts'
import { CIRCUITS, PROFILES } from '../../prover/profiles.ts'
import { keyHash, type VerificationKey } from '../../prover/verification-key.ts'
import type { Conduct } from './stub-prover.ts'

/** Milliseconds between two beats in tests: dead workers are found out ten times as fast. */
export const PULSE = 100

const point = (n: number) => [String(n), String(n + 1), '1']
const point2 = (n: number) => [
  [String(n), '1'],
  [String(n), '2'],
  ['1', '0'],
]

/**
 * Keys that are none, with files to fetch: `directory/source` has them by their hash.
 * @returns the keys, and the directory to fetch from
 */
export async function stubKeys(directory: string): Promise<{ keys: SomeKeys; source: string }> {
  const source = join(directory, 'source')
  await mkdir(source, { recursive: true })
  const keys: Record<string, ProvingKeys> = {}
  for (const [i, circuit] of CIRCUITS.entries()) {
    const verificationKey = {
      protocol: 'groth16',
      curve: 'bn128',
      nPublic: 3,
      vk_alpha_1: point(i + 1),
      vk_beta_2: point2(2),
      vk_gamma_2: point2(3),
      vk_delta_2: point2(4),
      IC: [point(5), point(6), point(7), point(8)],
    } as unknown as VerificationKey
    const [zkey, wasm] = [join(directory, `${circuit}.zkey`), join(directory, `${circuit}.wasm`)]
    for (const path of [zkey, wasm]) await writeFile(path, randomBytes(1_000))
    const own: ProvingKeys = { circuit, zkey, wasm, verificationKey, keyHash: keyHash(verificationKey) }
    const manifest = await manifestOf(own)
    await copyFile(zkey, join(source, manifest.zkey.sha256))
    await copyFile(wasm, join(source, manifest.wasm.sha256))
    keys[circuit] = own
  }
  return { keys: { profile: PROFILES.tiny, ...keys }, source }
}

export interface TestWorker {
  readonly name: string
  readonly process: ChildProcess
  /** What it said on standard output, and on standard error. */
  readonly lines: string[]
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** A prover in a process of its own, which takes jobs by now. */
export async function startWorker(
  url: string,
  keyFile: string,
  source: string,
  options: { readonly name: string; readonly conduct?: Conduct; readonly delay?: number; readonly cache: string },
): Promise<TestWorker> {
  const { name, conduct = 'honest', delay = 20, cache } = options
  const script = fileURLToPath(new URL('../fleet/stub-worker.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    [script, JSON.stringify({ url, keyFile, source, name, conduct, delay, cache, pulse: PULSE })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const lines: string[] = []
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (line === 'ready') resolve()
    })
    child.once('exit', (code) => reject(new Error(`${name} has ended with ${code}: ${lines.join(' ')}`)))
  })
  await ready
  return {
    name,
    process: child,
    lines,
    kill: async (signal = 'SIGKILL') => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGCONT')
      child.kill(signal)
      await gone
    },
  }
}
