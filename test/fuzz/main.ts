import { parseArgs } from 'node:util'
import { Random } from '../protocol/random.ts'
import { fuzzResolve, fuzzSweep, type Counts } from './run.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    resolve: { type: 'string', default: '2000' },
    sweep: { type: 'string', default: '5000' },
  },
})

function print(circuit: string, { all }: Counts): void {
  console.log(`${circuit}: the circuit and the reference machine agree`)
  for (const [kind, count] of all) console.log(`${String(count).padStart(8)}  ${kind}`)
}

console.log(`seed ${values.seed}`)
print('resolve', await fuzzResolve(new Random(Number(values.seed)), Number(values.resolve)))
print('sweep', await fuzzSweep(new Random(Number(values.seed)), Number(values.sweep)))
