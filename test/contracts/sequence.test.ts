import assert from 'node:assert/strict'

import { deployMarket, type Market, nextRound, sweepBatch, W } from './market.ts'
import { type Envelope, R, randomizer } from './mirror.ts'

const SLOTS = 8

describe('a random sequence of 400 rounds, openings and settlements', () => {
  it('keeps heads, envelopes, coverage and completeness as a mirror has them', async () => {
    const random = randomizer(777n)
    const pick = (end: number) => Number(random(BigInt(end)))
    const market: Market = await deployMarket()
    const { settlement } = market
    await settlement.write('genesis', [1n, 2n, [3n]])
    await nextRound(market)

    const heads = Array<bigint>(SLOTS).fill(0n).with(1, 2n)
    const envelopes = new Map<number, Envelope>()
    let marks = await market.rounds.read<bigint[][]>('marks')
    let completeTimes = 0
    let refusals = 0

    const near = (mark: bigint) => (mark === 0n ? 0n : mark - mark / 50n + random(mark / 25n))
    const isCovered = (slot: number) => {
      const envelope = envelopes.get(slot)
      if (slot < 2 || envelope === undefined) return false
      return marks.every((m, a) => m[1]! >= envelope.floors[a]! && m[2]! <= envelope.ceilings[a]!)
    }
    const isComplete = () => heads.every((head, slot) => head === 0n || isCovered(slot))
    const randomEnvelope = (): Envelope => ({
      floors: marks.map((m) => near(m[1]! - m[1]! / 40n)),
      ceilings: marks.map((m) => near(m[2]! + m[2]! / 40n)),
    })
    /** Strictly increasing, but for one time in eight. */
    const randomWindow = () => {
      const slots = Array.from({ length: SLOTS }, (_, slot) => slot)
      const window: number[] = []
      while (window.length < W) window.push(...slots.splice(pick(slots.length), 1))
      return pick(8) === 0 ? window : window.sort((a, b) => a - b)
    }

    for (let i = 0; i < 400; i++) {
      const kind = pick(10)
      if (kind === 0) {
        await nextRound(market, 194_61000000n + random(10_00000000n), 5_000_00000000n + random(200_00000000n))
        marks = await market.rounds.read('marks')
      } else if (kind <= 3) {
        const slot = pick(SLOTS + 1)
        const envelope = randomEnvelope()
        const args = [[{ slot, ...envelope }]]
        if (slot < 2 || slot >= SLOTS) {
          await settlement.refuses('SlotOutOfRange', 'openEnvelopes', args)
          refusals++
        } else if (heads[slot] !== 0n) {
          await settlement.refuses('SlotNotEmpty', 'openEnvelopes', args)
          refusals++
        } else {
          await settlement.write('openEnvelopes', args)
          envelopes.set(slot, envelope)
        }
      } else {
        const window = randomWindow()
        const slots = window.map((slot) => {
          const empty = slot < 2 ? pick(4) !== 0 : pick(3) === 0
          const after = empty ? 0n : 1n + random(R - 1n)
          return { slot, before: heads[slot]!, after, ...(envelopes.has(slot) && { envelope: envelopes.get(slot)! }) }
        })
        // The contract looks at one place after the other, at its order first.
        const faults = window.flatMap((slot, j) => {
          if (j > 0 && window[j - 1]! >= slot) return ['WindowNotIncreasing']
          return slot < 2 || envelopes.has(slot) ? [] : ['SlotNotOpened']
        })
        if (faults.length > 0) {
          const batch = { ...sweepBatch([]), window, values: Array<bigint>(W).fill(0n) }
          await settlement.refuses(faults[0]!, 'settle', [[batch]])
          refusals++
        } else {
          const receipt = await settlement.write('settle', [[sweepBatch(slots, { digest: random(R) })]])
          for (const { slot, after } of slots) heads[slot] = after
          assert.equal(settlement.events(receipt).at(-1)!.args.complete, isComplete())
        }
      }

      assert.deepEqual(await settlement.read('heads'), heads)
      assert.equal(await settlement.read('isComplete'), isComplete())
      if (isComplete()) completeTimes++
      const slot = pick(SLOTS)
      assert.equal(await settlement.read('isCovered', BigInt(slot)), isCovered(slot))
    }
    assert.ok(completeTimes > 20 && refusals > 50, `${completeTimes} complete, ${refusals} refused`)
  })
})
