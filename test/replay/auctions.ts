import { parseArgs } from 'node:util'
import { textTable } from '../../lib/text-table.ts'
import { CRASHES, type CrashName } from '../../risk/data/windows.ts'
import type { Taker } from '../../risk/engine/clearing.ts'
import { CRASH_NAMES } from '../../risk/engine/compare.ts'
import {
  type ClearingFigures,
  type DepthBy,
  type InventoryScript,
  inventoryScripts,
  runScript,
  type ScriptOutcome,
} from '../../risk/experiments/inventory-script.ts'
import { bootstrapInterval, drawnInterval, type Interval } from '../../risk/metrics/interval.ts'
import { type Replayed, replayScript } from './auction-replay.ts'

// `npm run bench:auction`: time to clear and realised discount over the six crashes, by the real contracts and a real pool, beside what the
// laboratory's engine predicts for the same inventory, window and pool, and beside the clock that there was before auctions.

const { values } = parseArgs({
  options: {
    /** Crashes by their months, all where it is left out. */
    windows: { type: 'string', default: CRASH_NAMES.join() },
    accounts: { type: 'string', default: '1000' },
    /** Depth of the pool over what accounts hold and owe. */
    depth: { type: 'string', default: '4' },
    /** What the margin rule takes depth from, `pool` or `quantile`. */
    'depth-by': { type: 'string', default: 'pool' },
    /** Whoever takes: `keeper`, who sells on at once, or `pool`, the protocol's own taker. */
    taker: { type: 'string', default: 'keeper' },
    seed: { type: 'string', default: '1' },
    /** Draws of the laboratory. */
    draws: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
})
const [names, takers, depthBys] = [values.windows.split(','), ['keeper', 'pool'], ['pool', 'quantile']]
for (const name of names)
  if (!Object.hasOwn(CRASHES, name)) throw new Error(`There is no crash ${name}: there are ${CRASH_NAMES.join(', ')}.`)
if (!takers.includes(values.taker))
  throw new Error(`There is no taker ${values.taker}: there are ${takers.join(', ')}.`)
if (!depthBys.includes(values['depth-by']))
  throw new Error(`There is no depth by ${values['depth-by']}: there are ${depthBys.join(', ')}.`)
const depthBy = values['depth-by'] as DepthBy
/** Seconds after which half of what sales moved the pool by is undone, and dollars of gas or of the tip. */
const HALF_LIFE = 3_600
const COST = 5
const TAKER: Taker = values.taker === 'pool' ? { kind: 'pool', tip: COST } : { kind: 'trader', gas: COST }
const DRAWS = Number(values.draws)

interface Row {
  readonly crash: string
  readonly asset: string
  /** Dollars in the pool beside as much of the asset, when it begins. */
  readonly pool: number
  readonly contracts: Replayed
  /** Of the laboratory's draws, 2.5 to 97.5 %. */
  readonly auction: Predicted
  readonly clock: Predicted
  /** The rule's own formulas for the fills. */
  readonly rule: { readonly seconds: number; readonly gain: number }
}

interface Predicted {
  readonly seconds: Interval
  readonly slowest: Interval
  readonly discount: Interval
  readonly recaptured: Interval
  readonly days: readonly { readonly date: string; readonly value: number; readonly discount: number }[]
}

function predicted(outcomes: readonly ScriptOutcome[], dates: readonly string[]): Predicted {
  const of = (figure: (outcome: ClearingFigures) => number) => drawnInterval(outcomes.map(figure))
  const days = [...new Set(dates)].flatMap((date) => {
    const found = outcomes.flatMap(({ days }) => days.filter((day) => day.date === date))
    if (found.length === 0) return []
    const mean = (figure: 'value' | 'discount') => found.reduce((sum, day) => sum + day[figure], 0) / found.length
    return [{ date, value: mean('value'), discount: mean('discount') }]
  })
  return {
    seconds: of(({ seconds }) => seconds),
    slowest: of(({ slowest }) => slowest),
    discount: of(({ discount }) => discount),
    recaptured: of(({ recaptured }) => recaptured!),
    days,
  }
}

async function rowOf(script: InventoryScript): Promise<Row> {
  const draws = (clearing: 'auction' | 'clock') =>
    Array.from({ length: DRAWS }, (_, i) =>
      runScript(script, clearing, {
        halfLife: HALF_LIFE,
        depthBy,
        market: { seed: i + 1, takers: [TAKER] },
      }),
    )
  const auctions = draws('auction')
  const seed = Number(values.seed)
  const contracts = await replayScript(script, { takers: [TAKER], seed, halfLife: HALF_LIFE, depthBy })
  const mean = (figure: 'seconds' | 'gain') => auctions.reduce((sum, { rule }) => sum + rule[figure], 0) / DRAWS
  return {
    crash: script.name,
    asset: script.symbol,
    pool: script.pool,
    contracts,
    auction: predicted(auctions, script.dates),
    clock: predicted(draws('clock'), script.dates),
    rule: { seconds: mean('seconds'), gain: mean('gain') },
  }
}

const rows: Row[] = []
for (const name of names as CrashName[])
  for (const script of inventoryScripts(name, {
    accounts: Number(values.accounts),
    depthRatio: Number(values.depth),
  })) {
    const started = performance.now()
    rows.push(await rowOf(script))
    console.error(`${name} ${script.symbol}: ${Math.round((performance.now() - started) / 1_000)} s`)
  }

/** The discount of contracts less that of the clock, weighted by value, over resampled days of all rows. */
const days = rows.flatMap(({ contracts, clock }) =>
  contracts.days.flatMap((day) => {
    const other = clock.days.find(({ date }) => date === day.date)
    return other === undefined ? [] : [{ ...day, less: day.discount - other.discount }]
  }),
)
const less = bootstrapInterval(
  days.map((_, i) => i),
  (drawn) => {
    let [sum, value] = [0, 0]
    for (const i of drawn) {
      sum += days[i]!.value * days[i]!.less
      value += days[i]!.value
    }
    return sum / value
  },
)

const bp = (share: number) => (1e4 * share).toFixed(1)
const bounds = ({ mean, low, high }: Interval, show: (x: number) => string) =>
  `${show(mean)} [${show(low)}, ${show(high)}]`
const whole = (x: number) => x.toFixed(0)
const inside = (x: number, { low, high }: Interval) => x >= low && x <= high
const million = (x: number) => (x / 1e6).toFixed(2)

if (values.json)
  console.log(JSON.stringify({ taker: values.taker, depthBy, draws: DRAWS, rows, contractsLessClock: less }))
else {
  console.log(
    `Accounts: ${values.accounts}; pool: ${values.depth} times as deep as they hold and owe, half of its impact undone in an hour; taker: ${values.taker}, ` +
      `${COST} USD of ${values.taker === 'pool' ? 'tip' : 'gas'}; depth by ${depthBy}. In brackets 95 % of ${DRAWS} draws of the laboratory.`,
  )
  console.log(
    textTable(
      ['crash', 'asset', 'M USD', 'seconds', 'laboratory', 'rule', 'clock', '95 % by', 'laboratory', 'clock'],
      rows.map(({ crash, asset, contracts, auction, clock, rule }) => [
        crash,
        asset,
        million(contracts.value),
        whole(contracts.seconds),
        bounds(auction.seconds, whole),
        whole(rule.seconds),
        bounds(clock.seconds, whole),
        whole(contracts.slowest),
        bounds(auction.slowest, whole),
        whole(clock.slowest.mean),
      ]),
      [2, 3, 4, 5, 6, 7, 8, 9],
    ),
  )
  console.log(
    textTable(
      [
        'crash',
        'asset',
        'pool, M USD',
        'fills',
        'bp',
        'laboratory',
        'clock',
        'recaptured',
        'laboratory',
        'clock',
        'gas',
      ],
      rows.map(({ crash, asset, pool, contracts, auction, clock }) => [
        crash,
        asset,
        million(pool),
        String(contracts.fills),
        bp(contracts.discount),
        bounds(auction.discount, bp),
        bounds(clock.discount, bp),
        contracts.recaptured!.toFixed(2),
        bounds(auction.recaptured, (x) => x.toFixed(2)),
        clock.recaptured.mean.toFixed(2),
        whole(contracts.gas),
      ]),
      [2, 3, 4, 5, 6, 7, 8, 9, 10],
    ),
  )
  console.log(
    textTable(
      ['crash', 'asset', 'day', 'M USD', 'seconds', 'bp', 'clock, bp'],
      rows.flatMap(({ crash, asset, contracts, clock }) =>
        contracts.days
          .toSorted((a, b) => b.value - a.value)
          .slice(0, 3)
          .map(({ date, value, seconds, discount }) => [
            crash,
            asset,
            date,
            million(value),
            whole(seconds),
            bp(discount),
            bp(clock.days.find((day) => day.date === date)?.discount ?? 0),
          ]),
      ),
      [3, 4, 5, 6],
    ),
  )
  const [time, price] = [
    rows.filter(({ contracts, auction }) => inside(contracts.seconds, auction.seconds)).length,
    rows.filter(({ contracts, auction }) => inside(contracts.discount, auction.discount)).length,
  ]
  console.log(
    `Inside the laboratory's 95 %: ${time} of ${rows.length} mean times, ${price} of ${rows.length} discounts. ` +
      `Contracts' discount less the clock's, ${days.length} days resampled: ${bounds(less, bp)} bp.` +
      (values.taker === 'pool'
        ? ` Refused because the pool was worse than its own mean price: ${rows.reduce((sum, { contracts }) => sum + contracts.pushed, 0)} times.`
        : ''),
  )
}
