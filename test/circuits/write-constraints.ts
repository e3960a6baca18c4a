import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { PROFILES } from '../../prover/profiles.ts'
import { measureConstraints, profileCounts } from '../support/circuit-counts.ts'

// Rewrites the snapshot that constraints.test.ts holds the circuits to.
const SNAPSHOT = fileURLToPath(new URL('../../docs/constraints.json', import.meta.url))

const counts = { ...(await measureConstraints()), small: await profileCounts(PROFILES.small) }
await writeFile(SNAPSHOT, `${JSON.stringify(counts, null, 2)}\n`)
console.log(JSON.stringify(counts, null, 2))
