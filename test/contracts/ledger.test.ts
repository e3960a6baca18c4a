import assert from 'node:assert/strict'

import { builtEnvironment } from '../../chain/artifacts.ts'
import { fuzzLedger } from '../fuzz/ledger.ts'

const SEQUENCES = 300

describe(`${SEQUENCES} random sequences of operations`, () => {
  it('keep custody equal to what everybody is owed, and end empty', async () => {
    // Built once, not by every process.
    await builtEnvironment()
    const { all } = await fuzzLedger(1000, SEQUENCES)
    assert.equal(all.get('sequences'), SEQUENCES)
    // The rare cases happened too.
    for (const kind of [
      'borrow',
      'trade',
      'unwind',
      'liquidation',
      'bad debt',
      'checkpoint under water',
      'conversion',
      'collection',
      'claim',
      'bounce',
      'refund',
      'withdrawal',
      'forced withdrawal',
      'redemption',
      'withdrawal that waits',
      'withdrawal in full after all',
      'debt',
      'repayment',
      'collection of a debt',
      'deposit taken back',
      'collapse',
      'other initial margin',
      'other depth',
    ]) {
      assert.ok((all.get(kind) ?? 0) > 4, `${kind}: ${all.get(kind) ?? 0}`)
    }
  })
})
