import { ASSETS } from '../protocol/constants.ts'
import { health } from '../protocol/health.ts'
import { assetMarks, fillMarks, type Marks, priceMarkDown } from '../protocol/marks.ts'
import { AccountTable, scanBreached } from '../protocol/scan.ts'
import { sampleAccounts } from '../risk/paths/sample-accounts.ts'

const ACCOUNTS = 1_000_000
const SAMPLE = 50_000
const RUNS = 15
const PARAMETERS = {
  collateralFactor: 8_500n,
  liabilityFactor: 11_500n,
  targetCollateralFactor: 8_000n,
  targetLiabilityFactor: 12_000n,
  penalty: 200n,
  depth: 0n,
}
const PRICES = [200, 8_000, 15, 0.25, 1, 60, 3]

/** Marks with every price at `permille` of the sample's. */
function marksAt(permille: number): Marks {
  return fillMarks(
    PRICES.map((price, a) =>
      assetMarks(priceMarkDown(BigInt(Math.round(price * permille * 1000)), 6, 6, 8), PARAMETERS, `asset ${a + 1}`),
    ),
  )
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}

function milliseconds(run: () => void): number {
  const start = performance.now()
  run()
  return performance.now() - start
}

const accounts = sampleAccounts(
  1,
  ACCOUNTS,
  PRICES.map((price) => ({ price, decimals: 8 })),
).map((account) => account.balances)
const table = new AccountTable(ACCOUNTS)
accounts.forEach((balances, i) => table.set(i, balances))
const sample = accounts.slice(0, SAMPLE)

console.log(
  `${ACCOUNTS} accounts of ${ASSETS} assets, one core, median of ${RUNS} runs; naive: exact bigint health of ${SAMPLE} accounts, scaled`,
)
console.log('prices    breached    exact    scan ms    naive ms    ratio')
for (const permille of [1000, 950, 800, 500]) {
  const marks = marksAt(permille)
  let result = scanBreached(table, marks)
  const scan = median(Array.from({ length: RUNS }, () => milliseconds(() => (result = scanBreached(table, marks)))))
  let naiveFound = 0
  const naive =
    (median(
      Array.from({ length: 3 }, () =>
        milliseconds(() => (naiveFound = sample.filter((balances) => health(balances, marks) < 0n).length)),
      ),
    ) *
      ACCOUNTS) /
    SAMPLE
  const scanFound = result.breached.findIndex((i) => i >= SAMPLE)
  if (naiveFound !== (scanFound < 0 ? result.breached.length : scanFound))
    throw new Error('the scan differs from the exact one')
  const column = (text: string | number, width: number) => String(text).padStart(width)
  console.log(
    `${column(`${permille / 10} %`, 6)}  ${column(result.breached.length, 10)}  ${column(result.exact, 7)}  ${column(scan.toFixed(1), 9)}  ${column(naive.toFixed(0), 10)}  ${column((naive / scan).toFixed(0), 7)}`,
  )
}
