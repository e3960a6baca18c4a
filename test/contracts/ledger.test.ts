import assert from 'node:assert/strict'

import { builtEnvironment } from '../../chain/artifacts.ts'
import { fuzzLedger, ledgerMarket } from '../fuzz/ledger.ts'
import type { Contract } from './chain.ts'
import { Model } from './ledger-model.ts'

const SEQUENCES = 400

describe(`${SEQUENCES} random sequences of operations`, () => {
  it('keep custody equal to what everybody is owed, and end empty', async () => {
    // Built once, not by every process.
    await builtEnvironment()
    const { all } = await fuzzLedger(1000, SEQUENCES)
    assert.equal(all.get('sequences'), SEQUENCES)
    // The rare cases happened too.
    const kinds = [
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
    ]
    const few = kinds.filter((kind) => (all.get(kind) ?? 0) <= 4).map((kind) => `${kind}: ${all.get(kind) ?? 0}`)
    assert.deepEqual(few, [])
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
