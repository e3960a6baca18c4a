import assert from 'node:assert/strict'

import { poolDepthDown } from '../../protocol/depth.ts'
import { deployPool, type Pool } from '../support/uniswap.ts'
import { deployMarket, ETH, type Market, nextRound, RULE_OFF, refreshFeeds, TIMES } from './market.ts'
import type { Parameters } from './mirror.ts'

const WINDOW = 1_800
const SHARE = 5_000

describe('depth that follows a real pool of Uniswap', () => {
  let market: Market
  let pool: Pool
  let deployed: Promise<Market>

  /** A market whose ETH is the base of a pool with so many dollars on either side. */
  async function withPool(quoteLiquidity: number, most = 1n << 60n, fee: 500 | 3000 = 3000): Promise<void> {
    deployed = deployMarket({}, async (config, chain) => {
      const base = await chain.contract('MockToken', ['ETH', 18])
      const tokens = { base, quote: await chain.contract('MockToken', ['USD', 6]) }
      const options = { fee, price: 194.61, baseDecimals: 18, quoteDecimals: 6, quoteLiquidity, observations: 40 }
      pool = await deployPool(chain, options, tokens)
      await chain.mineAt((await chain.now()) + BigInt(2 * WINDOW))
      const rule = {
        ...RULE_OFF,
        on: true,
        gap: 1_000,
        pool: pool.address,
        window: WINDOW,
        poolShare: SHARE,
        depthMost: most,
      }
      return {
        ...config,
        assets: config.assets.map((asset, i) => (i === 0 ? { ...asset, rule } : asset)),
        custody: config.custody.map((entry, a) => (a === 1 ? { ...entry, token: base.address } : entry)),
      }
    })
    market = await deployed
  }

  /** The depth at the latest round, and what the pool said of it. */
  async function round(seconds: number) {
    const { rounds, chain } = market
    await chain.mineAt((await chain.now()) + BigInt(seconds))
    await refreshFeeds(market)
    const receipt = await rounds.write('postRound')
    const { args } = rounds.events(receipt).find(({ name }) => name === 'RoundPosted')!
    const { depth } = await rounds.read<Parameters>('parameters', 1n)
    return { depth, word: (args.pools as bigint[])[0]! }
  }

  it('comes to what a sale would move at the local slope, within the pool’s own arithmetic', async () => {
    await withPool(20_000_000)
    let last = { depth: ETH.depth, word: 0n }
    for (let i = 0; i < 8; i++) last = await round(3_700)
    // Liquidity over the root of the price, halved, is the base in the pool over two: half of that counts.
    const units = (20_000_000 / 194.61) * 1e8
    const expected = units / 2 / 2
    assert.ok(Math.abs(Number(last.depth) / expected - 1) < 0.001, `${last.depth} ${expected}`)
    assert.equal(last.depth, poolDepthDown(last.word, { second: !pool.baseIsToken0, decimals: 18 }, BigInt(SHARE), 8))
  })

  it('stays through small changes, and moves by a factor of two an hour, to 1/16 of the configured one at least', async () => {
    await withPool(20_000_000)
    const first = await round(3_700)
    assert.ok(first.word > 0n)
    assert.equal(first.depth, (ETH.depth + 1n) / 2n)
    // Within the hour it does not move again.
    assert.equal((await round(1_000)).depth, first.depth)
    const depths: bigint[] = []
    for (let i = 0; i < 6; i++) depths.push((await round(3_700)).depth)
    const least = (ETH.depth + 15n) / 16n
    const wanted = poolDepthDown(first.word, { second: !pool.baseIsToken0, decimals: 18 }, BigInt(SHARE), 8)
    assert.equal(depths.at(-1), wanted > least ? wanted : least)
    depths.reduce((before, depth) => {
      assert.ok(depth === before || (depth * 10n <= before * 9n && depth * 2n >= before))
      return depth
    }, first.depth)
  })

  it('is capped, whatever is lent to the pool for its window', async () => {
    await withPool(4_000_000_000, ETH.depth + ETH.depth / 4n)
    for (let i = 0; i < 3; i++) await round(3_700)
    assert.equal((await market.rounds.read<Parameters>('parameters', 1n)).depth, ETH.depth + ETH.depth / 4n)
  })

  it('stays where the pool does not say, and whoever posts cannot starve it', async () => {
    await withPool(20_000_000)
    await nextRound(market)
    const { depth } = await market.rounds.read<Parameters>('parameters', 1n)
    const { chain, rounds } = market
    const data = rounds.encode('postRound', [])
    await chain.mineAt((await chain.now()) + BigInt(TIMES.roundMin) + 10n)
    await refreshFeeds(market)
    for (const gas of [250_000n, 330_000n, 400_000n]) {
      const posted = chain.client.call({ account: chain.accounts[9]!, to: rounds.address, data, gas })
      await assert.rejects(posted)
    }
    await chain.client.setCode({ address: pool.address, bytecode: '0x' })
    const after = await round(3_700)
    assert.deepEqual(after, { depth, word: 0n })
  })

  it('is refused at the deployment where the pool has no such token, or no observation of that age', async () => {
    await assert.rejects(
      deployMarket({}, async (config, chain) => {
        const options = { price: 194.61, baseDecimals: 18, quoteDecimals: 6, quoteLiquidity: 1_000 }
        pool = await deployPool(chain, options)
        const rule = {
          ...RULE_OFF,
          on: true,
          gap: 1_000,
          pool: pool.address,
          window: WINDOW,
          poolShare: SHARE,
          depthMost: 1n << 60n,
        }
        return { ...config, assets: config.assets.map((asset, i) => (i === 0 ? { ...asset, rule } : asset)) }
      }),
      /InvalidPool/,
    )
  })
})
