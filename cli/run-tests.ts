import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MOCHA = fileURLToPath(new URL('bin/mocha.js', import.meta.resolve('mocha/package.json')))

/** Runs the suite in a process of its own, on this one's terminal; its exit code. */
export async function runTests(grep: string | undefined): Promise<number> {
  const selection = grep === undefined ? [] : ['--grep', grep]
  const child = spawn(process.execPath, [MOCHA, ...selection], { cwd: ROOT, stdio: 'inherit' })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
