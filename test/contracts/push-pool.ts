import { deployPool, type Pool } from '../support/uniswap.ts'
import { deployBench, quoteOf } from './oracles-bench.ts'

export const WINDOW = 1_800
/** Ether at 2,000 dollars, 20 million dollars on either side, over all prices. */
export const POOL = { price: 2_000, baseDecimals: 18, quoteDecimals: 6, quoteLiquidity: 20_000_000, observations: 200 }

/**
 * Pushes a pool to `factor` times its price for a time and back, with nobody trading against it, beside two honest sources of
 * an oracle: what the oracles make of it, and what that costs in dollars. Fees of both ways are the least that an attacker
 * loses; arbitrage takes up to all of the capital.
 */
export async function pushPool(factor: number, seconds: number) {
  let pool: Pool
  const bench = await deployBench({
    counts: [0, 3],
    others: async (chain) => {
      pool = await deployPool(chain, POOL)
      const source = await chain.contract('UniswapV3Source', [pool.address, pool.base.address, WINDOW])
      await chain.mineAt((await chain.now()) + 2n * BigInt(WINDOW))
      return { 1: [{ address: source.address, timeWeighted: true, decimals: 18 }] }
    },
  })
  const price = 2_000_00000000n
  await bench.say(1, price, price)
  await bench.update()
  const out = await pool!.pushTo(2_000 * factor)
  await bench.chain.mineAt((await bench.chain.now()) + BigInt(seconds) - 4n)
  await bench.say(1, price, price)
  const { words, readings } = await bench.update(1)
  const back = await pool!.sell(out.base)
  return {
    said: words[0]!.said,
    reading: readings[0]!,
    honest: quoteOf(price),
    /** Put in, and lost by coming back. */
    capital: -Number(out.quote) / 1e6,
    fees: -Number(out.quote + back.quote) / 1e6,
  }
}
