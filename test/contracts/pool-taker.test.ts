import assert from 'node:assert/strict'
import { type Address, getAddress } from 'viem'
import { type PoolState, purchaseUp, saleDown } from '../../sdk/chain/pool-quote.ts'
import { deployPool, type Pool } from '../support/uniswap.ts'
import type { Contract } from './chain.ts'
import { ADA, fund, ledgerOf, liquidate, open, step, transact } from './custody.ts'
import { deployMarket, type Market, nextRound } from './market.ts'

// The protocol's own taker against Uniswap v3's published bytecode.

const CASH = 10n ** 6n
const COIN = 10n ** 8n
/** Token units of one base unit of the asset: 18 decimals for 8. */
const TOKEN = 10n ** 10n
const PRICE = 194.61
const TIP = 2n * CASH
const WINDOW = 600
const LOT = 10n * COIN

describe("the protocol's own taker", () => {
  let market: Market
  let pool: Pool
  let taker: Contract
  let settings: Record<string, unknown>
  let anyone: Address

  const spendable = async () => (await ledgerOf(market.vault, 0)).backstop
  const quote = async (units: bigint) => (await market.market.read<[boolean, bigint, bigint]>('quote', 1n, units))[2]
  const waiting = async () =>
    (await market.market.read<[boolean, { units: bigint }[]]>('lots', 1n))[1].reduce(
      (sum, { units }) => sum + units,
      0n,
    )
  const at = (time: bigint) => market.chain.mineAt(time)
  const cashOf = (who: Address) => market.tokens[0]!.read<bigint>('balanceOf', who)
  const refuses = (error: string, units = LOT) => taker.refuses(error, 'run', [units, anyone], undefined, anyone)

  /** Rounds at the feed's price until a fill costs no more than `most` cash. */
  async function untilBelow(most: bigint, units = LOT): Promise<void> {
    for (let rounds = 0; rounds < 40; rounds++) {
      if ((await quote(units)) <= most) return
      await nextRound(market)
    }
    assert.fail('the auction never came down to it')
  }

  beforeEach(async () => {
    market = await deployMarket()
    const { chain, tokens } = market
    const ada = chain.accounts[2]!
    anyone = chain.accounts[7]!
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1_000_000n * CASH)
    await open(market, ada, 1, 1_000n * COIN * TOKEN)
    await transact(market, [step.open(0n, 0n, 1_000_000n * CASH, ADA), step.open(1n, 1n, 1_000n * COIN, ADA)])
    pool = await deployPool(
      chain,
      { fee: 500, price: PRICE, baseDecimals: 18, quoteDecimals: 6, quoteLiquidity: 10_000_000, observations: 50 },
      { base: tokens[1]!, quote: tokens[0]! },
    )
    settings = {
      market: market.market.address,
      pool: pool.address,
      asset: 1,
      window: WINDOW,
      tolerance: 100,
      tip: TIP,
      least: 100n * CASH,
    }
    taker = await chain.contract('PoolTaker', [settings])
    await at((await chain.now()) + BigInt(WINDOW) + 1n)
    await nextRound(market)
  })

  it('sells a lot as soon as the pool pays the price and the tip, the surplus to the backstop, and keeps nothing', async () => {
    await liquidate(market, [0n, LOT])
    await refuses('PoolDoesNotPay')
    const worth = (LOT * 194_610_000n) / COIN
    // A fee of 5 basis points, and hardly any impact.
    await untilBelow(worth - worth / 1_000n - TIP)
    const before = await spendable()
    const vaultBefore = await cashOf(market.vault.address)
    const receipt = await taker.write('run', [LOT, anyone], anyone)
    const ran = taker.events(receipt)[0]!.args
    const filled = market.market.events(receipt).find(({ name }) => name === 'Filled')!.args as Record<string, bigint>
    assert.equal(String(filled.taker).toLowerCase(), taker.address)
    assert.equal(await cashOf(anyone), TIP)
    assert.deepEqual([await cashOf(taker.address), await market.tokens[1]!.read('balanceOf', taker.address)], [0n, 0n])
    assert.equal((await spendable()) - before, filled.cash! + (ran.surplus as bigint))
    assert.equal((await cashOf(market.vault.address)) - vaultBefore, filled.cash! + (ran.surplus as bigint))
    assert.ok((ran.surplus as bigint) >= 0n && filled.cash! + (ran.surplus as bigint) > worth - worth / 500n)
    assert.equal(await waiting(), 0n)
    assert.ok(receipt.gasUsed < 600_000n, `${receipt.gasUsed} gas`)
  })

  it('takes a part of a lot, and leaves the rest', async () => {
    await liquidate(market, [0n, LOT])
    await untilBelow(194_610_000n * 10n - 10n * CASH)
    await taker.write('run', [LOT / 4n, anyone])
    assert.equal(await waiting(), LOT - LOT / 4n)
  })

  it('buys back what the backstop is short of', async () => {
    await fund(market, anyone, 0, 100_000n * CASH)
    await market.vault.write('donate', [0, 100_000n * CASH], anyone)
    await liquidate(market, [0n, -LOT])
    await refuses('PoolDoesNotPay')
    const worth = (LOT * 194_610_000n) / COIN
    for (let rounds = 0; (await quote(LOT)) < worth + worth / 1_000n + TIP; rounds++) {
      assert.ok(rounds < 40)
      await nextRound(market)
    }
    const before = await spendable()
    const receipt = await taker.write('run', [LOT, anyone], anyone)
    const ran = taker.events(receipt)[0]!.args
    assert.equal(await waiting(), 0n)
    assert.equal(await cashOf(anyone), TIP)
    assert.equal(await cashOf(taker.address), 0n)
    const filled = market.market.events(receipt).find(({ name }) => name === 'Filled')!.args as Record<string, bigint>
    assert.equal(before - (await spendable()), filled.cash! - (ran.surplus as bigint))
  })

  it('does not sell into a pool that was pushed within the block, nor gives the surplus to whoever pushes it', async () => {
    await liquidate(market, [0n, LOT])
    const worth = (LOT * 194_610_000n) / COIN
    // So late that the pool pays far more than the auction asks for.
    await untilBelow(worth - (worth * 4n) / 100n)
    await pool.pushTo(PRICE * 0.97)
    await refuses('PoolPushed')
    await pool.pushTo(PRICE)
    const before = await spendable()
    await taker.write('run', [LOT, anyone])
    // The backstop has the whole of it, less fee and tip.
    assert.ok((await spendable()) - before > worth - worth / 500n - TIP)
  })

  it('gets the price of the auction at the least from a pool that was pushed over the whole window', async () => {
    await liquidate(market, [0n, LOT])
    const worth = (LOT * 194_610_000n) / COIN
    await untilBelow(worth)
    await pool.pushTo(PRICE * 0.97)
    await at((await market.chain.now()) + BigInt(WINDOW) + 1n)
    await nextRound(market)
    await refuses('PoolDoesNotPay')
    await untilBelow(worth - (worth * 31n) / 1_000n - TIP)
    const before = await spendable()
    const price = await quote(LOT)
    await taker.write('run', [LOT, anyone])
    // A second later it may be a little less.
    assert.ok((await spendable()) - before >= price - price / 1_000n)
  })

  it('takes no more than the pool has, and no fill so small that splitting would multiply the tip', async () => {
    await liquidate(market, [0n, LOT])
    await untilBelow(194_610_000n * 10n - 10n * CASH)
    await refuses('FillTooSmall', COIN / 2n)
    await refuses('BeyondInventory', LOT + 1n)
    const [, admin] = market.chain.accounts
    // Whatever somebody sends it, the next call gives to the backstop.
    await fund(market, admin!, 0, 5n * CASH)
    await market.tokens[0]!.write('transfer', [taker.address, 5n * CASH], admin)
    const before = await spendable()
    await taker.write('run', [LOT, anyone])
    assert.equal(await cashOf(taker.address), 0n)
    assert.ok((await spendable()) > before + 5n * CASH)
  })

  it('is called back by the vault and the pool only', async () => {
    await taker.refuses('NotVault', 'onTake', [1, true, 1n, 1n, '0x'])
    await taker.refuses('NotPool', 'uniswapV3SwapCallback', [1n, 1n, '0x'])
  })

  it('is refused for assets, pools, windows and tolerances that cannot be', async () => {
    const { chain } = market
    const other = await deployPool(chain, {
      price: 1,
      baseDecimals: 18,
      quoteDecimals: 6,
      quoteLiquidity: 1_000,
    })
    for (const [what, more] of [
      ['asset', { asset: 0 }],
      ['asset', { asset: 2 }],
      ['pool', { pool: other.address }],
      ['window', { window: 59 }],
      ['tolerance', { tolerance: 10_000 }],
    ] as const)
      await chain.refusesDeployment('InvalidConfig', 'PoolTaker', [{ ...settings, ...more }], [what])
    assert.deepEqual(await taker.read('config'), { ...settings, market: getAddress(market.market.address) })
  })

  it('is quoted by keepers as the pool pays: no more, and hardly less', async () => {
    const state = async (): Promise<PoolState> => ({
      isToken0: pool.baseIsToken0,
      root: (await pool.slot0()).sqrtPriceX96,
      liquidity: await pool.read<bigint>('liquidity'),
      fee: 500n,
    })
    for (const units of [COIN / 1_000n, LOT, 1_000n * COIN]) {
      const tokens = units * TOKEN
      const said = saleDown(await state(), tokens)
      const { quote: got } = await pool.sell(tokens)
      assert.ok(said <= got && got - said <= 2n, `${said} ${got}`)
      const cost = purchaseUp(await state(), tokens)!
      const before = await pool.quote.read<bigint>('balanceOf', pool.actor.address)
      const zeroForOne = !pool.baseIsToken0
      const limit = zeroForOne ? 4295128740n : 1461446703485210103287273052203988822378723970341n
      await pool.actor.write('swap', [pool.address, zeroForOne, -tokens, limit])
      const paid = before - (await pool.quote.read<bigint>('balanceOf', pool.actor.address))
      assert.ok(cost >= paid && cost - paid <= 2n + paid / 10n ** 9n, `${cost} ${paid}`)
    }
  })
})
