import { countConstraints } from '/work/wt/closing/test/support/circuit.ts'
import { PROFILES } from '/work/wt/closing/prover/profiles.ts'
for (const p of ['tiny', 'small', 'large'] as const) console.log(p, await countConstraints('transact', PROFILES[p]))
process.exit(0)
