import assert from 'node:assert/strict'
import type { ResolveBatch, StepPublic, SweepBatch, TransactBatch } from '../../protocol/batch.ts'
import { batchValues, parseBatch } from '../../protocol/batch.ts'
import { FIELD, TRADED, WORD } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { LIQUIDATION_MARKS } from '../../protocol/marks.ts'
import { INACTIVE_STEP } from '../../protocol/transact.ts'
import { MARKS } from '../support/circuit-market.ts'

const SHAPE = {
  depth: 3,
  sweeps: [
    { steps: 4, window: 3 },
    { steps: 9, window: 4 },
  ],
  resolve: { steps: 2 },
  transact: { steps: 2 },
}
const bounds = (first: bigint, step: bigint) => Array.from({ length: TRADED }, (_, a) => first + step * BigInt(a))
const ENVELOPE = { floors: bounds(100n, 1n), ceilings: bounds(200n, 1n) }
const WIDE = { floors: bounds(0n, 0n), ceilings: bounds(WORD - 1n, 0n) }
const SWEEP: SweepBatch = { circuit: 'sweep', rung: 0, window: [0, 1, 3], headsAfter: [71n, 72n, 73n] }
const WRITES = [
  { index: 5, leaf: 6n, cipher: [7n, 8n, 9n] },
  { index: 0, leaf: 0n, cipher: [0n, 0n, 0n] },
]
const RESOLVE: ResolveBatch = {
  circuit: 'resolve',
  active: 1,
  rootAfter: 81n,
  distressAfter: 82n,
  inboxAfter: 83n,
  backstopDelta: [-4n, 3n, 0n, 0n, 0n, 0n, 0n, -1n],
  badDebt: 2n,
  writes: WRITES,
}

function refuses(run: () => void, message: RegExp): void {
  assert.throws(run, (error) => error instanceof PlimsollError && message.test(error.message))
}

