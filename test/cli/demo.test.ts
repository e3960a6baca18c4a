import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

describe('plimsoll demo', () => {
  it('ends on Ctrl-C with exit 130, and leaves neither a directory, nor a chain, nor a stack trace', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plimsoll-interrupted-'))
    try {
      const child = spawn(process.execPath, [MAIN, 'demo', '--wallets', '--profile', 'tiny'], {
        env: { ...process.env, TMPDIR: directory },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own: on a terminal Ctrl-C goes to the chain's process as well.
        detached: true,
      })
      const said = Promise.all([text(child.stdout), text(child.stderr)])
      const ended = once(child, 'exit')
      const own = async () => (await readdir(directory)).filter((name) => name.startsWith('plimsoll-demo-'))
      // With the sequencer's key in it, the demo is in the midst of its work.
      const written = async () =>
        (await Promise.all((await own()).map((name) => readdir(join(directory, name))))).flat()
      while ((await written()).length === 0) {
        assert.equal(child.exitCode, null, `${await Promise.race([said, sleep(1_000)])}`)
        await sleep(100)
      }
      const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      assert.notEqual(children.trim(), '')
      process.kill(-child.pid!, 'SIGINT')
      assert.deepEqual(await ended, [130, null])
      const [stdout, stderr] = await said
      assert.match(stdout, /^Second act: /)
      assert.doesNotMatch(stdout + stderr, /unexpected error|\n {4}at |\.ts:\d/)
      assert.deepEqual(await own(), [])
      for (const pid of children.trim().split(' ').map(Number)) {
        for (let i = 0; i < 50 && isAlive(pid); i++) await sleep(100)
        assert.ok(!isAlive(pid), `process ${pid} is left`)
      }
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
