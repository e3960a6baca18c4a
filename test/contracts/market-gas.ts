import { parseArgs } from 'node:util'
import { textTable } from '../../lib/text-table.ts'
import { deployPool } from '../support/uniswap.ts'
import { ADA, BOB, fund, liquidate, open, step, transact, transactBatch } from './custody.ts'
import { deployMarket, type Market, nextRound } from './market.ts'

// What the liquidation market costs, over stub verifiers and in slots used before: `npm run bench:market`.

const USD = 10n ** 6n
const ETH = 10n ** 8n
/** Token units of one base unit of ETH: 18 decimals for 8. */
const WEI = 10n ** 10n
const NO_BOUND = (1n << 256n) - 1n
const TAKER = { asset: 1, window: 600, tolerance: 100, tip: USD, least: 100n * USD }
/** A resolve of an asset more, and of a further one, as it was before there were lots (docs/market.md#gas). */
export const BEFORE_LOTS = { first: 7_387, next: 6_908 }

export interface MarketGas {
  /** A resolve that brings cash alone, and what it takes more where it makes lots of one asset and of two, the first of each or after others. */
  readonly resolve: {
    readonly cash: number
    readonly first: number
    readonly one: number
    readonly two: number
    /** What joins an asset's first lot, which had no terms yet, in its round; and what joins those of two assets. */
    readonly joined: number
    readonly joins: number
  }
  /** From outside: a part of a lot, the whole of it, of eight lots, and with a call-back. */
  readonly take: { readonly part: number; readonly whole: number; readonly eight: number; readonly callback: number }
  /** The PoolTaker's, of one lot: whole transaction, surplus and tip included. */
  readonly pool: { readonly part: number; readonly whole: number }
  /** An account's, as a step of a settlement, beside a settlement without it. */
  readonly inside: number
}

/** Measures all of it on one chain. */
export async function marketGas(): Promise<MarketGas> {
  const market = await deployMarket()
  const { chain, tokens, vault, rounds, market: sale } = market
  const [, , ada, bob, eve] = chain.accounts as [never, never, `0x${string}`, `0x${string}`, `0x${string}`]
  await rounds.write('postRound')
  await open(market, ada, 0, 1_000_000n * USD)
  await open(market, bob, 1, 1_000n * ETH * WEI, BOB)
  await transact(market, [step.open(0n, 0n, 1_000_000n * USD, ADA), step.open(1n, 1n, 1_000n * ETH, BOB)])
  await fund(market, ada, 0, 1_000_000n * USD)
  await vault.write('donate', [0, 1_000_000n * USD], ada)
  for (const asset of [0, 1]) await fund(market, eve, asset, 1n << 100n)
  const pool = await deployPool(
    chain,
    { fee: 500, price: 194.61, baseDecimals: 18, quoteDecimals: 6, quoteLiquidity: 10_000_000, observations: 50 },
    { base: tokens[1]!, quote: tokens[0]! },
  )
  const pooling = await chain.contract('PoolTaker', [{ ...TAKER, market: sale.address, pool: pool.address }])
  const calling = await chain.contract('TestTaker')
  await tokens[0]!.write('mint', [calling.address, 1_000_000n * USD])
  await calling.write('approve', [tokens[0]!.address, vault.address, NO_BOUND])

  const gasOf = async (...delta: bigint[]) => Number((await liquidate(market, delta)).gasUsed)
  const take = async (units: bigint) => Number((await sale.write('take', [1, units, NO_BOUND, eve, '0x'], eve)).gasUsed)
  const [eth, btc] = [10n * ETH, ETH / 1_000n]
  // Eight places of each asset have been used, and so have the balances of all that trade.
  const lots = async (count: number, ...delta: bigint[]) => {
    for (let i = 0; i < count; i++) {
      await nextRound(market)
      await liquidate(market, [0n, ...delta])
    }
  }
  await lots(8, eth, btc)
  await nextRound(market)
  const eight = await take(80n * ETH)
  await sellInside(market, 2n)
  await lots(1, eth)
  await nextRound(market)
  await take(ETH)
  const part = await take(ETH)
  await calling.write('take', [sale.address, 1, ETH, NO_BOUND, calling.address, '0x01'])
  const callback = await calling.write('take', [sale.address, 1, ETH, NO_BOUND, calling.address, '0x01'])
  const whole = await take(6n * ETH)

  await nextRound(market)
  const cash = await gasOf(-1n)
  const first = await gasOf(-1n, eth)
  const joined = await gasOf(-1n, eth)
  const none = await settlementGas(market)
  const inside = (await sellInside(market, 1n)) - none
  await nextRound(market)
  await gasOf(-1n, eth, btc)
  await nextRound(market)
  const one = await gasOf(-1n, eth)
  await nextRound(market)
  const two = await gasOf(-1n, eth, btc)
  const joins = await gasOf(-1n, eth, btc)
  await take(await waiting(market))

  await lots(1, 20n * ETH)
  // The pool pays what it does at once: the price has to come down to it.
  for (let i = 0; i < 40 && !(await isBelow(market, 9_960n)); i++) await nextRound(market)
  const run = async (units: bigint) => Number((await pooling.write('run', [units, eve], eve)).gasUsed)
  await run(8n * ETH)
  const poolPart = await run(4n * ETH)
  const poolWhole = await run(8n * ETH)
  return {
    resolve: {
      cash,
      first: first - cash,
      one: one - cash,
      two: two - cash,
      joined: joined - cash,
      joins: joins - cash,
    },
    take: { part, whole, eight, callback: Number(callback.gasUsed) },
    pool: { part: poolPart, whole: poolWhole },
    inside,
  }
}

