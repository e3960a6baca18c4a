import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chapters } from '../support/chapters.ts'
import { type Fence, fences } from '../support/markdown.ts'
import { runCli } from '../support/run-cli.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Lines of the README that run until they are ended: each keeps a terminal. */
const SERVERS = ['npm run chain', './plimsoll node']
const PATIENCE = 240_000

/** A shell that remembers its variables from line to line, in a directory of its own. */
class Terminal {
  readonly directory: string
  readonly #env: NodeJS.ProcessEnv
  readonly #servers: ChildProcess[] = []
  #variables = ''

  constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.directory = directory
    this.#env = { ...process.env, ...env }
  }

  /** Runs a line to its end. @throws AssertionError when it fails */
  async run(line: string): Promise<string> {
    const child = spawn('bash', ['-c', `${this.#variables}${line}`], { cwd: this.directory, env: this.#env })
    child.stdin.end()
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`)
    if (/^[A-Z_]+=\S+$/.test(line)) this.#variables += `${line}\n`
    return stdout
  }

  /** Starts a line that goes on by itself, until `ready` holds. */
  async start(line: string, cwd: string, ready: () => Promise<boolean>): Promise<void> {
    const child = spawn('bash', ['-c', `exec ${line}`], { cwd, env: this.#env, stdio: 'ignore', detached: true })
    this.#servers.push(child)
    for (const end = Date.now() + PATIENCE; !(await ready().catch(() => false)); await sleep(200)) {
      assert.ok(Date.now() < end, `${line} is not ready`)
      assert.equal(child.exitCode, null, `${line} has ended`)
    }
  }

  async close(): Promise<void> {
    for (const child of this.#servers.reverse()) {
      if (child.exitCode !== null) continue
      process.kill(-child.pid!, 'SIGTERM')
      await once(child, 'exit')
    }
  }
}

describe('the README', () => {
  const it = chapters()
  let sections: Map<string, Fence[]>
  let directory: string

  before(async () => {
    const markdown = await readFile(join(ROOT, 'README.md'), 'utf8')
    sections = new Map(
      markdown.split(/^## /m).map((section) => [section.slice(0, section.indexOf('\n')), fences(section)]),
    )
  })
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-readme-'))
    await symlink(join(ROOT, 'plimsoll'), join(directory, 'plimsoll'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('has commands and options that there are, in every block', async () => {
    let lines = 0
    for (const [section, blocks] of sections)
      for (const { info, lines: block } of blocks) {
        if (info !== 'sh' && info !== 'console') continue
        for (const line of block) {
          const [, command] = /(?:^|\$ |\()(?:\.\/)?plimsoll ([^#)|>]*)/.exec(line) ?? []
          if (command === undefined) continue
          lines++
          const words = command.trim().split(/\s+/)
          const group = ['wallet', 'keys', 'feed'].includes(words[0]!) ? 2 : 1
          const { stdout: help, code } = await runCli([...words.slice(0, group), '--help'])
          assert.equal(code, 0, `${section}: ${line}`)
          for (const option of words.filter((word) => word.startsWith('--')))
            assert.match(help, new RegExp(`^ {2}${option}\\b`, 'm'), `${section}: ${line}`)
        }
      }
    assert.ok(lines > 25)
  })

  it('proves its first book as it says', async () => {
    const [script, transcript] = sections.get('A first book')!
    const terminal = new Terminal(directory, {})
    await terminal.run(script!.lines.join('\n'))
    let output = ''
    for (const line of transcript!.lines) {
      if (line.startsWith('$ ')) {
        output = await terminal.run(line.slice(2))
        continue
      }
      // Times differ, and what is shortened is said to be.
      const figures = line.replace(/[\d.]+ s;.*$/, '').replace(/\.\.\.$/, '')
      for (const word of figures.split(/\s+/)) assert.ok(output.includes(word), `${line}\n${output}`)
    }
  })

  it('opens its first account, lends, liquidates and verifies as it says, line by line', async () => {
    const [rpc, api] = await Promise.all([freePort(), freePort()])
    const terminal = new Terminal(directory, { PLIMSOLL_PORT: String(api) })
    const here = (line: string) => line.replaceAll('8545', String(rpc)).replaceAll('9464', String(api))
    const outputs = new Map<string, string>()
    try {
      for (const { info, lines } of sections.get('A first account')!) {
        assert.equal(info, 'sh')
        for (const line of lines) {
          if (line === SERVERS[0])
            await terminal.start(`${line} -- --port ${rpc}`, ROOT, async () => (await ask(rpc)).ok)
          else if (line === SERVERS[1])
            await terminal.start(line, directory, async () => (await fetch(`http://127.0.0.1:${api}/health`)).ok)
          else outputs.set(line, await terminal.run(here(line)))
        }
      }
      const balance = './plimsoll wallet balance --from $ALICE'
      const supposed = outputs.get(`${balance} --what-if "withdraw USD 1500, price ETH -15%"`)!
      assert.match(supposed, /^Account \d+, version \d+: 10 ETH$/m)
      assert.match(supposed, /^What if .*: -1500 USD, 10 ETH$/m)
      assert.match(supposed, /health ratio 0\.9633; breached/)
      // Alice was liquidated: she has sold some of her ether, owes less, and is at her target but for what cash was rounded by.
      assert.match(outputs.get(balance)!, /^Account \d+, version \d+: -\d+(\.\d+)? USD, \d(\.\d+)? ETH$/m)
      assert.match(outputs.get(balance)!, /health ratio 1\.\d+; (healthy$|below its target)/m)
      assert.match(outputs.get('./plimsoll wallet withdraw --from $ALICE --claim 0')!, /^Withdrawal 0 paid 1500,/)
      assert.match(outputs.get('./plimsoll feed set ETH 170')!, /^The feed of ETH went from 200 to 170,/)
      const verified = [...outputs].find(([line]) => line.startsWith('./plimsoll verify'))![1]
      assert.match(verified, /rounds verified from the chain alone; its storage agrees\.$/m)
    } finally {
      await terminal.close()
    }
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

function ask(port: number): Promise<Response> {
  const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
  return fetch(`http://127.0.0.1:${port}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}
