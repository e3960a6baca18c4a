import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Hex } from 'viem'
import type { OperationRequest } from '../../sdk/schemas.ts'
import { Journal, type JournalEntry } from '../../sequencer/mempool/journal.ts'
import { onFullDisk } from '../support/full-disk.ts'

const id = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const body: OperationRequest = {
  kind: 'withdraw',
  index: 1,
  version: 2,
  asset: 0,
  amount: 1_000_000n,
  recipient: `0x${'ab'.repeat(20)}`,
  expiry: 1_900_000_000,
  signature: { r8: [1n, 2n], s: 3n },
}

describe('the journal', () => {
  let directory: string
  const path = () => join(directory, 'journal.jsonl')
  const reopened = async () => {
    const journal = await Journal.open(directory)
    await journal.close()
    return [...journal.entries()]
  }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('keeps what was accepted, in order, and how it ended', async () => {
    const journal = await Journal.open(directory)
    await Promise.all([1, 2, 3].map((n) => journal.accept(id(n), body, 100 + n)))
    await journal.record({ id: id(2), status: 'failed', code: 'EXPIRED' })
    await journal.record({ id: id(1), status: 'settled', transaction: id(9) })
    await journal.close()
    const entries = await reopened()
    assert.deepEqual(entries, [
      { n: 1, id: id(1), body, at: 101, outcome: { id: id(1), status: 'settled', transaction: id(9) } },
      { n: 2, id: id(2), body, at: 102, outcome: { id: id(2), status: 'failed', code: 'EXPIRED' } },
      { n: 3, id: id(3), body, at: 103, outcome: undefined },
    ])
    assert.equal((await stat(path())).mode & 0o777, 0o600)
  })

  it('drops the torn last line, and goes on after it', async () => {
    const journal = await Journal.open(directory)
    await journal.accept(id(1), body, 1)
    await journal.close()
    const good = await readFile(path(), 'utf8')
    for (const cut of [1, 20, good.length - 1]) {
      await writeFile(path(), good + good.replaceAll(id(1), id(2)).slice(0, cut))
      const again = await Journal.open(directory)
      assert.equal([...again.entries()].length, 1)
      await again.accept(id(3), body, 3)
      await again.close()
      assert.deepEqual(
        (await reopened()).map((entry) => entry.id),
        [id(1), id(3)],
      )
      await writeFile(path(), good)
    }
  })

  it('refuses a file that is damaged before its end', async () => {
    for (const line of [
      '{"n":1',
      'null',
      '[]',
      '{"id":"0x1","body":{}}',
      JSON.stringify({ id: id(5), status: 'failed' }),
    ]) {
      await writeFile(path(), `${line}\n`)
      await assert.rejects(Journal.open(directory), { name: 'PlimsollError', message: /journal\.jsonl:1 is / })
    }
    await writeFile(path(), '')
    assert.deepEqual(await reopened(), [])
    await appendFile(path(), '{')
    assert.deepEqual(await reopened(), [])
  })

  it('forgets what ended of old, and nothing else', async () => {
    const journal = await Journal.open(directory, 3)
    const isFinal = ({ outcome }: JournalEntry) => outcome !== undefined
    for (let n = 1; n <= 8; n++) await journal.accept(id(n), body, n)
    for (const n of [1, 2, 4, 5, 6, 7]) await journal.record({ id: id(n), status: 'settled', settlement: n })
    await journal.compact(isFinal)
    assert.equal([...journal.entries()].length, 8)
    await journal.record({ id: id(8), status: 'failed', code: 'EXPIRED' })
    // What comes while it is rewritten is in it as well.
    await Promise.all([
      journal.compact(isFinal),
      journal.accept(id(9), body, 9),
      journal.record({ id: id(3), status: 'settled', settlement: 9 }),
    ])
    const kept = [...journal.entries()]
    assert.deepEqual(
      kept.map((entry) => [entry.n, entry.outcome?.status]),
      [
        [3, 'settled'],
        [6, 'settled'],
        [7, 'settled'],
        [8, 'failed'],
        [9, undefined],
      ],
    )
    await journal.accept(id(10), body, 10)
    await journal.close()
    assert.deepEqual((await reopened()).slice(0, 5), kept)
    assert.equal((await reopened()).length, 6)
    assert.equal((await stat(path())).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(directory), ['journal.jsonl'])
  })

  it('goes on as it is where there is no room for a shorter one, and past one that a crash left half written', async () => {
    const journal = await Journal.open(directory, 1)
    for (let n = 1; n <= 4; n++) {
      await journal.accept(id(n), body, n)
      await journal.record({ id: id(n), status: 'settled', settlement: n })
    }
    await mkdir(`${path()}.tmp`)
    await journal.compact(() => true)
    await journal.accept(id(5), body, 5)
    await rm(`${path()}.tmp`, { recursive: true })
    await writeFile(`${path()}.tmp`, '{"n":')
    await journal.compact(({ outcome }) => outcome !== undefined)
    assert.deepEqual(
      [...journal.entries()].map(({ n }) => n),
      [4, 5],
    )
    await journal.close()
    assert.deepEqual(
      (await reopened()).map(({ n }) => n),
      [4, 5],
    )
  })

  it('leaves no half a line where there is no more room, before and after it was rewritten', async () => {
    const journal = await Journal.open(directory, 0)
    const full = (n: number) =>
      assert.rejects(
        onFullDisk(() => journal.accept(id(n), body, n), 30),
        { name: 'PlimsollError', message: /no space left/ },
      )
    for (let n = 1; n <= 3; n++) await journal.accept(id(n), body, n)
    await full(100)
    for (let n = 1; n <= 2; n++) await journal.record({ id: id(n), status: 'settled', settlement: n })
    await journal.compact(({ outcome }) => outcome !== undefined)
    await full(101)
    await journal.accept(id(4), body, 4)
    await journal.close()
    assert.deepEqual(
      (await reopened()).map((entry) => entry.id),
      [id(3), id(4)],
    )
  })

  it('has everything that was acknowledged before a kill -9, also while it is rewritten', async () => {
    const acknowledged: number[] = []
    for (let round = 0; round < 12; round++) {
      const first = round * 100_000
      // Every third stays open; the rest ends at once and is soon forgotten.
      const script = `
        import { Journal } from ${JSON.stringify(fileURLToPath(new URL('../../sequencer/mempool/journal.ts', import.meta.url)))}
        const journal = await Journal.open(${JSON.stringify(directory)}, 2)
        const body = { kind: 'preferences', index: 1, version: 2, weights: [8,8,8,8,8,8,8,8], expiry: 5, signature: { r8: [1n, 2n], s: 3n } }
        for (let n = ${first} + 1; ; n++) {
          const id = '0x' + n.toString(16).padStart(64, '0')
          await journal.accept(id, body, n)
          process.stdout.write(n + '\\n')
          if (n % 3 === 0) continue
          await journal.record({ id, status: 'settled', settlement: n })
          await journal.compact(({ outcome }) => outcome !== undefined)
        }`
      const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const until = 20 + 7 * round
      let last = first
      for await (const line of createInterface(child.stdout!)) {
        last = Number(line)
        if (last % 3 === 0) acknowledged.push(last)
        if (last === first + until) setTimeout(() => child.kill('SIGKILL'), Math.random() * 5)
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      const entries = await reopened()
      const there = new Set(entries.map(({ at }) => at))
      for (const n of acknowledged) assert.ok(there.has(n), `${n} is gone`)
      assert.ok(there.has(last))
      assert.ok(entries.filter(({ outcome }) => outcome !== undefined).length <= 6)
    }
  })
})
