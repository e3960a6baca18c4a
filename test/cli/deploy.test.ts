import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { DirectoryLock } from '../../lib/directory-lock.ts'
import { goodBook } from '../support/books.ts'
import { chapters } from '../support/chapters.ts'
import { looseMarket } from '../support/echo-system.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

describe('plimsoll deploy', () => {
  const it = chapters()
  let directory: string
  let server: Server
  let url: string
  const methods: string[] = []

  /** A chain of id 1 that only says so. */
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    await writeFile(join(directory, 'market.json'), JSON.stringify(looseMarket()))
    const named = looseMarket()
    for (const entry of Object.values<Record<string, string>>(named.custody)) entry.token = `0x${'2'.repeat(40)}`
    await writeFile(join(directory, 'named.json'), JSON.stringify(named))
    await writeFile(join(directory, 'book.json'), JSON.stringify(goodBook()))
    server = createServer(async (request, response) => {
      const { id, method } = (await json(request)) as { id: number; method: string }
      methods.push(method)
      const answer = method === 'eth_chainId' ? { result: '0x1' } : { error: { code: -32601, message: 'unsupported' } }
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  after(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })

  async function refused(
    args: readonly string[],
    complaint: RegExp,
    env: Readonly<Record<string, string>> = {},
    file = 'market.json',
  ): Promise<void> {
    const before = await readdir(directory, { recursive: true })
    const { code, stdout, stderr } = await runCli(['deploy', file, '--profile', 'tiny', ...args], {
      cwd: directory,
      env,
    })
    assert.match(complaintOf(args, stderr), complaint)
    assert.deepEqual({ code, stdout }, { code: 2, stdout: '' })
    assert.deepEqual(await readdir(directory, { recursive: true }), before)
  }

  it('refuses development keys on a chain that is not local, before it sends anything', async () => {
    methods.length = 0
    for (const env of [{}, { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` }]) {
      await refused(
        ['--rpc', url, '--data', 'state'],
        /development keys.*refuse the chain id 1\. --allow-development-keys/,
        env,
      )
    }
    assert.deepEqual(new Set(methods), new Set(['eth_chainId']))
  })

  it('asks for a key and for feeds where it is told to go on, before it sends anything', async () => {
    methods.length = 0
    const args = ['--rpc', url, '--data', 'state', '--allow-development-keys']
    await refused(args, /PLIMSOLL_PRIVATE_KEY is not set/)
    await refused(args, /PLIMSOLL_PRIVATE_KEY is not a private key/, { PLIMSOLL_PRIVATE_KEY: '0x12' })
    await refused(args, /No feed is named for ETH/, { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` })
    assert.deepEqual(new Set(methods), new Set(['eth_chainId']))
  })

  it('refuses a market that is none', async () => {
    const changed = async (change: (market: any) => void, complaint: RegExp) => {
      const market = looseMarket()
      change(market)
      await writeFile(join(directory, 'changed.json'), JSON.stringify(market))
      await refused(['--rpc', url, '--data', 'state'], complaint, {}, 'changed.json')
    }
    await refused(['--rpc', url, '--data', 'state'], /accounts are not imported/, {}, 'book.json')
    await changed((m) => (m.custody.XRP = {}), /custody has the unknown symbol "XRP"/)
    await changed((m) => (m.custody.ETH.token = '0x12'), /custody\.ETH\.token is not an address/)
    await changed((m) => (m.custody.ETH.cap = '0'), /custody\.ETH\.cap is not above 0/)
    await changed((m) => (m.custody.ETH.cap = '99999999999999'), /custody\.ETH\.cap .*2\^63/)
    await changed((m) => delete m.custody.ETH.minOpen, /custody\.ETH\.minOpen is not a string/)
    await changed((m) => (m.custody.ETH.fee = '1'), /custody\.ETH has the unknown field "fee"/)
    await changed((m) => (m.extra = 1), /unknown field "extra"/)
    await changed((m) => (m.custody = []), /custody is not a JSON object/)
  })

  it('refuses sources named twice, and clocks that an uptime feed would stall, before it sends anything', async () => {
    const named = looseMarket()
    for (const entry of Object.values<Record<string, string>>(named.custody)) entry.token = `0x${'2'.repeat(40)}`
    named.assets[1].sources = [{ kind: 'chainlink', feed: `0x${'1'.repeat(40)}` }]
    await writeFile(join(directory, 'sources.json'), JSON.stringify(named))
    const late = { ...named, uptimeFeed: `0x${'3'.repeat(40)}`, uptimeGrace: 86_100 }
    await writeFile(join(directory, 'late.json'), JSON.stringify(late))
    const key = { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` }
    const with_ = (...symbols: string[]) => [
      ...['--rpc', url, '--data', 'sourced', '--allow-development-keys'],
      ...symbols.flatMap((symbol) => ['--feed', `${symbol}=0x${'1'.repeat(40)}`]),
    ]
    methods.length = 0
    await refused(with_('ETH', 'BTC', 'PERP'), /--feed names ETH, whose sources the market names/, key, 'sources.json')
    await refused(with_('BTC'), /No feed is named for PERP.*or sources in the market/, key, 'sources.json')
    await refused(with_('BTC', 'PERP'), /uptimeGrace is 86100 seconds: with the 300 of a round/, key, 'late.json')
    assert.deepEqual([...new Set(methods)], ['eth_chainId'])
  })

  it('refuses roles that are nobody, no address, or mistyped', async () => {
    const with_ = (...roles: string[]) => ['--rpc', url, '--data', 'roles', '--allow-development-keys', ...roles]
    await refused(with_('--admin', 'me'), /--admin.*0x and 40 hexadecimal digits/)
    await refused(with_('--guardian', `0x${'1'.repeat(39)}`), /--guardian.*0x and 40 hexadecimal digits/)
    const wrong = '0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
    await refused(
      with_('--operator', wrong),
      /--operator 0xF39F\w+ is not an address: its capitals are not its checksum/,
    )
    methods.length = 0
    const feeds = ['ETH', 'BTC', 'PERP'].flatMap((symbol) => ['--feed', `${symbol}=0x${'1'.repeat(40)}`])
    const key = { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` }
    const zero = `0x${'0'.repeat(40)}`
    await refused(with_(...feeds, '--admin', zero), /--admin names nobody: the zero address/, key, 'named.json')
    await refused(with_(...feeds, '--operator', zero), /--operator names nobody: the zero address/, key, 'named.json')
    assert.deepEqual([...new Set(methods)], ['eth_chainId'])
  })

  it('refuses other bad arguments', async () => {
    await mkdir(join(directory, 'taken'))
    await writeFile(join(directory, 'taken', 'file'), '')
    await refused(['--rpc', url, '--data', 'taken'], /The directory taken exists and is not empty/)
    await mkdir(join(directory, 'busy'))
    const lock = await DirectoryLock.acquire(join(directory, 'busy'))
    await refused(
      [
        '--rpc',
        url,
        '--data',
        'busy',
        '--allow-development-keys',
        ...['ETH', 'BTC', 'PERP'].flatMap((symbol) => ['--feed', `${symbol}=0x${'1'.repeat(40)}`]),
      ],
      new RegExp(`busy is in use by process ${process.pid}\\. Stop that one first`),
      { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` },
      'named.json',
    )
    await lock.release()
    const named = [
      '--rpc',
      url,
      '--data',
      'keyed',
      '--allow-development-keys',
      ...['ETH', 'BTC', 'PERP'].flatMap((symbol) => ['--feed', `${symbol}=0x${'1'.repeat(40)}`]),
    ]
    methods.length = 0
    await mkdir(join(directory, 'keyed', 'sequencer.key'), { recursive: true })
    await refused(
      named,
      /Cannot read keyed\/sequencer\.key/,
      { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` },
      'named.json',
    )
    await rmdir(join(directory, 'keyed', 'sequencer.key'))
    await writeFile(join(directory, 'keyed', 'sequencer.key'), 'nonsense')
    await refused(
      named,
      /keyed\/sequencer\.key is not the key of a sequencer/,
      { PLIMSOLL_PRIVATE_KEY: `0x${'7'.repeat(64)}` },
      'named.json',
    )
    assert.deepEqual(new Set(methods), new Set(['eth_chainId']))
    await refused(['--rpc', 'ftp://x', '--data', 'state'], /not an http or https URL/)
    await refused(['--rpc', 'http://127.0.0.1:1', '--data', 'state'], /No JSON-RPC endpoint answers/)
    await refused(['--rpc', url, '--data', 'state', '--feed', 'ETH=1'], /SYMBOL=0xADDRESS/)
  })
})
