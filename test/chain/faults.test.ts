import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeErrorResult, toEventSelector, toFunctionSelector } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { passTime, rawCall } from '../../chain/development-chain.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { exit } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { ChainFailure } from '../../sdk/chain/chain-failure.ts'
import { connect, connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import type { EndpointOptions } from '../../sdk/chain/endpoint.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { rebuild } from '../../sequencer/state/rebuild.ts'
import { RebuildProgress } from '../../sequencer/state/rebuild-progress.ts'
import { requireSequencerKeys } from '../../sequencer/state/sequencer-key.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import {
  altered,
  behind,
  body,
  dropped,
  droppedShare,
  error,
  type FaultProxy,
  late,
  lostAnswer,
  oneBlockLate,
  type ProxyQuestion,
  page,
  type Rule,
  result,
  silent,
  startFaultProxy,
  status,
  without,
} from '../support/fault-proxy.ts'
import { FUNDED_KEY } from '../support/http-chain.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const WEEK = { expiresIn: 7 * 86_400 }
/** So that what cannot be answered is given up soon. */
const IMPATIENT = { patience: 1_500, limitedPatience: 3_000, timeout: 1_500 }
const SENDS = ['eth_sendTransaction', 'eth_sendRawTransaction']
const SETTLE = toFunctionSelector(SETTLEMENT_ABI.find((item) => item.type === 'function' && item.name === 'settle')!)
const TRANSACTED = toEventSelector(SETTLEMENT_ABI.find((item) => item.type === 'event' && item.name === 'Transacted')!)

const LEFT_OUT = /left out events of block \d+/

const calls =
  (selector: string): NonNullable<Rule['when']> =>
  ({ method, params }) =>
    method === 'eth_call' && (params[0].data ?? params[0].input ?? '').startsWith(selector)

/** The failure of something asked, in one line that names the endpoint and blames nobody else. */
async function fails(promise: Promise<unknown>, words: RegExp, name?: string): Promise<void> {
  const outcome = await promise.then(
    () => 'it went through',
    (thrown: unknown) => thrown,
  )
  assert.ok(outcome instanceof ChainFailure, String(outcome))
  assert.match(outcome.message, words)
  assert.ok(!/[\r\n]/.test(outcome.message), outcome.message)
  if (name !== undefined) assert.ok(outcome.message.includes(name), outcome.message)
}

