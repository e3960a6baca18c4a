import assert from 'node:assert/strict'

import { runSequences } from './ledger-model.ts'

// `npm run fuzz -- --ledger N` runs any number of them.
const SEQUENCES = 60
const OPERATIONS = 100

describe(`${SEQUENCES} random sequences of ${OPERATIONS} operations`, () => {
  it('keep custody equal to what everybody is owed, and end empty', async () => {
    const counts = await runSequences(1000n, SEQUENCES, 10, 2 * OPERATIONS - 10)
    // The rare cases happened too.
    for (const what of ['borrow', 'trade', 'unwind', 'liquidation', 'bad debt', 'checkpoint under water', 'conversion', 'collection', 'claim', 'refund', 'withdrawal']) {
      assert.ok((counts[what] ?? 0) > 3, `${what}: ${counts[what] ?? 0} of ${JSON.stringify(counts)}`)
    }
  })
})
