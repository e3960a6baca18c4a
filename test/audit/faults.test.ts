import assert from 'node:assert/strict'
import { verifyChain } from '../../audit/verify-chain.ts'
import { rawCall } from '../../chain/development-chain.ts'
import type { KeySet } from '../../prover/keys.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import {
  altered,
  body,
  droppedShare,
  error,
  type FaultProxy,
  page,
  type Rule,
  result,
  startFaultProxy,
  status,
  without,
} from '../support/fault-proxy.ts'
import { tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { runCli } from '../support/run-cli.ts'
import { newOwner } from '../support/test-owner.ts'

const WEI = 10n ** 18n

describe('faults between an audit and its chain', () => {
  let keys: KeySet
  let system: EchoSystem
  let proxy: FaultProxy
  const audit = (rpc: string | readonly string[] = proxy.url) =>
    verifyChain(
      rpc,
      system.deployed.settlement,
      async () => keys,
      () => {},
    )

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    system = await startEchoSystem('tiny', {}, keys)
    proxy = await startFaultProxy(system.chain.url)
    const node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    const alice = await newOwner(system, `http://127.0.0.1:${port}`)
    await alice.open('ETH', 10n * WEI)
    await node.step()
    server.close()
    server.closeAllConnections()
    await node.close()
  })
  after(async () => {
    await proofs.close()
    await proxy.close()
    await system.stop()
  })
  afterEach(() => proxy.clear())

  const passing: [string, () => Rule][] = [
    [
      'logs twice and in no order',
      () => ({ methods: ['eth_getLogs'], fault: altered((logs: unknown[]) => [...logs, ...logs].reverse()) }),
    ],
    [
      'ranges of five blocks',
      () => ({
        methods: ['eth_getLogs'],
        when: ({ params }) => Number(params[0].toBlock) - Number(params[0].fromBlock) > 4,
        fault: error('exceed maximum block range: 5'),
      }),
    ],
    [
      'too many requests now and then',
      () => {
        let count = 0
        return { when: () => ++count % 7 === 0, fault: status(429) }
      },
    ],
    ['receipts that are null', () => ({ methods: ['eth_getTransactionReceipt'], fault: result(null) })],
    ['three in ten questions lost', () => ({ fault: droppedShare(0.3, 5) })],
  ]
  for (const [name, rule] of passing) {
    it(`passes with ${name}`, async () => {
      proxy.add(rule())
      const verdict = await audit()
      assert.ok(verdict.ok, 'error' in verdict ? verdict.error : '')
    })
  }

  const lasting: [string, () => Promise<Rule>, RegExp][] = [
    [
      'logs of the last 8 blocks are missing',
      async () => without((await logs()).slice(-8)),
      /left out events of block \d+: eth_getLogs has \d+ of the \d+/,
    ],
    ['one event is missing', async () => without((await logs()).slice(-2, -1)), /left out events|did not serve/],
    [
      'an event is changed',
      async () => ({
        methods: ['eth_getLogs'],
        fault: altered((list: any[]) =>
          list.map((log, i) =>
            i === list.length - 1
              ? { ...log, data: log.data.replace(/.$/, (digit: string) => (digit === '0' ? '1' : '0')) }
              : log,
          ),
        ),
      }),
      /changed events of block/,
    ],
    ['there is no code', async () => ({ methods: ['eth_getCode'], when: () => true, fault: result('0x') }), /./],
    [
      'a header is not found',
      async () => ({ methods: ['eth_call'], fault: error('header not found') }),
      /header not found/,
    ],
    [
      'the block is replaced meanwhile',
      async () => {
        let count = 0
        return {
          methods: ['eth_getBlockByNumber'],
          fault: altered((block) => ({ ...block, ...(++count > 1 && { hash: `0x${'4'.repeat(64)}` }) })),
        }
      },
      /was replaced while it was read/,
    ],
  ]
  for (const [name, rule, words] of lasting) {
    it(`is no verdict where ${name}`, async () => {
      proxy.add(await rule())
      const outcome = await audit().then(
        (verdict) => verdict,
        (error: unknown) => error,
      )
      assert.ok(
        outcome instanceof Error,
        JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
      )
      assert.equal(outcome.name, 'PlimsollError')
      assert.match(outcome.message, words)
    })
  }

  it('ends plimsoll verify with 2 and one line, never with 1', async () => {
    const faults: [Rule, RegExp][] = [
      [{ fault: body({}) }, /No JSON-RPC endpoint answers/],
      [without((await logs()).slice(-8)), /left out events of block/],
    ]
    for (const [rule, words] of faults) {
      proxy.add(rule)
      const { code, stdout, stderr } = await runCli([
        'verify',
        '--rpc',
        proxy.url,
        '--settlement',
        system.deployed.settlement,
      ])
      proxy.clear()
      assert.deepEqual([code, stdout], [2, ''], stderr)
      assert.match(stderr, words)
      assert.match(stderr, /^plimsoll: [^\n]+\n$/)
      assert.ok(stderr.includes(proxy.url))
    }
  })

  it('is none where another endpoint knows better', async () => {
    proxy.add({ fault: page(500) })
    const verdict = await audit([proxy.url, system.chain.url])
    assert.ok(verdict.ok)
  })

  const logs = () =>
    rawCall(system.signer, 'eth_getLogs', {
      address: system.deployed.settlement,
      fromBlock: '0x0',
      toBlock: 'latest',
    }) as Promise<{ blockNumber: string; logIndex: string; topics: string[] }[]>
})
