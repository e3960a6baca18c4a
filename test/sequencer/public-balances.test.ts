import assert from 'node:assert/strict'
import { Random } from '../../risk/random.ts'
import { blendUncertainty, demoMarks, secondAct } from '../support/second-act.ts'

const USD = 10n ** 6n
const COIN = 10n ** 8n
const balances = (...held: bigint[]) => [...held, ...Array<bigint>(8 - held.length).fill(0n)]

describe("what follows of balances from public terms in the demo's second act", () => {
  it('is everything, until an account first trades with another', () => {
    const { deposits, loan, trades, crash, blends } = secondAct()
    assert.equal(blends, 0)
    assert.deepEqual(deposits, { accounts: 4, known: 4, right: true })
    assert.deepEqual(loan, { accounts: 4, known: 4, right: true })
    assert.deepEqual(trades, { accounts: 4, known: 1, right: true })
    // Alice is liquidated, and known all the same.
    assert.deepEqual(crash, { accounts: 4, known: 1, right: true })
  })

  it('is the sum of two accounts after a blend, and of no account what it holds', () => {
    const random = new Random(7)
    const { loan, trades, crash, together, blends } = secondAct(() => random.uniform())
    assert.deepEqual(loan, { accounts: 5, known: 5, right: true })
    // Across and back a trade each: ETH, with a share of what is owed against it.
    assert.equal(blends, 2)
    assert.deepEqual([together.members, together.right], [2, true])
    assert.ok(together.sum !== undefined)
    assert.deepEqual([trades.known, crash.known, trades.right, crash.right], [0, 0, true, true])
  })

  it('and a blend leaves of how it is split six bits in a hundredth of the sum', () => {
    const marks = demoMarks([194n, 7_935n, 194n])
    const uncertain = (from: bigint[], to: bigint[], asset: number) => {
      const random = new Random(1)
      return blendUncertainty(from, to, asset, marks, () => random.uniform(), 4_000)
    }
    const saver = [balances(10_000n * USD, 10n * COIN), balances(100n * USD)] as const
    const borrower = [balances(-1_000n * USD, 10n * COIN), balances(100n * USD)] as const
    for (const [from, to, asset] of [
      [...saver, 0],
      [...saver, 1],
      [...borrower, 1],
    ] as const) {
      const { bits, width } = uncertain([...from], [...to], asset)
      assert.ok(bits > 5.5 && bits < Math.log2(100) && width > 0.65, `asset ${asset}: ${bits} bits, ${width}`)
    }
  })
})
