import assert from 'node:assert/strict'

import { builtEnvironment } from '../../chain/artifacts.ts'
import { fuzzLedger, ledgerMarket } from '../fuzz/ledger.ts'
import { Counts } from '../fuzz/run.ts'
import type { Contract } from './chain.ts'
import { Model } from './ledger-model.ts'

const SEQUENCES = 400

/** Kinds of operations and states that have to come up. */
const KINDS = [
  'borrow',
  'trade',
  'unwind',
  'take',
  'take at a discount',
  'several lots',
  'gift of a token',
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
  'other initial margin of 1',
  'other initial margin of 4',
  'other depth of 1',
  'other depth of 4',
] as const

describe(`${SEQUENCES} random sequences of operations or more`, () => {
  it('keep custody equal to what everybody is owed, and end empty', async () => {
    // Built once, not by every process.
    await builtEnvironment()
    const counts = new Counts()
    const seldom = () => KINDS.filter((kind) => (counts.all.get(kind) ?? 0) <= 4)
    let sequences = 0
    // The chain's seconds are partly those of the clock on the wall: how often each kind comes up differs.
    while (sequences < SEQUENCES || (seldom().length > 0 && sequences < 3 * SEQUENCES)) {
      const more = sequences === 0 ? SEQUENCES : SEQUENCES / 2
      for (const [kind, times] of (await fuzzLedger(1_000 + sequences, more)).all) counts.add(kind, true, times)
      sequences += more
    }
    assert.equal(counts.all.get('sequences'), sequences)
    assert.deepEqual(seldom(), [])
  })

  it('find a maintenance margin that follows the initial one by a single unit, or a penalty that does', async () => {
    const market = await ledgerMarket()
    const books = await market.chain.contract('Books', [market.vault.address])
    for (const [changed, asset] of [
      [1, 0],
      [2, 3],
      [3, 3],
      [5, 0],
    ] as const) {
      const id = await market.chain.client.snapshot()
      const model = new Model({ ...market, rounds: tampered(market.rounds, changed, asset) }, books, 7n)
      await assert.rejects(
        async () => {
          for (let k = 0; k < 40; k++) await model.round()
        },
        (error: Error) => error instanceof assert.AssertionError && /deep/i.test(error.message),
        `mark ${changed} of asset ${asset + 1}`,
      )
      await market.chain.client.revert({ id })
    }
  })
})

/** The contract as it would be if a mark of an asset were one more wherever its initial margin is not the target's. */
function tampered(rounds: Contract, changed: number, asset: number): Contract {
  const read = async (name: string, ...args: unknown[]) => {
    const answer = await rounds.read(name, ...args)
    if (name !== 'marks') return answer
    return (answer as bigint[][]).map((marks, i) =>
      i === asset && marks[9] !== marks[3] ? marks.map((mark, m) => (m === changed ? mark + 1n : mark)) : marks,
    )
  }
  return new Proxy(rounds, { get: (target, name) => (name === 'read' ? read : Reflect.get(target, name)) })
}
