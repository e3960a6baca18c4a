import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ensureKeys, type KeySet } from '../../prover/keys.ts'
import { goodBook } from '../support/books.ts'
import { chapters } from '../support/chapters.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

describe('plimsoll prove and verify', () => {
  const it = chapters()
  let directory: string
  let keys: KeySet
  before(async () => {
    keys = await ensureKeys('tiny')
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    await mkdir(join(directory, 'tmp'))
    await writeFile(join(directory, 'book.json'), JSON.stringify(goodBook()))
  })
  after(() => rm(directory, { recursive: true }))

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    runCli(args, { cwd: directory, env: { TMPDIR: join(directory, 'tmp'), ...env } })

  /** One line on standard error, nothing else, exit 2, nothing written. */
  async function refused(
    args: readonly string[],
    complaint: RegExp,
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const before = await readdir(directory, { recursive: true })
    const { code, stdout, stderr } = await run(args, env)
    assert.match(complaintOf(args, stderr), complaint)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    assert.deepEqual(await readdir(directory, { recursive: true }), before)
  }

  it('round trip, with nothing left beside the directory', async () => {
    const proven = await run(['prove', 'book.json', '--out', 'proof', '--profile', 'tiny', '--json'])
    assert.deepEqual([proven.code, proven.stderr], [0, ''])
    const summary = JSON.parse(proven.stdout)
    assert.deepEqual(summary.totals, { healthy: 1, partial: 1, closed: 0, badDebt: '0' })
    assert.deepEqual(JSON.parse(await readFile(join(directory, 'proof', 'summary.json'), 'utf8')), summary)
    const batches = Array.from({ length: summary.batches }, (_, i) => `batch-00${i}.json`)
    assert.deepEqual((await readdir(join(directory, 'proof'))).sort(), [...batches, 'round.json', 'summary.json'])
    assert.deepEqual((await readdir(directory)).sort(), ['book.json', 'proof', 'tmp'])
    assert.deepEqual(await readdir(join(directory, 'tmp')), [])

    const verified = await run(['verify', 'proof', '--json'])
    assert.deepEqual([verified.code, verified.stderr], [0, ''])
    const verdict = JSON.parse(verified.stdout)
    assert.deepEqual([verdict.ok, verdict.accounts, verdict.batches, verdict.resolved], [true, 2, summary.batches, 1])
    const said = await run(['verify', 'proof'])
    assert.equal(said.code, 0)
    assert.match(said.stdout, /The system is complete/)
    assert.match(said.stdout, /Not known: What was in the leaves at the start/)
  })

  it('a wrong proof ends with exit 1, and names the batch', async () => {
    await cp(join(directory, 'proof'), join(directory, 'wrong'), { recursive: true })
    const path = join(directory, 'wrong', 'batch-001.json')
    const batch = JSON.parse(await readFile(path, 'utf8'))
    batch.signals[2] = '1'
    await writeFile(path, JSON.stringify(batch))
    const plain = await run(['verify', 'wrong'])
    assert.deepEqual(plain, {
      code: 1,
      stdout: '',
      stderr: 'plimsoll: batch-001.json: The signals are not those of D.\n',
    })
    const json = await run(['verify', 'wrong', '--json'])
    assert.deepEqual([json.code, json.stderr], [1, ''])
    assert.deepEqual(JSON.parse(json.stdout), {
      ok: false,
      batch: 'batch-001.json',
      error: 'The signals are not those of D.',
    })
    await rm(join(directory, 'wrong'), { recursive: true })
  })

  it('an interrupt leaves nothing behind', async () => {
    const before = await readdir(directory)
    const child = spawn(process.execPath, [MAIN, 'prove', 'book.json', '--out', 'out', '--profile', 'tiny'], {
      cwd: directory,
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    while (!(await readdir(directory)).some((name) => name.startsWith('.out.'))) await sleep(20)
    child.kill('SIGINT')
    assert.deepEqual(await ended, [130, null])
    assert.deepEqual(await readdir(directory), before)
  })

  it('bad arguments end with exit 2 before anything is written', async () => {
    await refused(
      ['prove', 'book.json', '--out', 'proof', '--profile', 'tiny'],
      /The directory proof exists and is not empty/,
    )
    await refused(
      ['prove', 'book.json', '--out', 'book.json', '--profile', 'tiny'],
      /Cannot write to book\.json: it is not a directory/,
    )
    await refused(
      ['prove', 'book.json', '--out', 'no/such/parent', '--profile', 'tiny'],
      /its parent is not a directory/,
    )
    await refused(['prove', 'book.json', '--profile', 'tiny'], /required option '--out <dir>'/)
    await refused(['verify', 'nowhere'], /nowhere is not a directory/)
    await refused(['verify', 'book.json'], /book\.json is not a directory/)
    await refused(['verify'], /either a directory, or --rpc and --settlement/)
    await refused(['verify', 'proof', '--rpc', 'http://127.0.0.1:1'], /either a directory, or --rpc and --settlement/)
    await refused(['verify', '--rpc', 'http://127.0.0.1:1'], /go together/)
    await refused(
      ['verify', '--rpc', 'nonsense', '--settlement', `0x${'1'.repeat(40)}`],
      /nonsense is not an http or https URL/,
    )
    await refused(
      ['verify', '--rpc', 'http://127.0.0.1:1', '--settlement', `0x${'1'.repeat(40)}`],
      /No JSON-RPC endpoint answers at http:\/\/127\.0\.0\.1:1/,
    )
  })

  it('more accounts than the profile holds', async () => {
    const book = goodBook()
    book.accounts = Array.from({ length: 65 }, (_, i) => ({ id: `a${i}`, balances: { USD: '1' } }))
    await writeFile(join(directory, 'large.json'), JSON.stringify(book))
    await refused(['prove', 'large.json', '--out', 'out', '--profile', 'tiny'], /65 accounts, profile tiny holds 64/)
  })

  it('a truncated key ends both with exit 2', async () => {
    const cache = join(directory, 'cache')
    const copy = join(cache, 'keys', 'tiny', basename(keys.directory))
    await cp(keys.directory, copy, { recursive: true })
    await truncate(join(copy, 'sweep', 'sweep.zkey'), 1_000)
    await refused(
      ['prove', 'book.json', '--out', 'out', '--profile', 'tiny'],
      /The key file .*sweep\.zkey has 1000 bytes instead of \d+/,
      { PLIMSOLL_CACHE: cache },
    )
    await refused(['verify', 'proof'], /The key file .*sweep\.zkey has 1000 bytes instead of \d+/, {
      PLIMSOLL_CACHE: cache,
    })
    await refused(['verify', 'proof', '--json'], /The key file .*sweep\.zkey/, { PLIMSOLL_CACHE: cache })
  })
})
