import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { rawCall } from '../../chain/development-chain.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { runCli } from '../support/run-cli.ts'

const ID = /0x[0-9a-f]{64}/

describe('what a wallet promises', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  const alice = generatePrivateKey()
  const bob = generatePrivateKey()
  const carol = generatePrivateKey()
  const url = () => `http://127.0.0.1:${server.port}`
  const wallet = (key: string, ...args: string[]) =>
    runCli(['wallet', ...args, '--node', url()], { env: { PLIMSOLL_WALLET_KEY: key } })
  const json = async (key: string, ...args: string[]) => {
    const { code, stdout, stderr } = await wallet(key, ...args, '--json')
    return { code, value: stdout === '' ? undefined : JSON.parse(stdout), stderr }
  }
  const deposit = (key: string, asset: string, amount: string) =>
    json(key, 'deposit', '--rpc', system.chain.url, '--asset', asset, '--amount', amount, '--mint')
  const withdrawal = (amount: string) => [
    'withdraw',
    '--asset',
    'USD',
    '--amount',
    amount,
    '--to',
    privateKeyToAccount(bob).address,
  ]
  const down = () => {
    server.server.close()
    server.server.closeAllConnections()
  }
  const up = async () => {
    server = await serve(node, new NodeMetrics(), server.port)
  }
  const cash = async () => Number((await json(bob, 'balance')).value.balances.USD)

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    for (const key of [alice, bob, carol])
      await rawCall(
        system.signer,
        'hardhat_setBalance',
        privateKeyToAccount(key).address,
        `0x${(10n ** 20n).toString(16)}`,
      )
    await deposit(alice, 'ETH', '10')
    await deposit(bob, 'USD', '4000')
    await node.step()
  })
  after(async () => {
    down()
    await node.close()
    await system.stop()
  })

  it('opens one account where two deposits of one new key come at once', async () => {
    const made = await Promise.all([deposit(carol, 'USD', '100'), deposit(carol, 'USD', '50')])
    for (const { code, stderr } of made) assert.equal(code, 0, stderr)
    assert.deepEqual(made.map(({ value }) => value.kind).sort(), ['open', 'topup'])
    assert.equal(made[0]!.value.index, made[1]!.value.index)
    await node.step()
    assert.equal((await json(carol, 'balance')).value.balances.USD, '150')
  })

  it('tells the id before it waits, waits through an outage, and does the same thing once', async () => {
    const waiting = wallet(bob, ...withdrawal('5'), '--wait')
    while (node.pool.units().length === 0) await sleep(50)
    down()
    await sleep(1_500)
    await up()
    // Given again while the first is open, the command finds it.
    const second = await json(bob, ...withdrawal('5'))
    assert.equal(second.code, 0)
    assert.ok(second.value.existing)
    assert.match((await wallet(bob, ...withdrawal('5'))).stderr, /of the same terms is accepted: it is that one/)
    await node.step()
    const { code, stdout, stderr } = await waiting
    assert.equal(code, 0, stderr)
    assert.match(stderr, /accepted: operation 0x[0-9a-f]{64}/)
    assert.match(stdout, /^settled: operation /)
    assert.equal(ID.exec(stdout)![0], second.value.id)
    assert.equal(await cash(), 3_995)
    const other = await json(bob, ...withdrawal('5'), '--again')
    assert.notEqual(other.value.id, second.value.id)
    await node.step()
    assert.equal(await cash(), 3_990)
  })

  it('says with an exit code of its own that an outcome is not known, and asks again', async () => {
    // The node takes the operation, and nobody hears of it.
    const { accept } = node.pool
    const before = node.pool.units().length
    node.pool.accept = async (request) => {
      await accept.call(node.pool, request)
      down()
      return new Promise(() => {})
    }
    const { code, stderr } = await json(bob, ...withdrawal('7'))
    node.pool.accept = accept
    assert.equal(code, 3, stderr)
    assert.equal(node.pool.units().length, before + 1)
    const id = ID.exec(stderr)![0]
    const gone = await json(bob, 'status', id)
    assert.equal(gone.code, 3)
    await up()
    assert.deepEqual((await json(bob, 'status', id)).value, { id, status: 'accepted' })
    await node.step()
    const { value, code: known } = await json(bob, 'status', id, '--wait')
    assert.deepEqual([value.status, known], ['settled', 0])
    const unknown = await json(bob, 'status', `0x${'1'.repeat(64)}`)
    assert.equal(unknown.code, 3)
    assert.equal(await cash(), 3_983)
  })

  it('has the terms of a trade in its link, and voids no half without a word', async () => {
    const half = await json(alice, 'trade', '--asset', 'ETH', '--sell', '2', '--for', '400')
    assert.deepEqual([half.code, half.value.status], [0, 'waiting'])
    const { id, link } = half.value
    // The same command finds it.
    assert.equal((await json(alice, 'trade', '--asset', 'ETH', '--sell', '2', '--for', '400')).value.id, id)
    const voiding = await json(
      alice,
      'withdraw',
      '--asset',
      'ETH',
      '--amount',
      '1',
      '--to',
      privateKeyToAccount(alice).address,
    )
    assert.equal(voiding.code, 2)
    assert.match(voiding.stderr, new RegExp(`Half a trade waits for the other, operation ${id}.*--cancel ${id}`))
    const damaged = await json(
      bob,
      'trade',
      '--accept',
      link.replace(/.$/, (digit: string) => (digit === '0' ? '1' : '0')),
    )
    assert.deepEqual([damaged.code, /damaged/.test(damaged.stderr)], [2, true])
    const accepted = await json(bob, 'trade', '--accept', link)
    assert.equal(accepted.code, 0, accepted.stderr)
    assert.match((await wallet(bob, 'trade', '--accept', link)).stderr, /you buy 2 ETH for 400 USD/)
    await node.step()
    assert.equal((await json(bob, 'balance')).value.balances.ETH, '2')
    assert.equal((await json(bob, 'status', id)).value.status, 'settled')
  })

  it('lists operations, cancels a half that waits, and says how long its signature lasts', async () => {
    const half = await json(alice, 'trade', '--asset', 'ETH', '--buy', '1', '--for', '190')
    const { value } = await json(alice, 'operations')
    assert.deepEqual(
      (({ id, kind, status, side, amount, asset }) => ({ id, kind, status, side, amount, asset }))(value.operations[0]),
      { id: half.value.id, kind: 'trade', status: 'waiting', side: 'buy', amount: '1', asset: 'ETH' },
    )
    const { code, stdout } = await wallet(alice, 'operations', '--cancel', half.value.id)
    assert.equal(code, 0)
    assert.match(
      stdout,
      /failed \(CANCELED\)[\s\S]*stays valid for whoever has it until \d{4}-\d\d-\d\d .* UTC, or until the account is written once more/,
    )
    assert.equal((await json(alice, 'status', half.value.id)).code, 1)
    assert.equal((await json(alice, 'operations', '--cancel', half.value.id)).code, 2)
    const late = await json(bob, 'trade', '--accept', half.value.link)
    assert.equal(late.code, 2, JSON.stringify(late))
  })
})
