import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { complaintOf, runCli } from '../support/run-cli.ts'

const LAUNCHER = fileURLToPath(new URL('../../plimsoll', import.meta.url))
const SOMEBODY = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const KEY = `0x${'1'.repeat(64)}`

describe('settings', () => {
  let directory: string
  let server: Server
  const asked: string[] = []

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll settings '))
    // A node that refuses: it is enough to see which one was asked, with an account that the environment names.
    server = createServer((request, response) => {
      asked.push(request.headers.host!)
      response.writeHead(503, { 'content-type': 'application/json' })
      response.end('{"error":{"code":"UNAVAILABLE","message":"Nothing here."}}')
    }).listen(0, '127.0.0.1')
  })
  beforeEach(() => rm(join(directory, 'plimsoll.json'), { force: true }))
  after(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })

  const here = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const file = (text: string) => writeFile(join(directory, 'plimsoll.json'), text)
  const refused = async (args: readonly string[], complaint: RegExp, env: Readonly<Record<string, string>> = {}) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: directory, env })
    assert.match(complaintOf(args, stderr), complaint)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
  }
  const balance = ['wallet', 'balance']
  const nowhere = (port: number) => new RegExp(`No node answers at http://127\\.0\\.0\\.1:${port}\\.`)

  it('count as flag, environment, file, in this order', async () => {
    await file('{"node":"http://127.0.0.1:1"}')
    await refused(balance, nowhere(1))
    await refused(balance, nowhere(2), { PLIMSOLL_NODE: 'http://127.0.0.1:2' })
    await refused([...balance, '--node', 'http://127.0.0.1:3'], nowhere(3), { PLIMSOLL_NODE: 'http://127.0.0.1:2' })
    // A variable that is empty is not set.
    await refused(balance, nowhere(1), { PLIMSOLL_NODE: '' })
    asked.length = 0
    await refused([...balance, '--json'], /Nothing here/, { PLIMSOLL_NODE: here() })
    assert.deepEqual(asked, [new URL(here()).host])
  })

  it('of several endpoints give way to a flag as a whole', async () => {
    const address = ['wallet', 'address', '--settlement', SOMEBODY]
    await file('{"rpc":["http://127.0.0.1:1","http://127.0.0.1:2"]}')
    await refused(address, /127\.0\.0\.1:1.*127\.0\.0\.1:2/)
    await refused([...address, '--rpc', 'http://127.0.0.1:3'], /^(?!.*127\.0\.0\.1:[12]\b).*127\.0\.0\.1:3/)
    const env = { PLIMSOLL_RPC: 'http://127.0.0.1:4 http://127.0.0.1:5' }
    await refused(address, /^(?!.*127\.0\.0\.1:[12]\b).*127\.0\.0\.1:4.*127\.0\.0\.1:5/, env)
  })

  it('are checked as flags are, and named by their source', async () => {
    await refused(balance, /PLIMSOLL_FROM has "0x1" for --from\. It must be an address/, { PLIMSOLL_FROM: '0x1' })
    await refused(['setup'], /PLIMSOLL_PROFILE has "huge" for --profile\. Allowed choices are tiny, small, large\./, {
      PLIMSOLL_PROFILE: 'huge',
    })
    const wrong: [string, RegExp][] = [
      ['{', /plimsoll\.json in the working directory is not JSON/],
      ['[]', /plimsoll\.json in the working directory is not an object/],
      ['{"nod":"http://127.0.0.1:1"}', /plimsoll\.json has the unknown setting "nod"\. It may have rpc, node, from, /],
      ['{"walletKey":"0x12"}', /unknown setting "walletKey"\. Secrets belong in the environment/],
      ['{"node":true}', /plimsoll\.json has no text or number for "node"/],
      ['{"node":["http://127.0.0.1:1","http://127.0.0.1:2"]}', /has several values for --node, which takes one/],
      ['{"account":-1}', /plimsoll\.json has "-1" for --account\. It must be a whole number/],
      ['{"profile":"huge"}', /plimsoll\.json has "huge" for --profile/],
    ]
    for (const [text, complaint] of wrong) {
      await file(text)
      await refused(balance, complaint)
      await refused([...balance, '--json'], complaint)
    }
  })

  it('are named where one is missing', async () => {
    await refused(balance, /required option '--node <url>' not specified\. Give it, or set PLIMSOLL_NODE, or "node" in/)
    await refused([...balance, '--json'], /required option '--node <url>' not specified/)
  })

  it('of an endpoint do not keep verify from checking a directory', async () => {
    await file(`{"rpc":"http://127.0.0.1:1","settlement":"${SOMEBODY}"}`)
    await refused(['verify', 'nowhere'], /nowhere is not a directory/)
    await refused(['verify'], /127\.0\.0\.1:1/)
    await refused(['verify', 'nowhere', '--rpc', 'http://127.0.0.1:2'], /either a directory, or --rpc and --settlement/)
  })

  it('do not guess whose money it is', async () => {
    const env = { PLIMSOLL_WALLET_KEY: KEY, PLIMSOLL_NODE: 'http://127.0.0.1:1' }
    await refused(balance, /PLIMSOLL_FROM and PLIMSOLL_WALLET_KEY are both set\. Unset one/, {
      ...env,
      PLIMSOLL_FROM: SOMEBODY,
    })
    // In the environment it counts before the account of the file.
    await file(`{"from":"${SOMEBODY}"}`)
    await refused(balance, nowhere(1), env)
  })
})

