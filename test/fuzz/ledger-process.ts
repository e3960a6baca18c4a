import { runSequences } from './ledger.ts'

// Run by `fuzzLedger`: the first seed and the number of sequences.

const [first, count] = process.argv.slice(2).map(Number)
const { all } = await runSequences(first!, count!)
process.send!([...all], () => process.exit())
