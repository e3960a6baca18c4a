import assert from 'node:assert/strict'
import { decoysOfDemo, placementOfDemo } from '../support/demo-privacy.ts'

describe("who is where on the demo's day, from public data", () => {
  let without: ReturnType<typeof placementOfDemo>

  it('is told by heads as they are, and neither by blinded heads nor by the windows', () => {
    without = placementOfDemo(crypto.getRandomValues(new Uint8Array(32)))
    const told = JSON.stringify(without)
    // The attack works, every time that it is tried, on what the chain had before heads were blinded; and never on blinded ones.
    assert.ok(without.tried > without.moves / 4, told)
    assert.deepEqual([without.byHeads, without.byBlindedHeads], [without.tried, 0])
    assert.ok(without.certain === 0 && without.bits / without.moves > 2, told)
  })

  it('and who was liquidated is told by decoys of a resolve from case to case only', () => {
    const day = decoysOfDemo(new Uint8Array(32).fill(1), 1 / 8)
    const told = JSON.stringify({ without, day })
    assert.equal(day.wrong, 0, told)
    // All resolves but those that liquidations fill have a decoy.
    assert.deepEqual([day.trading, day.liquidated, day.decoys], [13, 27, 12], told)
    assert.ok(day.certain === 0 && day.bits / day.moves > 2, told)
    // Without decoys whoever was written was liquidated: 13 of 13. With them a pick is as good as blind but for the few that are known.
    assert.ok(day.blindPicks < 0.7 * day.trading && day.bestPicks < 0.8 * day.trading, told)
    assert.ok(day.surelyLiquidated < day.liquidated / 3, told)
    // What they cost.
    assert.ok(day.alone > 5 && day.alone < 20 && day.sweeps < 2.5 * without.sweeps, told)
  })
})
