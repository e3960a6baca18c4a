import assert from 'node:assert/strict'
import { bestFill, type KeeperScene } from '../../sdk/keeper-plan.ts'
import { Random } from '../protocol/random.ts'

const ONE = 1n << 32n
const SCENE: KeeperScene = {
  side: 'sell',
  lots: [],
  available: 1_000_000n,
  worthOf: (units) => 2n * units,
  budget: 1n << 60n,
  inventory: 1n << 60n,
  step: 1n,
  cashStep: 1n,
  gas: 0n,
}

describe("a keeper's choice", () => {
  it('takes all that is below what it is worth, and stops before a lot that is not', () => {
    const lots = [
      { units: 100n, price: ONE },
      { units: 50n, price: (3n * ONE) / 2n },
      { units: 70n, price: 3n * ONE },
    ]
    assert.deepEqual(bestFill({ ...SCENE, lots }), { units: 150n, cash: 175n, worth: 300n, profit: 125n })
  })

  it('takes the dear lot before a cheap one where both together pay: the oldest go first', () => {
    const lots = [
      { units: 10n, price: 3n * ONE },
      { units: 1_000n, price: ONE },
    ]
    assert.deepEqual(bestFill({ ...SCENE, lots }), { units: 1_010n, cash: 1_030n, worth: 2_020n, profit: 990n })
  })

  it('takes nothing that does not pay its gas, and nothing at exactly what it is worth', () => {
    const lots = [{ units: 100n, price: ONE }]
    assert.equal(bestFill({ ...SCENE, lots, gas: 100n }), undefined)
    assert.equal(bestFill({ ...SCENE, lots, gas: 99n })?.profit, 1n)
    assert.equal(bestFill({ ...SCENE, lots: [{ units: 100n, price: 2n * ONE }] }), undefined)
  })

  it('keeps within its cash, the step that is left, and whole token units', () => {
    const lots = [{ units: 1_000n, price: ONE }]
    assert.equal(bestFill({ ...SCENE, lots, budget: 333n })?.units, 333n)
    assert.equal(bestFill({ ...SCENE, lots, available: 250n })?.units, 250n)
    assert.equal(bestFill({ ...SCENE, lots, budget: 333n, step: 100n })?.units, 300n)
    assert.equal(bestFill({ ...SCENE, lots, budget: 99n, step: 100n }), undefined)
  })

  it('counts cash in whole token units, against itself', () => {
    const lots = [{ units: 1_000n, price: ONE }]
    const scene = { ...SCENE, lots, cashStep: 100n } as const
    assert.deepEqual(bestFill({ ...scene, available: 250n }), { units: 250n, cash: 300n, worth: 500n, profit: 200n })
    // What the budget pays for exactly costs up to the next whole unit.
    assert.equal(bestFill({ ...scene, budget: 333n })?.cash, 300n)
    assert.equal(bestFill({ ...scene, budget: 99n }), undefined)
    const buying = { ...scene, side: 'buy', worthOf: (units: bigint) => units / 2n, inventory: 250n } as const
    // More units would bring no more.
    assert.deepEqual(bestFill(buying), { units: 219n, cash: 200n, worth: 109n, profit: 91n })
  })

  it('sells what it has where the backstop buys, as long as that brings more', () => {
    const lots = [
      { units: 100n, price: 3n * ONE },
      { units: 100n, price: ONE },
    ]
    const scene = { ...SCENE, side: 'buy', lots } as const
    assert.deepEqual(bestFill(scene), { units: 100n, cash: 300n, worth: 200n, profit: 100n })
    assert.equal(bestFill({ ...scene, inventory: 40n })?.units, 40n)
    assert.equal(bestFill({ ...scene, inventory: 0n }), undefined)
    assert.equal(bestFill({ ...scene, worthOf: () => undefined }), undefined)
  })

  it('is never beyond a bound, and never below what any of its parts would bring', () => {
    const random = new Random(15)
    const below = (end: bigint) => BigInt(random.integer(0, Number(end) - 1))
    for (let i = 0; i < 300; i++) {
      const lots = Array.from({ length: Number(below(8n)) + 1 }, () => ({
        units: below(10_000n) + 1n,
        price: (below(4_000n) + 1n) * (ONE / 1_000n),
      }))
      const depth = below(40_000n) + 100n
      // As of a pool: each further unit is worth less.
      const worthOf = (units: bigint) => (2n * units * depth) / (depth + units)
      const scene = { ...SCENE, lots, worthOf, budget: below(30_000n), available: below(40_000n), gas: below(500n) }
      const best = bestFill(scene)
      if (best !== undefined) {
        assert.ok(best.units <= scene.available && best.cash <= scene.budget && best.profit > 0n)
        assert.equal(best.profit, worthOf(best.units) - best.cash - scene.gas)
      }
      let [units, value] = [0n, 0n]
      for (const lot of lots) {
        units += lot.units
        value += lot.units * lot.price
        const cash = (value + ONE - 1n) / ONE
        if (units > scene.available || cash > scene.budget) break
        assert.ok((best?.profit ?? 0n) >= worthOf(units) - cash - scene.gas)
      }
    }
  })
})
