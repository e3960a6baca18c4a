import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { countConstraints } from '../support/circuit.ts'
import { type ConstraintCounts, measureConstraints } from '../support/circuit-counts.ts'

/** Constraints a step, at a window of 6 and a depth of 8 (docs/constraints.json). */
const BUDGET = { sweep: 1250, resolve: 11_000, transact: 13_000 }

describe('constraints', () => {
  let measured: ConstraintCounts

  before(async () => {
    measured = await measureConstraints()
  })

  it('of a step stay within the budget', () => {
    for (const circuit of ['sweep', 'resolve', 'transact'] as const) {
      assert.ok(measured.step[circuit] <= BUDGET[circuit], `${measured.step[circuit]} for a ${circuit} step`)
    }
  })

  it('of a sweep are what the planner counts', async () => {
    const { step, small } = JSON.parse(
      await readFile(new URL('../../docs/constraints.json', import.meta.url), 'utf8'),
    ) as ConstraintCounts & { small: ConstraintCounts['tiny'] }
    assert.equal(sweepConstraints(PROFILES.tiny.sweep), measured.tiny.sweep)
    assert.equal(sweepConstraints(PROFILES.small.sweep), small.sweep)
    const [one, two] = [1, 2].map((steps) => sweepConstraints({ steps, window: 6 }))
    assert.equal(two! - one!, step.sweep)
    for (const window of [4, 12]) {
      const sweep = { steps: 2, window }
      const profile = { ...PROFILES.tiny, sweep }
      assert.equal(await countConstraints('sweep', profile), sweepConstraints(sweep), `window ${window}`)
    }
  })

  it('are those of docs/constraints.json', async () => {
    const { step, tiny } = JSON.parse(
      await readFile(new URL('../../docs/constraints.json', import.meta.url), 'utf8'),
    ) as ConstraintCounts
    assert.deepEqual(measured, { step, tiny }, 'npm run constraints takes them over')
  })
})
