import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MOCHA = fileURLToPath(new URL('bin/mocha.js', import.meta.resolve('mocha/package.json')))

export interface TestChoice {
  /** Only the tests whose title matches. */
  readonly grep?: string | undefined
  /** Only the list of `.mocharc.fast.json`, in which nothing is proven. */
  readonly fast?: boolean | undefined
}

/** Runs the suite in a process of its own, on this one's terminal; its exit code. */
export async function runTests({ grep, fast = false }: TestChoice): Promise<number> {
  const files = fast ? ['--config', '.mocharc.fast.json'] : []
  const selection = grep === undefined ? [] : ['--grep', grep]
  const { PLIMSOLL_AS: _, ...env } = process.env
  const child = spawn(process.execPath, [MOCHA, ...files, ...selection], { cwd: ROOT, stdio: 'inherit', env })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
