import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CIRCUITS } from '../../prover/profiles.ts'
import { writeToyPtau } from '../prover/toy-ceremony.ts'
import { goodBook } from '../support/books.ts'
import { chapters } from '../support/chapters.ts'
import { FUNDED_KEY, type HttpChain, serveChain } from '../support/http-chain.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const TOY_CIRCUITS = new URL('../support/toy-circuits.ts', import.meta.url).href
const GENERATED = fileURLToPath(new URL('../../contracts/generated/', import.meta.url))
const BLOCK_HASH = '0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6'

const CASH = `0x${'c'.repeat(40)}` as const

describe('plimsoll keys', () => {
  const it = chapters()
  let directory: string
  let hash: string
  let env: Record<string, string>

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    env = {
      PLIMSOLL_CACHE: join(directory, 'cache'),
      NODE_OPTIONS: `--import=${TOY_CIRCUITS}`,
      PLIMSOLL_PRIVATE_KEY: FUNDED_KEY,
    }
    hash = await writeToyPtau(join(directory, 'toy.ptau'))
    const book = goodBook()
    await writeFile(join(directory, 'book.json'), JSON.stringify(book))
    const { accounts: _, ...market } = book
    const custody = { USD: { token: CASH, cap: '1000000000', minOpen: '10', minDeposit: '1' } }
    await writeFile(join(directory, 'market.json'), JSON.stringify({ ...market, custody }))
  })
  after(() => rm(directory, { recursive: true }))

  const run = (args: readonly string[], input?: string) =>
    runCli(args, { cwd: directory, env, ...(input !== undefined && { input }) })
  const keys = (...args: string[]) => run(['keys', ...args])
  const files = async (): Promise<string[]> =>
    (await readdir(directory, { recursive: true })).filter((name) => !name.startsWith('cache')).sort()

  async function succeeds(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await run(['keys', ...args], input)
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    return stdout
  }

  /** One line on standard error, behind those that tell of long work, nothing else, nothing written. */
  async function refused(args: readonly string[], complaint: RegExp, expected = 2): Promise<void> {
    const before = await files()
    const { code, stdout, stderr } = await run(args)
    assert.match(complaintOf(args, stderr.replaceAll(/^plimsoll: [^\n]+ about \d+ s\.\.\.\n/gm, '')), complaint)
    assert.deepEqual({ code, stdout }, { code: expected, stdout: '' })
    assert.deepEqual(await files(), before)
  }

  it('explain each of their commands, with an example', async () => {
    for (const command of ['import-ptau', 'contribute', 'beacon', 'verify', 'export']) {
      const text = await succeeds([command, '--help'])
      assert.match(text, new RegExp(`^Usage: plimsoll keys ${command} `))
      assert.match(text, new RegExp(`^Example:\\n  plimsoll keys ${command} `, 'm'))
    }
  })

  it('hold a ceremony from the powers of tau to keys that prove', async () => {
    const begun = await succeeds(['import-ptau', 'toy.ptau', '--hash', hash, '--profile', 'tiny', '--out', 'step0'])
    assert.match(begun, /has the hash that was given/)
    assert.match(begun, /in step0\. Nobody has contributed/)

    const contributed = await succeeds(
      ['contribute', 'step0', '--name', 'Alice', '--entropy', '--out', 'step1'],
      'rolled: 4 4 1\n',
    )
    assert.match(contributed, /^Contribution 1, by Alice, is in step1\. Publish its hashes/)
    const second = JSON.parse(await succeeds(['contribute', 'step1', '--name', 'Bob', '--out', 'step2', '--json']))
    assert.deepEqual([second.number, second.name, Object.keys(second.hashes)], [2, 'Bob', [...CIRCUITS]])
    assert.match(
      await succeeds(['verify', 'step2', '--ptau', 'toy.ptau', '--hash', hash, '--unfinished']),
      /The ceremony is not finished: do not use them/,
    )

    const closed = JSON.parse(await succeeds(['beacon', 'step2', '--value', BLOCK_HASH, '--out', 'closed', '--json']))
    assert.deepEqual([closed.value, closed.iterations], [BLOCK_HASH.slice(2), 10])

    const said = await succeeds(['verify', 'closed', '--ptau', 'toy.ptau', '--hash', hash])
    for (const text of [
      hash,
      'Contribution 1, by Alice:',
      ...Object.values(second.hashes),
      `Beacon ${closed.value}, hashed 2^10 times`,
      ...Object.values(closed.hashes),
    ]) {
      assert.ok(said.includes(String(text)), `${text} in ${said}`)
    }
    const verdict = JSON.parse(await succeeds(['verify', 'closed', '--ptau', 'toy.ptau', '--hash', hash, '--json']))
    assert.deepEqual([verdict.ok, verdict.finished], [true, true])
    assert.deepEqual(
      verdict.transcript,
      JSON.parse(await readFile(join(directory, 'closed', 'transcript.json'), 'utf8')),
    )

    assert.match(
      await succeeds(['export', 'closed', '--ptau', 'toy.ptau', '--hash', hash, '--out', 'keys']),
      /Use them with --keys keys --profile tiny/,
    )
    const written = CIRCUITS.flatMap((circuit) => ['json', 'sol', 'zkey'].map((extension) => `${circuit}.${extension}`))
    assert.deepEqual(
      (await readdir(join(directory, 'keys'))).sort(),
      [...written, 'manifest.json', 'transcript.json'].sort(),
    )
    const contracts = JSON.parse(await succeeds(['verify', 'keys', '--ptau', 'toy.ptau', '--hash', hash, '--json']))
    assert.deepEqual(contracts, verdict)
    assert.deepEqual(
      (await files()).filter((name) => name.startsWith('.')),
      [],
    )
  })

  it('refuse bad input in one line', async () => {
    const ptau = ['--ptau', 'toy.ptau', '--hash', hash]
    await refused(['keys'], /No command of keys is given/)
    await refused(['keys', 'contribut'], /keys has no command 'contribut'/)
    await refused(
      ['keys', 'import-ptau', 'toy.ptau', '--profile', 'tiny', '--out', 'new'],
      /toy\.ptau .*is not a published one.* Give the hash that its ceremony published with --hash/,
    )
    await refused(
      ['keys', 'import-ptau', 'toy.ptau', '--profile', 'tiny', '--out', 'new', '--hash', '0'.repeat(128)],
      /toy\.ptau is not the file of --hash/,
    )
    await refused(
      ['keys', 'import-ptau', 'toy.ptau', '--out', 'step0', '--hash', hash],
      /The directory step0 exists and is not empty/,
    )
    await refused(
      ['keys', 'import-ptau', 'book.json', '--out', 'new', '--hash', hash],
      /book\.json is not a \.ptau file/,
    )
    await refused(['keys', 'contribute', 'step1', '--out', 'new'], /required option '--name/)
    await refused(['keys', 'contribute', 'nowhere', '--name', 'Eve', '--out', 'new'], /nowhere holds no ceremony/)
    await refused(['keys', 'contribute', 'closed', '--name', 'Eve', '--out', 'new'], /closed is closed/)
    await refused(['keys', 'contribute', 'step1', '--name', 'Eve\nMallory', '--out', 'new'], /no proper name/)
    // Randomness is no argument, where everybody on the machine could read it.
    await refused(
      ['keys', 'contribute', 'step1', '--name', 'Eve', '--out', 'new', '--entropy', 'secret'],
      /too many arguments/,
    )
    await refused(
      ['keys', 'contribute', 'step1', '--name', 'Eve', '--out', 'new', '--entropy=secret'],
      /unknown option '--entropy=secret'/,
    )
    await refused(['keys', 'beacon', 'step0', '--value', BLOCK_HASH, '--out', 'new'], /step0 has no contribution yet/)
    await refused(['keys', 'beacon', 'step1', '--value', 'beacon', '--out', 'new'], /not 1 to 255 bytes in hexadecimal/)
    await refused(
      ['keys', 'beacon', 'step1', '--value', BLOCK_HASH, '--iterations', 'many', '--out', 'new'],
      /It must be a whole number/,
    )
    await refused(
      ['keys', 'beacon', 'step1', '--value', BLOCK_HASH, '--iterations', '60', '--out', 'new'],
      /not from 10 to 30/,
    )
    await refused(['keys', 'verify', 'closed'], /required option '--ptau/)
    await refused(['keys', 'verify', 'nowhere', ...ptau], /nowhere holds no ceremony/)
    await refused(['keys', 'verify', 'closed', '--ptau', 'toy.ptau'], /is not a published one/)
    await refused(['keys', 'verify', 'closed', '--ptau', 'gone.ptau'], /gone\.ptau: there is no such file/)
  })

  it('end with exit 1 where a check fails, and then export nothing', async () => {
    const ptau = ['--ptau', 'toy.ptau', '--hash', hash]
    await refused(['keys', 'verify', 'step2', ...ptau], /^plimsoll: The ceremony has no beacon yet\.\n$/, 1)
    await refused(['keys', 'export', 'step2', ...ptau, '--out', 'new'], /no beacon yet/, 1)
    await cp(join(directory, 'closed'), join(directory, 'swapped'), { recursive: true })
    await cp(join(directory, 'closed', 'sweep.zkey'), join(directory, 'swapped', 'resolve.zkey'))
    await refused(['keys', 'verify', 'swapped', ...ptau], /circuits\.resolve\.circuitHash differs/, 1)
    const { code, stdout, stderr } = await keys('verify', 'swapped', ...ptau, '--json')
    assert.deepEqual({ code, stderr, ok: JSON.parse(stdout).ok }, { code: 1, stderr: '', ok: false })
    await truncate(join(directory, 'swapped', 'sweep.zkey'), 1_000)
    await refused(['keys', 'verify', 'swapped', ...ptau], /sweep\.zkey is cut short/, 1)
  })

  it('leave nothing behind when a contribution is interrupted', async () => {
    const before = await files()
    const child = spawn(
      process.execPath,
      [MAIN, 'keys', 'contribute', 'step1', '--name', 'Eve', '--out', 'interrupted'],
      { cwd: directory, env: { ...process.env, ...env }, stdio: 'ignore' },
    )
    const ended = once(child, 'exit')
    while (child.exitCode === null && (await files()).length === before.length) await sleep(5)
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [143, null])
    assert.deepEqual(await files(), before)
  })

  describe('of a ceremony on a chain that is not local', () => {
    let chain: HttpChain
    let target: string[]
    let settlement: string

    before(async () => {
      chain = await serveChain(10)
      const [eth, btc] = [`0x${'e'.repeat(40)}`, `0x${'b'.repeat(40)}`] as const
      await chain.place(eth, 'MockFeed', [8, 194_61000000n])
      await chain.place(btc, 'MockFeed', [8, 7935_12000000n])
      await chain.place(CASH, 'MockToken', ['USD', 6])
      target = ['--rpc', chain.url, '--feed', `ETH=${eth}`, '--feed', `BTC=${btc}`]
    })
    after(async () => {
      chain.close()
      await rm(join(GENERATED, 'tiny-ceremony'), { recursive: true, force: true })
    })

    it('are deployed without an override, where development keys are refused', async () => {
      await refused(
        ['deploy', 'market.json', '--profile', 'tiny', '--data', 'never', ...target],
        /development keys.*refuse the chain id 10\..*--keys takes the keys of a ceremony/,
      )
      const { code, stdout, stderr } = await run([
        'deploy',
        'market.json',
        '--profile',
        'tiny',
        '--keys',
        'keys',
        '--data',
        'state',
        ...target,
        '--json',
      ])
      assert.equal(code, 0, stderr)
      assert.match(JSON.parse(stderr).warning, /is admin and operator/)
      const deployed = JSON.parse(stdout)
      assert.equal(deployed.chainId, 10)
      settlement = deployed.settlement
    })

    it('are those that the chain is verified with', async () => {
      const named = ['verify', '--rpc', chain.url, '--settlement', settlement]
      const { code, stdout, stderr } = await run([...named, '--keys', 'keys', '--json'])
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
      assert.equal(JSON.parse(stdout).ok, true)
      await refused(named, /sweep verifier has another key than this installation/, 1)
    })

    it('are those that the node runs with', async () => {
      await refused(['node', '--rpc', chain.url, '--data', 'state', '--port', '0'], /sweep verifier has another key/)
      const child = spawn(
        process.execPath,
        [MAIN, 'node', '--rpc', chain.url, '--data', 'state', '--port', '0', '--keys', 'keys'],
        { cwd: directory, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] },
      )
      const [first] = (await once(child.stdout, 'data')) as [Buffer]
      assert.match(first.toString(), /^Serving http:/)
      child.kill('SIGKILL')
      await once(child, 'close')
    })

    it('are refused where they are not whole, or not exported', async () => {
      const deploy = (...args: string[]) => [
        'deploy',
        'market.json',
        '--profile',
        'tiny',
        '--data',
        'never',
        ...target,
        ...args,
      ]
      await refused(
        deploy('--keys', 'closed'),
        /closed\/manifest\.json is missing or unreadable\. Export the keys again/,
      )
      await refused(deploy('--keys', 'nowhere'), /nowhere holds no ceremony/)
      await cp(join(directory, 'keys'), join(directory, 'half'), { recursive: true })
      await rm(join(directory, 'half', 'resolve.zkey'))
      await refused(deploy('--keys', 'half'), /half\/resolve\.zkey is missing\. Export the keys again/)
      await refused(
        ['prove', 'book.json', '--keys', 'keys', '--out', 'never'],
        /are of profile tiny, not small\. .*--profile tiny/,
      )
    })
  })
})
