import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startLocalChain } from '../../chain/local-chain.ts'
import { textTable } from '../../lib/text-table.ts'
import { parseBook, QUOTE_DECIMALS } from '../../protocol/book.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { priceMarkDown } from '../../protocol/marks.ts'
import { type Candle, jointPath, readCandles } from '../../risk/data/candles.ts'
import { Engine } from '../../risk/engine/engine.ts'
import { engineBook, marketImpact } from '../../risk/engine/job.ts'
import { mulberry32 } from '../../risk/paths/sample-accounts.ts'
import { plimsoll } from '../../risk/policies/plimsoll.ts'
import { marginPath } from '../../risk/rule/margin-path.ts'
import { insure } from '../../sdk/actions/insure.ts'
import { NodeRefusal } from '../../sdk/client.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner } from '../support/test-owner.ts'

// The six crashes through the real contracts and the node, with the rule of initial margin on and off, proofs apart. Owners arrive hour by
// hour, deposit ETH or BTC and borrow as much as each likes of what a calm market would offer; who is refused stays out. Beside it, what the laboratory
// forecasts for the same owners and prices from the rule and its engine alone.

const WINDOWS = [
  ['2020-03_black_thursday', 'March 2020'],
  ['2021-05_may19', 'May 2021'],
  ['2022-05_luna', 'May 2022'],
  ['2022-11_ftx', 'November 2022'],
  ['2024-08_aug5', 'August 2024'],
  ['2025-10_oct10', 'October 2025'],
] as const
const SYMBOLS = ['ETH', 'BTC'] as const
const STEP = 900
const POINTS = 4
const USD = 10n ** 6n
const UNIT = 10n ** 8n
const WEEK = { expiresIn: 604_800 }
/** Margin of maintenance, of the target, and what the rule adds in calm markets, as a deployment with `g` of 10 points would have them. */
const COLLATERAL_FACTOR = 0.85
const TARGET_FACTOR = 0.8
const CALM_GAP = 1_000n

const { values } = parseArgs({
  options: {
    owners: { type: 'string', default: '48' },
    /** Crashes by their months, all where it is left out. */
    windows: { type: 'string', default: WINDOWS.map(([window]) => window.slice(0, 7)).join() },
    /** Hours before and after the low; whole windows, of 144 to 192 hours, take an hour and more. */
    before: { type: 'string', default: '24' },
    after: { type: 'string', default: '6' },
  },
})
const OWNERS = Number(values.owners)
const [BEFORE, AFTER] = [values.before, values.after].map((hours) => POINTS * Number(hours)) as [number, number]

/** What an owner does, and when. */
interface Arrival {
  readonly tick: number
  readonly asset: 1 | 2
  /** Base units of its deposit. */
  readonly deposit: bigint
  /** Loan to value that it asks for. */
  readonly loan: number
}

interface Outcome {
  readonly refused: number
  readonly liquidations: number
  /** In cash. */
  readonly badDebt: number
}

interface Replay extends Outcome {
  readonly swept: number
  readonly rounds: number
  readonly incomplete: number
}

function market(quotes: readonly [bigint, bigint], ruled: boolean) {
  return {
    assets: [
      { symbol: 'USD', decimals: 6 },
      ...SYMBOLS.map((symbol, i) => ({
        symbol,
        decimals: 8,
        price: formatDecimal(quotes[i]!, 18),
        collateralFactor: String(COLLATERAL_FACTOR),
        liabilityFactor: '1.15',
        targetCollateralFactor: String(TARGET_FACTOR),
        targetLiabilityFactor: '1.2',
        penalty: '0.02',
        depth: ['40000', '2500'][i]!,
        ...(ruled && { rule: { gap: formatDecimal(CALM_GAP, 4) } }),
      })),
    ],
    minLiability: '50',
    custody: {
      USD: { cap: '1000000000', minOpen: '10', minDeposit: '1' },
      ETH: { cap: '1000000', minOpen: '0.1', minDeposit: '0.01' },
      BTC: { cap: '1000000', minOpen: '0.001', minDeposit: '0.001' },
    },
  }
}

