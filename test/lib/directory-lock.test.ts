import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DirectoryLock, withDirectory } from '../../lib/directory-lock.ts'

const MODULE = fileURLToPath(new URL('../../lib/directory-lock.ts', import.meta.url))

describe('the lock of a directory', () => {
  let directory: string
  const inUse = {
    name: 'PlimsollError',
    message: new RegExp(`is in use by process ${process.pid}\\.$`),
    hint: /Stop that one first/,
  }
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it("is one process's at a time, and leaves nothing behind", async () => {
    const lock = await DirectoryLock.acquire(directory)
    await assert.rejects(DirectoryLock.acquire(directory), inUse)
    await lock.release()
    assert.deepEqual(await readdir(directory), [])
    await (await DirectoryLock.acquire(directory)).release()
  })

  it("is free after kill -9, whoever has the process's id by then", async () => {
    const script = `const { DirectoryLock } = await import(${JSON.stringify(MODULE)}); await DirectoryLock.acquire(${JSON.stringify(directory)}); process.stdout.write('held'); setInterval(() => {}, 1_000)`
    for (let i = 0; i < 3; i++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout!, 'data')
      await assert.rejects(DirectoryLock.acquire(directory), {
        message: new RegExp(`in use by process ${child.pid}\\.`),
      })
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await (await DirectoryLock.acquire(directory)).release()
    for (const stale of [`${process.pid} 1`, 'nonsense', '-1', '0', '99999999 5']) {
      await symlink(stale, join(directory, 'lock-000007'))
      const lock = await DirectoryLock.acquire(directory)
      assert.deepEqual(await readdir(directory), ['lock-000008'])
      await lock.release()
    }
  })

  it("goes to exactly one of many that find a dead process's", async () => {
    for (let round = 0; round < 20; round++) {
      await symlink('99999999 5', join(directory, 'lock-000001'))
      const outcomes = await Promise.allSettled(Array.from({ length: 16 }, () => DirectoryLock.acquire(directory)))
      const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
      assert.equal(held.length, 1)
      await held[0]!.release()
      assert.deepEqual(await readdir(directory), [])
    }
  })

  it('goes from one that waits for it to the next', async () => {
    let holders = 0
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const lock = await DirectoryLock.await(directory)
        assert.equal(++holders, 1)
        await new Promise((resolve) => setTimeout(resolve, 20))
        holders--
        await lock.release()
      }),
    )
    assert.deepEqual(await readdir(directory), [])
    await assert.rejects(DirectoryLock.await(join(directory, 'nowhere')), /Cannot read/)
  })

  it('leaves no directory where nothing came of it', async () => {
    const fresh = join(directory, 'fresh')
    await assert.rejects(
      withDirectory(fresh, () => Promise.reject(new Error('no'))),
      /no/,
    )
    assert.deepEqual(await readdir(directory), [])
    await withDirectory(fresh, () => writeFile(join(fresh, 'state'), ''))
    assert.deepEqual(await readdir(fresh), ['state'])
    const lock = await DirectoryLock.acquire(fresh)
    await assert.rejects(
      withDirectory(fresh, () => assert.fail()),
      inUse,
    )
    await lock.release()
    assert.deepEqual(await readdir(fresh), ['state'])
  })
})
