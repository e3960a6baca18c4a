import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const LAUNCHER = fileURLToPath(new URL('../../plimsoll', import.meta.url))
const INSTALLING = 'plimsoll: installing the dependencies by npm (a minute or so)...\n'
const OBTAINING = 'plimsoll: obtaining Node 24 by npm...\n'

// The launcher in a package of its own, on a machine with an old Node whose npm is a script of ours that keeps a diary.
describe('the launcher', () => {
  let base: string
  let root: string
  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'plimsoll launcher ')))
    root = join(base, 'package')
    await mkdir(join(root, 'cli'), { recursive: true })
    await mkdir(join(base, 'bin'))
    await copyFile(LAUNCHER, join(root, 'plimsoll'))
    await writeFile(join(root, 'package-lock.json'), '{}')
    await writeFile(
      join(root, 'cli/main.ts'),
      'console.log(JSON.stringify([process.cwd(), ...process.argv.slice(2)])); process.exitCode = 7',
    )
    await command('node', 'echo v20.20.2')
    await command('npx', `echo "npx $*" >>"${base}/diary"; sleep 0.2; echo "${process.execPath}"`)
    await command(
      'npm',
      `echo "npm $*" >>"${base}/diary"; sleep 0.2; mkdir -p node_modules; echo noise; echo noise >&2`,
    )
  })
  afterEach(() => rm(base, { recursive: true }))

  async function command(name: string, script: string): Promise<void> {
    const path = join(base, 'bin', name)
    await writeFile(path, `#!/bin/sh\n${script}\n`)
    await chmod(path, 0o755)
  }
  const diary = async () =>
    (await readFile(join(base, 'diary'), 'utf8').catch(() => ''))
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ')[0])

  async function launch(args: readonly string[] = [], path = join(root, 'plimsoll')) {
    const child = spawn(path, args, {
      cwd: base,
      env: { PATH: `${base}/bin:/usr/bin:/bin` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    return { code, stdout, stderr }
  }
  const ran = (...args: string[]) => `${JSON.stringify([base, ...args])}\n`

  it('obtains Node and installs on its first run only, and hands over arguments, directory and exit code', async () => {
    assert.deepEqual(await launch(['a b', '*']), { code: 7, stdout: ran('a b', '*'), stderr: OBTAINING + INSTALLING })
    assert.deepEqual(await launch(['--x']), { code: 7, stdout: ran('--x'), stderr: '' })
    assert.deepEqual(await diary(), ['npx', 'npm'])
  })

  it('works through chains of symbolic links, relative ones too', async () => {
    await symlink('package/plimsoll', join(base, 'relative'))
    await symlink(join(base, 'relative'), join(base, 'bin/plimsoll'))
    assert.equal((await launch(['x'], join(base, 'bin/plimsoll'))).stdout, ran('x'))
  })

  it('takes the Node on the path when it is new enough', async () => {
    await rm(join(base, 'bin/node'))
    await symlink(process.execPath, join(base, 'bin/node'))
    assert.equal((await launch()).stderr, INSTALLING)
    assert.deepEqual(await diary(), ['npm'])
  })

  it('obtains Node again when the one it had is gone', async () => {
    await launch()
    await writeFile(join(root, '.plimsoll/node'), join(base, 'gone'))
    assert.deepEqual(await launch(), { code: 7, stdout: ran(), stderr: OBTAINING })
  })

  it('installs again when package-lock.json has changed or node_modules is gone', async () => {
    await launch()
    await writeFile(join(root, 'package-lock.json'), '{ }')
    assert.equal((await launch()).stderr, INSTALLING)
    await rm(join(root, 'node_modules'), { recursive: true })
    assert.equal((await launch()).stderr, INSTALLING)
    assert.equal((await launch()).stderr, '')
  })

  it('installs once when several first runs start together', async () => {
    const runs = await Promise.all([launch(['1']), launch(['2']), launch(['3'])])
    assert.deepEqual(
      runs.map(({ code, stdout }) => [code, stdout]),
      [
        [7, ran('1')],
        [7, ran('2')],
        [7, ran('3')],
      ],
    )
    assert.deepEqual(await diary(), ['npx', 'npm'])
  })

  it('is not stopped by the lock of a process that died', async () => {
    const dead = spawn('true')
    await once(dead, 'exit')
    await mkdir(join(root, '.plimsoll'))
    await symlink(String(dead.pid), join(root, '.plimsoll/launcher.lock'))
    assert.equal((await launch()).code, 7)
  })

  it('says in one line why npm failed, and starts over the next time', async () => {
    await command('npm', 'echo "npm error code ENOTFOUND" >&2; echo "npm error network request failed" >&2; exit 1')
    const { code, stdout, stderr } = await launch()
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(
      stderr.slice((OBTAINING + INSTALLING).length),
      /^plimsoll: npm ci failed: network request failed \(all of it in [^\n]+\)\n$/,
    )
    await command('npm', 'mkdir -p node_modules')
    assert.equal((await launch()).stderr, INSTALLING)
  })

  it('says in one line that npm brought no Node 24', async () => {
    await command('npx', 'command -v node')
    const { code, stdout, stderr } = await launch()
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(
      stderr.slice(OBTAINING.length),
      /^plimsoll: npm provided [^\n]+, which is not Node 24\.15 or later\. Install Node 24 and try again\.\n$/,
    )
  })
})
