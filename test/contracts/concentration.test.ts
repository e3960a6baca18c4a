import assert from 'node:assert/strict'
import type { DeploymentConfig } from '../../chain/deployment.ts'
import { KAPPA_DEPLOYED_LIMIT, kappaUp } from '../../protocol/concentration.ts'
import { deployMarket, deployParts, ETH, type Market, nextRound, type Parts, refreshFeeds, TIMES } from './market.ts'
import { CONCENTRATION, marksOf, type Parameters } from './mirror.ts'

const F = BigInt(CONCENTRATION)
/** 194.61 USD, of 6 decimals, an ETH of 8: the price mark. */
const ETH_PRICE = (194_610_000n * 2n ** 32n) / 10n ** 8n

/** The depths about the line at which a deployment's kappa is 2^56. */
function depthsAt(limit: bigint): readonly [refused: bigint, taken: bigint] {
  let [refused, taken] = [0n, 1n << 62n]
  while (taken - refused > 1n) {
    const middle = (refused + taken) >> 1n
    const kappa = kappaUp(ETH_PRICE, middle, F)
    if (kappa !== undefined && kappa < limit) taken = middle
    else refused = middle
  }
  return [refused, taken]
}

const edited = (config: DeploymentConfig, parameters: Partial<Parameters>, rounds: object = {}): DeploymentConfig => ({
  ...config,
  rounds: { ...config.rounds, ...rounds },
  assets: config.assets.map((asset, i) => (i === 0 ? { ...asset, parameters: { ...ETH, ...parameters } } : asset)),
})

describe('concentration on chain', () => {
  const marks = async (market: Market) => (await market.rounds.read<bigint[][]>('marks'))[0]!

  it('is in the marks of a round, at its price and depth; off, there is none', async () => {
    const market = await deployMarket()
    const off = await deployMarket({}, (config) => edited(config, {}, { concentration: 0 }))
    for (const [answer, price] of [
      [194_61000000n, ETH_PRICE],
      [389_22000000n, 2n * ETH_PRICE],
    ] as const) {
      await nextRound(market, answer)
      const row = await marks(market)
      assert.equal(row[11], kappaUp(row[0]!, ETH.depth, F))
      // The price is rounded: twice the quote is twice the price, or one more.
      assert.ok(row[0]! - price >= 0n && row[0]! - price <= 1n)
      await nextRound(off, answer)
      assert.deepEqual(await marks(off), [...row.slice(0, 11), 0n])
    }
    assert.equal(((await off.rounds.read('config')) as { concentration: number }).concentration, 0)
  })

  it('leaves an asset without depth no new risk, and no charge; off, it is as any other', async () => {
    const [on, off] = [CONCENTRATION, 0].map((concentration) =>
      deployMarket({}, (config) => edited(config, { depth: 0n }, { concentration })),
    )
    const blocked = await on!
    await nextRound(blocked)
    const row = await marks(blocked)
    assert.deepEqual(row.slice(7), [0n, 0n, 0n, (1n << 64n) - 1n, 0n])
    const free = await off!
    await nextRound(free)
    assert.deepEqual(await marks(free), marksOf(ETH_PRICE, { ...ETH, depth: 0n }, undefined, 0n))
  })

  it('goes on where kappa would be no word: no round fails, there is no new risk until the price is back', async () => {
    const [, depth] = depthsAt(KAPPA_DEPLOYED_LIMIT)
    const market = await deployMarket({}, (config) => edited(config, { depth }))
    await nextRound(market)
    const before = await marks(market)
    assert.ok(before[11]! >= KAPPA_DEPLOYED_LIMIT / 2n && before[11]! < KAPPA_DEPLOYED_LIMIT)
    await nextRound(market, 257n * 194_61000000n)
    const row = await marks(market)
    assert.deepEqual(row.slice(9), [0n, (1n << 64n) - 1n, 0n])
    assert.equal(row[1], (row[0]! * 8500n) / 10_000n)
    await nextRound(market, 194_61000000n)
    assert.deepEqual(await marks(market), before)
  })

  it('counts a round at which a depth falls as one that tightened, while it is charged', async () => {
    for (const [concentration, depth, tightened] of [
      [CONCENTRATION, ETH.depth / 2n, true],
      [CONCENTRATION, ETH.depth * 2n, false],
      [0, ETH.depth / 2n, false],
    ] as const) {
      const market = await deployMarket({}, (config) => edited(config, {}, { concentration }))
      const { rounds, chain } = market
      await nextRound(market)
      await rounds.write('proposeParameters', [1n, { ...ETH, depth }], chain.accounts[1])
      await chain.mineAt((await chain.now()) + BigInt(TIMES.parameterDelay) + 10n)
      await refreshFeeds(market)
      await rounds.write('postRound')
      const number = await rounds.read<bigint>('roundNumber')
      assert.equal(await rounds.read('tightenedAt'), tightened ? number : 0n)
      const row = await marks(market)
      assert.equal(row[11], kappaUp(row[0]!, depth, BigInt(concentration)))
    }
  })

  describe('refuses a deployment', () => {
    let parts: Parts
    before(async () => {
      parts = await deployParts()
    })

    /** Deploys what the rounds need, then the rounds: refused where `taken` is false. */
    async function deploys(config: DeploymentConfig, taken: boolean): Promise<void> {
      const { chain } = parts
      const governance = await chain.contract('Governance', [config.governance])
      const oracles = await chain.contract('Oracles', [
        { ...config.oracles.config, governance: governance.address },
        config.oracles.assets,
      ])
      const args = [{ ...config.rounds, governance: governance.address, oracles: oracles.address }, config.assets]
      if (taken) await chain.contract('Rounds', args)
      else await chain.refusesDeployment('InvalidConfig', 'Rounds', args, ['concentration'])
    }

    it('with a factor that is neither 0 nor from 1 to 8', async () => {
      for (const concentration of [1, 9_999, 80_001, 2 ** 32 - 1])
        await deploys(edited(parts.config, {}, { concentration }), false)
      for (const concentration of [0, 10_000, 80_000]) await deploys(edited(parts.config, {}, { concentration }), true)
    })

    it('whose kappa is 2^56 or more at what its sources say, to the unit of depth; one without depth, or price, is taken', async () => {
      const [refused, taken] = depthsAt(KAPPA_DEPLOYED_LIMIT)
      await deploys(edited(parts.config, { depth: refused }), false)
      await deploys(edited(parts.config, { depth: 1n }), false)
      await deploys(edited(parts.config, { depth: taken }), true)
      await deploys(edited(parts.config, { depth: 0n }), true)
      await deploys(edited(parts.config, { depth: refused }, { concentration: 0 }), true)
      await parts.eth.write('setAnswer', [0n])
      await deploys(edited(parts.config, { depth: 1n }), true)
    })
  })
})
