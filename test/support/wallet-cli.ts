import assert from 'node:assert/strict'
import type { Hex } from 'viem'
import { complaintOf, runCli } from './run-cli.ts'

const call = (key: Hex | undefined, args: readonly string[], cwd: string) =>
  runCli(['wallet', ...args], { cwd, env: key === undefined ? {} : { PLIMSOLL_WALLET_KEY: key } })

/** What a command of the wallet prints with `--json`; it must succeed without a word of complaint. */
export async function runWallet(cwd: string, key: Hex | undefined, ...args: string[]) {
  const { code, stdout, stderr } = await call(key, [...args, '--json'], cwd)
  assert.deepEqual([code, stderr], [0, ''], stdout)
  return JSON.parse(stdout)
}

/** A command of the wallet must be refused in one line, with exit code 2. */
export async function walletRefuses(cwd: string, key: Hex | undefined, args: readonly string[], complaint: RegExp) {
  const { code, stdout, stderr } = await call(key, args, cwd)
  assert.match(complaintOf(args, stderr), complaint)
  assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
}
