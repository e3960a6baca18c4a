import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { SweepRung } from '../../protocol/batch.ts'
import { ASSETS, DISTRESS, INBOX, PRICE_MIN, WORD } from '../../protocol/constants.ts'
import { type Balances, cornerHealth, type Envelope, health, isCovered } from '../../protocol/health.ts'
import { assetMarks, fillMarks, type Marks } from '../../protocol/marks.ts'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import { mulberry32, sampleAccounts } from '../../risk/paths/sample-accounts.ts'
import { evenParts } from '../../sequencer/planner/complete-round.ts'
import { cutMoves } from '../../sequencer/planner/cut-moves.ts'
import { type PlanOptions, type PlanStage, planRound } from '../../sequencer/planner/plan-round.ts'

const PARAMETERS = {
  collateralFactor: 8500n,
  liabilityFactor: 11500n,
  targetCollateralFactor: 8000n,
  targetLiabilityFactor: 12000n,
  penalty: 200n,
  depth: 0n,
}
/** Price mark of one unit of cash per whole unit of an asset of 8 decimals, cash of 6. */
const ONE = Number(((10n ** 6n) << 32n) / 10n ** 8n)

function marksAt(prices: readonly number[]): Marks {
  return fillMarks(prices.map((price, a) => assetMarks(BigInt(Math.floor(price * ONE)), PARAMETERS, `asset ${a + 1}`)))
}

const SMALL: SweepRung = { steps: 22, window: 6 }
const LADDERS: readonly (readonly SweepRung[])[] = [
  [{ steps: 4, window: 3 }],
  [SMALL],
  [{ steps: 6, window: 4 }, SMALL, { steps: 45, window: 12 }, { steps: 89, window: 12 }],
]

interface Slot {
  envelope: Envelope | undefined
  members: Balances[]
}

function emptySlots(count: number): Slot[] {
  return Array.from({ length: count }, () => ({ envelope: undefined, members: [] }))
}

/**
 * Carries a plan out literally under the contract's and the sweep circuit's rules; every broken one throws. Returns
 * the moves.
 */
function execute(slots: Slot[], marks: Marks, options: PlanOptions = {}): number {
  const before = slots.flatMap((slot) => slot.members)
  let count = 0
  for (const { openings, sweeps } of planRound(slots, marks, options)) {
    for (const { slot, envelope } of openings) {
      assert.ok(slot > INBOX, 'opening on slot 0 or 1')
      assert.equal(slots[slot]!.members.length, 0, 'opening on a slot that is not empty')
      for (const bounds of [envelope.floors, envelope.ceilings]) {
        assert.equal(bounds.length, ASSETS - 1)
        for (const bound of bounds) assert.ok(bound >= 0n && bound < WORD, 'a bound that is not a word')
      }
      slots[slot]!.envelope = envelope
    }
    for (const { rung, moves } of sweeps) {
      assert.ok((options.rungs ?? [SMALL]).some((size) => isDeepStrictEqual(size, rung)))
      assert.ok(
        slots.filter((slot, number) => number <= INBOX || slot.envelope !== undefined).length >= rung.window,
        'no window can be filled',
      )
      assert.ok(moves.length > 0 && moves.length <= rung.steps, `${moves.length} moves in ${rung.steps} steps`)
      const touched = new Set(moves.flatMap(({ from, to }) => [from, to]))
      assert.ok(touched.size <= rung.window, `${touched.size} slots in a window of ${rung.window}`)
    }
    for (const { from, to } of sweeps.flatMap(({ moves }) => moves)) {
      assert.notEqual(from, to)
      const balances = slots[from]!.members.pop()
      assert.ok(balances !== undefined, 'a move from an empty slot')
      if (to > INBOX) {
        const { envelope } = slots[to]!
        assert.ok(envelope !== undefined, 'a move to a slot never opened')
        assert.ok(cornerHealth(balances, envelope) >= 0n, 'an account unsafe in its slot')
      }
      slots[to]!.members.push(balances)
      count++
    }
  }
  // Complete but for distress, where nobody is left who does not belong there.
  for (const balances of slots[DISTRESS]!.members)
    assert.ok(health(balances, marks) < 0n, 'a healthy account in distress')
  assert.equal(slots[INBOX]!.members.length, 0)
  for (const [number, { envelope, members }] of slots.entries()) {
    if (number > INBOX && members.length > 0) assert.ok(isCovered(envelope!, marks), `slot ${number} is not covered`)
  }
  const after = slots.flatMap((slot) => slot.members)
  assert.equal(after.length, before.length)
  assert.deepEqual(new Set(after), new Set(before))
  return count
}

