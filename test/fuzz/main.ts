import { parseArgs } from 'node:util'
import { builtEnvironment } from '../../chain/artifacts.ts'
import { runInvariants } from '../invariants/run.ts'
import { Random } from '../protocol/random.ts'
import { fuzzLedger } from './ledger.ts'
import { type Counts, fuzzResolve, fuzzSweep } from './run.ts'
import { fuzzExit, fuzzTransact } from './transact.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    resolve: { type: 'string', default: '2000' },
    sweep: { type: 'string', default: '5000' },
    transact: { type: 'string', default: '3000' },
    exit: { type: 'string', default: '300' },
    ledger: { type: 'string', default: '5000' },
    calls: { type: 'string', default: '1000000' },
  },
})

function print(what: string, { all }: Counts): void {
  console.log(`${what} agree`)
  for (const [kind, count] of all) console.log(`${String(count).padStart(8)}  ${kind}`)
}

console.log(`seed ${values.seed}`)
print(
  'resolve: the circuit and the reference machine',
  await fuzzResolve(new Random(Number(values.seed)), Number(values.resolve)),
)
print(
  'sweep: the circuit and the reference machine',
  await fuzzSweep(new Random(Number(values.seed)), Number(values.sweep)),
)
print(
  'transact: the circuit and the reference machine',
  await fuzzTransact(new Random(Number(values.seed)), Number(values.transact)),
)
print(
  'exit: the circuit and the reference machine',
  await fuzzExit(new Random(Number(values.seed)), Number(values.exit)),
)
// Built once, not by every process.
await builtEnvironment()
print('ledger: the contracts and the model', await fuzzLedger(1_000_000 * Number(values.seed), Number(values.ledger)))
print(
  'invariants: the contracts and the model',
  await runInvariants({ calls: Number(values.calls), seed: 1_000 * Number(values.seed) }),
)
