/**
 * Fits the planner's constants to the shipped history and prints sequencer/planner/expiry-rates.ts:
 *   npm run --silent risk:planner > sequencer/planner/expiry-rates.ts
 * With `--table` it prints what was counted beside what the constants make of it.
 */
import { parseArgs } from 'node:util'
import { textTable } from '../lib/text-table.ts'
import { countExpiries, fitExpiryRates, printExpiryRates } from '../risk/experiments/expiry-rates.ts'

const { values } = parseArgs({ options: { table: { type: 'boolean', default: false } } })
const counts = countExpiries()
const rates = fitExpiryRates(counts)
if (!values.table) process.stdout.write(printExpiryRates(rates))
else {
  const { near, oneWay, bothWays } = rates
  const rows = counts.counted.map(({ level, oneWay: one, bothWays: both, more }) => [
    `${(100 * level).toFixed(2)} %`,
    one.toFixed(2),
    (oneWay / (level + near)).toFixed(2),
    both.toFixed(2),
    (bothWays / (level + near) ** 2).toFixed(2),
    more.toFixed(2),
  ])
  console.log(
    textTable(['distance', 'one side', 'formula', 'both', 'formula', 'an asset more'], rows, [0, 1, 2, 3, 4, 5]),
  )
}
