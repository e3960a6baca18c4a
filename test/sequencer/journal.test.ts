import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Hex } from 'viem'
import type { OperationRequest } from '../../sdk/schemas.ts'
import { Journal } from '../../sequencer/journal.ts'

const id = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const body: OperationRequest = {
  kind: 'withdraw', index: 1, version: 2, asset: 0, amount: 1_000_000n, recipient: `0x${'ab'.repeat(20)}`, expiry: 1_900_000_000,
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
      assert.deepEqual((await reopened()).map((entry) => entry.id), [id(1), id(3)])
      await writeFile(path(), good)
    }
  })

  it('refuses a file that is damaged before its end', async () => {
    for (const line of ['{"n":1', 'null', '[]', '{"id":"0x1","body":{}}', JSON.stringify({ id: id(5), status: 'failed' })]) {
      await writeFile(path(), `${line}\n`)
      await assert.rejects(Journal.open(directory), { name: 'PlimsollError', message: /journal\.jsonl:1 is / })
    }
    await writeFile(path(), '')
    assert.deepEqual(await reopened(), [])
    await appendFile(path(), '{')
    assert.deepEqual(await reopened(), [])
  })

  it('has everything that was acknowledged before a kill -9', async () => {
    const script = `
      import { Journal } from ${JSON.stringify(fileURLToPath(new URL('../../sequencer/journal.ts', import.meta.url)))}
      const journal = await Journal.open(${JSON.stringify(directory)})
      const body = { kind: 'preferences', index: 1, version: 2, weights: [8,8,8,8,8,8,8,8], expiry: 5, signature: { r8: [1n, 2n], s: 3n } }
      for (let n = 1; ; n++) {
        await journal.accept('0x' + n.toString(16).padStart(64, '0'), body, n)
        process.stdout.write(n + '\\n')
      }`
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let acknowledged = 0
    for await (const line of createInterface(child.stdout!)) {
      acknowledged = Number(line)
      if (acknowledged === 100) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    assert.ok(acknowledged >= 100)
    const entries = await reopened()
    assert.ok(entries.length >= acknowledged)
    assert.deepEqual(entries.slice(0, acknowledged).map(({ n }) => n), Array.from({ length: acknowledged }, (_, i) => i + 1))
  })
})
