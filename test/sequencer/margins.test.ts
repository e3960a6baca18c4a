import assert from 'node:assert/strict'
import { NO_RULES } from '../../deploy/rule-plan.ts'
import { MOCK_FEED_ABI } from '../../sdk/abi/mock-feed.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const WEI = 10n ** 18n

describe('a node of a market whose margins follow it', () => {
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let alice: TestOwner
  const metrics = new NodeMetrics()
  const metric = async (name: string) => {
    const line = (await metrics.page(node)).split('\n').find((each) => each.startsWith(`${name} `))
    assert.ok(line, name)
    return Number(line.slice(name.length + 1))
  }
  const round = async () => {
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/round`, { headers: { connection: 'close' } })
    return (await response.json()) as any
  }
  const prices = (eth: bigint, seconds: number) =>
    movePrices(system.signer, system.feeds, [eth * (WEI / 100n), 8_000n * WEI, 50n * WEI], seconds)
  const step = async () => {
    const report = await node.step()
    if (report !== undefined) metrics.record(report)
    return report
  }

  before(async () => {
    const assets = { ETH: { gap: 1_000n }, BTC: { gap: 1_000n } }
    system = await startEchoSystem('tiny', {}, undefined, undefined, { ...NO_RULES, assets })
    node = await system.open()
    server = await serve(node, metrics, 0)
    alice = await newOwner(system, `http://127.0.0.1:${server.port}`)
    await alice.open('ETH', 10n * WEI)
    await step()
  })
  after(async () => {
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
  })

  it('shows initial margins, the quantile, sources and their states, and sweeps nothing while maintenance holds', async () => {
    const before = await round()
    const [eth] = before.assets
    assert.deepEqual([eth.ruled, eth.heldSince, eth.widened, eth.sources[0].fault], [true, null, 0, 'none'])
    assert.ok(Math.abs(eth.quantile - 0.0773) < 0.0001)
    const swept = await metric('plimsoll_swept_total')
    const unswept = await metric('plimsoll_rounds_unswept_total')
    // Up and down by a few percent, every half an hour: new risk becomes dearer.
    for (let i = 0; i < 8; i++) {
      await prices(i % 2 === 0 ? 20_800n : 20_000n, 1_800)
      assert.ok((await step()) !== undefined)
    }
    const after = (await round()).assets[0]
    assert.ok(after.quantile > eth.quantile && after.initialCollateralFactor < eth.initialCollateralFactor)
    assert.equal(await metric('plimsoll_initial_factor{asset="ETH",side="collateral"}'), after.initialCollateralFactor)
    assert.ok(Math.abs((await metric('plimsoll_quantile{asset="ETH"}')) - after.quantile) < 1e-12)
    assert.equal(await metric('plimsoll_swept_total'), swept)
    assert.ok((await metric('plimsoll_rounds_unswept_total')) >= unswept + 7)
  })

  it('posts at a new grid step though no price moved', async () => {
    const { number } = await round()
    const { signer } = system
    await signer.read.request({ method: 'evm_increaseTime', params: ['0x1'] } as never)
    const { timestamp } = await signer.read.getBlock()
    // Just into the next step, and before half of the round's greatest age.
    const next = (timestamp / 900n + 1n) * 900n
    await signer.read.request({
      method: 'evm_setNextBlockTimestamp',
      params: [`0x${(next + 1n).toString(16)}`],
    } as never)
    await signer.read.request({ method: 'evm_mine' } as never)
    await step()
    assert.equal((await round()).number, number + 1)
  })

  it('tells that an asset is held, posts because of it, and goes on', async () => {
    const feed = { address: system.feeds[0]!, abi: MOCK_FEED_ABI } as const
    await sendCall(system.signer, { ...feed, functionName: 'setReverting', args: [true] })
    await movePrices(system.signer, system.feeds.slice(1), [8_000n * WEI, 50n * WEI], 400)
    await step()
    await step()
    const { assets } = await round()
    assert.ok(assets[0].heldSince !== null && assets[1].heldSince === null)
    assert.equal(assets[0].sources[0].fault, 'no answer')
    assert.equal(await metric('plimsoll_held{asset="ETH"}'), 1)
    assert.match(node.health.trouble() ?? '', /does not answer.* ETH is held at its last price/)
    await sendCall(system.signer, { ...feed, functionName: 'setReverting', args: [false] })
    await prices(20_000n, 400)
    await step()
    await step()
    assert.equal((await round()).assets[0].heldSince, null)
    assert.equal(node.health.trouble(), undefined)
  })
})
