import { CONCENTRATION_DEFAULT } from '../protocol/concentration.ts'
import { concentrationRun, DEPTH, PRICE } from '../risk/experiments/concentration.ts'

const SHARES = [0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6]
const COLUMNS = [
  { name: 'not charged', accounts: 1, factor: 0n },
  { name: 'one account', accounts: 1, factor: CONCENTRATION_DEFAULT },
  { name: 'a hundred', accounts: 100, factor: CONCENTRATION_DEFAULT },
]
const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const millions = (amount: number) => `${(amount / 1e6).toFixed(2)} M`

console.log(
  `One owner's position at the most debt that initial margins allow; ${PRICE} USD, depth ${DEPTH} ETH, maintenance 15, target and initial 20 points, penalty 2 %; worst fall up to 30 %`,
)
console.log(
  "Of each: the owner's equity and the backstop's worst loss, both over the position; the loss in USD; the fall",
)
for (const share of SHARES) {
  const cells = COLUMNS.map(({ name, ...column }) => {
    const { equity, loss, amount, worstFall } = concentrationRun({ share, ...column })
    return `${name}: ${percent(equity)}, ${percent(loss)}, ${millions(amount)} at ${percent(worstFall)}`
  })
  console.log(`${percent(share).padStart(8)} of the depth | ${cells.join(' | ')}`)
}
