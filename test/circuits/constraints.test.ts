import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { sweepConstraints } from '../../protocol/sweep-constraints.ts'
import { PROFILES, type Profile, SWEEPS } from '../../prover/profiles.ts'
import { countConstraints } from '../support/circuit.ts'
import { type ConstraintCounts, tinyCounts } from '../support/circuit-counts.ts'

/** Constraints a step, at a window of 6 and a depth of 8 (docs/constraints.json). */
const BUDGET = { sweep: 1250, resolve: 11_000, transact: 13_000 }

describe('constraints', () => {
  let { step, tiny, small } = {} as ConstraintCounts & { small: ConstraintCounts['tiny'] }

  before(async () => {
    const snapshot = await readFile(new URL('../../docs/constraints.json', import.meta.url), 'utf8')
    ;({ step, tiny, small } = JSON.parse(snapshot))
  })

  it('are those of docs/constraints.json', async () => {
    assert.deepEqual(
      await tinyCounts(),
      tiny,
      'npm run constraints takes them over, those of a step and of small with them',
    )
  })

  it('of a step stay within the budget', () => {
    for (const circuit of ['sweep', 'resolve', 'transact'] as const)
      assert.ok(step[circuit] <= BUDGET[circuit], `${step[circuit]} for a ${circuit} step`)
  })

  it('of a sweep are what the planner counts', async () => {
    for (const [i, circuit] of SWEEPS.entries()) {
      assert.equal(sweepConstraints(PROFILES.tiny.sweeps[i]!), tiny[circuit])
      assert.equal(sweepConstraints(PROFILES.small.sweeps[i]!), small[circuit])
      for (const { name, sweeps } of Object.values(PROFILES))
        assert.ok(sweepConstraints(sweeps[i]!) < 2 ** 17 - 4, `${circuit} of ${name}`)
    }
    const [one, two] = [1, 2].map((steps) => sweepConstraints({ steps, window: 6 }))
    assert.equal(two! - one!, step.sweep)
    const rung = { steps: 1, window: 12 }
    const profile: Profile = { ...PROFILES.tiny, sweeps: [rung, rung, rung] }
    assert.equal(await countConstraints('sweep', profile), sweepConstraints(rung))
  })
})
