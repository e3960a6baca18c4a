import { buildEddsa, buildPoseidon, buildPoseidonOpt } from 'circomlibjs'
import { poseidon2, poseidon4, poseidon11 } from 'poseidon-lite'
import { importAccounts } from '../book/import-accounts.ts'
import { accountLeaves, NEUTRAL_WEIGHTS } from '../protocol/account.ts'
import type { Point } from '../protocol/curve.ts'
import { type BatchHash, poseidonBatch } from '../protocol/poseidon.ts'
import { stackHead } from '../protocol/stack.ts'
import { AccountTree } from '../protocol/tree.ts'
import { BatchHasher } from '../prover/kernel/batch-hasher.ts'
import type { KernelArity } from '../prover/kernel/hash-module.ts'
import { type Signature, verifySignature } from '../prover/kernel/signature.ts'
import { mulberry32, sampleAccounts } from '../risk/paths/sample-accounts.ts'

// Hashes and verifications a second on one core, the contestants in turns of a round each; ratios are round by round.

const ROUNDS = 7
const SECONDS_A_TURN = 0.25

/** Does `size` operations; the batch, and so the clock, costs them nothing. */
interface Contestant {
  readonly name: string
  readonly size: number
  run(): unknown
}

/** Operations a second. */
function rate({ size, run }: Contestant): number {
  const start = performance.now()
  let [done, seconds] = [0, 0]
  while (seconds < SECONDS_A_TURN) {
    run()
    done += size
    seconds = (performance.now() - start) / 1_000
  }
  return done / seconds
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** The first contestant against the others. */
function compare(title: string, contestants: readonly Contestant[]): void {
  for (const contestant of contestants) contestant.run()
  const rounds = Array.from({ length: ROUNDS }, () => contestants.map(rate))
  console.log(`\n${title}`)
  contestants.forEach(({ name }, i) => {
    const ratio = i === 0 ? '' : `${median(rounds.map((round) => round[0]! / round[i]!)).toFixed(1)} times slower`
    console.log(
      `${name.padEnd(40)}${Math.round(median(rounds.map((round) => round[i]!)))
        .toLocaleString('en-US')
        .padStart(10)} a second   ${ratio}`,
    )
  })
}

const random = mulberry32(1)
const element = () =>
  Array.from({ length: 15 }, () => BigInt(Math.floor(random() * 65_536))).reduce((sum, word) => (sum << 16n) | word)

const hasher = new BatchHasher()
const other = hasher.variant === 'fma' ? new BatchHasher('integer') : undefined
console.log(`one core; kernel variant ${hasher.variant}; median of ${ROUNDS} rounds`)

const optimized = await buildPoseidonOpt()
const compiled = await buildPoseidon()
const BATCH = 512
for (const [inputs, lite] of [
  [2, poseidon2],
  [4, poseidon4],
  [11, poseidon11],
] as const) {
  const lists = Array.from({ length: BATCH }, () => Array.from({ length: inputs }, element))
  const bytes = new Uint8Array(
    lists.flat().flatMap((value) => [...Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()]),
  )
  const own = compiled.F
  const elements = lists.map((list) => list.map((value) => own.e(value)))
  const expected = lists.map((list) => lite(list))
  const agrees = hasher
    .hashBatch(lists)
    .every((hash, i) => hash === expected[i] && own.toObject(compiled(elements[i]!)) === hash)
  if (!agrees) throw new Error('The hashes differ.')
  const kernel = (name: string, by: BatchHasher): Contestant => ({
    name,
    size: BATCH,
    run: () => by.hashWords(inputs as KernelArity, bytes),
  })
  compare(`Poseidon of ${inputs}`, [
    kernel('kernel, bytes', hasher),
    { name: 'kernel, bigints', size: BATCH, run: () => hasher.hashBatch(lists) },
    ...(other === undefined ? [] : [kernel('kernel, integer variant, bytes', other)]),
    { name: 'circomlibjs, WebAssembly', size: 64, run: () => elements.slice(0, 64).forEach((list) => compiled(list)) },
    { name: 'circomlibjs, optimized', size: 16, run: () => elements.slice(0, 16).forEach((list) => optimized(list)) },
    { name: 'poseidon-lite', size: 16, run: () => lists.slice(0, 16).forEach((list) => lite(list)) },
  ])
}

const eddsa = await buildEddsa()
const { F } = eddsa
const point = (values: readonly Uint8Array[]) => values.map((value) => F.toObject(value)) as unknown as Point
const signed = Array.from({ length: 64 }, (_, i) => {
  const key = Buffer.alloc(32, i + 1)
  const message = element()
  const signature = eddsa.signPoseidon(key, F.e(message))
  const A = eddsa.prv2pub(key)
  return {
    message: F.e(message),
    signature,
    A,
    own: { message, R8: point(signature.R8), S: signature.S, A: point(A) } satisfies Signature,
  }
})
const signatures = signed.map(({ own }) => own)
for (const each of [hasher, other])
  if (each?.verifyBatch(signatures).includes(false)) throw new Error('A signature does not verify.')
compare('EdDSA-Poseidon verification', [
  { name: 'kernel', size: 64, run: () => hasher.verifyBatch(signatures) },
  ...(other === undefined
    ? []
    : [{ name: 'kernel, integer variant', size: 64, run: () => other.verifyBatch(signatures) }]),
  {
    name: 'circomlibjs',
    size: 2,
    run: () => signed.slice(0, 2).forEach(({ message, signature, A }) => eddsa.verifyPoseidon(message, signature, A)),
  },
  { name: 'plain integers, without the kernel', size: 2, run: () => signatures.slice(0, 2).forEach(verifySignature) },
])

const accounts = importAccounts(
  sampleAccounts(1, 500, [{ price: 200, decimals: 8 }]).map(({ balances }) => ({ balances, weights: NEUTRAL_WEIGHTS })),
)
const commit = (hashBatch: BatchHash): string => {
  const leaves = accountLeaves(accounts, hashBatch)
  return String([new AccountTree(10, leaves, hashBatch).root, stackHead(leaves, hashBatch)])
}
const byKernel: BatchHash = (lists) => hasher.hashBatch(lists)
if (commit(byKernel) !== commit(poseidonBatch)) throw new Error('The trees differ.')
compare('Accounts: leaf, tree and stack', [
  { name: 'kernel', size: accounts.length, run: () => commit(byKernel) },
  { name: 'poseidon-lite', size: accounts.length, run: () => commit(poseidonBatch) },
])
process.exit()
