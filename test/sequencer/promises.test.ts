import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hex } from 'viem'
import { newLink } from '../../sdk/actions/trade.ts'
import { NodeRefusal } from '../../sdk/client.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const ETH = 10n ** 8n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }
const TERMS = { asset: 1, x: ETH / 10n, y: 20n * USD } as const

describe('what a node promises to owners', () => {
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let url: string
  let alice: TestOwner
  let bob: TestOwner
  const status = async (id: string) => {
    const { status, code } = await alice.wallet.client.operation(id)
    return code === undefined ? status : `${status} ${code}`
  }
  const refused = (code: string, message = /./) =>
    ((error: unknown) => {
      assert.ok(error instanceof NodeRefusal, String(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      return true
    }) as (error: unknown) => boolean
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init)
    return { status: response.status, body: (await response.json()) as { error: { code: string } } }
  }

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    url = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, url)
    bob = await newOwner(system, url)
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 5_000n * USD)
    await node.step()
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  it('tells the terms of operations to their owner, and to nobody else', async () => {
    const { id } = await bob.wallet.withdraw(0, 3n * USD, bob.address, DAY)
    const [own, ...others] = await bob.wallet.operations()
    assert.equal(others.length, 0)
    assert.deepEqual(
      { ...own!, operation: { ...own!.operation, signature: undefined, expiry: undefined }, acceptedAt: undefined },
      {
        id,
        status: 'accepted',
        acceptedAt: undefined,
        operation: {
          kind: 'withdraw',
          index: 1,
          version: 0,
          expiry: undefined,
          signature: undefined,
          asset: 0,
          amount: 3n * USD,
          recipient: bob.address,
        },
      },
    )
    assert.deepEqual((await ask(`/v1/operations/${id}`)).body, { id, status: 'accepted' })
    await node.step()
    assert.deepEqual((await ask(`/v1/operations/${id}`)).body, { id, status: 'settled' })
    const [settled] = await bob.wallet.operations()
    assert.match(settled!.transaction!, /^0x[0-9a-f]{64}$/)
    assert.deepEqual(await alice.wallet.operations(), [])

    const list = { kind: 'list', index: 1 } as const
    const good = await bob.wallet.authorize(list)
    const [, fields] = good.split(' ')
    const [expiry, ...signature] = fields!.split(',')
    const wrong: Record<string, string> = {
      nothing: '',
      'of somebody else': await alice.wallet.authorize(list),
      'for another account': await bob.wallet.authorize({ kind: 'list', index: 0 }),
      'for something else': await bob.wallet.authorize({ kind: 'cancel', index: 1, id: 0n }),
      'that is over': `Plimsoll ${[0, ...signature].join()}`,
      'with another end': `Plimsoll ${[Number(expiry) + 1, ...signature].join()}`,
      'for ever': `Plimsoll ${[999_999_999_999, ...signature].join()}`,
      'that makes no sense': 'Bearer 1',
      'with a point that is none': `Plimsoll ${[expiry, 1, 1, 1].join()}`,
    }
    for (const [what, authorization] of Object.entries(wrong)) {
      const answer = await ask('/v1/operations?index=1', authorization === '' ? {} : { headers: { authorization } })
      assert.deepEqual([answer.status, answer.body.error.code], [401, 'UNAUTHORIZED'], what)
    }
    assert.equal((await ask('/v1/operations?index=1', { headers: { authorization: good } })).status, 200)
    assert.equal((await ask('/v1/operations?index=9', { headers: { authorization: good } })).status, 401)
    assert.equal((await ask('/v1/operations', { headers: { authorization: good } })).status, 400)
  })

  it('forgets half a trade that waits where its owner says so, and says what its signature is still good for', async () => {
    const link = newLink()
    const { id } = await alice.wallet.trade({ ...TERMS, direction: 0 }, link, DAY)
    assert.equal(await status(id), 'waiting')
    const foreign = await bob.wallet.authorize({ kind: 'cancel', index: 0, id: BigInt(id) })
    await assert.rejects(bob.wallet.client.cancel(id, foreign), refused('UNAUTHORIZED'))
    assert.equal((await ask(`/v1/operations/${id}`, { method: 'DELETE' })).status, 401)
    const canceled = await alice.wallet.cancel(id)
    assert.deepEqual([canceled.status, canceled.code, canceled.version], ['failed', 'CANCELED', 0])
    assert.match(canceled.message, /signature stays valid for whoever has it until 20.*or until version 0 of account 0/)
    assert.ok(canceled.expiry > node.pool.now())
    assert.equal(await status(id), 'failed CANCELED')
    await assert.rejects(bob.wallet.trade({ ...TERMS, direction: 1 }, link, DAY), refused('TRADE_GONE', /CANCELED/))
    await assert.rejects(alice.wallet.cancel(id), refused('NOT_WAITING'))
    // The same signature is not taken again, and after a restart it is as it was.
    await node.step()
    assert.equal(await status(id), 'failed CANCELED')
  })

  it('forgets nothing else: neither a whole trade nor what is accepted', async () => {
    const link = newLink()
    const half = await alice.wallet.trade({ ...TERMS, direction: 0 }, link, DAY)
    const other = await bob.wallet.trade({ ...TERMS, direction: 1 }, link, DAY)
    const withdrawal = await alice.wallet.withdraw(0, USD, alice.address, DAY)
    for (const { id } of [half, withdrawal]) await assert.rejects(alice.wallet.cancel(id), refused('NOT_WAITING'))
    await assert.rejects(alice.wallet.cancel(`0x${'1'.repeat(64)}`), refused('NOT_FOUND'))
    await node.step()
    for (const { id } of [half, other, withdrawal]) assert.equal(await status(id), 'settled')
    await assert.rejects(bob.wallet.trade({ ...TERMS, direction: 0 }, link, DAY), refused('TRADE_GONE', /carried out/))
  })

  it('takes no second half whose first is gone with what its owner did since', async () => {
    const link = newLink()
    const { id } = await alice.wallet.trade({ ...TERMS, direction: 0 }, link, DAY)
    await alice.wallet.preferences([8, 9, 8, 8, 8, 8, 8, 8], DAY)
    await assert.rejects(bob.wallet.trade({ ...TERMS, direction: 1 }, link, DAY), refused('TRADE_GONE'))
    await node.step()
    assert.equal(await status(id), 'failed STALE_VERSION')
    await assert.rejects(
      bob.wallet.trade({ ...TERMS, direction: 1 }, link, DAY),
      refused('TRADE_GONE', /STALE_VERSION/),
    )
    // Its owner may sign it anew, on the same link.
    await alice.wallet.trade({ ...TERMS, direction: 0 }, link, DAY)
    assert.equal((await bob.wallet.trade({ ...TERMS, direction: 1 }, link, DAY)).status, 'accepted')
    await node.step()
  })

  it("promises nothing where its state is no longer the chain's: another node has settled since", async () => {
    const data = await system.copyState('copy')
    const other = await system.open({ data })
    const late = await serve(other, new NodeMetrics(), 0)
    try {
      const { id } = await bob.wallet.withdraw(0, USD, bob.address, DAY)
      await node.step()
      assert.equal(node.pool.state(id as Hex).status, 'settled')
      await sleep(1_100)
      const before = await readFile(join(data, 'journal.jsonl'), 'utf8')
      const loser = await newOwner(system, `http://127.0.0.1:${late.port}`, bob.privateKey)
      for (let i = 0; i < 2; i++)
        await assert.rejects(loser.wallet.withdraw(0, USD, bob.address, DAY), (error: unknown) => {
          assert.ok(error instanceof NodeRefusal)
          assert.deepEqual([error.code, error.status], ['UNAVAILABLE', 503])
          assert.match(error.message, /node --rebuild --settlement 0x/)
          assert.ok(!error.message.includes(data))
          return true
        })
      await assert.rejects(other.step(), { name: 'PlimsollError', hint: /node --rebuild/ })
      await assert.rejects(loser.wallet.withdraw(0, USD, bob.address, DAY), refused('UNAVAILABLE'))
      assert.equal(await readFile(join(data, 'journal.jsonl'), 'utf8'), before)
    } finally {
      late.server.close()
      late.server.closeAllConnections()
      await other.close()
    }
  })
})