function pathOf(window: string): { readonly from: number; readonly quotes: readonly [bigint, bigint][] } {
  const file = (symbol: string) =>
    fileURLToPath(new URL(`../../risk/data/crashes/${symbol}USDT_1h_${window}.csv`, import.meta.url))
  const [eth, btc] = SYMBOLS.map((symbol) => readCandles(file(symbol))) as [Candle[], Candle[]]
  const quotes = jointPath(eth, btc, SYMBOLS)
  const low = lowOf(quotes)
  const first = Math.max(0, low - (low % POINTS) - BEFORE)
  return { from: eth[0]!.unix + STEP * first, quotes: quotes.slice(first, low + AFTER + 1) }
}

/** Loan to value offered at every tick by asset. */
function offered(from: number, quotes: readonly [bigint, bigint][], ruled: boolean): (readonly [number, number])[] {
  if (!ruled) return quotes.map(() => [TARGET_FACTOR, TARGET_FACTOR])
  const factors = (collateral: number, liabilityFactor: bigint) => ({
    collateralFactor: BigInt(1e4 * collateral),
    liabilityFactor,
  })
  const options = {
    maintenance: factors(COLLATERAL_FACTOR, 11_500n),
    target: factors(TARGET_FACTOR, 12_000n),
    g: CALM_GAP,
  }
  const [eth, btc] = SYMBOLS.map((_, i) => {
    const rows = quotes.map((row, tick) => ({
      unix: BigInt(from + STEP * tick),
      mark: priceMarkDown(row[i]!, QUOTE_DECIMALS, 6, 8),
    }))
    return marginPath(rows, options).map((point) => Number(point.initialCollateralFactorBp) / 1e4)
  }) as [number[], number[]]
  return eth.map((offer, tick) => [offer, btc[tick]!])
}

/** The tick of the least price, of the two assets together. */
function lowOf(quotes: readonly [bigint, bigint][]): number {
  const [eth, btc] = quotes[0]!
  const worth = quotes.map((row) => Number(row[0]) / Number(eth) + Number(row[1]) / Number(btc))
  return worth.indexOf(Math.min(...worth))
}

function arrivals(quotes: readonly [bigint, bigint][]): Arrival[] {
  const random = mulberry32(14)
  const low = lowOf(quotes)
  return Array.from({ length: OWNERS }, (_, n): Arrival => {
    const asset = random() < 0.5 ? 1 : 2
    // A third are there from the start; the others arrive in some hour until the low.
    const tick = n % 3 === 0 ? 0 : POINTS * Math.floor((random() * low) / POINTS)
    const value = 1_000 * 30 ** random()
    const price = Number(quotes[tick]![asset - 1]) / 1e18
    return {
      tick,
      asset,
      deposit: BigInt(Math.round((1e8 * value) / price)),
      loan: TARGET_FACTOR * (0.7 + 0.3 * random()) * 0.995,
    }
  }).sort((a, b) => a.tick - b.tick)
}

function loanOf({ asset, deposit, loan }: Arrival, quotes: readonly [bigint, bigint]): bigint {
  return BigInt(Math.floor((Number(deposit) / 1e8) * (Number(quotes[asset - 1]) / 1e18) * loan * 1e6))
}

/** The same owners and prices in the laboratory: those whom the rule admits, each from its arrival to the end. */
function forecast(
  quotes: readonly [bigint, bigint][],
  owners: readonly Arrival[],
  offers: readonly (readonly [number, number])[],
): Outcome {
  let [refused, liquidations, badDebt] = [0, 0, 0]
  for (const tick of new Set(owners.map((owner) => owner.tick))) {
    const arriving = owners.filter((owner) => owner.tick === tick)
    const admitted = arriving.filter(({ loan, asset }) => loan <= offers[tick]![asset - 1]!)
    refused += arriving.length - admitted.length
    if (admitted.length === 0) continue
    const start = quotes[tick]!
    const { custody: _, ...book } = market(start, false)
    const accounts = admitted.map((owner, i) => ({
      id: String(i),
      balances: {
        USD: `-${formatDecimal(loanOf(owner, start), 6)}`,
        [SYMBOLS[owner.asset - 1]!]: formatDecimal(owner.deposit, 8),
      },
    }))
    const engine = new Engine(engineBook(parseBook(JSON.stringify({ ...book, accounts }))), {
      policy: plimsoll,
      impact: marketImpact('none', Infinity),
      stepSeconds: STEP,
    })
    const path = quotes.slice(tick).flatMap((row) => row.map((quote, i) => Number(quote) / Number(start[i])))
    const outcome = engine.run(Float64Array.from(path))
    liquidations += outcome.liquidations
    badDebt += outcome.badDebt / 1e6
  }
  return { refused, liquidations, badDebt }
}

