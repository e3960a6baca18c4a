import assert from 'node:assert/strict'

import { BTC, deployMarket, ETH, type Market, nextRound, sweepBatch, TIMES, WIDE } from './market.ts'
import { marksOf } from './mirror.ts'

const UNUSED = Array<bigint>(12).fill(0n)
const ETH_PRICE = (194_61000000n * 10n ** 6n * 2n ** 32n) / 10n ** 16n
const BTC_PRICE = (5_000_00000000n * 10n ** 6n * 2n ** 32n) / 10n ** 16n

describe('rounds', () => {
  let market: Market

  beforeEach(async () => {
    market = await deployMarket()
    await market.settlement.write('genesis', [1n, 2n, [3n]])
  })

  it('have no marks before the first, which anyone may post at any time', async () => {
    const { settlement, rounds, chain } = market
    assert.deepEqual(await rounds.read('marks'), Array(7).fill(UNUSED))
    assert.equal(await settlement.read('isComplete'), false)
    const receipt = await rounds.write('postRound', [], chain.accounts[5])
    const prices = [ETH_PRICE, BTC_PRICE, 0n, 0n, 0n, 0n, 0n]
    const timestamp = await chain.now()
    const [{ name, args }] = rounds.events(receipt) as [{ name: string; args: Record<string, unknown> }]
    const { answers, pools, ...posted } = args
    assert.deepEqual([name, posted, pools], ['RoundPosted', { round: 1n, prices, timestamp }, [0n, 0n]])
    assert.equal((answers as bigint[]).length, 2)
    assert.deepEqual(await rounds.read('round'), [1n, timestamp, prices])
    const marks = [marksOf(ETH_PRICE, ETH), marksOf(BTC_PRICE, BTC), ...Array(5).fill(UNUSED)]
    assert.deepEqual(await rounds.read('marks'), marks)
  })

  it('follow when the latest is older than roundMin, not before', async () => {
    const { rounds, chain } = market
    await rounds.write('postRound')
    const posted = await chain.now()
    await chain.mineAt(posted + BigInt(TIMES.roundMin))
    await rounds.refuses('RoundTooEarly', 'postRound')
    await chain.mineAt(posted + BigInt(TIMES.roundMin) + 1n)
    await rounds.write('postRound')
    assert.equal((await rounds.read<bigint[]>('round'))[0], 2n)
  })

  it('follow sooner when the latest is complete and older than roundShort, not before', async () => {
    const { settlement, rounds, chain } = market
    await rounds.write('postRound')
    await settlement.write('settle', [
      [
        sweepBatch(
          [
            { slot: 0, before: 0n, after: 0n },
            { slot: 1, before: 2n, after: 0n },
            { slot: 2, before: 0n, after: 9n, envelope: WIDE },
          ],
          { openings: [{ slot: 2, ...WIDE }] },
        ),
      ],
    ])
    assert.equal(await settlement.read('isComplete'), true)
    const posted = (await rounds.read<bigint[]>('round'))[1]!
    await chain.mineAt(posted + BigInt(TIMES.roundShort))
    await rounds.refuses('RoundTooEarly', 'postRound')
    await chain.mineAt(posted + BigInt(TIMES.roundShort) + 1n)
    await rounds.write('postRound')
  })

  it('value a price below 2^16 at 0 as collateral and at 2^16 as a liability', async () => {
    await nextRound(market, 100n)
    const marks = await market.rounds.read<bigint[][]>('marks')
    const [, , prices] = await market.rounds.read<[bigint, bigint, bigint[]]>('round')
    assert.equal(prices[0], 42n)
    const [kSell, kBuy] = marksOf(ETH_PRICE, ETH).slice(7, 9)
    assert.deepEqual(marks[0], [65536n, 0n, 75367n, 0n, 78644n, 0n, 66847n, kSell, kBuy, 0n, 78644n, 1_106_805n])
    assert.deepEqual(marks[0], marksOf(42n, ETH))
  })

  it("take the range's lowest price as it is", async () => {
    // 152,588 * 10^-8 cash is 65,536 at the 2^32 scale; one less is below.
    await nextRound(market, 152_588n)
    assert.deepEqual((await market.rounds.read<bigint[][]>('marks'))[0], marksOf(65_536n, ETH))
    assert.equal(marksOf(65_536n, ETH)[1], 55_705n)
    await nextRound(market, 152_587n)
    assert.deepEqual((await market.rounds.read<bigint[][]>('marks'))[0], marksOf(65_535n, ETH))
    assert.equal(marksOf(65_535n, ETH)[1], 0n)
  })

  describe('hold an asset, and go on with the others, where its only source', () => {
    async function holds(asset: number): Promise<void> {
      const before = await market.rounds.read<bigint[][]>('marks')
      await market.chain.mineAt((await market.chain.now()) + BigInt(TIMES.roundMin) + 1n)
      await market.rounds.write('postRound')
      assert.equal(await market.rounds.read('held'), 1n << BigInt(asset))
      const marks = await market.rounds.read<bigint[][]>('marks')
      const [k, ...rest] = [before[asset - 1]!.slice(7, 9), ...marks]
      assert.deepEqual(rest[asset - 1], [
        ...before[asset - 1]!.slice(0, 7),
        ...k!.map((coefficient) => coefficient / 256n),
        0n,
        (1n << 64n) - 1n,
        before[asset - 1]![11],
      ])
    }

    beforeEach(() => market.rounds.write('postRound'))

    it('answers nothing positive', async () => {
      for (const answer of [0n, -1n, -(1n << 255n)]) {
        await market.btc.write('setAnswer', [answer])
        await holds(2)
        await nextRound(market)
        assert.equal(await market.rounds.read('held'), 0n)
      }
    })

    it('is above the range', async () => {
      const { rounds, eth } = market
      // 2^60 * 10^16 / (10^6 * 2^32), rounded up.
      const lowestTooHigh = 2n ** 28n * 10n ** 10n
      await eth.write('setAnswer', [lowestTooHigh])
      await holds(1)
      await nextRound(market, lowestTooHigh - 1n)
      assert.equal(await rounds.read('held'), 0n)
      assert.ok((await rounds.read<bigint[][]>('marks')).flat().every((mark) => mark < 1n << 64n))
    })

    it('is stale by a second, answers from the future, reverts, has gone, answers too little or in other decimals', async () => {
      const { chain, btc, eth } = market
      await btc.write('setUpdatedAt', [(await chain.now()) + 4_000n])
      await holds(2)
      await nextRound(market)
      await btc.write('setReverting', [true])
      await holds(2)
      await btc.write('setReverting', [false])
      await nextRound(market)
      await btc.write('setDecimals', [18])
      await holds(2)
      await btc.write('setDecimals', [8])
      await nextRound(market)
      // It returns 8 as one word to everything, so its decimals are right.
      await chain.client.setCode({ address: btc.address, bytecode: '0x600860005260206000f3' })
      await holds(2)
      await chain.client.setCode({ address: eth.address, bytecode: '0x' })
      await chain.mineAt((await chain.now()) + BigInt(TIMES.roundMin) + 1n)
      await market.rounds.write('postRound')
      assert.equal(await market.rounds.read('held'), 6n)
    })
  })

  it('stand still while the sequencer is down', async () => {
    await market.uptime.write('setAnswer', [1n])
    await market.rounds.refuses('Down', 'postRound')
    await market.uptime.write('setAnswer', [0n])
    await market.rounds.write('postRound')
  })
})