type Lots = [boolean, { units: bigint; price: bigint }[], bigint]

async function waiting({ market }: Market): Promise<bigint> {
  return (await market.read<Lots>('lots', 1n))[2]
}

/** Whether the oldest lot is to be had for so many 1/10^4 of the mark. */
async function isBelow({ market, rounds }: Market, share: bigint): Promise<boolean> {
  const [, [oldest]] = await market.read<Lots>('lots', 1n)
  const mark = (await rounds.read<bigint[][]>('marks'))[0]![0]!
  return oldest!.price * 10_000n <= mark * share
}

/** All that waits of an asset to an account, at the price of the second: gas of the settlement. */
async function sellInside(market: Market, asset: bigint): Promise<number> {
  const [, , available] = await market.market.read<Lots>('lots', asset)
  const [, cash] = await market.market.read<[boolean, bigint, bigint]>('quote', asset, available)
  return settlementGas(market, [step.unwind(0n, asset, available, cash, 1n)])
}

async function settlementGas(market: Market, steps: bigint[][] = []): Promise<number> {
  return Number((await market.settlement.write('settle', [[await transactBatch(market, steps)]])).gasUsed)
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
  const gas = await marketGas()
  if (values.json) console.log(JSON.stringify(gas))
  else {
    const { resolve, take, pool, inside } = gas
    const { first, next } = BEFORE_LOTS
    const beyond = (what: string, more: number, before: number) => [what, more, more - before] as const
    const rows = [
      beyond('resolve: the first lot of an asset', resolve.first, first),
      beyond('  a lot after others', resolve.one, first),
      beyond('  lots of two assets', resolve.two, first + next),
      beyond('  what joins the first lot of an asset, in its round', resolve.joined, first),
      beyond('  what joins lots of two assets', resolve.joins, first + next),
      ['take from outside: part of a lot', take.part],
      ['  with a call-back', take.callback],
      ['  what is left of a lot', take.whole],
      ['  eight lots', take.eight],
      ['PoolTaker: part of a lot', pool.part],
      ['  what is left of a lot', pool.whole],
      ['unwinding inside, in a settlement', inside],
    ] as const
    const number = (x: number | undefined) => x?.toLocaleString('en-US') ?? ''
    console.log(
      textTable(
        ['', 'gas', 'beyond what it was before lots'],
        rows.map(([what, gas, more]) => [what, number(gas), number(more)]),
        [1, 2],
      ),
    )
  }
}
