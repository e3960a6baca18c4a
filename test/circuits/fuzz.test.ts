import assert from 'node:assert/strict'
import { fuzzResolve, fuzzSweep } from '../fuzz/run.ts'
import { fuzzExit, fuzzTransact } from '../fuzz/transact.ts'
import { Random } from '../protocol/random.ts'

/** A short run of `npm run fuzz`. */
describe('fuzz: the circuits and the reference machine agree on random accounts', () => {
  it('resolve', async () => {
    const { all } = await fuzzResolve(new Random(20200312), 100)
    for (const kind of [
      'refresh',
      'drop',
      'liquidate, partial',
      'liquidate, closed as dust',
      'liquidate, closed as insufficient',
      'bad debt',
      'lies refused',
    ]) {
      assert.ok((all.get(kind) ?? 0) > 0, `no case of: ${kind}`)
    }
  })

  it('transact', async () => {
    const kinds = [
      'open, done',
      'topup, done',
      'topup, bounced',
      'withdraw, done',
      'trade, done',
      'unwind, done',
      'preferences, done',
      'rekey, done',
      'forced, done',
      'forced, discharged',
      'close, done',
      'close, discharged',
      'close: in part',
      'close: all of it',
      'close: NO_POSITION',
      'close: LIMIT_MISSED',
      'contraries refused',
      'a trade of what has no price',
      'withdraw: TARGET_TOO_LOW',
      'unwind: TRADE_NOT_SHRINKING',
      'a charge for concentration',
    ]
    const { all } = await fuzzTransact(new Random(1), 60, kinds)
    for (const kind of kinds) assert.ok((all.get(kind) ?? 0) > 0, `no case of: ${kind}`)
  })

  it('exit', async () => {
    const kinds = ['exits', 'negative equity']
    const { all } = await fuzzExit(new Random(3), 12, kinds)
    for (const kind of kinds) assert.ok((all.get(kind) ?? 0) > 0, `no case of: ${kind}`)
  })

  it('sweep', async () => {
    const { all } = await fuzzSweep(new Random(20200312), 200)
    for (const kind of [
      'into an envelope',
      'into distress or inbox',
      'a corner of 0',
      'inactive steps',
      'lies refused',
    ]) {
      assert.ok((all.get(kind) ?? 0) > 0, `no case of: ${kind}`)
    }
  })
})
