import { importAccounts } from '../../book/import-accounts.ts'
import { accountLeaf } from '../../protocol/account.ts'
import { sequencerKey } from '../../protocol/keys.ts'
import { CASH_MARKS, MARK_NAMES, type Marks } from '../../protocol/marks.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import { System, type Transition } from '../../protocol/system.ts'
import { tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { type ProvenBatch, provenBatch } from '../support/proven-batches.ts'
import { startChain } from './chain.ts'
import { type Claim, claimsOf, tinyVerifiers } from './combined-claims.ts'
import { deployMarket, MIN_LIABILITY, nextRound } from './market.ts'

// Gas of checking several proofs, real ones of `tiny`, and of twelve batches in one transaction: `npm run bench:proofs`.

const SECRET = 987_654_321n
/** At the market's prices: breached, bankrupt, healthy, healthy. */
const BALANCES = [
  [-1_700_000_000n, 1_000_000_000n],
  [-2_500_000_000n, 1_000_000_000n],
  [100_000_000n, 500_000_000n],
  [75_000_000n],
]

const keys = await tinyKeysWithVerifiers()
const number = (value: bigint) => value.toLocaleString('en-US').padStart(10)
try {
  await ofProofs()
  await ofTransactions()
} finally {
  await proofs.close()
}

/** What the check alone takes. */
async function ofProofs(): Promise<void> {
  const chain = await startChain()
  const harness = await chain.contract('CombinedHarness')
  const claims = await claimsOf(keys, await tinyVerifiers(chain))
  const row = async (what: string, list: readonly Claim[]) => {
    const [together, apart] = await harness.read<[bigint, bigint]>('gasOf', list)
    console.log(`${what.padEnd(40)} ${number(together)} ${number(apart)}`)
  }
  console.log(`${'checking proofs'.padEnd(40)} ${'as one'.padStart(10)} ${'one by one'.padStart(10)}`)
  for (const n of [1, 2, 3, 12])
    await row(
      `${n} of one circuit`,
      Array.from({ length: n }, () => claims[0]!),
    )
  await row('2 of two circuits', [claims[0]!, claims[2]!])
  const circuits = [claims[0]!, ...claims.slice(2)]
  for (const n of [2, 3, 4, 5])
    await row(
      `12 of ${n} circuits`,
      Array.from({ length: 12 }, (_, i) => circuits[i % n]!),
    )
}

/** What a settlement takes, all included. */
async function ofTransactions(): Promise<void> {
  const market = await deployMarket({}, async (config, on) => {
    const verifier = async (name: string) =>
      (await on.contract(`contracts/generated/tiny/${name}Verifier.sol:${name}Verifier`)).address
    return {
      ...config,
      settlement: {
        ...config.settlement,
        sweepVerifiers: [await verifier('Sweep'), await verifier('Sweep2'), await verifier('Sweep3')],
        resolveVerifier: await verifier('Resolve'),
        transactVerifier: await verifier('Transact'),
        sequencerKey: sequencerKey(SECRET).publicKey,
      },
      escape: { ...config.escape, exitVerifier: await verifier('Exit') },
    }
  })
  const accounts = importAccounts(
    BALANCES.map((balances) => ({
      balances: [...balances, ...Array<bigint>(8 - balances.length).fill(0n)],
      weights: Array<number>(8).fill(8),
    })),
  )
  const domain = { chainId: 31337n, settlement: BigInt(market.settlement.address) }
  const system = System.genesis(keys.profile, 8, MIN_LIABILITY, accounts, [], { domain, secret: SECRET })
  await market.settlement.write('genesis', [system.ledger.root, system.ledger.heads[1], accounts.map(accountLeaf)])
  await nextRound(market)
  const words = await market.rounds.read<bigint[][]>('marks')
  const named = words.map((row) => Object.fromEntries(MARK_NAMES.map((name, i) => [name, row[i]!])))
  system.setMarks([CASH_MARKS, ...named] as unknown as Marks)
  const traded = system.ledger.marks!.slice(1)
  const envelope = {
    floors: traded.map(({ collateralValue }) => (97n * collateralValue) / 100n),
    ceilings: traded.map(({ liabilityValue }) => (103n * liabilityValue) / 100n),
  }
  for (const slot of [2, 3]) system.open({ slot, envelope })
  await market.settlement.write('openEnvelopes', [[2, 3].map((slot) => ({ slot, ...envelope }))])

  const validUntil = (await market.chain.now()) + 10_000n
  const moves = (from: number, to: number): Move[] => [
    { from, to },
    { from, to },
  ]
  const resolve = (count: number): Transition => system.resolve(count)
  const transact = (): Transition => system.transact([], validUntil)
  const report = async (what: string, steps: readonly (() => Transition)[]) => {
    const batches: ProvenBatch[] = []
    for (const step of steps) batches.push(await provenBatch(keys, step()))
    const snapshot = await market.chain.client.snapshot()
    let apart = 0n
    for (const batch of batches) apart += (await market.settlement.write('settle', [[batch]])).gasUsed
    await market.chain.client.revert({ id: snapshot })
    const { gasUsed } = await market.settlement.write('settle', [batches])
    console.log(`${what.padEnd(40)} ${number(gasUsed)} ${number(apart)}`)
  }
  console.log(`${'settling'.padEnd(40)} ${'one tx'.padStart(10)} ${'a tx each'.padStart(10)}`)
  const small = [1, 2, 3]
  const wide = [0, 1, 2, 3]
  await report('12 batches of five circuits', [
    () => system.sweep([0, 1, 2], moves(1, 2)),
    () => system.sweep([0, 1, 2], moves(1, 0)),
    () => resolve(2),
    () => system.sweep(small, moves(1, 3), 1),
    () => system.sweep(wide, moves(3, 2), 2),
    () => system.sweep(small, moves(2, 3)),
    () => system.sweep(small, moves(2, 3), 1),
    () => system.sweep(wide, moves(3, 2), 2),
    transact,
    () => resolve(0),
    () => system.sweep(small, moves(3, 2)),
    transact,
  ])
  const there = () => system.sweep(small, moves(2, 3))
  const back = () => system.sweep(small, moves(3, 2))
  await report('1 sweep', [there])
  await report(
    '12 sweeps of one circuit',
    Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? back : there)),
  )
}
