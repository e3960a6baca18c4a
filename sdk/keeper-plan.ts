import { SCALE } from '../protocol/constants.ts'
import { divUp, min } from '../protocol/integer.ts'

/** A lot with a price, as a keeper sees it. */
export interface PricedLot {
  /** Base units. */
  readonly units: bigint
  /** As a mark. */
  readonly price: bigint
}

/** Facts of an asset's lots in a block, as a keeper knows them. Cash in base units. */
export interface KeeperScene {
  readonly side: 'sell' | 'buy'
  /** The oldest first: so they are taken. */
  readonly lots: readonly PricedLot[]
  /** Units that can be taken now. */
  readonly available: bigint
  /** Cash that a keeper gets for units that it has, or pays for units that it needs: their worth to it; undefined for too many. */
  worthOf(units: bigint): bigint | undefined
  /** The most cash that it pays for a fill where the backstop sells. */
  readonly budget: bigint
  /** The most units that it gives where the backstop buys. */
  readonly inventory: bigint
  /** Units that are a whole token unit; a fill is a multiple of them. */
  readonly step: bigint
  /** Cash that is a whole unit of its token: a fill costs a multiple of it, rounded up, and brings one, rounded down. */
  readonly cashStep: bigint
  readonly gas: bigint
}

/** A fill that pays. */
export interface KeeperFill {
  readonly units: bigint
  /** Cash that it costs, or brings. */
  readonly cash: bigint
  /** Cash that the units are worth to the keeper. */
  readonly worth: bigint
  /** After gas. */
  readonly profit: bigint
}

/** Parts of a lot that are looked at: with a pool the last units of a lot may lose what the first ones gain. */
const PARTS = 8

/**
 * The fill of the oldest lots that brings most after gas; undefined where none brings anything. Looked at are whole lots from the oldest
 * on, eighths of each, and of each as much as the budget pays.
 */
export function bestFill(scene: KeeperScene): KeeperFill | undefined {
  const { side, lots, step } = scene
  const budget = scene.budget - (scene.budget % scene.cashStep)
  const most = side === 'buy' ? min(scene.available, scene.inventory) : scene.available
  let best: KeeperFill | undefined
  let [before, valueBefore] = [0n, 0n]
  for (const { units, price } of lots) {
    const part = min(units, most - before)
    if (part <= 0n) break
    const parts = Array.from({ length: PARTS }, (_, i) => divUp(part * BigInt(i + 1), BigInt(PARTS)))
    if (side === 'sell' && price > 0n) parts.push(min(part, ((budget << 32n) - valueBefore) / price))
    for (const wanted of parts) {
      const total = before + wanted - ((before + wanted) % step)
      if (total <= before) continue
      const fill = fillOf(scene, total, valueBefore + (total - before) * price)
      if (fill !== undefined && fill.profit > (best?.profit ?? 0n)) best = fill
    }
    before += units
    valueBefore += units * price
  }
  return best
}

/** @param value of the units at the lots' prices, in units of 2^-32 of a base unit of cash */
function fillOf(
  { side, worthOf, budget, cashStep, gas }: KeeperScene,
  units: bigint,
  value: bigint,
): KeeperFill | undefined {
  const worth = worthOf(units)
  const cash = side === 'sell' ? divUp(divUp(value, SCALE), cashStep) * cashStep : (value / SCALE / cashStep) * cashStep
  if (worth === undefined || (side === 'sell' && cash > budget)) return undefined
  return { units, cash, worth, profit: (side === 'sell' ? worth - cash : cash - worth) - gas }
}