describe('the ledger', () => {
  let ledger: Ledger

  beforeEach(() => {
    ledger = new Ledger(SHAPE, 6, 50n, 1000n, 2000n)
    ledger.open({ slot: 3, envelope: ENVELOPE })
    ledger.marks = MARKS
  })

  it('assembles the vector of a sweep from its own state', () => {
    const zeros = Array<bigint>(TRADED).fill(0n)
    assert.deepEqual(ledger.vector(SWEEP), [
      0n,
      2000n,
      0n,
      71n,
      72n,
      73n,
      1n,
      1n,
      0n,
      ...zeros,
      ...zeros,
      ...ENVELOPE.floors,
      ...zeros,
      ...zeros,
      ...ENVELOPE.ceilings,
    ])
  })

  it('assembles the vector of a resolve from its own state', () => {
    const marks = MARKS.slice(1).flatMap((asset) => LIQUIDATION_MARKS.map((name) => asset[name]))
    assert.deepEqual(ledger.vector(RESOLVE), [
      1n,
      1000n,
      81n,
      0n,
      82n,
      2000n,
      83n,
      50n,
      ...marks,
      FIELD - 4n,
      3n,
      0n,
      0n,
      0n,
      0n,
      0n,
      FIELD - 1n,
      2n,
      5n,
      6n,
      7n,
      8n,
      9n,
      0n,
      0n,
      0n,
      0n,
      0n,
    ])
  })

  it('assembles the vector of a transact from its own state, without marks where no price bears on it', () => {
    const domain = { chainId: 31337n, settlement: 0xa1n, sequencer: [11n, 12n] as const }
    const fresh = new Ledger(SHAPE, 6, 50n, 1000n, 2000n, domain)
    const steps = [
      { op: 1, index: 5, leaf: 6n, cipher: [7n, 8n, 9n], asset: 2, amount: 10n, u: 11n, v: 12n },
      INACTIVE_STEP,
    ]
    const batch: TransactBatch = {
      circuit: 'transact',
      active: 1,
      rootAfter: 81n,
      inboxAfter: 83n,
      validUntil: 99n,
      steps,
    }
    const around = (marks: readonly bigint[]) => [
      1n,
      1000n,
      81n,
      2000n,
      83n,
      31337n,
      0xa1n,
      11n,
      12n,
      99n,
      ...marks,
      1n,
      5n,
      6n,
      7n,
      8n,
      9n,
      2n,
      10n,
      11n,
      12n,
      ...Array<bigint>(10).fill(0n),
    ]
    assert.deepEqual(fresh.vector(batch), around(Array<bigint>(42).fill(0n)))
    for (const op of [3, 4, 5, 7, 8])
      refuses(() => fresh.vector({ ...batch, steps: [{ ...steps[0]!, op }, INACTIVE_STEP] }), /needs a round/)
    // A round changes nothing of that, and all of what a price bears on.
    fresh.marks = MARKS
    const marked = MARKS.slice(1).flatMap(({ price, initialCollateralValue, initialLiabilityValue, sell, buy }) => [
      price,
      initialCollateralValue,
      initialLiabilityValue,
      sell,
      buy,
    ])
    const marks = [...marked, ...MARKS.slice(1).map(({ concentration }) => concentration)]
    for (let op = 1; op <= 9; op++) {
      const vector = fresh.vector({ ...batch, steps: [{ ...steps[0]!, op }, INACTIVE_STEP] })
      const priced = [3, 4, 5, 7, 8].includes(op)
      assert.deepEqual(vector, around(priced ? marks : Array<bigint>(42).fill(0n)).with(52, BigInt(op)), `${op}`)
    }
    // One step that a price bears on is enough.
    const mixed = fresh.vector({ ...batch, active: 2, steps: [steps[0]!, { ...steps[0]!, op: 3 }] })
    assert.deepEqual(mixed.slice(10, 52), marks)
    refuses(() => fresh.vector({ ...batch, validUntil: 1n << 40n }), /does not fit 40 bits/)
    refuses(() => fresh.vector({ ...batch, steps: steps.slice(1) }), /has 2 steps/)
    refuses(() => fresh.vector({ ...batch, active: 3 }), /has 2 steps/)
  })

  it('keeps what accounts and backstop hold in total', () => {
    const fresh = new Ledger(SHAPE, 6, 50n, 1000n, 2000n)
    const step = (op: number, asset: number, amount: bigint, u = 0n, v = 0n) => ({
      ...INACTIVE_STEP,
      op,
      index: 1,
      leaf: 1n,
      asset,
      amount,
      u,
      v,
    })
    const apply = (...steps: StepPublic[]) =>
      fresh.apply({ circuit: 'transact', active: 2, rootAfter: 81n, inboxAfter: 83n, validUntil: 0n, steps })
    apply(step(1, 0, 100n, 5n, 6n), step(2, 1, 7n))
    apply(step(3, 0, 30n, 9n), step(7, 1, 2n, 9n, 3n))
    apply(step(5, 1, 10n, 21n, 1n), step(5, 2, 4n, 8n, 0n))
    apply(step(9, 0, 1000n), step(8, 0, 1000n))
    assert.deepEqual(fresh.accounts.slice(0, 3), [100n - 30n - 21n + 8n, 7n - 2n + 10n, -4n])
    assert.deepEqual(fresh.backstop.slice(0, 3), [21n - 8n, -10n, 4n])
    assert.deepEqual([fresh.root, fresh.heads[1]], [81n, 83n])
    fresh.apply(RESOLVE)
    assert.deepEqual(fresh.accounts.slice(0, 2), [57n + 4n, 15n - 3n])
  })

  it('reads a batch back from the values that it publishes', () => {
    for (const batch of [SWEEP, RESOLVE]) {
      const window = batch.circuit === 'sweep' ? batch.window : []
      assert.deepEqual(parseBatch(batch.circuit, 0, window, batchValues(batch), SHAPE), batch)
      refuses(() => parseBatch(batch.circuit, 0, window, [...batchValues(batch), 0n], SHAPE), /values, not/)
      refuses(() => parseBatch(batch.circuit, 0, window, batchValues(batch).slice(1), SHAPE), /values, not/)
    }
  })

  it('takes a sweep by the size of the circuit that it names, and none that does not exist', () => {
    const wide: SweepBatch = { ...SWEEP, rung: 1, window: [0, 1, 2, 3], headsAfter: [71n, 72n, 0n, 73n] }
    ledger.open({ slot: 2, envelope: ledger.envelopes[3]! })
    assert.equal(ledger.vector(wide).length, 17 * 4)
    assert.deepEqual(parseBatch('sweep', 1, wide.window, batchValues(wide), SHAPE), wide)
    refuses(() => ledger.vector({ ...wide, rung: 0 }), /A sweep names 3 slots/)
    refuses(() => ledger.vector({ ...SWEEP, rung: 1 }), /A sweep names 4 slots/)
    for (const rung of [2, -1, 0.5]) refuses(() => ledger.vector({ ...wide, rung }), /no sweep circuit/)
    refuses(() => parseBatch('sweep', 2, wide.window, batchValues(wide), SHAPE), /no sweep circuit 2/)
    refuses(() => parseBatch('sweep', 0, wide.window, batchValues(wide), SHAPE), /values, not/)
  })

  it('applies what batches publish', () => {
    ledger.apply(SWEEP)
    assert.deepEqual(ledger.heads, [71n, 72n, 0n, 73n, 0n, 0n])
    ledger.apply(RESOLVE)
    ledger.apply(RESOLVE)
    assert.equal(ledger.root, 81n)
    assert.deepEqual(ledger.heads, [82n, 83n, 0n, 73n, 0n, 0n])
    assert.deepEqual(ledger.backstop, [-8n, 6n, 0n, 0n, 0n, 0n, 0n, -2n])
    assert.equal(ledger.badDebt, 4n)
  })

  it('is copied whole', () => {
    ledger.apply(RESOLVE)
    const copy = ledger.clone()
    assert.deepEqual(copy, ledger)
    ledger.apply(SWEEP)
    ledger.apply(RESOLVE)
    ledger.open({ slot: 4, envelope: ENVELOPE })
    assert.deepEqual(copy.heads, [82n, 83n, 0n, 0n, 0n, 0n])
    assert.equal(copy.badDebt, 2n)
    assert.equal(copy.backstop[1], 3n)
    assert.equal(copy.envelopes[4], undefined)
  })

  describe('opens a slot', () => {
    it('unless it is distress, the inbox, or none', () => {
      for (const slot of [0, 1, -1, 6, 2.5])
        refuses(() => ledger.open({ slot, envelope: ENVELOPE }), /cannot have an envelope/)
      ledger.open({ slot: 5, envelope: ENVELOPE })
    })

    it('again while it is empty, but not under a stack', () => {
      ledger.open({ slot: 3, envelope: WIDE })
      assert.deepEqual(ledger.envelopes[3], WIDE)
      ledger.apply(SWEEP)
      refuses(() => ledger.open({ slot: 3, envelope: ENVELOPE }), /Slot 3 is not empty/)
    })

    it('with seven floors and ceilings from 0 up to 2^64 - 1', () => {
      const lists = [
        bounds(1n, 0n).slice(1),
        [...bounds(1n, 0n), 1n],
        bounds(1n, 0n).with(6, WORD),
        bounds(1n, 0n).with(0, -1n),
      ]
      for (const list of lists) {
        refuses(
          () => ledger.open({ slot: 2, envelope: { ...ENVELOPE, floors: list } }),
          /7 floors and ceilings below 2\^64/,
        )
        refuses(
          () => ledger.open({ slot: 2, envelope: { ...ENVELOPE, ceilings: list } }),
          /7 floors and ceilings below 2\^64/,
        )
      }
      ledger.open({ slot: 2, envelope: WIDE })
    })
  })

  describe('refuses', () => {
    it('a window of another length, with a slot twice, out of order, or not opened', () => {
      const sweep =
        (window: number[], headsAfter = [71n, 72n, 73n]) =>
        () =>
          void ledger.vector({ ...SWEEP, window, headsAfter })
      refuses(sweep([0, 1]), /names 3 slots/)
      refuses(sweep([0, 1, 3], [71n, 72n]), /names 3 slots/)
      refuses(sweep([0, 3, 3]), /strictly increase/)
      refuses(sweep([1, 0, 3]), /strictly increase/)
      for (const slot of [2, 5, 6, 64]) refuses(sweep([0, 1, slot]), /never opened/)
    })

    it('more active steps than the circuit has, and less than none', () => {
      refuses(() => ledger.vector({ ...RESOLVE, active: 3 }), /resolve has 2 steps/)
      refuses(() => ledger.vector({ ...RESOLVE, active: -1 }), /not below r/)
      refuses(() => ledger.vector({ ...RESOLVE, writes: WRITES.slice(1) }), /resolve has 2 steps/)
    })

    it('an element of r or more, wherever', () => {
      for (let w = 0; w < 3; w++)
        refuses(() => ledger.vector({ ...SWEEP, headsAfter: SWEEP.headsAfter.with(w, FIELD) }), /not below r/)
      for (const name of ['rootAfter', 'distressAfter', 'inboxAfter', 'badDebt'] as const)
        refuses(() => ledger.vector({ ...RESOLVE, [name]: FIELD }), /not below r/)
      refuses(
        () => ledger.vector({ ...RESOLVE, writes: WRITES.with(0, { ...WRITES[0]!, leaf: FIELD }) }),
        /not below r/,
      )
      refuses(
        () => ledger.vector({ ...RESOLVE, writes: WRITES.with(1, { ...WRITES[1]!, cipher: [0n, 0n, FIELD] }) }),
        /not below r/,
      )
    })

    it('a backstop change of 2^127 or more', () => {
      const limit = 1n << 127n
      for (const delta of [limit, -limit])
        refuses(() => ledger.vector({ ...RESOLVE, backstopDelta: RESOLVE.backstopDelta.with(2, delta) }), /2\^127/)
      for (const delta of [limit - 1n, 1n - limit])
        ledger.vector({ ...RESOLVE, backstopDelta: RESOLVE.backstopDelta.with(2, delta) })
    })

    it('a resolve before the first round', () => {
      refuses(() => new Ledger(SHAPE, 6, 50n, 1000n, 2000n).vector(RESOLVE), /needs a round/)
    })
  })

  describe('is complete', () => {
    const u = MARKS.slice(1).map((asset) => asset.collateralValue)
    const v = MARKS.slice(1).map((asset) => asset.liabilityValue)

    it('only in a round, with distress and inbox empty and every stack covered', () => {
      assert.equal(ledger.isComplete(), false)
      ledger.apply({ ...SWEEP, headsAfter: [0n, 0n, 0n] })
      // The envelope of slot 3 is not covered; but it is empty.
      assert.equal(ledger.isCovered(3), false)
      assert.equal(ledger.isComplete(), true)
      ledger.apply({ ...SWEEP, headsAfter: [0n, 0n, 73n] })
      assert.equal(ledger.isComplete(), false)
      for (const headsAfter of [
        [5n, 0n, 0n],
        [0n, 5n, 0n],
      ]) {
        ledger.apply({ ...SWEEP, headsAfter })
        assert.equal(ledger.isComplete(), false)
      }
      ledger.apply({ ...SWEEP, headsAfter: [0n, 0n, 0n] })
      ledger.marks = undefined
      assert.equal(ledger.isComplete(), false)
    })

    it('just up to the bounds of an envelope', () => {
      const complete = (floors: readonly bigint[], ceilings: readonly bigint[]) => {
        const fresh = new Ledger(SHAPE, 6, 50n, 1000n, 0n)
        fresh.marks = MARKS
        fresh.open({ slot: 3, envelope: { floors, ceilings } })
        fresh.apply({ ...SWEEP, headsAfter: [0n, 0n, 73n] })
        return fresh.isComplete()
      }
      assert.equal(complete(u, v), true)
      for (let a = 0; a < TRADED; a++) {
        assert.equal(complete(u.with(a, u[a]! + 1n), v), false)
        if (v[a]! > 0n) assert.equal(complete(u, v.with(a, v[a]! - 1n)), false)
      }
    })
  })
})