describe('what is printed to be run', () => {
  it('names the program as it was called, quoted where a shell needs it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plimsoll called '))
    try {
      await mkdir(join(directory, 'bin'))
      await symlink(LAUNCHER, join(directory, 'bin', 'plimsoll'))
      const hint = (command: string, path = process.env.PATH!) =>
        spawnSync('sh', ['-c', `${command} 2>&1`], {
          cwd: directory,
          encoding: 'utf8',
          env: { ...process.env, PATH: path },
        }).stdout
      assert.equal(hint('./bin/plimsoll'), 'plimsoll: No command is given. See ./bin/plimsoll --help.\n')
      assert.equal(
        hint('"$PWD/bin/plimsoll"'),
        `plimsoll: No command is given. See '${directory}/bin/plimsoll' --help.\n`,
      )
      assert.equal(
        hint('plimsoll', `${join(directory, 'bin')}:${process.env.PATH}`),
        'plimsoll: No command is given. See plimsoll --help.\n',
      )
      // What it prints runs as it stands.
      const line = hint('./bin/plimsoll').match(/See (.*)\.\n/)![1]!
      assert.match(hint(line), /^Usage: plimsoll /)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

describe('plimsoll completion', () => {
  it('completes commands, options and choices in bash', async () => {
    const { stdout } = await runCli(['completion', 'bash'])
    const complete = (...words: string[]) =>
      spawnSync(
        'bash',
        [
          '-c',
          `${stdout}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _plimsoll; echo "\${COMPREPLY[*]}"`,
          'bash',
          ...words,
        ],
        { encoding: 'utf8' },
      ).stdout.trim()
    assert.equal(complete('plimsoll', 'wa'), 'wallet')
    assert.equal(complete('plimsoll', 'wallet', 'dep'), 'deposit')
    assert.equal(complete('plimsoll', 'wallet', 'deposit', '--am'), '--amount')
    assert.equal(complete('plimsoll', 'wallet', '--from', 'x', 'deposit', '--mi'), '--mint')
    assert.equal(complete('plimsoll', 'setup', '--profile', ''), 'tiny small large')
    assert.equal(complete('plimsoll', 'completion', 'z'), 'zsh')
    assert.equal(
      complete('plimsoll', 'prove', '/etc/host'),
      spawnSync('bash', ['-c', 'compgen -f /etc/host | xargs'], { encoding: 'utf8' }).stdout.trim(),
    )
  })

  it('completes them in fish', async function () {
    if (spawnSync('fish', ['--version']).error !== undefined) this.skip()
    const { stdout } = await runCli(['completion', 'fish'])
    const complete = (line: string) => {
      const script = `${stdout}\ncomplete -C '${line}'`
      const { stdout: lines, stderr } = spawnSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' })
      assert.equal(stderr, '')
      return lines.split('\n').flatMap((each) => each.split('\t')[0] || [])
    }
    assert.deepEqual(complete('plimsoll wa'), ['wallet'])
    assert.deepEqual(complete('plimsoll wallet dep'), ['deposit'])
    assert.deepEqual(complete('plimsoll wallet deposit --am'), ['--amount'])
    assert.deepEqual(complete('plimsoll wallet --from x deposit --mi'), ['--mint'])
    assert.deepEqual(complete('plimsoll wallet --from deposit withdraw --fo'), ['--forced'])
    assert.deepEqual(complete('plimsoll setup --profile ').sort(), ['large', 'small', 'tiny'])
    assert.deepEqual(complete('plimsoll completion z'), ['zsh'])
  })

  it('tells zsh what there is at each command', async function () {
    if (spawnSync('zsh', ['--version']).error !== undefined) this.skip()
    const { stdout } = await runCli(['completion', 'zsh'])
    // In place of zsh's own functions, which need a terminal: what they are told, and behind which command.
    const told = (...words: string[]) => {
      const line = words.map((word) => `'${word}'`).join(' ')
      const script = `compdef() { :; }; _arguments() { print -rl -- "$words[*]" "$names[@]" "$@"; }
${stdout}
test_it() { local -a words=(${line}); local CURRENT=${words.length}; _plimsoll; }; test_it`
      const { stdout: lines, stderr } = spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8' })
      assert.equal(stderr, '')
      return lines.split('\n')
    }
    const has = (lines: readonly string[], start: string) => lines.some((each) => each.startsWith(start))
    assert.ok(has(told('plimsoll', 'wa'), 'wallet:be the owner'))
    assert.ok(has(told('plimsoll', 'wallet', 'dep'), 'deposit:'))
    const deposit = told('plimsoll', 'wallet', '--from', 'withdraw', 'deposit', '--am')
    assert.equal(deposit[0], 'deposit --am')
    assert.ok(has(deposit, '--amount[how much]:value:_files') && has(deposit, '--mint[') && !has(deposit, '--forced['))
    assert.ok(told('plimsoll', 'setup', '--pr').includes('--profile[size of the circuits]:value:(tiny small large)'))
    assert.ok(told('plimsoll', 'completion', 'z').includes('zsh'))
    assert.ok(has(told('plimsoll', 'prove', '/etc/ho'), '*:file:_files'))
  })

  it('names every command and option for each shell, and refuses others', async () => {
    const { stdout: help } = await runCli(['wallet', '--help'])
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, stdout, stderr } = await runCli(['completion', shell])
      assert.deepEqual([code, stderr], [0, ''])
      for (const [, command] of help.matchAll(/^ {2}(\w+) \[options\]/gm)) assert.ok(stdout.includes(command!), command)
      assert.ok(stdout.includes('at-checkpoint'))
      const checked = spawnSync(shell, ['-n', '-c', stdout], { encoding: 'utf8' })
      if (checked.error === undefined) assert.deepEqual([checked.status, checked.stderr], [0, ''], shell)
    }
    const { code, stderr } = await runCli(['completion', 'tcsh'])
    assert.equal(code, 2)
    assert.match(stderr, /^plimsoll: [^\n]*Allowed choices are bash, zsh, fish\.\n$/)
  })
})

