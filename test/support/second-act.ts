import type { Balances } from '../../protocol/health.ts'
import { assetMarks, fillMarks, type Marks, priceMarkDown } from '../../protocol/marks.ts'
import type { Operation, Trade } from '../../protocol/operation.ts'
import { System } from '../../protocol/system.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { afterTrade, planBlend } from '../../sdk/blend-plan.ts'
import type { TradeTerms } from '../../sdk/owner-wallet.ts'
import { completeRound } from '../../sequencer/planner/complete-round.ts'
import { EXPIRY, ownerKey, RECIPIENT, SEQUENCER, SIGNING, UNSIGNED, VALID_UNTIL } from './circuit-owners.ts'
import { PublicBalances } from './public-balances.ts'

const USD = 10n ** 6n
const COIN = 10n ** 8n
const MIN_LIABILITY = 50n * USD
const [ALICE, BOB, CAROL, DAVE, SECOND] = [0, 1, 2, 3, 4] as const

/** Marks of the second act of the demo at prices in dollars: ETH, BTC and the perpetual on ETH. */
export function demoMarks(prices: readonly bigint[]): Marks {
  const factors = {
    collateralFactor: 8_500n,
    liabilityFactor: 11_500n,
    targetCollateralFactor: 8_000n,
    targetLiabilityFactor: 12_000n,
    penalty: 200n,
  }
  const depths = [40_000n, 2_500n, 40_000n]
  return fillMarks(
    prices.map((price, i) =>
      assetMarks(priceMarkDown(price, 0, 6, 8), { ...factors, depth: depths[i]! * COIN }, `asset ${i + 1}`),
    ),
  )
}

/** Of how many accounts an observer has all balances exactly, and whether what it has is right. */
export interface Known {
  readonly accounts: number
  readonly known: number
  readonly right: boolean
}

/**
 * What an observer adds up in the demo's second act, on the reference machine: after the deposits, the loan, the trades and the crash.
 * @param random of a blend of Alice's with a second account, after the loan; there is none where it is left out
 */
export function secondAct(random?: () => number) {
  const system = System.empty(PROFILES.small, 16, MIN_LIABILITY, SIGNING, SEQUENCER.secret)
  const observer = new PublicBalances(MIN_LIABILITY)
  let marks = demoMarks([194n, 7_935n, 194n])
  const round = () => {
    system.setMarks(marks)
    for (const { transition } of completeRound(system)) observer.see(transition.batch, marks)
  }
  const carryOut = (...operations: Operation[]) => {
    const { batch } = system.transact(operations, VALID_UNTIL, () => true)
    observer.see(batch, marks)
  }
  const signed = (index: number) => ({
    index,
    version: system.accounts.at(index)!.version,
    expiry: EXPIRY,
    signature: UNSIGNED,
  })
  let link = 0n
  const trade = (first: number, second: number, terms: TradeTerms) => {
    link++
    const half = (index: number, direction: 0 | 1): Trade => ({
      kind: 'trade',
      ...signed(index),
      ...terms,
      direction,
      link,
    })
    carryOut(half(first, terms.direction), half(second, terms.direction === 1 ? 0 : 1))
  }
  const open = (index: number, asset: number, amount: bigint): void =>
    carryOut({ kind: 'open', depositId: index, index, publicKey: ownerKey(index).publicKey, asset, amount })
  const balancesOf = (index: number): Balances => system.accounts.at(index)!.balances
  const known = (): Known => {
    const seen = system.accounts.map(({ index }) => observer.of(index))
    const right = seen.every(
      (balances, index) => balances === undefined || String(balances) === String(balancesOf(index)),
    )
    return { accounts: seen.length, known: seen.filter((balances) => balances !== undefined).length, right }
  }
  system.setMarks(marks)
  open(ALICE, 1, 10n * COIN)
  open(BOB, 0, 5_000n * USD)
  open(CAROL, 1, 2n * COIN)
  open(DAVE, 0, 2_000n * USD)
  if (random !== undefined) open(SECOND, 0, 100n * USD)
  round()
  const deposits = known()
  carryOut({ kind: 'withdraw', ...signed(ALICE), asset: 0, amount: 1_000n * USD, recipient: RECIPIENT })
  round()
  const loan = known()
  let blends = 0
  if (random !== undefined)
    for (const [from, to] of [
      [ALICE, SECOND],
      [SECOND, ALICE],
    ] as const)
      for (const terms of planBlend(balancesOf(from), balancesOf(to), marks, random)) {
        trade(from, to, terms)
        blends++
      }
  const group = observer.group(ALICE)!
  const truth = group.members.map(balancesOf).reduce((sum, balances) => sum.map((amount, a) => amount + balances[a]!))
  const together = { members: group.members.length, sum: group.sum, right: String(group.sum) === String(truth) }
  trade(CAROL, BOB, { asset: 1, direction: 0, x: COIN, y: 194n * USD })
  trade(CAROL, DAVE, { asset: 3, direction: 1, x: COIN, y: 194n * USD })
  const trades = known()
  marks = demoMarks([110n, 5_000n, 110n])
  round()
  return { deposits, loan, blends, together, trades, crash: known() }
}

/**
 * Uncertainty, for who knows the rule and all balances before, about how a blend leaves an amount split: Shannon entropy in bits over a
 * hundred equal shares of the sum, of which 6.64 is all there is, and the width of the middle nine tenths as a share of the sum.
 */
export function blendUncertainty(
  from: Balances,
  to: Balances,
  asset: number,
  marks: Marks,
  random: () => number,
  runs: number,
) {
  const total = from[asset]! + to[asset]!
  const shares = Array.from({ length: runs }, () => {
    let [mine, theirs] = [[...from], [...to]]
    for (const terms of planBlend(mine, theirs, marks, random))
      [mine, theirs] = [afterTrade(mine, terms, 1n), afterTrade(theirs, terms, -1n)]
    for (const terms of planBlend(theirs, mine, marks, random))
      [theirs, mine] = [afterTrade(theirs, terms, 1n), afterTrade(mine, terms, -1n)]
    return Number((mine[asset]! * 1_000_000n) / total) / 1_000_000
  }).sort((a, b) => a - b)
  const counts = new Map<number, number>()
  for (const share of shares) {
    const bin = Math.floor(share * 100)
    counts.set(bin, (counts.get(bin) ?? 0) + 1)
  }
  const bits = [...counts.values()].reduce((sum, count) => sum - (count / runs) * Math.log2(count / runs), 0)
  return { bits, width: shares[Math.floor(0.95 * runs)]! - shares[Math.floor(0.05 * runs)]! }
}
