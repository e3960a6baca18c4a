import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Address, encodeDeployData, encodeFunctionData, type Hex, keccak256, toHex } from 'viem'
import { deployContract } from '../../deploy/deploy.ts'
import { ORACLES_ABI } from '../../sdk/abi/oracles.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { sendTransaction } from '../../sdk/chain/send-transaction.ts'
import { PythUpdates } from '../../sequencer/node/pyth-updates.ts'
import { type HttpChain, serveChain } from '../support/http-chain.ts'
import { pythArtifact } from '../support/pyth.ts'

const ID = keccak256(toHex('ETH/USD'))
const NOBODY = '0x0000000000000000000000000000000000000000'
const PRICE = 200_00000000n

describe('updates of Pyth', () => {
  let chain: HttpChain
  let signer: SigningClient
  let oracles: Address
  let service: Server
  let url: string
  /** What the service answers, and what it was asked. */
  let answer: (ids: readonly string[]) => { status?: number; body: string }
  const asked: string[][] = []

  async function updateData(price: bigint): Promise<Hex> {
    const { abi } = await pythArtifact()
    const { timestamp } = await signer.read.getBlock()
    const args = [ID, price, 1000n, -8, price, 1000n, timestamp, 0n]
    const call = { address: pyth, abi, functionName: 'createPriceFeedUpdateData', args } as const
    return (await signer.read.readContract(call)) as Hex
  }
  let pyth: Address

  before(async () => {
    chain = await serveChain(31_337)
    signer = await connectSigner(chain.url)
    const { abi, bytecode } = await pythArtifact()
    const data = encodeDeployData({ abi, bytecode, args: [60n, 1n] })
    pyth = (await sendTransaction(signer, { data })).contractAddress!
    answer = () => ({ body: '' })
    service = createServer((request, response) => {
      const query = new URL(request.url!, 'http://x').searchParams
      assert.match(request.url!, /^\/v2\/updates\/price\/latest\?/)
      assert.equal(query.get('encoding'), 'hex')
      asked.push(query.getAll('ids[]'))
      const { status = 200, body } = answer(query.getAll('ids[]'))
      response.writeHead(status).end(body)
    })
    service.listen(0, '127.0.0.1')
    await once(service, 'listening')
    url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`
    // The source can only be named once Pyth has a price at all.
    const first = encodeFunctionData({ abi, functionName: 'updatePriceFeeds', args: [[await updateData(PRICE)]] })
    await sendTransaction(signer, { to: pyth, data: first, value: 1n })
    const source = await deployContract(signer, 'PythSource', [pyth, ID])
    const rules = { heartbeat: 60, deviation: 300, maxConfidence: 200 }
    const feed = await deployContract(signer, 'MockFeed', [8, PRICE])
    const other = await deployContract(signer, 'ChainlinkSource', [feed])
    const plain = { jump: 0, confirm: 0 }
    const sources = [source, other].map((one) => ({ source: one, ...rules }))
    const config = { governance: signer.sender, sourceGas: 200_000, uptimeFeed: NOBODY, uptimeGrace: 0 }
    const assets = [
      { decimals: 6, ...plain, sources: [] },
      { decimals: 8, ...plain, sources },
    ]
    oracles = await deployContract(signer, 'Oracles', [config, assets])
  })
  after(() => {
    chain.close()
    service.close()
  })

  const faults = async () => {
    const words = await signer.read.readContract({ address: oracles, abi: ORACLES_ABI, functionName: 'answers' })
    return words.map((word) => (word >> 168n) & 0xffn)
  }

  it('are brought from the service to the contract, for every price that a source reads', async () => {
    await signer.read.request({ method: 'evm_increaseTime' as never, params: [120] as never })
    await signer.read.request({ method: 'evm_mine' as never, params: [] as never })
    assert.equal((await faults())[0], 1n)
    const update = await updateData(PRICE + 1n)
    asked.length = 0
    answer = () => ({ body: JSON.stringify({ binary: { encoding: 'hex', data: [update.slice(2)] }, parsed: [] }) })
    const gas = await new PythUpdates(signer, url, oracles).bring()
    assert.ok(gas > 0n)
    assert.deepEqual(asked, [[ID]])
    assert.equal((await faults())[0], 0n)
  })

  it('that cannot be had are said to be, in one sentence', async () => {
    const updates = new PythUpdates(signer, url, oracles)
    const cases: [typeof answer, RegExp][] = [
      [() => ({ status: 404, body: '' }), /answers with status 404/],
      [() => ({ body: 'x' }), /gives no updates/],
      [() => ({ body: 'null' }), /gives no updates/],
      [() => ({ body: '{"binary":{"data":[]}}' }), /gives no updates/],
      [() => ({ body: '{"binary":{"data":["0x12"]}}' }), /gives no updates/],
      [() => ({ body: ' '.repeat(1 << 21) }), /says too much/],
      [() => ({ body: '{"binary":{"data":["12"]}}' }), /updatePriceFeeds|reverted/],
    ]
    for (const [next, complaint] of cases) {
      answer = next
      await assert.rejects(updates.bring(), complaint)
    }
    await assert.rejects(new PythUpdates(signer, 'http://127.0.0.1:1', oracles).bring(), /does not answer/)
  })
})
