import { MARKET_DEFAULTS, type Taker } from '../engine/clearing.ts'
import { Engine, type EngineBook } from '../engine/engine.ts'
import { drawnInterval, type Interval } from '../metrics/interval.ts'
import { plimsoll } from '../policies/plimsoll.ts'
import { UNRULED } from '../rule/averages.ts'
import { poolImpact } from './inventory-script.ts'

/** A fall of one asset to a price at which it stays, and those who take what its liquidations bring. */
export interface MarketRun {
  /** Cash and the asset. The margin rule is off. */
  readonly book: EngineBook
  /** Prices of a whole unit before and after, in whole units of cash. */
  readonly before: number
  readonly after: number
  /** Cash (whole units) in the takers' pool beside as much of the asset, over all prices, before the fall; nobody refills it. */
  readonly pool: number
  readonly takers: readonly Taker[]
  /** Seconds between looks of the takers: each comes at a moment of its own in it. */
  readonly look: number
  /** Looks after which a run ends. */
  readonly looks: number
}

/** The engine's prediction: means, and between what 95 % of its draws are. */
export interface RunPrediction {
  /** Base units of the asset that liquidations bring. */
  readonly inventory: bigint
  /** From the liquidation to the last fill. */
  readonly seconds: Interval
  readonly recaptured: Interval
  /** Share of the draws in which all of it was taken. */
  readonly cleared: number
}

/**
 * Predicts a run by the engine, with the auction as its way of clearing, over draws of what nobody knows before: the moments of the
 * takers' looks, and who of them is first.
 */
export function predictRun(run: MarketRun, draws = 400): RunPrediction {
  const { book, before, after, pool, takers, look, looks } = run
  const decimals = book.assets[1]!.decimals
  const impact = poolImpact(Infinity, () => (pool / Math.sqrt(before * after)) * 10 ** decimals)
  const path = Float64Array.from({ length: looks + 2 }, (_, step) => (step === 0 ? 1 : after / before))
  const [seconds, recaptured]: [number[], number[]] = [[], []]
  let inventory = 0n
  let cleared = 0
  for (let seed = 1; seed <= draws; seed++) {
    const market = {
      ...MARKET_DEFAULTS,
      clearing: 'auction',
      blockSeconds: look,
      reading: UNRULED,
      takers,
      isAside: true,
    } as const
    const engine = new Engine(book, { policy: plimsoll, impact, stepSeconds: look, market: { ...market, seed } })
    engine.begin()
    for (let step = 0; step < path.length; step++) engine.step(path, step, 0)
    const { arrivals, fills } = engine.market!
    inventory = arrivals.reduce((sum, { units }) => sum + units, 0n)
    if (engine.market!.waiting() === 0) cleared++
    if (fills.length === 0) continue
    seconds.push(fills.at(-1)!.time - arrivals[0]!.time)
    recaptured.push(engine.market!.recaptured()!)
  }
  return {
    inventory,
    seconds: drawnInterval(seconds),
    recaptured: drawnInterval(recaptured),
    cleared: cleared / draws,
  }
}
