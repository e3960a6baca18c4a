import { parseArgs } from 'node:util'
import { runSequences } from '../contracts/ledger-model.ts'
import { Random } from '../protocol/random.ts'
import { fuzzResolve, fuzzSweep, type Counts } from './run.ts'
import { fuzzExit, fuzzTransact } from './transact.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    resolve: { type: 'string', default: '2000' },
    sweep: { type: 'string', default: '5000' },
    transact: { type: 'string', default: '3000' },
    exit: { type: 'string', default: '300' },
    ledger: { type: 'string', default: '2000' },
  },
})

function print(circuit: string, { all }: Counts): void {
  console.log(`${circuit}: the circuit and the reference machine agree`)
  for (const [kind, count] of all) console.log(`${String(count).padStart(8)}  ${kind}`)
}

console.log(`seed ${values.seed}`)
print('resolve', await fuzzResolve(new Random(Number(values.seed)), Number(values.resolve)))
print('sweep', await fuzzSweep(new Random(Number(values.seed)), Number(values.sweep)))
print('transact', await fuzzTransact(new Random(Number(values.seed)), Number(values.transact)))
print('exit', await fuzzExit(new Random(Number(values.seed)), Number(values.exit)))

console.log('ledger: the contracts and the model agree, and each sequence ends empty')
for (const [what, count] of Object.entries(await runSequences(BigInt(values.seed), Number(values.ledger), 10, 190))) console.log(`${String(count).padStart(8)}  ${what}`)