describe('faults between a node and its chain', () => {
  let system: EchoSystem
  let proxy: FaultProxy
  let signer: SigningClient
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  let bob: TestOwner
  /** What is left of bob's cash when all has gone as it should. */
  let cash = 4_000n * USD
  const prices = (eth = 200n) => movePrices(system.signer, system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI])
  const open = (signer: SigningClient) =>
    SequencerNodeOf.open(system.deployed.data, signer, async () => echoKeys('tiny'), {
      proofs: { prove: echo },
      decoys: false,
    })
  let SequencerNodeOf: typeof SequencerNode

  before(async () => {
    SequencerNodeOf = (await import('../../sequencer/node/node.ts')).SequencerNode
    system = await startEchoSystem()
    proxy = await startFaultProxy(system.chain.url)
    signer = { ...(await connectSigner(proxy.url, undefined, IMPATIENT)), patience: 3_000 }
    node = await open(signer)
    server = await serve(node, new NodeMetrics(), 0)
    alice = await newOwner(system, `http://127.0.0.1:${server.port}`)
    bob = await newOwner(system, `http://127.0.0.1:${server.port}`)
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', cash)
    await node.step()
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await proxy.close()
    await system.stop()
  })
  afterEach(() => proxy.clear())

  /** Has bob withdraw 1 USD: the id. */
  async function withdrawal(): Promise<`0x${string}`> {
    const { id } = await bob.wallet.withdraw(0, USD, bob.address, WEEK)
    cash -= USD
    return id as `0x${string}`
  }

  const settled = (id: `0x${string}`) => node.pool.state(id).status === 'settled'

  /** Steps until an operation is settled; none may be blamed for what an endpoint does. */
  async function untilSettled(id: `0x${string}`, most = 6): Promise<void> {
    for (let step = 0; step < most && !settled(id); step++)
      await node.step().catch((error: unknown) => assert.ok(error instanceof ChainFailure, String(error)))
    assert.equal(node.pool.state(id).status, 'settled')
    assert.equal((await bob.wallet.read()).account.balances[0], cash)
  }

  const lasting: [string, Rule, RegExp][] = [
    [
      'a count of transactions that is null',
      { methods: ['eth_getTransactionCount'], fault: result(null) },
      /eth_getTransactionCount of 0x\w+: .*null in place of a quantity/,
    ],
    ['{} with status 200', { fault: body({}) }, /another question|neither a result/],
    ['a page of HTML with status 200', { fault: page(200) }, /a page of HTML, status 200: Maintenance/],
    ['a page of HTML with status 503', { fault: page(503) }, /status 503 Service Unavailable: Maintenance/],
    ['answers that are cut off', { fault: status(200, '{"jsonrpc":"2.0","id":') }, /no JSON-RPC answer/],
    ['answers to another question', { fault: body({ jsonrpc: '2.0', id: 0, result: '0x1' }) }, /another question/],
    [
      'views that are never answered',
      { methods: ['eth_call'], fault: silent },
      /eth_call of 0x\w+, 0x\w+, at block (\d+|latest): .*no answer within/,
    ],
    [
      'views that answer with nothing',
      { methods: ['eth_call'], fault: result('0x') },
      /there is no contract of this version there/,
    ],
    ['views that answer with words', { methods: ['eth_call'], fault: result('hello') }, /"hello" in place of bytes/],
    ['views that answer with half a number', { methods: ['eth_call'], fault: result('0x12') }, /did not serve/],
    [
      'a header that is not found',
      { methods: ['eth_call'], fault: error('header not found') },
      /: header not found\.$/,
    ],
    ['an internal error', { methods: ['eth_call'], fault: error('Internal error', -32603) }, /: Internal error\.$/],
    [
      'a state that was pruned',
      { methods: ['eth_call'], fault: error('missing trie node 1234 (path )') },
      /missing trie node/,
    ],
    ['no latest block', { methods: ['eth_getBlockByNumber'], fault: result(null) }, /null in place of a block/],
    [
      'a latest block without a hash',
      { methods: ['eth_getBlockByNumber'], fault: altered((block) => ({ ...block, hash: null })) },
      /a block with a hash/,
    ],
    ['too many requests, without end', { fault: status(429, 'slow down') }, /status 429 Too Many Requests: slow down/],
    ['connections that are dropped', { fault: dropped }, /closed|ECONNRESET|SOCKET/],
    ['a key that is not valid', { fault: status(401, '{"error":"invalid api key"}') }, /invalid api key/],
    [
      'transactions that are refused',
      { methods: SENDS, fault: error('insufficient funds for gas * price + value') },
      /insufficient funds for gas/,
    ],
  ]
  for (const [name, rule, words] of lasting) {
    it(`waits out ${name}, says so, and goes on`, async () => {
      const id = await withdrawal()
      proxy.add(rule)
      await fails(node.step(), words)
      assert.equal(node.pool.state(id).status, 'accepted')
      proxy.clear()
      await untilSettled(id)
    })
  }

  it('waits out an endpoint that is down', async () => {
    const id = await withdrawal()
    await proxy.down()
    await fails(node.step(), /ECONNREFUSED/, proxy.url)
    await proxy.up()
    await untilSettled(id)
  })

  const passing: [string, () => Rule[]][] = [
    ['three times too many requests', () => [{ fault: status(429, 'slow down'), times: 3 }]],
    ['too many requests, with the time to wait', () => [{ fault: status(429, '', { 'retry-after': '1' }), times: 1 }]],
    ['too many requests, in JSON', () => [{ fault: error('Too Many Requests', -32005), times: 3 }]],
    ['a page of HTML now and then', () => [{ fault: page(502), times: 3 }]],
    ['nulls now and then', () => [{ fault: result(null), times: 3 }]],
    ['slow answers', () => [{ fault: late(60) }]],
    [
      'a pending count below the mined one',
      () => [
        {
          methods: ['eth_getTransactionCount'],
          when: ({ params }) => params[1] === 'pending',
          fault: altered((count) => `0x${(Number(count) - 1).toString(16)}`),
        },
      ],
    ],
    ['a receipt that comes late', () => [{ methods: ['eth_getTransactionReceipt'], fault: result(null), times: 4 }]],
    [
      'a receipt of another transaction first',
      () => [
        {
          methods: ['eth_getTransactionReceipt'],
          fault: altered((receipt) => ({ ...receipt, transactionHash: `0x${'1'.repeat(64)}` })),
          times: 2,
        },
      ],
    ],
    [
      'a settlement simulated one block late, twice',
      () => [
        {
          when: calls(SETTLE),
          fault: oneBlockLate,
          times: 2,
        },
      ],
    ],
    [
      'a settlement said to revert, twice',
      () => [{ when: calls(SETTLE), fault: error('execution reverted', 3, `0x${'ab'.repeat(4)}`), times: 2 }],
    ],
  ]
  for (const [name, rules] of passing) {
    it(`does not stumble over ${name}`, async () => {
      const id = await withdrawal()
      for (const rule of rules()) proxy.add(rule)
      proxy.asked.length = 0
      await node.step()
      assert.ok(settled(id), node.pool.state(id).status)
      assert.ok(proxy.hits > 0)
      assert.equal(proxy.asked.filter(({ method }) => SENDS.includes(method)).length, 1)
      await untilSettled(id)
    })
  }

  /** What the contract would say of a proof that is not good. */
  const invalid = encodeErrorResult({ abi: SETTLEMENT_ABI, errorName: 'InvalidProof', args: [0n] })
  const unjust: [string, () => Rule][] = [
    ['refuses every settlement', () => ({ when: calls(SETTLE), fault: error('execution reverted', 3, invalid) })],
    [
      'refuses a settlement until it is asked for the last time',
      () => {
        let first: string | undefined
        return {
          when: (question) => {
            if (!calls(SETTLE)(question)) return false
            const { data, input } = question.params[0]
            first ??= data ?? input
            // The batch without operations, which the node asks about in between, is taken.
            return (data ?? input) === first && blamed++ < 3
          },
          fault: error('execution reverted', 3, invalid),
        }
      },
    ],
    ['simulates one block late', () => ({ when: calls(SETTLE), fault: oneBlockLate })],
  ]
  let blamed = 0
  for (const [name, rule] of unjust) {
    it(`gives up no operation where an endpoint ${name}, look after look`, async () => {
      blamed = 0
      const id = await withdrawal()
      for (let look = 0; look < 4 && !settled(id); look++) {
        proxy.clear()
        proxy.add(rule())
        await node.step().catch((error: unknown) => assert.ok(error instanceof Error && error.name === 'PlimsollError'))
        assert.notEqual(node.pool.state(id).status, 'failed', `look ${look}`)
      }
      proxy.clear()
      await untilSettled(id)
    })
  }

  it('asks nothing at the latest block that a look goes by', async () => {
    await prices(202n)
    const id = await withdrawal()
    for (const first of [true, false]) {
      if (first) {
        await node.close()
        node = await open(signer)
      }
      proxy.asked.length = 0
      await node.step()
      const unpinned = proxy.asked.filter(
        ({ method, params }) =>
          // What is about to be sent is tried at the latest block.
          method === 'eth_call' && params[0].from === undefined && params[1] === 'latest',
      )
      assert.deepEqual(
        unpinned.map(({ params }) => (params[0].data ?? params[0].input).slice(0, 10)),
        [],
      )
    }
    await serveAgain()
    assert.ok(settled(id))
  })

  it('settles once where the answer to the sending is lost', async () => {
    for (const account of [undefined, privateKeyToAccount(FUNDED_KEY)]) {
      await node.close()
      signer = { ...(await connectSigner(proxy.url, account, IMPATIENT)), patience: 3_000 }
      node = await open(signer)
      await serveAgain()
      for (const fault of [lostAnswer, altered(() => null), altered(() => `0x${'2'.repeat(64)}`)].slice(
        0,
        account === undefined ? 2 : 3,
      )) {
        const id = await withdrawal()
        const remove = proxy.add({ methods: SENDS, fault, times: 1 })
        proxy.asked.length = 0
        await node.step()
        remove()
        assert.ok(settled(id), node.pool.state(id).status)
        assert.equal(proxy.asked.filter(({ method }) => SENDS.includes(method)).length, 1)
        await untilSettled(id)
      }
    }
  })

  it('does not know what became of a transaction that was lost on its way, and settles once', async () => {
    const id = await withdrawal()
    proxy.add({ methods: SENDS, fault: dropped, times: 1 })
    await fails(node.step(), /Whether the transaction .*reached the chain is not known/, proxy.url)
    assert.equal(node.pool.state(id).status, 'accepted')
    await untilSettled(id)
  })

  it('goes on with three in ten questions lost', async () => {
    // With the patience that users have: without it only a look in three finds all its answers.
    await node.close()
    node = await open(await connectSigner(proxy.url))
    await serveAgain()
    const id = await withdrawal()
    proxy.add({ fault: droppedShare(0.3) })
    await untilSettled(id, 10)
    assert.ok(proxy.hits > 0)
    proxy.clear()
    await node.close()
    node = await open(signer)
    await serveAgain()
  })

  it('blames nobody where the endpoint is two blocks behind for a while', async () => {
    await prices(201n)
    const id = await withdrawal()
    await node.step()
    const second = await withdrawal()
    proxy.add({ fault: behind(2) })
    for (let look = 0; look < 2; look++)
      await node
        .step()
        .catch((error: unknown) => assert.ok(error instanceof Error && error.name === 'PlimsollError', String(error)))
    proxy.clear()
    assert.ok(settled(id))
    await untilSettled(second)
  })

  it('follows a settlement that is undone, and a reorganization of two blocks', async () => {
    for (const blocks of [0, 3]) {
      const id = await withdrawal()
      const snapshot = await rawCall(system.signer, 'evm_snapshot')
      await node.step()
      assert.ok(settled(id))
      await rawCall(system.signer, 'evm_revert', snapshot)
      if (blocks > 0) await rawCall(system.signer, 'hardhat_mine', `0x${blocks.toString(16)}`)
      await node.step()
      await untilSettled(id)
    }
  })

  it('waits while the operator has no ether', async () => {
    const id = await withdrawal()
    await rawCall(system.signer, 'hardhat_setBalance', signer.sender, '0x0')
    await fails(node.step(), /funds/, proxy.url)
    await rawCall(system.signer, 'hardhat_setBalance', signer.sender, `0x${(10n ** 21n).toString(16)}`)
    await untilSettled(id)
  })

  it('goes on when the clock is a day ahead', async () => {
    const id = await withdrawal()
    await passTime(system.signer, 86_400)
    await prices(202n)
    await untilSettled(id)
  })

  it('asks nothing of an endpoint behind which there is another chain now', async () => {
    const id = await withdrawal()
    proxy.add({ fault: dropped, methods: ['eth_call'], times: 1 })
    proxy.add({ methods: ['eth_chainId'], fault: result('0x5') })
    await fails(node.step(), /it serves chain 5, not 31337/, proxy.url)
    proxy.clear()
    await untilSettled(id)
  })

  it('does not notice where one of two endpoints is down, behind, or out of its mind', async () => {
    await node.close()
    // The other one must not be passed over because this machine was busy for a moment.
    const options = { ...IMPATIENT, timeout: 5_000 }
    signer = { ...(await connectSigner([proxy.url, system.chain.url], undefined, options)), patience: 10_000 }
    node = await open(signer)
    await serveAgain()
    const faults: (() => void)[] = [
      () => proxy.add({ fault: page(500) }),
      () => proxy.add({ fault: result(null) }),
      () => proxy.add({ fault: silent }),
      () => proxy.add({ fault: behind(5) }),
      () => proxy.add({ when: calls(SETTLE), fault: error('execution reverted', 3, '0x') }),
    ]
    for (const fault of faults) {
      const id = await withdrawal()
      fault()
      await node.step()
      proxy.clear()
      assert.ok(settled(id), node.pool.state(id).status)
    }
    const id = await withdrawal()
    await proxy.down()
    await node.step()
    await proxy.up()
    await untilSettled(id)
  })

  async function serveAgain(): Promise<void> {
    const { port } = server
    server.server.close()
    server.server.closeAllConnections()
    server = await serve(node, new NodeMetrics(), port)
  }

  describe('of whoever reads the history', () => {
    let secret: bigint
    const rebuilt = async (options: EndpointOptions = IMPATIENT) =>
      (await rebuild(await connect(proxy.url, options), system.deployed.settlement, [secret])).state.system.ledger
    const recovered = async (options: EndpointOptions = IMPATIENT) =>
      (
        await recover(await connect(proxy.url, options), {
          settlement: system.deployed.settlement,
          key: bob.wallet.key,
        })
      ).account
    const limit = (blocks: number, words: string): Rule => ({
      methods: ['eth_getLogs'],
      when: ({ params }) => Number(params[0].toBlock) - Number(params[0].fromBlock) >= blocks,
      fault: error(words, -32602),
    })

    before(async () => {
      secret = (await requireSequencerKeys(system.deployed.data)).at(-1)!
    })

    const passing: [string, () => Rule][] = [
      ['a range that is limited', () => limit(20, 'block range too large, limited to 20 blocks')],
      ['a range that is limited, in no words', () => limit(7, 'no')],
      [
        'a number of results that is limited',
        () => ({
          methods: ['eth_getLogs'],
          fault: async ({ ask }) => {
            const answer = await ask()
            return answer.result?.length > 10
              ? { error: { code: -32005, message: 'query returned more than 10 results' } }
              : answer
          },
        }),
      ],
      ['transactions that are not indexed', () => ({ methods: ['eth_getTransactionByHash'], fault: result(null) })],
      [
        'a 429 at the 26th question',
        () => {
          let count = 0
          return { when: () => ++count >= 26 && count < 30, fault: status(429) }
        },
      ],
      [
        'logs that are in no order, and twice',
        () => ({ methods: ['eth_getLogs'], fault: altered((logs: unknown[]) => [...logs, ...logs].reverse()) }),
      ],
      ['three in ten questions lost', () => ({ fault: droppedShare(0.3, 7) })],
      [
        'a page of HTML now and then',
        () => {
          let count = 0
          return { when: () => ++count % 5 === 0, fault: page(502) }
        },
      ],
    ]
    for (const [name, rule] of passing) {
      it(`gets by with ${name}`, async () => {
        const { root, heads } = node.system.ledger
        proxy.add(rule())
        const ledger = await rebuilt({})
        assert.deepEqual([ledger.root, ledger.heads], [root, heads])
        assert.equal((await recovered({})).balances[0], cash)
      })
    }

    const lasting: [string, () => Promise<Rule>, RegExp][] = [
      ['logs of the last blocks that are missing', async () => without(await newest(8)), LEFT_OUT],
      ['a log in the middle that is missing', async () => without(await one()), LEFT_OUT],
      [
        'logs of another contract',
        async () => ({
          methods: ['eth_getLogs'],
          fault: altered((logs: any[]) => logs.map((log) => ({ ...log, address: `0x${'3'.repeat(40)}` }))),
        }),
        /was not asked for/,
      ],
      [
        'logs that are no logs',
        async () => ({ methods: ['eth_getLogs'], fault: result([{}]) }),
        /in place of a log with an address/,
      ],
      [
        'no list of logs',
        async () => ({ methods: ['eth_getLogs'], fault: result(null) }),
        /null in place of a list of logs/,
      ],
      [
        'two logs of one place',
        async () => ({
          methods: ['eth_getLogs'],
          fault: altered((logs: any[]) => [...logs, ...logs.map((log) => ({ ...log, data: `${log.data}00` }))]),
        }),
        /two logs/,
      ],
    ]
    for (const [name, rule, words] of lasting) {
      it(`is told of ${name}, and nothing is made of them`, async () => {
        proxy.add(await rule())
        for (const read of [rebuilt, recovered]) {
          await assert.rejects(read(IMPATIENT), (error: Error) => {
            assert.equal(error.name, 'PlimsollError', String(error))
            assert.match(error.message, words)
            return true
          })
        }
      })
    }

    it('says of no account that it is not there before all deposits are', async () => {
      proxy.add(without(await everyLog(system.deployed.vault)))
      await fails(recovered(), LEFT_OUT)
      proxy.clear()
      const stranger = { ...bob.wallet.key, publicKey: [1n, 2n] as const }
      const asked = recover(await connect(proxy.url), { settlement: system.deployed.settlement, key: stranger })
      await assert.rejects(asked, /There is no account of this key/)
    })

    it('goes on with a rebuild where it was interrupted, as long as the chain is the same', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'plimsoll-rebuild-'))
      const file = join(directory, 'rebuild.json')
      for (let i = 0; i < 4; i++) {
        await withdrawal()
        await node.step()
      }
      const { settlement } = system.deployed
      const attempt = async () => {
        const progress = new RebuildProgress(directory, 0, 4n)
        proxy.asked.length = 0
        const { state } = await rebuild(await connect(proxy.url, IMPATIENT), settlement, [secret], { progress })
        const { root, heads, badDebt, accounts } = state.system.ledger
        // The least: an attempt that failed may still be asking for pieces further on.
        const asked = proxy.asked.filter(({ method }) => method === 'eth_getLogs')
        return {
          first: Math.min(...asked.map(({ params }) => Number(params[0].fromBlock))),
          state: [state.settlements, root, heads, badDebt, accounts, state.system.accounts],
        }
      }
      try {
        const whole = await attempt()
        await rm(file)
        await rawCall(system.signer, 'hardhat_mine', '0x10')
        const middle = Number((await one())[0]!.blockNumber)
        const later = { when: ({ params }: ProxyQuestion) => Number(params[0].fromBlock) > middle + 1 }
        proxy.add({ methods: ['eth_getLogs'], ...later, fault: status(429) })
        await fails(attempt(), /429/)
        const kept = await readFile(file, 'utf8')
        assert.ok(!kept.includes(String(secret)))
        proxy.clear()
        const resumed = await attempt()
        assert.deepEqual(resumed.state, whole.state)
        assert.ok(resumed.first > whole.first, `${resumed.first}, ${whole.first}`)
        for (const other of [kept.replace(/"hash":"0x../, '"hash":"0x--'), kept.slice(0, -9)]) {
          await writeFile(file, other)
          assert.deepEqual(await attempt(), whole)
        }
      } finally {
        await rm(directory, { recursive: true })
      }
    })

    /** The last blocks with events. */
    async function newest(blocks: number) {
      const head = Number(await rawCall(system.signer, 'eth_blockNumber'))
      const logs = await everyLog()
      return logs.filter(({ blockNumber }) => Number(blockNumber) > head - blocks)
    }
    async function one() {
      const logs = (await everyLog()).filter(({ topics }) => topics[0] === TRANSACTED)
      return [logs[Math.floor(logs.length / 2)]!]
    }
    const everyLog = (address = system.deployed.settlement) =>
      rawCall(system.signer, 'eth_getLogs', {
        address,
        fromBlock: '0x0',
        toBlock: 'latest',
      }) as Promise<{ blockNumber: string; logIndex: string; topics: string[] }[]>
  })

  describe('of whoever leaves a frozen system', () => {
    const contract = () => ({ address: system.deployed.escape, abi: ESCAPE_ABI }) as const
    const prover = { prove: (input: CircuitInput) => echo(echoKeys('tiny'), 'exit', input) }

    it('is asked once to pay, whatever is lost on the way', async () => {
      const { settlement } = system.deployed
      await passTime(system.signer, 90_000)
      proxy.add({ fault: droppedShare(0.1, 3), when: ({ method }) => !SENDS.includes(method) })
      proxy.add({ methods: ['eth_sendRawTransaction'], fault: lostAnswer })
      const owner = {
        ...(await connectSigner(proxy.url, privateKeyToAccount(bob.privateKey), { patience: 20_000 })),
        patience: 10_000,
      }
      await freeze(owner, {
        settlement,
        onNotice: () => passTime(system.signer, 1_801),
      })
      const { key } = bob.wallet
      const recovered = await recover(owner, { settlement, key, atCheckpoint: true })
      proxy.asked.length = 0
      const { transaction } = await exit(owner, { settlement, key, recovered, recipient: bob.address, prover })
      assert.ok(transaction !== null)
      assert.equal(proxy.asked.filter(({ method }) => SENDS.includes(method)).length, 1)
      const { exited } = await system.signer.read.readContract({
        ...contract(),
        functionName: 'exitOf',
        args: [recovered.account.index],
      })
      assert.ok(exited)
      // Asked again it has left already.
      assert.equal(
        (await exit(owner, { settlement, key, recovered, recipient: bob.address, prover })).transaction,
        null,
      )
    })
  })
})
