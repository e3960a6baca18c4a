import assert from 'node:assert/strict'

import { deployMarket, type Market, nextRound, sweepBatch, WIDE } from './market.ts'
import type { Envelope } from './mirror.ts'

describe('envelopes', () => {
  let market: Market

  beforeEach(async () => {
    market = await deployMarket()
    await market.settlement.write('genesis', [1n, 2n, [3n]])
  })

  const open = (slot: number, envelope: Envelope) => market.settlement.write('openEnvelopes', [[{ slot, ...envelope }]])

  /** From the inbox to the slot. */
  const fill = (slot: number, envelope: Envelope) =>
    market.settlement.write('settle', [
      [
        sweepBatch([
          { slot: 0, before: 0n, after: 0n },
          { slot: 1, before: 2n, after: 0n },
          { slot, before: 0n, after: 9n, envelope },
        ]),
      ],
    ])

  it('are kept bound by bound', async () => {
    const { settlement } = market
    const floors = [1n, 2n, 3n, (1n << 64n) - 1n, 5n, 6n, 7n]
    const ceilings = floors.map((floor) => (1n << 64n) - floor)
    assert.deepEqual(await settlement.read('envelope', 7n), [false, Array(7).fill(0n), Array(7).fill(0n)])
    const receipt = await open(7, { floors, ceilings })
    assert.deepEqual(settlement.events(receipt), [{ name: 'EnvelopeOpened', args: { slot: 7n, floors, ceilings } }])
    assert.deepEqual(await settlement.read('envelope', 7n), [true, floors, ceilings])
    assert.deepEqual(await settlement.read('envelope', 6n), [false, Array(7).fill(0n), Array(7).fill(0n)])
  })

  it('may be redefined while the stack is empty, and not while it is not', async () => {
    const { settlement } = market
    await open(2, WIDE)
    const narrow = { floors: WIDE.floors, ceilings: WIDE.ceilings.with(0, 5n) }
    await open(2, narrow)
    assert.deepEqual(await settlement.read('envelope', 2n), [true, narrow.floors, narrow.ceilings])
    await fill(2, narrow)
    await settlement.refuses('SlotNotEmpty', 'openEnvelopes', [[{ slot: 2, ...WIDE }]], [2n])
    await settlement.refuses(
      'SlotNotEmpty',
      'openEnvelopes',
      [
        [
          { slot: 3, ...WIDE },
          { slot: 2, ...narrow },
        ],
      ],
      [2n],
    )
  })

  it('exist for slots 2 and up only', async () => {
    const { settlement } = market
    for (const slot of [0, 1, 8, 255]) {
      await settlement.refuses('SlotOutOfRange', 'openEnvelopes', [[{ slot, ...WIDE }]], [BigInt(slot)])
    }
    for (const slot of [0n, 1n, 8n]) await settlement.refuses('SlotOutOfRange', 'envelope', [slot], [slot])
    await settlement.refuses('SlotOutOfRange', 'head', [8n], [8n])
  })

  it('have no bound of 2^64', async () => {
    const { settlement, chain } = market
    for (const marker of [0x1234567n, 0x7654321n]) {
      const envelope = { floors: WIDE.floors.with(3, 0x1234567n), ceilings: WIDE.ceilings.with(6, 0x7654321n) }
      const fair = settlement.encode('openEnvelopes', [[{ slot: 2, ...envelope }]])
      const word = (value: bigint) => value.toString(16).padStart(64, '0')
      const changed = (value: bigint) => fair.replace(word(marker), word(value)) as `0x${string}`
      assert.equal(await chain.revertData({ to: settlement.address, data: changed(1n << 64n) }), '0x')
      assert.equal(await chain.revertData({ to: settlement.address, data: changed((1n << 64n) + marker) }), '0x')
      await chain.send({ to: settlement.address, data: changed((1n << 64n) - 1n) })
    }
  })

  it('cover exactly the marks within their bounds', async () => {
    const { settlement } = market
    assert.equal(await settlement.read('isCovered', 2n), false)
    await open(2, WIDE)
    assert.equal(await settlement.read('isCovered', 2n), false, 'no round yet')
    await nextRound(market)
    const marks = await market.rounds.read<bigint[][]>('marks')
    const tight = { floors: marks.map((m) => m[1]!), ceilings: marks.map((m) => m[2]!) }
    const cases: [Envelope, boolean][] = [
      [WIDE, true],
      [tight, true],
    ]
    for (let asset = 0; asset < 7; asset++) {
      cases.push([{ ...tight, floors: tight.floors.with(asset, tight.floors[asset]! + 1n) }, false])
      if (asset < 2)
        cases.push([{ ...tight, ceilings: tight.ceilings.with(asset, tight.ceilings[asset]! - 1n) }, false])
    }
    for (const [envelope, covered] of cases) {
      await open(2, envelope)
      assert.equal(await settlement.read('isCovered', 2n), covered)
    }
    for (const slot of [0n, 1n, 3n, 8n, 1n << 64n]) assert.equal(await settlement.read('isCovered', slot), false)
  })

  it('leave the system complete until a price leaves one that is not empty', async () => {
    const { settlement } = market
    await nextRound(market)
    assert.equal(await settlement.read('isComplete'), false, 'the inbox is full')
    const marks = await market.rounds.read<bigint[][]>('marks')
    const tight = { floors: marks.map((m) => m[1]!), ceilings: marks.map((m) => m[2]!) }
    await open(2, tight)
    await open(3, { ...tight, floors: tight.floors.with(0, tight.floors[0]! + 1n) })
    await fill(2, tight)
    assert.equal(await settlement.read('isComplete'), true, 'slot 3 is not covered, but empty')
    await nextRound(market, 194_60000000n)
    assert.equal(await settlement.read('isComplete'), false)
    await nextRound(market, 194_62000000n)
    assert.equal(await settlement.read('isComplete'), false)
    await nextRound(market)
    assert.equal(await settlement.read('isComplete'), true)
  })
})