describe('plimsoll market', () => {
  it('prints an example that it takes itself, and says what is wrong in another', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    try {
      const { code, stdout, stderr } = await runCli(['market', '--example'])
      assert.deepEqual([code, stderr], [0, ''])
      await writeFile(join(directory, 'market.json'), stdout)
      const checked = await runCli(['market', 'market.json', '--json'], { cwd: directory })
      assert.deepEqual([checked.code, checked.stderr], [0, ''])
      const { ok, assets } = JSON.parse(checked.stdout)
      assert.equal(ok, true)
      assert.deepEqual(
        assets.map(({ symbol, price, custody }: Record<string, unknown>) => [symbol, price, custody]),
        [
          ['USD', undefined, true],
          ['ETH', '200', true],
          ['BTC', '8000', true],
          ['ETH-PERP', '200', false],
        ],
      )
      await writeFile(join(directory, 'market.json'), stdout.replace('"0.02"', '"0.9"'))
      const refused = await runCli(['market', 'market.json'], { cwd: directory })
      assert.equal(refused.code, 2)
      assert.match(refused.stderr, /^plimsoll: market\.json: assets\[1\] "ETH": [^\n]+\n$/)
      for (const args of [
        ['market'],
        ['market', 'market.json', '--example'],
        ['market', '--example', '--template', 'base'],
      ])
        assert.match((await runCli(args, { cwd: directory })).stderr, /one of a MARKET\.json, --example and --template/)
      const template = await runCli(['market', '--template', 'arbitrum', '--json'])
      assert.deepEqual([template.code, template.stderr], [0, ''])
      assert.match(JSON.parse(template.stdout).note, /checked for form only/)
      const unknown = await runCli(['market', '--template', 'solana'])
      assert.deepEqual([unknown.code, unknown.stdout], [2, ''])
      assert.match(unknown.stderr, /^plimsoll: [^\n]*Allowed choices are ethereum, arbitrum, base, sepolia\.\n$/)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
