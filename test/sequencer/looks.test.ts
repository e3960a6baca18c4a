import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseEventLogs } from 'viem'
import { Contracts } from '../../chain/contracts.ts'
import { passTime, rawCall } from '../../chain/development-chain.ts'
import { signatureHash } from '../../chain/queued-terms.ts'
import { Settlement } from '../../chain/settlement.ts'
import { sign } from '../../protocol/signature.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { newLink } from '../../sdk/actions/trade.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { ownerOf } from '../../sdk/chain/owner-of.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { SignatureCache } from '../../sequencer/mempool/signature-cache.ts'
import { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { type SwitchedEndpoint, startSwitchedEndpoint } from '../support/switched-endpoint.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }
/** State of a forced request. */
const DISCHARGED = 4

describe('a node that looks at the chain', () => {
  const it = chapters()
  let system: EchoSystem
  let endpoint: SwitchedEndpoint
  let signer: SigningClient
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let url: string
  let alice: TestOwner
  let bob: TestOwner
  const open = () =>
    SequencerNode.open(system.deployed.data, signer, async () => echoKeys('tiny'), {
      proofs: { prove: echo },
      decoys: false,
    })

  before(async () => {
    system = await startEchoSystem()
    endpoint = await startSwitchedEndpoint(system.chain.url)
    signer = { ...(await connectSigner(endpoint.url)), patience: 100 }
    node = await open()
    server = await serve(node, new NodeMetrics(), 0)
    url = `http://127.0.0.1:${server.port}`
    alice = await newOwner(system, url)
    bob = await newOwner(system, url)
    await alice.open('ETH', 10n * WEI)
    await bob.open('USD', 5_000n * USD)
    await node.step()
  })
  afterEach(() => {
    endpoint.broken = false
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    endpoint.close()
    await system.stop()
  })

  it('takes deposits twelve blocks deep, but on a local chain at once', async () => {
    const settlement = (chainId: number) => Settlement.at({ ...signer, chainId }, system.deployed.settlement)
    const [local, foreign] = [await Contracts.of(await settlement(31337)), await Contracts.of(await settlement(1))]
    const id = await bob.topUp(0, 'USD', 5n * USD)
    const ids = async (contracts: Contracts) =>
      (await contracts.deposits()).map(({ operation }) => BigInt(operation.depositId))
    assert.deepEqual(await ids(local), [id])
    for (let depth = 0; depth < 12; depth++) {
      assert.deepEqual(await ids(foreign), [], `${depth} blocks deep`)
      await rawCall(signer, 'evm_mine')
    }
    const later = await bob.topUp(0, 'USD', 6n * USD)
    assert.deepEqual(await ids(foreign), [id])
    await rawCall(signer, 'hardhat_mine', '0xc')
    assert.deepEqual(await ids(foreign), [id, later])
    // An endpoint that does not know the past is no chain without deposits.
    const forgetful = await Contracts.of(await settlement(1))
    const { getBlockNumber } = signer.read
    const read = {
      ...signer.read,
      getBlockNumber: () => getBlockNumber(),
      readContract: (call: { blockNumber?: bigint }) =>
        call.blockNumber === undefined
          ? signer.read.readContract(call as never)
          : Promise.reject(new Error('missing trie node')),
    }
    Object.assign(forgetful.settlement, { client: { ...signer, chainId: 1, read } })
    await assert.rejects(forgetful.deposits(), /missing trie node/)
    await node.step()
  })

  it('knows which deposits have waited for half of their time, and a request that moved by its last place only', async () => {
    const contracts = await Contracts.of(await Settlement.at(signer, system.deployed.settlement))
    await bob.topUp(0, 'USD', 5n * USD)
    const urgent = async () => (await contracts.deposits()).map((deposit) => deposit.urgent)
    assert.deepEqual(await urgent(), [false])
    for (let i = 0; i < 3; i++) {
      await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI], 700)
      await sendCall(system.signer, {
        address: system.deployed.rounds,
        abi: ROUNDS_ABI,
        functionName: 'postRound',
        args: [],
      })
    }
    assert.deepEqual(await urgent(), [true])
    await node.step()
    const places = [1n, 2n, 1n, 3n]
    const place: Record<string, number> = { 1: 2, 2: 1, 3: 3 }
    const readContract = async ({ functionName, args }: { functionName: string; args: [bigint] }) => {
      if (functionName === 'queue') return [0n, BigInt(places.length)]
      if (functionName === 'numberAt') return places[Number(args[0])]
      return {
        state: args[0] === 3n ? 3 : 2,
        place: place[String(args[0])],
        index: 0,
        asset: 0,
        amount: 1n,
        recipient: alice.address,
        expiry: 2_000,
        inFull: false,
        round: 1,
        signatureHash: signatureHash({ r8: [0n, 1n], s: args[0] }),
      }
    }
    const getContractEvents = async ({ args: { number } }: { args: { number: bigint[] } }) =>
      number.map((each) => ({ args: { number: each, r8: [0n, 1n], s: each } }))
    const getBlockNumber = () => signer.read.getBlockNumber()
    const read = { readContract, getContractEvents, getBlockNumber }
    Object.assign(contracts.settlement, { client: { ...signer, read }, firstBlock: async () => 0n })
    assert.deepEqual(
      (await contracts.forcedRequests(1_000)).map(({ operation }) => operation.queueNumber),
      [2n, 1n],
    )
    assert.deepEqual(await contracts.forcedRequests(2_001), [])
    // However many wait, none is hidden: where there are too many for one look, each begins anywhere.
    for (let i = 0; i < 600; i++) [places[i], place[String(i + 10)]] = [BigInt(i + 10), i]
    const seen = new Set<bigint>()
    for (let look = 0; look < 40; look++) {
      const list = await contracts.forcedRequests(1_000)
      assert.equal(list.length, 256)
      for (const { operation } of list) seen.add(operation.queueNumber)
    }
    assert.equal(seen.size, places.length)
  })

  it('posts a round for a forced request that can only be discharged at one younger than it', async () => {
    const forced = { address: system.deployed.forced, abi: FORCED_ABI } as const
    const later = () => passTime(signer, 40)
    // There is no other reason left for a round.
    await later()
    await node.step()
    await later()
    assert.equal(await node.step(), undefined)
    const { bond, forcedFee } = await signer.read.readContract({ ...forced, functionName: 'config' })
    const { logs } = await sendCall(bob.signer, {
      ...forced,
      functionName: 'reserve',
      args: [1, ownerOf(bob.wallet.key.publicKey)],
      value: bond + forcedFee,
    })
    const { number } = parseEventLogs({ abi: FORCED_ABI, eventName: 'Reserved', logs })[0]!.args
    const expiry = Number((await signer.read.getBlock()).timestamp) + 200_000
    const { r8, s } = sign(alice.wallet.key, 5n)
    await sendCall(bob.signer, {
      ...forced,
      functionName: 'submit',
      args: [number, 0, USD, bob.address, expiry, r8, s, false],
    })
    const { number: round } = node.latestRound
    await node.step()
    await later()
    await node.step()
    assert.equal(node.latestRound.number, round + 1)
    const { state } = await signer.read.readContract({ ...forced, functionName: 'request', args: [number] })
    assert.equal(state, DISCHARGED)
  })

  it('verifies a signature once: when its operation comes, or at the start', async () => {
    const before = node.pool.signatures.checked
    const asked = () => node.pool.signatures.checked - before
    await bob.wallet.withdraw(0, 1n * USD, bob.address, DAY)
    await alice.wallet.trade({ asset: 1, direction: 1, x: 5n, y: 6n }, newLink(), DAY)
    assert.equal(asked(), 2)
    await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
    await node.step()
    await node.step()
    assert.equal(asked(), 2)
    await bob.wallet.withdraw(0, 2n * USD, bob.address, DAY)
    assert.equal(asked(), 3)
    await node.close()
    node = await open()
    assert.equal((await node.step())?.operations, 1)
    assert.equal(node.pool.signatures.checked, 0)
    server.server.close()
    server.server.closeAllConnections()
    server = await serve(node, new NodeMetrics(), server.port)
  })

  it('remembers good signatures only, and not without end', () => {
    let asked = 0
    const memo = new SignatureCache((_, message) => {
      asked++
      return message % 2n === 0n
    })
    const signature = { r8: [1n, 2n], s: 3n } as const
    for (let i = 0; i < 3; i++)
      assert.deepEqual([memo.verify([1n, 2n], 4n, signature), memo.verify([1n, 2n], 5n, signature)], [true, false])
    assert.equal(asked, 4)
    for (const other of [
      memo.verify([1n, 3n], 4n, signature),
      memo.verify([1n, 2n], 4n, { ...signature, s: 4n }),
      memo.verify([1n, 2n], 4n, { ...signature, r8: [1n, 3n] }),
    ])
      assert.ok(other)
    assert.equal(asked, 7)
    for (let i = 0n; i < 20_000n; i++) memo.verify([1n, 2n], 6n + 2n * i, signature)
    asked = 0
    memo.verify([1n, 2n], 4n, signature)
    assert.equal(asked, 1)
  })

  it('keeps serving and taking operations while the endpoint is out of order, and goes on when it is back', async () => {
    const get = async (path: string) => {
      const response = await fetch(`${url}${path}`, { headers: { connection: 'close' } })
      return { status: response.status, body: (await response.json()) as { error?: { code: string; message: string } } }
    }
    endpoint.broken = true
    await assert.rejects(node.step(), { name: 'PlimsollError', message: /^The chain did not serve [^\n]+$/ })
    for (const path of ['/v1/deployment', '/v1/round', '/v1/accounts/0', '/state'])
      assert.equal((await get(path)).status, 200, path)
    // A look that failed is on /health from its end to that of the next one that does not, in the words of the endpoint.
    const unwell = await get('/health')
    assert.equal(unwell.status, 503)
    assert.match(String(unwell.body.error), /^The chain did not serve [^\n]+$/)
    const unanswered = await get('/v1/withdrawals?index=1')
    assert.deepEqual([unanswered.status, unanswered.body.error!.code], [503, 'UNAVAILABLE'])
    assert.ok(!unanswered.body.error!.message.includes(endpoint.url))
    const { id } = await bob.wallet.withdraw(0, 3n * USD, bob.address, DAY)
    endpoint.broken = false
    await node.step()
    assert.equal(node.pool.state(id as `0x${string}`).status, 'settled')
    assert.equal((await get('/health')).status, 200)
    // The answer to a settlement is lost, and nothing is known of it for a while.
    const { id: second } = await bob.wallet.withdraw(0, 4n * USD, bob.address, DAY)
    endpoint.broken = ['eth_getTransactionReceipt']
    await assert.rejects(node.step(), { name: 'PlimsollError' })
    assert.equal(node.pool.state(second as `0x${string}`).status, 'accepted')
    endpoint.broken = false
    await node.step()
    assert.equal(node.pool.state(second as `0x${string}`).status, 'settled')
  })

  it('sends nothing behind a transaction of its own that is not mined', async () => {
    const before = (await bob.wallet.read()).account.balances[0]!
    const { id } = await bob.wallet.withdraw(0, 5n * USD, bob.address, DAY)
    await rawCall(signer, 'evm_setAutomine', false)
    try {
      await assert.rejects(node.step(), { name: 'PlimsollError' })
      const sent = await signer.read.getTransactionCount({ address: signer.sender, blockTag: 'pending' })
      for (let i = 0; i < 2; i++)
        await assert.rejects(node.step(), { name: 'PlimsollError', message: /is still pending/ })
      assert.equal(await signer.read.getTransactionCount({ address: signer.sender, blockTag: 'pending' }), sent)
    } finally {
      await rawCall(signer, 'evm_mine')
      await rawCall(signer, 'evm_setAutomine', true)
    }
    await node.step()
    assert.equal(node.pool.state(id as `0x${string}`).status, 'settled')
    assert.equal((await bob.wallet.read()).account.balances[0], before - 5n * USD)
  })

  it('goes on after a development chain has stood still', async () => {
    await rawCall(signer, 'evm_increaseTime', 1_000)
    const { id } = await bob.wallet.withdraw(0, USD, bob.address, DAY)
    await node.step()
    assert.equal(node.pool.state(id as `0x${string}`).status, 'settled')
  })

  it('starts only where all that it asks is answered, and says what was not', async () => {
    const data = await system.copyState('unanswered')
    for (const method of ['eth_call', 'eth_getCode', 'eth_getBlockByNumber', 'eth_getTransactionCount']) {
      endpoint.broken = [method]
      await assert.rejects(
        SequencerNode.open(data, signer, async () => echoKeys('tiny'), { proofs: { prove: echo }, decoys: false }),
        { name: 'PlimsollError' },
        method,
      )
    }
    endpoint.broken = false
    await (
      await SequencerNode.open(data, signer, async () => echoKeys('tiny'), { proofs: { prove: echo }, decoys: false })
    ).close()
  })

  it('settles nothing that it cannot write down, and goes on when it can', async () => {
    const database = new DatabaseSync(join(system.deployed.data, 'state.db'))
    database.exec("CREATE TRIGGER full BEFORE INSERT ON versions BEGIN SELECT RAISE(ABORT, 'no room'); END")
    const { id } = await bob.wallet.withdraw(0, 7n * USD, bob.address, DAY)
    await assert.rejects(node.step(), { name: 'PlimsollError', message: /state\.db cannot be used: no room/ })
    assert.equal(node.pool.state(id as `0x${string}`).status, 'accepted')
    database.exec('DROP TRIGGER full')
    database.close()
    await node.step()
    assert.equal(node.pool.state(id as `0x${string}`).status, 'settled')
  })

  it('makes a checkpoint by itself before the last one is old, where nothing has to be settled', async () => {
    const checkpointed = () =>
      signer.read.readContract({ address: system.deployed.vault, abi: VAULT_ABI, functionName: 'checkpointedAt' })
    const before = await checkpointed()
    for (let i = 0; i < 5 && (await checkpointed()) === before; i++) {
      await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI], 600)
      assert.equal((await node.step())?.proofs, 0)
    }
    const after = await checkpointed()
    assert.ok(after > before && after - before < 7_200n / 2n, `${after - before} seconds`)
    await node.step()
    assert.equal(await checkpointed(), after)
  })

  it('lists withdrawals the same to all who ask at once, and no longer once they are claimed', async () => {
    const all = await bob.wallet.client.withdrawals(1)
    assert.ok(all.length >= 5)
    for (let i = 0; i < 5; i++) {
      const answers = await Promise.all(Array.from({ length: 8 }, () => bob.wallet.client.withdrawals(1)))
      for (const answer of answers) assert.deepEqual(answer, all)
    }
    const [first] = all
    const snapshot = await rawCall(signer, 'evm_snapshot')
    await sendCall(bob.signer, {
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'claim',
      args: [BigInt(first!.id)],
    })
    assert.deepEqual(await bob.wallet.client.withdrawals(1), all.slice(1))
    await rawCall(signer, 'evm_revert', snapshot)
    assert.deepEqual(await bob.wallet.client.withdrawals(1), all)
  })
})
