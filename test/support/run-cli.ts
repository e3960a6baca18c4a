import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

/** Runs `plimsoll` in a process of its own, its output in pipes; `input` is its standard input. */
export async function runCli(
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; input?: string } = {},
) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(options.input)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

/**
 * The one complaint on standard error, as people read it: with `--json` it is an object of one line, else a line.
 * @throws AssertionError where anything else is there
 */
export function complaintOf(args: readonly string[], stderr: string): string {
  if (!args.includes('--json')) {
    assert.match(stderr, /^plimsoll: [^\n]+\n$/)
    return stderr
  }
  assert.match(stderr, /^\{[^\n]+\}\n$/)
  const { error, ...others } = JSON.parse(stderr)
  assert.deepEqual(others, {})
  const { message, hint, code, exitCode, ...more } = error
  assert.deepEqual(more, {})
  assert.equal(typeof message, 'string')
  assert.ok(code === undefined || typeof code === 'string')
  assert.ok(Number.isInteger(exitCode) && exitCode > 0)
  return `plimsoll: ${hint === undefined ? message : `${message} ${hint}`}\n`
}