async function replay(
  name: string,
  quotes: readonly [bigint, bigint][],
  from: number,
  owners: readonly Arrival[],
  ruled: boolean,
): Promise<Replay> {
  const system = await startEchoSystem('small', {}, undefined, startLocalChain, undefined, market(quotes[0]!, ruled))
  const node = await system.open()
  const { server, port } = await serve(node, new NodeMetrics(), 0)
  const api = `http://127.0.0.1:${port}`
  const sums = { refused: 0, liquidations: 0, badDebt: 0, swept: 0, rounds: 0, incomplete: 0 }
  let latest = 0
  const look = async () => {
    const report = await node.step()
    if (report === undefined) return
    sums.liquidations += report.liquidated
    sums.badDebt += Number(report.badDebt) / 1e6
    sums.swept += report.swept
    if (report.round !== latest) sums.rounds++
    latest = report.round
    if (!report.complete) sums.incomplete++
  }
  try {
    const { timestamp } = await system.signer.read.getBlock()
    // The replay's grid is the chain's: its first tick begins a step.
    const offset = (timestamp / BigInt(STEP) + 2n) * BigInt(STEP) - BigInt(from)
    const whale = await newOwner(system, api)
    await whale.open('USD', 10_000_000n * USD)
    // Whoever insures bears the bad debt: a backstop under water takes no deposits.
    await system.mint('USD', whale.address, 3_000_000n * USD)
    await insure(whale.signer, { settlement: system.deployed.settlement, amount: 3_000_000n * USD })
    await look()
    let next = 0
    for (const [tick, row] of quotes.entries()) {
      const { timestamp } = await system.signer.read.getBlock()
      const wait = BigInt(from + STEP * tick) + offset - timestamp
      await movePrices(system.signer, system.feeds, row, Number(wait))
      await look()
      if (tick % 24 === 0)
        process.stderr.write(`${name}, ${ruled ? 'on' : 'off'}: ${tick} of ${quotes.length} prices\n`)
      const here = []
      for (; owners[next]?.tick === tick; next++) {
        const owner = await newOwner(system, api)
        await owner.open(SYMBOLS[owners[next]!.asset - 1]!, (owners[next]!.deposit * 10n ** 18n) / UNIT)
        here.push({ owner, arrival: owners[next]! })
      }
      if (here.length === 0) continue
      await look()
      for (const { owner, arrival } of here)
        await owner.wallet.withdraw(0, loanOf(arrival, row), owner.address, WEEK).catch((error: unknown) => {
          if (!(error instanceof NodeRefusal)) throw error
          sums.refused++
        })
      await look()
    }
    return sums
  } finally {
    server.close()
    server.closeAllConnections()
    await node.close()
    await system.stop()
  }
}

const rows: string[][] = []
for (const [window, name] of WINDOWS.filter(([each]) => values.windows.split(',').includes(each.slice(0, 7)))) {
  const { from, quotes } = pathOf(window)
  const owners = arrivals(quotes)
  const low = lowOf(quotes)
  for (const ruled of [false, true]) {
    const offers = offered(from, quotes, ruled)
    const before = offers.slice(0, low + 1).flat()
    const leverage = (loans: readonly number[]) => (1 / (1 - loans.reduce((a, b) => a + b) / loans.length)).toFixed(2)
    const lab = forecast(quotes, owners, offers)
    const real = await replay(name, quotes, from, owners, ruled)
    rows.push([
      name,
      ruled ? 'on' : 'off',
      leverage(before),
      leverage([Math.min(...before)]),
      `${real.refused} (${lab.refused})`,
      `${real.liquidations} (${lab.liquidations})`,
      `${real.badDebt.toFixed(0)} (${lab.badDebt.toFixed(0)})`,
      String(real.swept),
      String(real.rounds),
      String(real.incomplete),
    ])
    console.error(rows.at(-1)!.join('  '))
  }
}
console.log(`${OWNERS} owners a crash, borrowing against ETH or BTC; in brackets the laboratory's forecast\n`)
console.log(
  textTable(
    [
      'crash',
      'rule',
      'leverage, mean',
      'least',
      'refused',
      'liquidations',
      'bad debt',
      'swept',
      'rounds',
      'incomplete',
    ],
    rows,
    [2, 3, 4, 5, 6, 7, 8, 9],
  ),
)
