import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { rawCall } from '../../chain/development-chain.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { encodeProposal } from '../../sdk/trade-link.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { runCli } from '../support/run-cli.ts'
import { newOwner } from '../support/test-owner.ts'
import { runWallet, walletRefuses } from '../support/wallet-cli.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n

describe('plimsoll wallet, with two accounts of one owner', () => {
  const it = chapters()
  const carol = generatePrivateKey()
  const alice = generatePrivateKey()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let directory: string
  let api: string
  let stepping = true
  let loop: Promise<void>
  /** Indices of Carol's accounts. */
  let first: number
  let second: number

  const run = (key: Hex, ...args: string[]) => runWallet(directory, key, ...args)
  const refused = (key: Hex, args: readonly string[], complaint: RegExp) =>
    walletRefuses(directory, key, args, complaint)
  const deposit = (amount: string, account: string) => {
    const to = ['--rpc', system.chain.url, '--node', api, '--account', account]
    return run(carol, 'deposit', ...to, '--asset', 'USD', '--amount', amount, '--mint', '--wait')
  }
  const balance = (account: string) => run(carol, 'balance', '--node', api, '--account', account)

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    api = `http://127.0.0.1:${server.port}`
    await (await newOwner(system, api, alice)).open('ETH', 10n * WEI)
    await rawCall(system.signer, 'hardhat_setBalance', privateKeyToAccount(carol).address, `0x${WEI.toString(16)}`)
    await node.step()
    loop = (async () => {
      while (stepping) {
        await node.step().catch((error: Error) => assert.match(error.message, /is still pending/))
        await sleep(400)
      }
    })()
  })
  after(async () => {
    stepping = false
    await loop
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
    await rm(directory, { recursive: true, force: true })
  })

  it('refuses what is no second account, and says whose balances are public', async () => {
    const give = ['transfer', '--node', api, '--asset', 'USD', '--amount', '50']
    first = (await deposit('1000', '0')).index
    await refused(carol, [...give, '--to-account', '1'], /no account of key 1 yet.*deposit --account 1/)
    await refused(carol, ['blend', '--node', api], /no account of key 1 yet.*deposit --account 1/)
    await refused(carol, [...give, '--to-index', String(first)], /is both sides of it: --to-account or --to-index/)
    await refused(carol, [...give, '--to-index', '0'], /Account 0 is not of this key/)
    await refused(carol, ['blend', '--node', api, '--with-account', '0'], /is both sides of it: --with-account/)
    await refused(carol, ['transfer', '--node', api, '--asset', 'USD', '--amount', '0'], /not above 0/)
    await refused(carol, ['transfer', '--node', api, '--asset', 'XRP', '--amount', '1'], /no asset "XRP"/)
    await refused(carol, ['blend', '--node', api, '--within', '-1'], /--within/)
    second = (await deposit('100', '1')).index
    assert.deepEqual([(await balance('0')).public, (await balance('1')).public], [true, true])
    await refused(
      carol,
      ['transfer', '--node', api, '--asset', 'ETH', '--amount', '90', '--to-account', '1', '--json'],
      /TARGET_TOO_LOW/,
    )
  })

  it('gives to the second account at once', async () => {
    const give = ['transfer', '--node', api, '--asset', 'USD', '--amount', '50']
    const given = await run(carol, ...give, '--to-account', '1', '--wait')
    assert.deepEqual(
      [given.status, given.from, given.to, given.amount, given.asset],
      ['settled', String(first), String(second), '50', 'USD'],
    )
    const [mine, theirs] = [await balance('0'), await balance('1')]
    assert.deepEqual([mine.balances, theirs.balances], [{ USD: '950' }, { USD: '150' }])
    assert.deepEqual([mine.public, theirs.public], [false, false])
    assert.match(given.warnings, /margin is not shared/)
  })

  it('blends the two, and says first what that means', async () => {
    const env = { PLIMSOLL_WALLET_KEY: carol }
    const { code, stdout, stderr } = await runCli(['wallet', 'blend', '--node', api, '--within', '0'], {
      cwd: directory,
      env,
    })
    assert.equal(code, 0, stderr)
    const beforeSigning = stderr.slice(0, stderr.indexOf('accepted: operations'))
    for (const said of [/margin is not shared/, /opening fee/, /how it is split between them is not/])
      assert.match(beforeSigning, said)
    const places = [`account ${first} to ${second}`, `account ${second} to ${first}`]
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => /^settled: (account \d+ to \d+), [0-9.]+ USD, operation 0x/.exec(line)?.[1]),
      places,
    )
    const after = [(await balance('0')).balances.USD, (await balance('1')).balances.USD]
    assert.notDeepEqual(after, ['950', '150'])
    assert.equal(Math.round(1e6 * (Number(after[0]) + Number(after[1]))), 1_100e6)
  })

  it('gives by a link to somebody else, and by no link for nothing', async () => {
    const half = await run(carol, 'transfer', '--node', api, '--asset', 'USD', '--amount', '5')
    assert.equal(half.status, 'waiting')
    const accepted = await run(alice, 'trade', '--node', api, '--accept', half.link, '--wait', '--void-waiting')
    assert.equal(accepted.status, 'settled')
    const deployment = await new PlimsollClient({ node: api }).deployment()
    const gift = encodeProposal(deployment, { link: 7n, asset: 1, direction: 1, x: 10n ** 8n, y: 0n })
    await refused(carol, ['trade', '--node', api, '--accept', gift], /By this link you would give 1 ETH for nothing/)
    const cash = encodeProposal(deployment, { link: 7n, asset: 1, direction: 0, x: 0n, y: USD })
    await refused(carol, ['trade', '--node', api, '--accept', cash], /By this link you would give 1 USD for nothing/)
  })
})
