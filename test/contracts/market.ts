import type { TransactionReceipt } from 'viem'

import { type Chain, type Contract, startChain } from './chain.ts'
import { type Envelope, type Parameters, signals, sweepVector } from './mirror.ts'

// A settlement over stub verifiers: ETH at 194.61 and BTC at 5,000, two of seven assets.

export const W = 3
export const SWEEP_STEPS = 4n
export const RESOLVE_STEPS = 2
export const MIN_LIABILITY = 50_000_000n

export const ETH: Parameters = {
  collateralFactor: 8500,
  liabilityFactor: 11500,
  targetCollateralFactor: 8000,
  targetLiabilityFactor: 12000,
  penalty: 200,
  depth: 25_000_000_000_000n,
}
export const BTC: Parameters = { ...ETH, collateralFactor: 9000, depth: 1_000_000_000_000n }

export const TIMES = {
  provingTime: 60,
  roundMin: 300,
  roundShort: 30,
  maxAge: 900,
  grace: 86_400,
  parameterDelay: 3600,
}
const HEARTBEAT = 3600

/** An envelope that covers every price. */
export const WIDE: Envelope = {
  floors: Array<bigint>(7).fill(0n),
  ceilings: Array<bigint>(7).fill((1n << 64n) - 1n),
}

export interface Market {
  chain: Chain
  eth: Contract
  btc: Contract
  sweepVerifier: Contract
  resolveVerifier: Contract
  settlement: Contract
  config: Record<string, unknown>
  assets: Record<string, unknown>[]
}

/** Feeds, stub verifiers and a settlement of both assets. */
export async function deployMarket(): Promise<Market> {
  const parts = await deployParts()
  return { ...parts, settlement: await parts.chain.contract('Settlement', [parts.config, parts.assets]) }
}

/** All but the settlement itself. */
export async function deployParts(): Promise<Omit<Market, 'settlement'>> {
  const chain = await startChain()
  const eth = await chain.contract('MockFeed', [8, 194_61000000n])
  const btc = await chain.contract('MockFeed', [8, 5_000_00000000n])
  const sweepVerifier = await chain.contract('StubVerifier', [SWEEP_STEPS, BigInt(W)])
  const resolveVerifier = await chain.contract('StubVerifier', [BigInt(RESOLVE_STEPS), 0n])
  const config = {
    admin: chain.accounts[1],
    operator: chain.accounts[0],
    sweepVerifier: sweepVerifier.address,
    resolveVerifier: resolveVerifier.address,
    cashDecimals: 6,
    minLiability: MIN_LIABILITY,
    slots: 8,
    ...TIMES,
  }
  const assets = [
    { feed: eth.address, decimals: 8, heartbeat: HEARTBEAT, parameters: ETH },
    { feed: btc.address, decimals: 8, heartbeat: HEARTBEAT, parameters: BTC },
  ]
  return { chain, eth, btc, sweepVerifier, resolveVerifier, config, assets }
}

/** Keeps the feeds' answers, updated now. */
export async function refreshFeeds({ eth, btc }: Market, ethAnswer = 194_61000000n, btcAnswer = 5_000_00000000n) {
  await eth.write('setAnswer', [ethAnswer])
  await btc.write('setAnswer', [btcAnswer])
}

/** Posts a round as soon as age alone allows it. */
export async function nextRound(market: Market, ethAnswer?: bigint, btcAnswer?: bigint): Promise<TransactionReceipt> {
  const [, timestamp] = await market.settlement.read<[bigint, bigint]>('round')
  const now = await market.chain.now()
  const due = timestamp + BigInt(TIMES.roundMin) + 10n
  if (due > now) await market.chain.mineAt(due)
  await refreshFeeds(market, ethAnswer, btcAnswer)
  return market.settlement.write('postRound')
}

export interface Batch {
  openings: { slot: number; floors: bigint[]; ceilings: bigint[] }[]
  circuit: number
  window: number[]
  values: bigint[]
  digest: bigint
  proof: { a: bigint[]; b: bigint[][]; c: bigint[] }
}

/** A proof that the stub accepts iff the settlement derives exactly these signals. */
export function stubProof(digest: bigint, z: bigint, y: bigint): Batch['proof'] {
  return {
    a: [0n, 0n],
    b: [
      [digest, z],
      [y, 1n],
    ],
    c: [0n, 0n],
  }
}

/** A sweep batch whose stub proof is valid for these slots. */
export function sweepBatch(
  slots: { slot: number; before: bigint; after: bigint; envelope?: Envelope }[],
  { active = 1n, digest = 77n, openings = [] }: { active?: bigint; digest?: bigint; openings?: Batch['openings'] } = {},
): Batch {
  const { z, y } = signals(sweepVector(active, slots), digest)
  return {
    openings,
    circuit: 0,
    window: slots.map(({ slot }) => slot),
    values: [active, ...slots.map(({ after }) => after)],
    digest,
    proof: stubProof(digest, z, y),
  }
}
