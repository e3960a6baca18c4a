import assert from 'node:assert/strict'
import { checkpoint, force, keyOf, open, step, transact, transactBatch, wait } from './custody.ts'
import { BTC, deployMarket, ETH, GRACE, type Market, NOTICE, nextRound, refreshFeeds, TIMES } from './market.ts'
import type { Parameters } from './mirror.ts'

// What a hostile review found, by the numbers of its proofs of concept, with the values that are right.
describe('what the contracts promise of clocks and parameters', () => {
  let market: Market

  beforeEach(async () => {
    market = await deployMarket()
  })

  it('1: no proposals lead to positions without margin: targets stay five points apart', async () => {
    const { chain, rounds } = market
    const admin = chain.accounts[1]!
    await nextRound(market)
    let p: Parameters = { ...BTC }
    const toward = (x: number, y: number) => (x < y ? Math.min(x + 500, y) : Math.max(x - 500, y))
    // As far as the order of factors lets it, five points at a time, to collateral and liabilities at their price.
    for (let i = 0; i < 8; i++) {
      const penalty = toward(p.penalty, 0)
      const collateralFactor = toward(p.collateralFactor, 10_000 - penalty)
      const liabilityFactor = toward(p.liabilityFactor, 10_000 + penalty)
      const targetCollateralFactor = Math.min(toward(p.targetCollateralFactor, 10_000), collateralFactor)
      const targetLiabilityFactor = Math.max(toward(p.targetLiabilityFactor, 10_000), liabilityFactor)
      const next: Parameters = {
        ...p,
        penalty,
        collateralFactor,
        liabilityFactor,
        targetCollateralFactor,
        targetLiabilityFactor,
        initialCollateralFactor: Math.min(toward(p.initialCollateralFactor, 10_000), targetCollateralFactor),
        initialLiabilityFactor: Math.max(toward(p.initialLiabilityFactor, 10_000), targetLiabilityFactor),
      }
      if (next.targetLiabilityFactor - next.targetCollateralFactor < 500) {
        await rounds.refuses('InvalidParameters', 'proposeParameters', [2n, next], [2n], admin)
        break
      }
      await rounds.write('proposeParameters', [2n, next], admin)
      await wait(market, TIMES.parameterDelay)
      await nextRound(market)
      p = next
      assert.ok(i < 7, 'the floor is reached')
    }
    const active = await rounds.read<Parameters>('parameters', 2n)
    assert.ok(active.targetLiabilityFactor - active.targetCollateralFactor >= 500)
    // Exactly five points are allowed, a ten-thousandth less is not, at a deployment either.
    const pure = await chain.contract('PureHarness')
    const at = (gap: number) => ({
      ...ETH,
      collateralFactor: 9_800,
      targetCollateralFactor: 9_750,
      liabilityFactor: 10_200,
      targetLiabilityFactor: 9_750 + gap,
    })
    assert.equal(await pure.read('ordered', at(500)), true)
    assert.equal(await pure.read('ordered', at(499)), false)
  })

  it('8: a batch that no price bears on survives a round', async () => {
    const { settlement, chain } = market
    await open(market, chain.accounts[2]!, 0, 1_000_000n)
    await nextRound(market)
    const batch = await transactBatch(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n))])
    await nextRound(market, 194_62000000n)
    await settlement.write('settle', [[batch]])
    await open(market, chain.accounts[3]!, 0, 1_000n, keyOf(12n))
    const priced = await transactBatch(market, [
      step.open(1n, 0n, 1_000n, keyOf(12n)),
      step.withdraw(0n, 0n, 10n, chain.accounts[2]!),
    ])
    await nextRound(market, 194_63000000n)
    await settlement.refuses('InvalidProof', 'settle', [[priced]], [0n])
  })

  it('9: a chain whose sequencer is down does not freeze a system whose operator is at work, for seven days', async () => {
    const { chain, vault, rounds, uptime, escape: exits } = market
    await open(market, chain.accounts[2]!, 0, 1_000_000_000_000n)
    await nextRound(market)
    await transact(market, [step.open(0n, 0n, 1_000_000_000_000n, keyOf(11n))])
    await uptime.write('setAnswer', [1n])
    await wait(market, GRACE + 1)
    await market.eth.write('setAnswer', [194_61000000n])
    await rounds.refuses('Down', 'postRound')
    await rounds.refuses('Down', 'readPrices')
    await exits.write('declareStall', [0n])
    // Deposits are carried out all the while.
    for (let i = 0; i < 5; i++) {
      await wait(market, NOTICE)
      await exits.write('tick', [0n])
      await open(market, chain.accounts[3]!, 0, 1_000n, keyOf(20n + BigInt(i)))
      await transact(market, [step.open(BigInt(i + 1), 0n, 1_000n, keyOf(20n + BigInt(i)))])
    }
    assert.deepEqual((await exits.read<unknown[]>('notice', 0n)).slice(0, 2), [true, 0n])
    await exits.refuses('NoticeRunning', 'freeze', [0n])
    // The sequencer is back: so is the system.
    await uptime.write('setAnswer', [0n])
    await refreshFeeds(market)
    await rounds.write('postRound')
    await market.settlement.write('checkpoint')
    assert.equal((await exits.read<unknown[]>('notice', 0n))[0], false)
    assert.equal(await vault.read('frozen'), false)
  })

  it('9: with a deposit or a request overdue the stall is the operator’s, though the sequencer is down', async () => {
    for (const cause of ['deposit', 'request'] as const) {
      market = await deployMarket()
      const { chain, vault, escape: exits, uptime } = market
      const user = chain.accounts[2]!
      await open(market, user, 0, 1_000_000n)
      await nextRound(market)
      await transact(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n))])
      if (cause === 'deposit') await open(market, user, 0, 1_000_000n, keyOf(12n))
      else await force(market, user, { index: 0n, asset: 0n, amount: 1_000n })
      for (let i = 0; i < 14; i++) await nextRound(market)
      assert.equal(await exits.read('stalledAtAll'), true)
      await uptime.write('setAnswer', [1n])
      await wait(market, GRACE)
      await exits.write('declareStall', [0n])
      for (let i = 0; i < 3; i++) {
        await wait(market, NOTICE / 4)
        await exits.write('tick', [0n])
      }
      await wait(market, NOTICE / 4)
      await exits.write('freeze', [0n])
      assert.equal(await vault.read('frozen'), true, cause)
    }
  })

  it('9: whoever steps with too little gas to ask the feeds does not make them seem dead', async () => {
    const { chain, escape: exits } = market
    await open(market, chain.accounts[2]!, 0, 1_000_000n)
    await nextRound(market)
    await transact(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n))])
    await wait(market, GRACE + 1)
    await refreshFeeds(market)
    await exits.write('declareStall', [0n])
    await wait(market, NOTICE / 4)
    await refreshFeeds(market)
    const tick = exits.encode('tick', [0n])
    for (const gas of [60_000n, 120_000n, 250_000n, 500_000n, 900_000n])
      await assert.rejects(chain.client.call({ account: chain.accounts[9]!, to: exits.address, data: tick, gas }))
    await exits.write('tick', [0n])
    assert.deepEqual((await exits.read<unknown[]>('notice', 0n)).slice(0, 3), [true, BigInt(NOTICE / 4), 0n])
  })

  it('9: notice of both causes adds up to seven days, and an hour of it alone suffices where the operator is the cause', async () => {
    const { chain, escape: exits, uptime, vault } = market
    await open(market, chain.accounts[2]!, 0, 1_000_000n)
    await nextRound(market)
    await transact(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n))])
    await uptime.write('setAnswer', [1n])
    await wait(market, GRACE + 1)
    await exits.write('declareStall', [0n])
    const quarter = (7 * 86_400) / 4
    await wait(market, quarter)
    await exits.write('tick', [0n])
    await uptime.write('setAnswer', [0n])
    // The chain goes on, the operator does not: from here on the notice is the ordinary one.
    await freezeOn(market)
    assert.equal(await vault.read('frozen'), true)
  })

  it('13: a penalty is at most ten points', async () => {
    const pure = await market.chain.contract('PureHarness')
    const p = {
      ...ETH,
      collateralFactor: 0,
      targetCollateralFactor: 0,
      initialCollateralFactor: 0,
      liabilityFactor: 20_000,
      targetLiabilityFactor: 20_000,
      initialLiabilityFactor: 20_000,
      depth: 0n,
    }
    assert.equal(await pure.read('ordered', { ...p, penalty: 1_000 }), true)
    assert.equal(await pure.read('ordered', { ...p, penalty: 1_001 }), false)
    assert.equal(await pure.read('ordered', { ...p, penalty: 10_000 }), false)
  })

  it('1 and 13: who proposes parameters leaves time to go by force, and by the escape: InvalidConfig', async () => {
    const edited = (edit: object) =>
      deployMarket({}, (config) => ({ ...config, rounds: { ...config.rounds, ...edit } }))
    await assert.rejects(edited({ parameterDelay: GRACE + NOTICE + 3_600 }), /InvalidConfig\("parameterDelay"\)/)
    await edited({ parameterDelay: GRACE + NOTICE + 3_601 })
  })

  it('17: rounds that are posted rarely slow the clock of deadlines to a half at most', async () => {
    const { chain, forced, rounds, escape: exits } = market
    const honest = chain.accounts[2]!
    await open(market, honest, 0, 1_000_000_000n)
    await nextRound(market)
    await transact(market, [step.open(0n, 0n, 1_000_000_000n, keyOf(11n))])
    const start = await chain.now()
    const request = await force(market, honest, { index: 0n, asset: 0n, amount: 1_000n })
    while (!(await forced.read<[boolean, number]>('overdue', request.number))[0]) {
      await chain.mineAt((await chain.now()) + 7_100n)
      await refreshFeeds(market)
      await rounds.write('postRound')
      await checkpoint(market)
      assert.equal(await exits.read('stalled', 0n), false)
    }
    // Twice the delay, up to the next round.
    assert.ok((await chain.now()) - start < 2n * 3_600n + 7_200n)
    // A gap that is no longer than a round is fresh counts in full.
    const [before, at] = [await rounds.read<bigint>('liveTime'), await chain.now()]
    await nextRound(market)
    await nextRound(market)
    assert.equal((await rounds.read<bigint>('liveTime')) - before, (await chain.now()) - at)
  })

  it('17: a gap adds the greater of maxAge and its half, whatever it was', async () => {
    const { chain, rounds } = market
    await refreshFeeds(market)
    await rounds.write('postRound')
    for (const gap of [301n, 899n, 900n, 901n, 1_799n, 1_800n, 1_801n, 5_000n, 1_000_003n]) {
      const before = await rounds.read<bigint>('liveTime')
      const [, posted] = await rounds.read<[bigint, bigint]>('round')
      await chain.mineAt(posted + gap - 10n)
      await refreshFeeds(market)
      await chain.nextBlockAt(posted + gap)
      await rounds.write('postRound')
      const added = (await rounds.read<bigint>('liveTime')) - before
      const half = gap / 2n
      assert.equal(added, gap < 900n ? gap : half > 900n ? half : 900n, `${gap}`)
    }
  })

  it('17: a gap in which the chain’s sequencer was down adds maxAge and no more, however long it was', async () => {
    const { chain, rounds, uptime } = market
    await refreshFeeds(market)
    await rounds.write('postRound')
    for (const [gap, down] of [
      [10_000n, true],
      [10_000n, false],
      [1_000_003n, true],
      [1_000_003n, false],
    ] as const) {
      const before = await rounds.read<bigint>('liveTime')
      const forced = await rounds.read<bigint>('forcedTime')
      const [, posted] = await rounds.read<[bigint, bigint]>('round')
      if (down) {
        await uptime.write('setAnswer', [1n])
        await chain.mineAt(posted + gap - 30n)
        await rounds.refuses('Down', 'postRound')
        await uptime.write('setAnswer', [0n])
      }
      // While nobody can post, it stands where the round became old.
      await chain.mineAt(posted + gap - 15n)
      assert.equal((await rounds.read<bigint>('liveTime')) - before, 900n)
      await refreshFeeds(market)
      await chain.nextBlockAt(posted + gap)
      await rounds.write('postRound')
      const added = down ? 900n : gap / 2n
      assert.equal((await rounds.read<bigint>('liveTime')) - before, added)
      assert.equal((await rounds.read<bigint>('forcedTime')) - forced, added)
    }
  })
})

/** The rest of an ordinary notice that was declared before. */
async function freezeOn(market: Market): Promise<void> {
  for (const act of ['tick', 'tick', 'tick', 'freeze']) {
    await wait(market, NOTICE / 4)
    await refreshFeeds(market)
    await market.escape.write(act, [0n])
  }
}
