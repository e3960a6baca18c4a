import { availableParallelism } from 'node:os'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import { health } from '../protocol/health.ts'
import { liquidate } from '../protocol/liquidation.ts'
import { assetMarks, fillMarks } from '../protocol/marks.ts'
import { Engine, type PathOutcome, type Search } from '../risk/engine/engine.ts'
import { engineBook, marketImpact } from '../risk/engine/job.ts'
import { DEFAULT_HALF_LIFE, simulate } from '../risk/engine/simulate.ts'
import { createPathModel } from '../risk/paths/create-path-model.ts'
import { type SampleBookAsset, sampleBook } from '../risk/paths/sample-book.ts'
import { plimsoll } from '../risk/policies/plimsoll.ts'

const { values } = parseArgs({
  options: { paths: { type: 'string', default: '10000' }, compared: { type: 'string', default: '40' } },
})
const STEP = 300
const HOURS = 24
const STEPS = (HOURS * 3600) / STEP
const FACTORS = {
  collateralFactor: 0.85,
  liabilityFactor: 1.15,
  targetCollateralFactor: 0.8,
  targetLiabilityFactor: 1.2,
  penalty: 0.02,
}
const PRICES: readonly (readonly [string, number])[] = [
  ['ETH', 3000],
  ['BTC', 60_000],
  ['SOL', 150],
  ['AVAX', 30],
  ['LINK', 15],
  ['DOGE', 0.15],
]
const asset = ([symbol, price]: readonly [string, number]): SampleBookAsset => ({ symbol, price, ...FACTORS })

/** Account-steps a second of a search on one core, and what its paths brought. */
function measure(search: Search, paths: number): { rate: number; outcomes: PathOutcome[] } {
  // Seven assets: a second ETH, as its staked form would be.
  const assets = [...PRICES.map(asset), { ...asset(PRICES[0]!), symbol: 'WETH' }]
  const book = engineBook(sampleBook(assets, { seed: 1, accounts: 5000, depthRatio: 4 }))
  const model = createPathModel({
    model: 'gbm',
    symbols: assets.map(({ symbol }) => symbol),
    steps: STEPS,
    stepSeconds: STEP,
    seed: 1,
    sigma: 0.8,
    correlation: 0.7,
  })
  const engine = new Engine(book, {
    policy: plimsoll,
    impact: marketImpact('linear', DEFAULT_HALF_LIFE),
    stepSeconds: STEP,
    search,
  })
  const path = new Float64Array((STEPS + 1) * assets.length)
  const outcomes: PathOutcome[] = []
  let seconds = 0
  for (let p = 0; p < paths; p++) {
    model.fill(p, path)
    const start = process.cpuUsage()
    outcomes.push(engine.run(path))
    const { user, system } = process.cpuUsage(start)
    seconds += (user + system) / 1e6
  }
  return { rate: (book.accounts.length * (STEPS + 1) * paths) / seconds, outcomes }
}

console.log(
  `5000 accounts of up to 7 assets, ${HOURS} h of ${STEP / 60}-minute steps, one core, processor time without the making of paths`,
)
console.log('search   paths   account-steps a second')
const compared = Number(values.compared)
// Once through, so that all three are compiled.
for (const search of ['reach', 'scan', 'exact'] as const) measure(search, 2)
const results = (['reach', 'scan', 'exact'] as const).map((search) => {
  const paths = search === 'exact' ? Math.max(1, Math.floor(compared / 20)) : compared
  const { rate, outcomes } = measure(search, paths)
  console.log(`${search.padEnd(6)}  ${String(paths).padStart(6)}   ${(rate / 1e6).toFixed(1).padStart(10)} million`)
  return { rate, outcomes }
})
const [reach, scan, exact] = results as [(typeof results)[0], (typeof results)[0], (typeof results)[0]]
for (const { outcomes } of [scan, exact]) {
  if (!isDeepStrictEqual(outcomes, reach.outcomes.slice(0, outcomes.length)))
    throw new Error('The searches differ in their results.')
}
const liquidated = reach.outcomes.reduce((sum, { liquidations }) => sum + liquidations, 0)
console.log(
  `same results to the last bit, ${liquidated} liquidations; ${(reach.rate / scan.rate).toFixed(1)} times a scan of everybody, ${(reach.rate / exact.rate).toFixed(0)} times exact valuing of everybody`,
)

// Liquidations alone: every account that a fall of 15 % breaches, seven assets.
const crowd = sampleBook([...PRICES.map(asset), { ...asset(PRICES[0]!), symbol: 'WETH' }], {
  seed: 1,
  accounts: 5000,
  depthRatio: 4,
})
const fallen = fillMarks(
  crowd.assets
    .slice(1)
    .map(({ symbol, parameters }, i) => assetMarks((crowd.marks[i + 1]!.price * 85n) / 100n, parameters, symbol)),
)
const breached = crowd.accounts.filter(({ balances }) => health(balances, fallen) < 0n)
const timeLiquidations = () => {
  const start = process.cpuUsage()
  for (const { balances, weights } of breached) liquidate(balances, weights, fallen, crowd.minLiability)
  return process.cpuUsage(start).user / breached.length
}
for (let i = 0; i < 5; i++) timeLiquidations()
const times = Array.from({ length: 15 }, timeLiquidations).sort((a, b) => a - b)
console.log(`a liquidation: ${times[7]!.toFixed(1)} microseconds (median of 15 runs over ${breached.length} accounts)`)

const book = sampleBook([asset(PRICES[0]!), asset(PRICES[1]!)], { seed: 2, accounts: 1000, depthRatio: 4 })
const paths = Number(values.paths)
// The history's calm and storms as they were drawn, and a market wild enough to liquidate one account in twenty.
const markets = {
  fhs: { model: 'fhs' },
  'gbm of 220 % a year': { model: 'gbm', sigma: 2.2, correlation: 0.85 },
} as const
for (const [name, options] of Object.entries(markets)) {
  const before = process.cpuUsage()
  const report = await simulate(book, { paths, hours: HOURS, policies: ['plimsoll'], ...options })
  const { user, system } = process.cpuUsage(before)
  const memory = process.resourceUsage().maxRSS / 1024
  console.log(
    `${paths} paths (${name}) of 1000 accounts, ${HOURS} h of ${STEP / 60}-minute steps, one policy, ${availableParallelism()} cores: ` +
      `${report.seconds.toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} s of processor time, ${memory.toFixed(0)} MB at most; ` +
      `${(100 * report.policies[0]!.liquidatedAccounts.mean).toFixed(2)} % of the accounts liquidated a path`,
  )
}
