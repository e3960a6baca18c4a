import assert from 'node:assert/strict'
import { CONCENTRATION_DEFAULT } from '../../protocol/concentration.ts'
import { concentrationRun } from '../../risk/experiments/concentration.ts'

/** Figures of docs/risk.md#what-concentration-costs. */
describe('the backstop and one owner of much', () => {
  const run = (share: number, accounts: number, factor: bigint) => concentrationRun({ share, accounts, factor })
  const rounded = (share: number) => Number((100 * share).toFixed(1))

  it('loses ever more of the position without a charge, however large it is', () => {
    const runs = [0.01, 0.1, 0.4].map((share) => run(share, 1, 0n))
    assert.deepEqual(
      runs.map(({ equity, loss }) => [rounded(equity), rounded(loss)]),
      [
        [20, 11.4],
        [20, 13.4],
        [20, 22.3],
      ],
    )
  })

  it('loses nothing by one account of a fifth of the depth, and less than without the charge by any', () => {
    const runs = [0.01, 0.1, 0.2].map((share) => run(share, 1, CONCENTRATION_DEFAULT))
    assert.deepEqual(
      runs.map(({ equity, loss }) => [rounded(equity), rounded(loss)]),
      [
        [21.5, 9.9],
        [35, 0.7],
        [50, 0],
      ],
    )
  })

  it('is hardly helped where the same is split over a hundred: the charge bounds an account, not an owner', () => {
    const [split, free] = [run(0.4, 100, CONCENTRATION_DEFAULT), run(0.4, 1, 0n)]
    assert.deepEqual([rounded(split.equity), rounded(split.loss)], [20.6, 21.7])
    assert.ok(split.amount > 0.97 * free.amount)
  })
})
