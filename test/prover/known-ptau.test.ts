import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { powersOfTau } from 'snarkjs'
import { writeKnownPtau } from '../../bench/known-ptau.ts'
import { closeCurve } from '../../prover/curve.ts'
import { readSections } from '../support/zkey-surgery.ts'

describe('powers of tau from known secrets', () => {
  it('are those that snarkjs prepares', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    const power = 4
    const path = (name: string): string => join(directory, name)
    await writeKnownPtau(path('known'), Array(power + 1).keys(), { tau: 3n ** 99n, alpha: 5n, beta: 7n })
    await powersOfTau.preparePhase2(path('known'), path('prepared'))
    await closeCurve()
    const [known, prepared] = await Promise.all([readSections(path('known')), readSections(path('prepared'))])
    for (const [section, bytes] of prepared) {
      assert.ok(known.get(section)!.equals(bytes), `section ${section}`)
    }
    await rm(directory, { recursive: true })
  })
})
