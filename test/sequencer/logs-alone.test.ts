import assert from 'node:assert/strict'
import {
  type Address,
  concat,
  encodeFunctionData,
  type Hex,
  isAddressEqual,
  numberToHex,
  size,
  slice,
  type TransactionReceipt,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { loadArtifact } from '../../chain/artifacts.ts'
import { passTime } from '../../chain/development-chain.ts'
import { batchCalldata, type ProvenBatch } from '../../chain/settlement.ts'
import { deployContract } from '../../deploy/deploy.ts'
import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import { GOVERNANCE_ABI } from '../../sdk/abi/governance.ts'
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { claim } from '../../sdk/actions/claim.ts'
import { exit } from '../../sdk/actions/exit.ts'
import { freeze } from '../../sdk/actions/freeze.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { rebuild } from '../../sequencer/state/rebuild.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import { startFaultProxy } from '../support/fault-proxy.ts'
import { FUNDED_KEY } from '../support/http-chain.ts'
import { movePrices } from '../support/live-chain.ts'
import { type SwitchedEndpoint, startSwitchedEndpoint } from '../support/switched-endpoint.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n
const DAY = { expiresIn: 86_400 }
const OPERATOR = 0
/** Places in the head of a batch of the offsets of its values and its memo. */
const [VALUES, MEMO] = [3, 13]

const word = (data: Hex, i: number) => slice(data, 4 + 32 * i, 36 + 32 * i)

// Nobody but the endpoint of these tests is asked, and it knows no transaction by its hash: what a settlement's call looked
// like, through whatever contract it went, cannot matter.
describe('what the chain has for owners, in logs alone', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let endpoint: SwitchedEndpoint
  let owners: TestOwner[]
  let close: () => void
  let relay: Address
  let relayAbi: Awaited<ReturnType<typeof loadArtifact>>['abi']
  const settlementOf = () => system.deployed.settlement
  const prices = () => movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
  const later = (seconds: number) => passTime(system.signer, seconds)
  const encoded = (batches: readonly ProvenBatch[]) =>
    encodeFunctionData({ abi: SETTLEMENT_ABI, functionName: 'settle', args: [batches.map(batchCalldata)] })

  /** Sends it as the operator, in one way or another. */
  async function send(to: Address, data: Hex): Promise<TransactionReceipt> {
    const hash = await system.signer.write.sendTransaction({ to, data, gas: 10_000_000n })
    const receipt = await system.signer.read.waitForTransactionReceipt({ hash })
    assert.equal(receipt.status, 'success')
    return receipt
  }
  /** Through the code of `to`, which the settlement takes for its operator. */
  const through = (to: Address, data: Hex) =>
    send(to, encodeFunctionData({ abi: relayAbi, functionName: 'relay', args: [settlementOf(), data] }))

  /** One step of the node whose settlements go out by `settle`, one batch each. */
  async function step(settle: (data: Hex, batch: ProvenBatch) => Promise<TransactionReceipt>): Promise<string[]> {
    const circuits: string[] = []
    const usual = node.settlement.settle
    node.settlement.settle = async (_, batches) => {
      let receipt: TransactionReceipt | undefined
      for (const batch of batches) {
        circuits.push(batch.batch.circuit)
        receipt = await settle(encoded([batch]), batch)
      }
      return receipt!
    }
    assert.ok(await node.step())
    node.settlement.settle = usual
    return circuits
  }

  /** Every owner finds its account, with nothing but logs. */
  async function recovered(): Promise<void> {
    for (const { signer, wallet } of owners) {
      const { account } = await recover(signer, { settlement: settlementOf(), key: wallet.key })
      assert.deepEqual(account, node.system.accounts.at(account.index))
    }
  }

  before(async () => {
    system = await startEchoSystem()
    endpoint = await startSwitchedEndpoint(system.chain.url)
    endpoint.unknown = ['eth_getTransactionByHash']
    node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    close = () => {
      server.close()
      server.closeAllConnections()
    }
    relay = await deployContract(system.signer, 'Relay', [])
    relayAbi = (await loadArtifact('Relay')).abi
    owners = []
    for (const [symbol, amount] of [
      ['ETH', 10n * WEI],
      ['USD', 4_000n * USD],
      ['BTC', WEI / 4n],
    ] as const) {
      const owner = await newOwner(system, `http://127.0.0.1:${port}`)
      await owner.open(symbol, amount)
      const signer = await connectSigner(endpoint.url, privateKeyToAccount(owner.privateKey))
      owners.push({ ...owner, signer })
    }
    assert.ok((await node.step())?.complete)
  })
  after(async () => {
    close()
    endpoint.close()
    await system.stop()
  })

  it('is there of a settlement whose memo is nowhere', async () => {
    const [alice] = owners as [TestOwner]
    await alice.wallet.withdraw(0, 500n * USD, alice.address, DAY)
    const circuits = await step((data, { batch }) => {
      if (batch.circuit !== 'transact') return send(settlementOf(), data)
      const at = 4 + 32 * (3 + MEMO)
      return send(settlementOf(), concat([slice(data, 0, at), numberToHex(2n ** 256n - 1n), slice(data, at + 32)]))
    })
    assert.ok(circuits.includes('transact'))
    await recovered()
  })

  it('is there of a settlement whose values lie before the batch that points at them', async () => {
    const [, bob] = owners as [TestOwner, TestOwner]
    await bob.wallet.withdraw(0, 250n * USD, bob.address, DAY)
    await step((data, { batch }) => {
      if (batch.circuit !== 'transact') return send(settlementOf(), data)
      // The list of batches has one, whose head begins behind its offset; its values move in between.
      const head = 4 + 32 * 3
      const from = head + Number(BigInt(word(data, 3 + VALUES)))
      const values = slice(data, from, from + 32 * (1 + Number(BigInt(slice(data, from, from + 32)))))
      const offset = numberToHex(2n ** 256n - BigInt(size(values)), { size: 32 })
      return send(
        settlementOf(),
        concat([
          slice(data, 0, 4 + 32 * 2),
          numberToHex(32 + size(values), { size: 32 }),
          values,
          slice(data, head, head + 32 * VALUES),
          offset,
          slice(data, head + 32 * (VALUES + 1)),
        ]),
      )
    })
    await recovered()
  })

  it('is there of settlements that a plain key sent by code it had lent itself', async () => {
    const operator = privateKeyToAccount(FUNDED_KEY)
    assert.equal(operator.address, system.deployed.operator)
    const { read } = system.signer
    const nonce = (await read.getTransactionCount({ address: operator.address })) + 1
    const authorization = await operator.signAuthorization({
      contractAddress: relay,
      chainId: system.signer.chainId,
      nonce,
    })
    const self = await connectSigner(system.chain.url, operator)
    const data = encodeFunctionData({ abi: relayAbi, functionName: 'relay', args: [owners[0]!.address, '0x'] })
    const hash = await self.write.sendTransaction({ authorizationList: [authorization], to: relay, data } as never)
    await read.waitForTransactionReceipt({ hash })
    assert.equal(await read.getCode({ address: operator.address }), concat(['0xef0100', relay]).toLowerCase())

    const empty = await through(operator.address, encoded([]))
    assert.ok(empty.logs.length > 0)
    const [alice] = owners as [TestOwner]
    await alice.wallet.withdraw(0, 50n * USD, alice.address, DAY)
    await step((data) => through(operator.address, data))
    await recovered()
  })

  it('is there of settlements through a contract that the role was handed to', async () => {
    const governance = { address: system.deployed.governance, abi: GOVERNANCE_ABI } as const
    await sendCall(system.signer, { ...governance, functionName: 'nominate', args: [OPERATOR, relay] })
    await later(3_700)
    const accept = encodeFunctionData({ abi: GOVERNANCE_ABI, functionName: 'accept', args: [OPERATOR] })
    const args = [governance.address, accept]
    await send(relay, encodeFunctionData({ abi: relayAbi, functionName: 'relay', args }))
    assert.ok(isAddressEqual((await node.settlement.config()).operator, relay))
    await prices()
    const [alice] = owners as [TestOwner]
    await alice.wallet.withdraw(0, 50n * USD, alice.address, DAY)
    await step((data) => through(relay, data))
    await through(relay, encoded([]))
    await recovered()
  })

  it('is enough for the sequencer to rebuild its state', async () => {
    const reader = await connectSigner(endpoint.url)
    const { state } = await rebuild(reader, settlementOf(), [node.system.secret!])
    assert.deepEqual([...state.system.accounts], [...node.system.accounts])
    assert.deepEqual(state.system.ledger.heads, node.system.ledger.heads)
  })

  it('is found on a rollup, whose contracts see the numbers of blocks of another chain', async () => {
    // To the contracts a block is number 100, say, and 30,000,100 to whoever asks the endpoint, which has as many older ones.
    const offset = 30_000_000n
    const proxy = await startFaultProxy(system.chain.url)
    const shifted = (tag: unknown, by: bigint) =>
      typeof tag === 'string' && /^0x[0-9a-f]{1,16}$/.test(tag)
        ? numberToHex(BigInt(tag) + by < 0n ? 0n : BigInt(tag) + by)
        : tag
    const inner = (question: unknown): unknown => {
      if (Array.isArray(question))
        return question.map((part) => (typeof part === 'object' ? inner(part) : shifted(part, -offset)))
      const { fromBlock, toBlock } = question as Record<string, unknown>
      if (fromBlock === undefined) return question
      return { ...(question as object), fromBlock: shifted(fromBlock, -offset), toBlock: shifted(toBlock, -offset) }
    }
    const outer = (answer: unknown): unknown => {
      if (Array.isArray(answer)) return answer.map(outer)
      if (typeof answer !== 'object' || answer === null) return answer
      return Object.fromEntries(
        Object.entries(answer).map(([key, value]) => [
          key,
          key === 'number' || key === 'blockNumber' ? shifted(value, offset) : outer(value),
        ]),
      )
    }
    proxy.add({
      fault: async ({ question, ask }) => {
        const { method, params } = question
        const counted = ['eth_getLogs', 'eth_getBlockByNumber', 'eth_call', 'eth_getCode', 'eth_getStorageAt']
        const { result, error } = await ask(counted.includes(method) ? { params: inner(params) as never[] } : {})
        if (error !== undefined) return { error }
        if (method === 'eth_blockNumber') return { result: shifted(result, offset) }
        const answer = outer(result)
        // Of blocks before the contracts' own first one.
        const older = method === 'eth_getBlockByNumber' && params[0] !== 'latest' && BigInt(params[0]) < offset
        return { result: older ? { ...(answer as object), number: params[0] } : answer }
      },
    })
    try {
      const reader = await connectSigner(proxy.url)
      assert.ok((await reader.read.getBlockNumber()) > offset)
      for (const { wallet } of owners) {
        const { account } = await recover(reader, { settlement: settlementOf(), key: wallet.key })
        assert.deepEqual(account, node.system.accounts.at(account.index))
      }
      const { state } = await rebuild(reader, settlementOf(), [node.system.secret!])
      assert.deepEqual([...state.system.accounts], [...node.system.accounts])
      // Found by its time: not all of the history was read.
      const first = proxy.asked
        .filter(({ method }) => method === 'eth_getLogs')
        .map(({ params }) => params[0].fromBlock)
      assert.ok(first.every((tag) => BigInt(tag) >= offset))
    } finally {
      await proxy.close()
    }
  })

  it('lets every owner out of the frozen system, until dust is left', async () => {
    await node.close()
    await later(7_300)
    const settlement = settlementOf()
    // Feeds that are out of date would be waited for.
    await freeze(owners[0]!.signer, { settlement, onNotice: async () => void (await prices()) })
    const prover = { prove: (input: Parameters<typeof echo>[2]) => echo(echoKeys('tiny'), 'exit', input) }
    const { read } = system.signer
    let equities = 0n
    for (const { signer, wallet, address } of owners) {
      const found = await recover(signer, { settlement, key: wallet.key, atCheckpoint: true })
      const { equity } = await exit(signer, {
        settlement,
        key: wallet.key,
        recovered: found,
        recipient: address,
        prover,
      })
      equities += equity
      assert.ok((await pull(signer, { settlement, index: found.account.index })).some((amount) => amount > 0n))
    }
    const [, denominator] = await read.readContract({
      address: system.deployed.escape,
      abi: ESCAPE_ABI,
      functionName: 'snapshot',
    })
    assert.equal(equities, denominator)
    const vault = { address: system.deployed.vault, abi: VAULT_ABI } as const
    for (let id = 0n; id < 4n; id++) {
      const { claimed } = await read.readContract({ ...vault, functionName: 'withdrawal', args: [id] })
      if (!claimed) await claim(owners[0]!.signer, { settlement, withdrawalId: id })
    }
    for (const asset of [0, 1, 2])
      assert.ok((await read.readContract({ ...vault, functionName: 'ledger', args: [asset] })).custody <= 3n)
  })
})
