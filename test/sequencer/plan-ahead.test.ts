import assert from 'node:assert/strict'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { type Balances, cornerHealth, type Envelope, isCovered } from '../../protocol/health.ts'
import { assetMarks, fillMarks, type Marks } from '../../protocol/marks.ts'
import { mulberry32, sampleAccounts } from '../../risk/paths/sample-accounts.ts'
import { planAhead } from '../../sequencer/planner/plan-ahead.ts'
import { type PlanStage, planRound } from '../../sequencer/planner/plan-round.ts'

const PARAMETERS = {
  collateralFactor: 8500n,
  liabilityFactor: 11500n,
  targetCollateralFactor: 8000n,
  targetLiabilityFactor: 12000n,
  penalty: 200n,
  depth: 0n,
}
const ONE = Number(((10n ** 6n) << 32n) / 10n ** 8n)
const RUNGS = [
  { steps: 20, window: 6 },
  { steps: 6, window: 4 },
]
const LEVEL = 0.02
const MOST = 6

interface Slot {
  envelope: Envelope | undefined
  members: Balances[]
}

function marksAt(prices: readonly number[]): Marks {
  return fillMarks(prices.map((price, a) => assetMarks(BigInt(Math.floor(price * ONE)), PARAMETERS, `asset ${a + 1}`)))
}

/** Carries a plan out; how many sweeps it has. */
function execute(slots: Slot[], stages: readonly PlanStage[]): number {
  let sweeps = 0
  for (const stage of stages) {
    for (const { slot, envelope } of stage.openings) {
      assert.equal(slots[slot]!.members.length, 0)
      slots[slot]!.envelope = envelope
    }
    sweeps += stage.sweeps.length
    for (const { from, to } of stage.sweeps.flatMap(({ moves }) => moves)) {
      const balances = slots[from]!.members.pop()!
      if (to > INBOX) assert.ok(cornerHealth(balances, slots[to]!.envelope!) >= 0n)
      slots[to]!.members.push(balances)
    }
  }
  return sweeps
}

function book(seed: number, count: number, prices: readonly number[]): Slot[] {
  const slots: Slot[] = Array.from({ length: 64 }, () => ({ envelope: undefined, members: [] }))
  const assets = prices.map((price) => ({ price, decimals: 8 }))
  slots[INBOX]!.members.push(...sampleAccounts(seed, count, assets).map(({ balances }) => balances))
  execute(slots, planRound(slots, marksAt(prices), { rungs: RUNGS }))
  return slots
}

/** Sweeps that are due along a path, those of the worst tick, and those made ahead of it. */
function walk(seed: number, ahead: boolean): { due: number; worst: number; before: number } {
  const slots = book(seed, 300, [200, 8_000])
  const random = mulberry32(seed)
  let prices = [200, 8_000]
  const total = { due: 0, worst: 0, before: 0 }
  for (let tick = 0; tick < 25; tick++) {
    if (ahead) {
      const marks = marksAt(prices)
      total.before += execute(slots, planAhead(slots, marks, LEVEL, MOST, { rungs: RUNGS }))
      assert.equal(slots[DISTRESS]!.members.length + slots[INBOX]!.members.length, 0)
      for (const { envelope, members } of slots) assert.ok(members.length === 0 || isCovered(envelope!, marks))
    }
    const move = 1 + 0.02 * (random() + random() - 1.1)
    prices = prices.map((price) => price * move)
    const due = execute(slots, planRound(slots, marksAt(prices), { rungs: RUNGS }))
    total.due += due
    total.worst = Math.max(total.worst, due)
    slots[DISTRESS]!.members.splice(0)
  }
  return total
}

describe('sweeps ahead of the price', () => {
  it('leave the system complete at every tick, and fewer sweeps due than without them', () => {
    const seeds = [1, 2, 3]
    const sum = (ahead: boolean) =>
      seeds
        .map((seed) => walk(seed, ahead))
        .reduce((a, b) => ({ due: a.due + b.due, worst: a.worst + b.worst, before: a.before + b.before }))
    const [without, with_] = [sum(false), sum(true)]
    assert.equal(without.before, 0)
    assert.ok(with_.before > 0)
    assert.ok(with_.due < 0.9 * without.due, JSON.stringify({ without, with_ }))
  })

  it('come to an end by themselves, keep to the most, and leave alone what has work due', () => {
    const prices = [200, 8_000]
    const slots = book(4, 200, prices)
    const marks = marksAt(prices.map((price) => 0.97 * price))
    assert.deepEqual(planAhead(slots, marksAt([150, 6_000]), LEVEL, MOST, { rungs: RUNGS }), [], 'slots have expired')
    execute(slots, planRound(slots, marks, { rungs: RUNGS }))
    slots[DISTRESS]!.members.splice(0)
    let plans = 0
    for (; plans < 50; plans++) {
      const plan = planAhead(slots, marks, LEVEL, MOST, { rungs: RUNGS })
      if (plan.length === 0) break
      assert.ok(plan.flatMap(({ sweeps }) => sweeps).length <= MOST)
      execute(slots, plan)
    }
    assert.ok(plans < 50)
    assert.deepEqual(planAhead(slots, marks, LEVEL, 0, { rungs: RUNGS }), [])
  })
})
