import assert from 'node:assert/strict'

import type { Chain, Contract } from './chain.ts'
import {
  type Batch,
  deployMarket,
  type Market,
  MIN_LIABILITY,
  nextRound,
  RESOLVE_STEPS,
  stubProof,
  sweepBatch,
  TIMES,
  WIDE,
} from './market.ts'
import { FIRST_ERA, R, type ResolveVector, resolveVector, signals } from './mirror.ts'

const MAX = (1n << 64n) - 1n

/** Order of the BN254 base field. */
const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n

describe('settlement', () => {
  let market: Market
  let settlement: Contract
  let chain: Chain

  beforeEach(async () => {
    market = await deployMarket()
    ;({ settlement, chain } = market)
    await settlement.write('genesis', [1000n, 2000n, [3n]])
    await market.rounds.write('postRound')
    await settlement.write('openEnvelopes', [
      [
        { slot: 2, ...WIDE },
        { slot: 3, ...WIDE },
      ],
    ])
  })

  /** Slots 0, 1 and 2, from the inbox to slot 2. */
  const toSlot2 = () => [
    { slot: 0, before: 0n, after: 0n },
    { slot: 1, before: 2000n, after: 0n },
    { slot: 2, before: 0n, after: 22n, envelope: WIDE },
  ]

  const refuses = (error: string, batches: Batch[], args: unknown[]) =>
    settlement.refuses(error, 'settle', [batches], args)

  async function resolution(edit: Partial<ResolveVector> = {}): Promise<ResolveVector> {
    const [distress, inbox] = await settlement.read<bigint[]>('heads')
    return {
      active: 2n,
      root: [await settlement.read<bigint>('accountsRoot'), 1001n],
      distress: [distress!, 0n],
      inbox: [inbox!, 2001n],
      minLiability: MIN_LIABILITY,
      marks: await market.rounds.read('marks'),
      delta: [-500n, 7n, 0n, 0n, 0n, 0n, 0n, 0n],
      badDebt: 11n,
      writes: Array.from({ length: 5 * RESOLVE_STEPS }, (_, i) => BigInt(i)),
      ...edit,
    }
  }

  function resolveBatch(v: ResolveVector, digest = 88n): Batch {
    const { z, y } = signals(resolveVector(v), digest, FIRST_ERA)
    const delta = v.delta.map((x) => ((x % R) + R) % R)
    const values = [v.active, v.root[1], v.distress[1], v.inbox[1], ...delta, v.badDebt, ...v.writes]
    return { openings: [], circuit: 1, rung: 0, window: [], values, digest, proof: stubProof(digest, z, y), memo: '0x' }
  }

  describe('of a sweep', () => {
    it('takes heads, bounds and flags from storage, and writes the new heads', async () => {
      const batch: Batch = { ...sweepBatch(toSlot2()), memo: '0x0102' }
      const receipt = await settlement.write('settle', [[batch]])
      const { rung, window, values, digest, proof, memo } = batch
      assert.deepEqual(settlement.events(receipt), [
        { name: 'Swept', args: { round: 1n, rung, window, values, digest, proof, memo } },
        { name: 'Settled', args: { round: 1n, complete: true } },
      ])
      assert.deepEqual(await settlement.read('heads'), [0n, 0n, 22n, 0n, 0n, 0n, 0n, 0n])
    })

    it('needs no round that is fresh, and none at all', async () => {
      await chain.mineAt((await chain.now()) + 10n * BigInt(TIMES.maxAge))
      await settlement.write('settle', [[sweepBatch(toSlot2())]])
      const young = await deployMarket()
      await young.settlement.write('genesis', [1000n, 2000n, [3n]])
      const receipt = await young.settlement.write('settle', [
        [sweepBatch(toSlot2(), { openings: [{ slot: 2, ...WIDE }] })],
      ])
      assert.deepEqual(young.settlement.events(receipt).at(-1), {
        name: 'Settled',
        args: { round: 0n, complete: false },
      })
    })

    it('refuses a window with a slot twice', async () => {
      const batch = { ...sweepBatch(toSlot2()), window: [0, 2, 2] }
      await refuses('WindowNotIncreasing', [batch], [0n, 2n])
    })

    it('refuses a window out of order', async () => {
      const batch = { ...sweepBatch(toSlot2()), window: [1, 0, 2] }
      await refuses('WindowNotIncreasing', [batch], [0n, 1n])
    })

    it('refuses a window with a slot that is not opened, or that does not exist', async () => {
      const batch = sweepBatch(toSlot2())
      for (const slot of [4, 7, 8, 63, 64, 255]) {
        await refuses('SlotNotOpened', [{ ...batch, window: [0, 1, slot] }], [0n, BigInt(slot)])
      }
    })

    it('refuses a window of another length', async () => {
      const batch = sweepBatch(toSlot2())
      await refuses('WrongWindowLength', [{ ...batch, window: [0, 1] }], [0n, 2n, 3n])
      await refuses('WrongWindowLength', [{ ...batch, window: [0, 1, 2, 3] }], [0n, 4n, 3n])
    })

    it('refuses a rung that the deployment does not have: UnknownRung', async () => {
      const batch = sweepBatch(toSlot2())
      for (const rung of [2, 3, 4, 255]) await refuses('UnknownRung', [{ ...batch, rung }], [0n, BigInt(rung)])
    })

    it('has the window of the rung that it names', async () => {
      const slots = [...toSlot2(), { slot: 3, before: 0n, after: 0n, envelope: WIDE }]
      const wide = sweepBatch(slots, { openings: [{ slot: 3, ...WIDE }] })
      await refuses('WrongWindowLength', [wide], [0n, 4n, 3n])
      await refuses('WrongWindowLength', [{ ...sweepBatch(toSlot2()), rung: 1 }], [0n, 3n, 4n])
      const receipt = await settlement.write('settle', [[{ ...wide, rung: 1 }]])
      assert.equal(settlement.events(receipt).find(({ name }) => name === 'Swept')!.args.rung, 1)
      assert.deepEqual(await settlement.read('heads'), [0n, 0n, 22n, 0n, 0n, 0n, 0n, 0n])
    })

    it('refuses values that are too few or too many', async () => {
      const batch = sweepBatch(toSlot2())
      await refuses('WrongValuesLength', [{ ...batch, values: batch.values.slice(0, 2) }], [0n, 2n, 3n])
      // The heads alone: with a number of moves before them, as it once was, they are refused.
      await refuses('WrongValuesLength', [{ ...batch, values: [1n, ...batch.values] }], [0n, 4n, 3n])
      await refuses('WrongValuesLength', [{ ...batch, values: [] }], [0n, 0n, 3n])
    })

    it('refuses an element of r or more, in any place, the digest included', async () => {
      const batch = sweepBatch(toSlot2())
      for (let i = 0; i < 3; i++) {
        const values = batch.values.with(i, batch.values[i]! + R)
        await refuses('ValueNotInField', [{ ...batch, values }], [0n, BigInt(i)])
      }
      await refuses('ValueNotInField', [{ ...batch, values: batch.values.with(1, R) }], [0n, 1n])
      await refuses('ValueNotInField', [{ ...batch, values: batch.values.with(1, (1n << 256n) - 1n) }], [0n, 1n])
      await refuses('ValueNotInField', [{ ...batch, digest: batch.digest + R }], [0n, 3n])
    })

    it('refuses a batch proven against another state', async () => {
      const other = toSlot2().with(1, { slot: 1, before: 1999n, after: 0n })
      await refuses('InvalidProof', [sweepBatch(other)], [0n])
      const batch = sweepBatch(toSlot2())
      await settlement.write('settle', [[batch]])
      await refuses('InvalidProof', [batch], [0n])
    })

    it('refuses a batch proven in other envelopes, by one unit of one bound', async () => {
      for (const side of ['floors', 'ceilings'] as const) {
        for (let asset = 0; asset < 7; asset++) {
          const changed = WIDE[side][asset]! === 0n ? 1n : MAX - 1n
          const envelope = { ...WIDE, [side]: WIDE[side].with(asset, changed) }
          await refuses('InvalidProof', [sweepBatch(toSlot2().with(2, { ...toSlot2()[2]!, envelope }))], [0n])
        }
      }
    })

    it('refuses a batch proven with the bounds of another slot', async () => {
      const narrow = { ...WIDE, ceilings: WIDE.ceilings.with(0, MAX - 1n) }
      const slots = [
        { ...toSlot2()[2]!, envelope: WIDE },
        { slot: 3, before: 0n, after: 0n, envelope: narrow },
      ]
      const [two, three] = slots.map(({ slot, envelope }) => ({ slot, ...envelope }))
      const others = slots.map((slot, i) => ({ ...slot, envelope: slots[1 - i]!.envelope }))
      const proven = (of: typeof slots) => ({
        ...sweepBatch([...toSlot2().slice(0, 2), ...of], { openings: [two!, three!] }),
        rung: 1,
      })
      await refuses('InvalidProof', [proven(others)], [0n])
      await settlement.write('settle', [[proven(slots)]])
    })

    it("refuses a public vector that differs from the proof's in one element", async () => {
      const batch = sweepBatch(toSlot2())
      for (let i = 0; i < 3; i++) {
        const values = batch.values.with(i, batch.values[i]! + 1n)
        await refuses('InvalidProof', [{ ...batch, values }], [0n])
      }
      await refuses('InvalidProof', [{ ...batch, digest: 78n }], [0n])
    })

    it('refuses a proof with an unreduced y of a, which the generated verifier would take and no auditor', async () => {
      const batch = sweepBatch(toSlot2())
      batch.proof.a[1] = Q
      await refuses('InvalidProof', [batch], [0n])
      batch.proof.a[1] = Q - 1n
      await settlement.write('settle', [[batch]])
    })

    it('refuses a verifier that says no, and one that reverts', async () => {
      for (const mode of [0n, 2n]) {
        const batch = sweepBatch(toSlot2())
        batch.proof.b[1]![1] = mode
        await refuses('InvalidProof', [batch], [0n])
      }
    })
  })

  describe('of a resolve', () => {
    it('takes root, heads, minLiability and marks from storage, and writes what changed', async () => {
      const batch = resolveBatch(await resolution())
      const receipt = await settlement.write('settle', [[batch]])
      const { values, digest, proof } = batch
      const delta = [-500n, 7n, 0n, 0n, 0n, 0n, 0n, 0n]
      assert.deepEqual(settlement.events(receipt), [
        { name: 'Resolved', args: { round: 1n, values, digest, proof } },
        { name: 'Settled', args: { round: 1n, complete: false } },
      ])
      assert.equal(await settlement.read('accountsRoot'), 1001n)
      assert.deepEqual((await settlement.read<bigint[]>('heads')).slice(0, 2), [0n, 2001n])
      assert.deepEqual(await market.vault.read('backstop'), delta)
      assert.equal(await market.vault.read('badDebt'), 11n)
      await settlement.write('settle', [[resolveBatch(await resolution({ delta: delta.map((x) => 3n * x - 1n) }))]])
      assert.deepEqual(
        await market.vault.read('backstop'),
        delta.map((x) => 4n * x - 1n),
      )
      assert.equal(await market.vault.read('badDebt'), 22n)
    })

    it('refuses a window', async () => {
      await refuses('WrongWindowLength', [{ ...resolveBatch(await resolution()), window: [0, 1, 2] }], [0n, 3n, 0n])
      await refuses('UnknownRung', [{ ...resolveBatch(await resolution()), rung: 1 }], [0n, 1n])
    })

    it('refuses values that are too few or too many, of r or more, and too many steps', async () => {
      const batch = resolveBatch(await resolution())
      const { values } = batch
      const length = BigInt(values.length)
      await refuses('WrongValuesLength', [{ ...batch, values: values.slice(1) }], [0n, length - 1n, length])
      await refuses('WrongValuesLength', [{ ...batch, values: [...values, 0n] }], [0n, length + 1n, length])
      for (let i = 0; i < values.length; i++) {
        await refuses('ValueNotInField', [{ ...batch, values: values.with(i, R) }], [0n, BigInt(i)])
      }
      await refuses('ValueNotInField', [{ ...batch, digest: R }], [0n, length])
      await refuses('TooManySteps', [resolveBatch(await resolution({ active: 3n }))], [0n, 3n, 2n])
    })

    it('refuses marks of another round', async () => {
      const batch = resolveBatch(await resolution())
      await nextRound(market, 194_62000000n)
      await refuses('InvalidProof', [batch], [0n])
      await nextRound(market)
      await settlement.write('settle', [[batch]])
    })

    it("refuses a vector that differs from storage or the proof's in one element", async () => {
      const fair = await resolution()
      const changes: Partial<ResolveVector>[] = [
        { root: [999n, 1001n] },
        { distress: [1n, 0n] },
        { inbox: [1n, 2001n] },
        { minLiability: MIN_LIABILITY - 1n },
      ]
      for (let i = 0; i < 63; i++) {
        const marks = fair.marks.map((row) => [...row])
        marks[Math.floor(i / 9)]![i % 9]! += 1n
        changes.push({ marks })
      }
      for (const change of changes) await refuses('InvalidProof', [resolveBatch({ ...fair, ...change })], [0n])
      const batch = resolveBatch(fair)
      for (let i = 0; i < batch.values.length; i++) {
        // 2 steps are the most: the first element goes down instead of up.
        const values = batch.values.with(i, batch.values[i]! + (i === 0 ? -1n : 1n))
        await refuses('InvalidProof', [{ ...batch, values }], [0n])
      }
    })

    it('refuses a changed state', async () => {
      const batch = resolveBatch(await resolution())
      await settlement.write('settle', [[sweepBatch(toSlot2())]])
      await refuses('InvalidProof', [batch], [0n])
    })

    it('needs a round younger than maxAge', async () => {
      const batch = resolveBatch(await resolution())
      const [, timestamp] = await market.rounds.read<[bigint, bigint]>('round')
      await chain.mineAt(timestamp + BigInt(TIMES.maxAge))
      await refuses('NoFreshRound', [batch], [])
      const young = await deployMarket()
      await young.settlement.write('genesis', [1000n, 2000n, [3n]])
      await young.settlement.refuses('NoFreshRound', 'settle', [[batch]], [])
    })

    it('still settles in the last second before maxAge', async () => {
      const batch = resolveBatch(await resolution())
      const [, timestamp] = await market.rounds.read<[bigint, bigint]>('round')
      await chain.nextBlockAt(timestamp + BigInt(TIMES.maxAge) - 1n)
      await settlement.write('settle', [[batch]])
    })

    it('reads deltas as signed, below 2^127 in size', async () => {
      const end = 1n << 127n
      // Of an asset that is sold in lots, no more than they hold.
      const most = [end - 1n, 1n - (1n << 96n), 0n, 0n, 0n, 0n, 0n, 0n]
      await settlement.write('settle', [[resolveBatch(await resolution({ delta: most, badDebt: end - 1n }))]])
      assert.deepEqual(await market.vault.read('backstop'), most)
      for (const size of [end, -end, R >> 1n]) {
        await refuses('DeltaTooLarge', [resolveBatch(await resolution({ delta: most.with(7, size) }))], [0n])
      }
      await refuses('DeltaTooLarge', [resolveBatch(await resolution({ badDebt: end }))], [0n])
    })
  })

  describe('of several batches', () => {
    it('applies each to what the one before left, envelopes opened in between', async () => {
      const second = [
        { slot: 1, before: 0n, after: 0n },
        { slot: 2, before: 22n, after: 0n, envelope: WIDE },
        { slot: 4, before: 0n, after: 44n, envelope: WIDE },
      ]
      const narrow = { floors: WIDE.floors, ceilings: WIDE.ceilings.with(0, 5n) }
      const third = [
        { slot: 0, before: 0n, after: 7n },
        { slot: 2, before: 0n, after: 0n, envelope: narrow },
        { slot: 4, before: 44n, after: 45n, envelope: WIDE },
      ]
      const resolve = await resolution({ distress: [7n, 0n], inbox: [0n, 0n] })
      const receipt = await settlement.write('settle', [
        [
          sweepBatch(toSlot2()),
          sweepBatch(second, { openings: [{ slot: 4, ...WIDE }] }),
          sweepBatch(third, { openings: [{ slot: 2, ...narrow }] }),
          resolveBatch(resolve),
        ],
      ])
      assert.deepEqual(
        settlement.events(receipt).map(({ name }) => name),
        ['Swept', 'EnvelopeOpened', 'Swept', 'EnvelopeOpened', 'Swept', 'Resolved', 'Settled'],
      )
      assert.equal(settlement.events(receipt).at(-1)!.args.complete, true)
      assert.deepEqual(await settlement.read('heads'), [0n, 0n, 0n, 0n, 45n, 0n, 0n, 0n])
    })

    it('names the batch that fails, and keeps nothing of the others', async () => {
      const batches = [sweepBatch(toSlot2()), sweepBatch(toSlot2())]
      await refuses('InvalidProof', batches, [1n])
      await assert.rejects(settlement.write('settle', [batches]))
      assert.equal(await settlement.read('head', 1n), 2000n)
    })

    it('refuses to open an envelope that an earlier batch filled', async () => {
      const refill = sweepBatch(toSlot2(), { openings: [{ slot: 2, ...WIDE }] })
      await refuses('SlotNotEmpty', [sweepBatch(toSlot2()), refill], [2n])
    })
  })

  it("is the operator's alone", async () => {
    const batches = [sweepBatch(toSlot2())]
    await settlement.refuses('NotOperator', 'settle', [batches], [], chain.accounts[1])
    await settlement.refuses('NotOperator', 'openEnvelopes', [[]], [], chain.accounts[1])
  })

  it('refuses a circuit that does not exist', async () => {
    const data = settlement.encode('settle', [[{ ...sweepBatch(toSlot2()), circuit: 3 }]])
    assert.equal(await chain.revertData({ to: settlement.address, data }), '0x')
  })
})
