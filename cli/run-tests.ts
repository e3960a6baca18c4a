import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MOCHA = fileURLToPath(new URL('bin/mocha.js', import.meta.resolve('mocha/package.json')))

/** Runs mocha in a process of its own, on this one's terminal; its exit code. */
export async function runTests(files: readonly string[], grep: string | undefined): Promise<number> {
  const paths = files.map((file) => resolve(file))
  // Named files replace the configured ones; mocha would add them.
  const selection = paths.length > 0 ? ['--spec', ...paths] : []
  const child = spawn(process.execPath, [MOCHA, ...selection, ...(grep === undefined ? [] : ['--grep', grep])], { cwd: ROOT, stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