function sample(seed: number, count: number, prices: readonly number[]): Balances[] {
  return sampleAccounts(
    seed,
    count,
    prices.map((price) => ({ price, decimals: 8 })),
    { bankrupt: true },
  ).map((account) => account.balances)
}

describe('planner', () => {
  it('keeps every plan valid and complete over random marks, slots and books', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = mulberry32(seed)
      const assets = 1 + Math.floor(random() * 7)
      const rungs = LADDERS[Math.floor(random() * LADDERS.length)]!
      const window = Math.min(...rungs.map((rung) => rung.window))
      const slots = emptySlots(window + Math.floor(random() * 28))
      const prices = Array.from({ length: assets }, () => 0.01 + 2000 * random() ** 3)
      slots[INBOX]!.members.push(...sample(seed, 1 + Math.floor(random() * 120), prices))
      const volatility = 0.001 + 0.2 * random() ** 2
      for (let round = 0; round < 25; round++) {
        execute(slots, marksAt(prices), { rungs })
        // What was in distress comes back as a new leaf without debt, now and then with newcomers.
        slots[DISTRESS]!.members.splice(0).forEach(() => slots[INBOX]!.members.push([1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]))
        if (random() < 0.3)
          slots[INBOX]!.members.push(...sample(seed * 100 + round, 1 + Math.floor(random() * 5), prices))
        prices.forEach((price, a) => (prices[a] = Math.max(1e-3, price * (1 + volatility * (random() + random() - 1)))))
      }
    }
  })

  it('leaves a complete system alone', () => {
    const slots = emptySlots(32)
    const marks = marksAt([200, 8000])
    slots[INBOX]!.members.push(...sample(1, 100, [200, 8000]))
    // Each account once or, in passes, more often.
    assert.ok(execute(slots, marks) >= 100)
    assert.deepEqual(planRound(slots, marks), [])
  })

  it('survives jumps, collapses and recoveries with hardly any slots', () => {
    for (const [count, rungs] of [
      [3, [{ steps: 4, window: 3 }]],
      [4, [{ steps: 4, window: 3 }]],
      [6, [SMALL]],
      [7, [SMALL]],
      [7, [SMALL, { steps: 45, window: 12 }]],
      [32, [SMALL]],
    ] as const) {
      const slots = emptySlots(count)
      const prices = [200, 8000]
      slots[INBOX]!.members.push(...sample(count, 80, prices))
      const below = Number(PRICE_MIN) / ONE / 4
      const path: [number, number][] = [
        [200, 8000],
        [100, 8000],
        [100, 16000],
        [1, 1],
        [below, 8000],
        [below, below],
        [200, 8000],
        [1e6, 1e6],
        [200, 8000],
        [200, below],
        [201, 8000],
        [199, 8000],
        [201, 7900],
        [199, 8100],
      ]
      for (const [eth, btc] of path) {
        execute(slots, marksAt([eth, btc]), { rungs })
        slots[DISTRESS]!.members.splice(0)
        slots[INBOX]!.members.push(...sample(count * 1000 + Math.floor(eth), 3, [eth, btc]))
      }
    }
  })

  it('finds a slot for every healthy account when all envelopes expire at once and no slot is empty', () => {
    const marks = marksAt([200, 8000])
    const slots = emptySlots(6)
    const accounts = sample(5, 200, [200, 8000]).filter((balances) => health(balances, marks) >= 0n)
    const expired: Envelope = { floors: Array<bigint>(7).fill(WORD - 1n), ceilings: Array<bigint>(7).fill(0n) }
    accounts.forEach((balances, i) => slots[1 + (i % 5)]!.members.push(balances))
    for (const slot of slots.slice(2)) slot.envelope = expired
    execute(slots, marks)
    assert.equal(slots[DISTRESS]!.members.length, 0)
  })

  it('makes room for a newcomer although every slot is covered and taken', () => {
    const marks = marksAt([200, 8000])
    const far = marksAt([100, 4000])
    const slots = emptySlots(6)
    // Slots too deep for the newcomer, which is breached at half the price.
    const envelope: Envelope = {
      floors: far.slice(1).map((mark) => mark.collateralValue),
      ceilings: Array<bigint>(7).fill(WORD - 1n),
    }
    for (const slot of slots.slice(2)) {
      slot.envelope = envelope
      slot.members.push([0n, 10n ** 8n, 0n, 0n, 0n, 0n, 0n, 0n])
    }
    slots[INBOX]!.members.push([-150_000_000n, 10n ** 8n, 0n, 0n, 0n, 0n, 0n, 0n])
    execute(slots, marks)
    assert.equal(slots[DISTRESS]!.members.length, 0)
  })

  it('places accounts exactly on the line, and bounds and balances at the top of their range', () => {
    const top = fillMarks([assetMarks((1n << 60n) - 1n, PARAMETERS, 'asset 1')])
    const { collateralValue, liabilityValue } = top[1]!
    const slots = emptySlots(6)
    const onTheLine: Balances = [-collateralValue, 1n << 32n, 0n, 0n, 0n, 0n, 0n, 0n]
    const below: Balances = [-collateralValue - 1n, 1n << 32n, 0n, 0n, 0n, 0n, 0n, 0n]
    const short: Balances = [liabilityValue, -(1n << 32n), 0n, 0n, 0n, 0n, 0n, 0n]
    const huge: Balances = [WORD - 1n, WORD - 1n, 0n, 0n, 0n, 0n, 0n, 0n]
    const empty: Balances = Array<bigint>(8).fill(0n)
    slots[INBOX]!.members.push(onTheLine, below, short, huge, empty)
    execute(slots, top)
    assert.deepEqual(slots[DISTRESS]!.members, [below])
  })

  it('moves no one while prices stay within every reach, and only the near ones when they leave it', () => {
    const slots = emptySlots(32)
    const prices = [200, 8000]
    const random = mulberry32(9)
    // Longs that are breached at a fall of 10 to 60 %.
    const accounts = Array.from({ length: 200 }, (): Balances => {
      const fall = 0.1 + 0.5 * random()
      return [-BigInt(Math.floor(200e6 * 0.85 * (1 - fall))), 10n ** 8n, 0n, 0n, 0n, 0n, 0n, 0n]
    })
    slots[INBOX]!.members.push(...accounts)
    assert.equal(execute(slots, marksAt(prices)), 200)
    assert.equal(execute(slots, marksAt([182, 8000])), 0)
    assert.equal(execute(slots, marksAt([400, 1])), 0)
    const breached = accounts.filter((balances) => health(balances, marksAt([150, 8000])) < 0n).length
    const moved = execute(slots, marksAt([150, 8000]))
    assert.equal(slots[DISTRESS]!.members.length, breached)
    assert.ok(moved < breached + 60, `${moved} moved for ${breached} breached`)
  })

  it('places many accounts in passes: a first placement in a fraction of the sweeps that their targets alone would take', () => {
    const marks = marksAt([200, 8000])
    const slots = emptySlots(32)
    slots[INBOX]!.members.push(...sample(1, 2000, [200, 8000]))
    const rungs = [{ steps: 102, window: 6 }]
    const sweeps = planRound(slots, marks, { rungs }).flatMap((stage) => stage.sweeps)
    const moves = sweeps.flatMap((sweep) => sweep.moves)
    // In the order of the inbox, which the circuit demands, a sweep can name four targets and distress.
    assert.ok(new Set(moves.map(({ to }) => to)).size > 12)
    assert.ok(moves.length < 3 * 2000, `${moves.length} moves`)
    assert.ok(sweeps.length <= 60, `${sweeps.length} sweeps`)
    execute(slots, marks, { rungs })
  })

  it('takes healthy accounts out of distress, where a plan broken off between two passes left them', () => {
    const prices = [200, 8000]
    const marks = marksAt(prices)
    const slots = emptySlots(32)
    slots[INBOX]!.members.push(...sample(3, 500, prices))
    const rungs = [{ steps: 40, window: 6 }]
    const breached = new Set(slots[INBOX]!.members.filter((balances) => health(balances, marks) < 0n))
    assert.ok(breached.size > 0)
    const [{ openings, sweeps }] = planRound(slots, marks, { rungs }) as [PlanStage]
    for (const { slot, envelope } of openings) slots[slot]!.envelope = envelope
    const broken = sweeps.flatMap(({ moves }) => moves).slice(0, 300)
    for (const { from, to } of broken) slots[to]!.members.push(slots[from]!.members.pop()!)
    assert.ok(slots[DISTRESS]!.members.some((balances) => !breached.has(balances)))
    execute(slots, marks, { rungs })
    assert.deepEqual(new Set(slots[DISTRESS]!.members), breached)
  })

  it('takes the rungs that cost the fewest constraints', () => {
    const rungs = [{ steps: 6, window: 4 }, SMALL, { steps: 45, window: 12 }]
    const random = mulberry32(5)
    for (let run = 0; run < 200; run++) {
      const moves = Array.from({ length: 1 + Math.floor(random() * 9) }, () => {
        const from = Math.floor(random() * 5)
        return { from, to: (from + 1 + Math.floor(random() * 9)) % 14 }
      })
      // Every cut there is.
      let least = Infinity
      for (let mask = 0; mask < 1 << (moves.length - 1); mask++) {
        const parts: Move[][] = [[]]
        moves.forEach((move, i) => {
          parts.at(-1)!.push(move)
          if ((mask >> i) & 1) parts.push([])
        })
        const costs = parts.map((part) => {
          const slots = new Set(part.flatMap(({ from, to }) => [from, to])).size
          const fitting = rungs.filter(({ steps, window }) => part.length <= steps && slots <= window)
          return Math.min(...fitting.map(sweepConstraints))
        })
        least = Math.min(
          least,
          costs.reduce((sum, cost) => sum + cost, 0),
        )
      }
      const cut = cutMoves(moves, rungs)
      assert.equal(cut.constraints, least)
      assert.equal(
        cut.sweeps.reduce((sum, { rung }) => sum + sweepConstraints(rung), 0),
        least,
      )
      assert.deepEqual(
        cut.sweeps.flatMap((sweep) => sweep.moves),
        moves,
      )
    }
  })

  it('cuts distress evenly, so that nobody is liquidated alone but where there is one', () => {
    assert.deepEqual(
      [1, 3, 4, 7, 13].map((total) => evenParts(total, 3)),
      [[1], [3], [2, 2], [3, 2, 2], [3, 3, 3, 2, 2]],
    )
    for (let total = 1; total < 60; total++)
      for (let most = 1; most < 12; most++) {
        const parts = evenParts(total, most)
        assert.equal(
          parts.reduce((sum, part) => sum + part, 0),
          total,
        )
        assert.equal(parts.length, Math.ceil(total / most))
        assert.ok(Math.max(...parts) <= most && Math.max(...parts) - Math.min(...parts) <= 1)
      }
  })

  it('refuses fewer slots than the window', () => {
    assert.throws(() => planRound(emptySlots(5), marksAt([1])), /5 slots are too few for a sweep window of 6/)
  })
})
