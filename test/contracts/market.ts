import { type Address, type TransactionReceipt, zeroAddress } from 'viem'

import { type ContractName, type DeploymentConfig, deployContracts } from '../../chain/deployment.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import { CONCENTRATION, type Envelope, FIRST_ERA, type Parameters, signals, sweepVector } from './mirror.ts'

// A system over stub verifiers: cash of 6 decimals, ETH at 194.61 of 18, and BTC at 5,000, a synthetic.

export const W = 3
/** Sizes of the sweep circuits. */
export const RUNGS: readonly { readonly steps: bigint; readonly window: bigint }[] = [
  { steps: 4n, window: BigInt(W) },
  { steps: 9n, window: 4n },
]
export const RESOLVE_STEPS = 2
export const TRANSACT_STEPS = 3
export const DEPTH = 2n
export const MIN_LIABILITY = 50_000_000n

/** What the stub verifiers say is the root of a tree without accounts. */
export const EMPTY_ROOT = 1000n

export const ETH: Parameters = {
  collateralFactor: 8500,
  liabilityFactor: 11500,
  targetCollateralFactor: 8000,
  targetLiabilityFactor: 12000,
  initialCollateralFactor: 8000,
  initialLiabilityFactor: 12000,
  penalty: 200,
  depth: 25_000_000_000_000n,
}
export const BTC: Parameters = { ...ETH, collateralFactor: 9000, depth: 1_000_000_000_000n }

export const TIMES = {
  provingTime: 60,
  roundMin: 300,
  roundShort: 30,
  maxAge: 900,
  parameterDelay: 18_000,
}
export const GRACE = 7200
export const HANDOVER = 1800
export const NOTICE = 3600
export const DEPOSIT = { depositDelay: 3600, depositSpacing: 15, openingFee: 10n ** 15n }
/** The liquidation market's settings. */
export const AUCTION = { blockTime: 12_000, floorDiscount: 500, maxImpact: 200 }
export const FORCED = {
  forcedDelay: 3600,
  forcedSpacing: 60,
  expirySlack: 86_400,
  bond: 10n ** 16n,
  forcedFee: 10n ** 15n,
}
const HEARTBEAT = 3600
const ORACLES = {
  sourceGas: 200_000,
  uptimeFeed: '0x0000000000000000000000000000000000000000',
  uptimeGrace: 0,
}

/** Parameters that the admin proposes. */
export const RULE_OFF = {
  on: false,
  gap: 0,
  laneScale: 0,
  laneLeast: 0,
  laneMost: 0,
  pool: zeroAddress,
  window: 0,
  poolShare: 0,
  depthMost: 0n,
}

/** Twice the base point: a point of the subgroup. */
export const SEQUENCER_KEY = [
  10031262171927540148667355526369034398030886437092045105752248699557385197826n,
  633281375905621697187330766174974863687049529291089048651929454608812697683n,
]

/** An envelope that covers every price. */
export const WIDE: Envelope = {
  floors: Array<bigint>(7).fill(0n),
  ceilings: Array<bigint>(7).fill((1n << 64n) - 1n),
}

export interface Parts {
  chain: Chain
  eth: Contract
  btc: Contract
  /** The chain's sequencer: 0 up, 1 down. */
  uptime: Contract
  /** Adapters of the two feeds. */
  ethSource: Contract
  btcSource: Contract
  sweepVerifier: Contract
  /** Of the second sweep circuit. */
  wideVerifier: Contract
  resolveVerifier: Contract
  transactVerifier: Contract
  exitVerifier: Contract
  /** By asset; undefined for a synthetic. */
  tokens: (Contract | undefined)[]
  config: DeploymentConfig
}

export interface Market extends Parts {
  governance: Contract
  oracles: Contract
  rounds: Contract
  vault: Contract
  forced: Contract
  insurance: Contract
  settlement: Contract
  escape: Contract
  market: Contract
}

/** Decimals of the token of cash and of asset 1, and of further assets of ETH's price. */
export interface Tokens {
  cash?: number
  eth?: number
  more?: number[]
}

/** @param edit Changes the configuration before anything is deployed with it. */
export async function deployMarket(
  tokens: Tokens = {},
  edit: (config: DeploymentConfig, chain: Chain, parts: Parts) => DeploymentConfig | Promise<DeploymentConfig> = (
    config,
  ) => config,
): Promise<Market> {
  const parts = await deployParts(tokens)
  const created: Partial<Record<ContractName, Contract>> = {}
  await deployContracts(
    await edit(parts.config, parts.chain, parts),
    async (name, args) => {
      created[name] = await parts.chain.contract(name, args)
      return created[name].address
    },
    (name, _, functionName, args) => created[name]!.write(functionName, [...args]),
  )
  return {
    ...parts,
    governance: created.Governance!,
    oracles: created.Oracles!,
    rounds: created.Rounds!,
    vault: created.Vault!,
    forced: created.Forced!,
    insurance: created.Insurance!,
    settlement: created.Settlement!,
    escape: created.Escape!,
    market: created.Market!,
  }
}

/** All but the system itself. */
export async function deployParts({ cash = 6, eth: ethDecimals = 18, more = [] }: Tokens = {}): Promise<Parts> {
  const chain = await startChain()
  const eth = await chain.contract('MockFeed', [8, 194_61000000n])
  const btc = await chain.contract('MockFeed', [8, 5_000_00000000n])
  const uptime = await chain.contract('MockFeed', [0, 0n])
  const ethSource = await chain.contract('ChainlinkSource', [eth.address])
  const btcSource = await chain.contract('ChainlinkSource', [btc.address])
  const sweepVerifier = await chain.contract('StubVerifier', [RUNGS[0]!.steps, RUNGS[0]!.window, 0n])
  const wideVerifier = await chain.contract('StubVerifier', [RUNGS[1]!.steps, RUNGS[1]!.window, 0n])
  const resolveVerifier = await chain.contract('StubVerifier', [BigInt(RESOLVE_STEPS), 0n, 0n])
  const transactVerifier = await chain.contract('StubVerifier', [BigInt(TRANSACT_STEPS), 0n, DEPTH])
  const exitVerifier = await chain.contract('StubVerifier', [1n, 0n, DEPTH])
  const token = (symbol: string, decimals: number) => chain.contract('TrickyToken', [symbol, decimals])
  const tokens = [await token('USD', cash), await token('ETH', ethDecimals), undefined]
  for (const [i, decimals] of more.entries()) tokens.push(await token(`T${i}`, decimals))

  const oracle = ({ address }: Contract) => ({
    decimals: 8,
    jump: 0,
    confirm: 0,
    sources: [{ source: address, heartbeat: HEARTBEAT, deviation: 300, maxConfidence: 200 }],
  })
  const config: DeploymentConfig = {
    governance: { admin: chain.accounts[1], guardian: chain.accounts[18], handoverDelay: HANDOVER },
    oracles: {
      config: { ...ORACLES, uptimeFeed: uptime.address },
      assets: [
        { decimals: 6, jump: 0, confirm: 0, sources: [] },
        oracle(ethSource),
        oracle(btcSource),
        ...more.map(() => oracle(ethSource)),
      ],
    },
    rounds: { ...TIMES, patience: 0, tipShare: 0, roundTip: 0n, concentration: CONCENTRATION },
    assets: [ETH, BTC, ...more.map(() => ETH)].map((parameters) => ({ parameters, rule: RULE_OFF })),
    vault: DEPOSIT,
    custody: tokens.map((contract) => custodyOf(contract?.address)),
    forced: FORCED,
    settlement: {
      operator: chain.accounts[0],
      sweepVerifiers: [sweepVerifier.address, wideVerifier.address],
      resolveVerifier: resolveVerifier.address,
      transactVerifier: transactVerifier.address,
      minLiability: MIN_LIABILITY,
      slots: 8,
      sequencerKey: SEQUENCER_KEY,
    },
    escape: { exitVerifier: exitVerifier.address, grace: GRACE, noticePeriod: NOTICE },
    market: AUCTION,
  }
  return {
    chain,
    eth,
    btc,
    uptime,
    ethSource,
    btcSource,
    sweepVerifier,
    wideVerifier,
    resolveVerifier,
    transactVerifier,
    exitVerifier,
    tokens,
    config,
  }
}

export function custodyOf(token: Address | undefined) {
  const none = '0x0000000000000000000000000000000000000000'
  return token === undefined
    ? { token: none, cap: 0n, minOpen: 0n, minDeposit: 0n }
    : { token, cap: 1n << 62n, minOpen: 1000n, minDeposit: 100n }
}

/** Keeps the feeds' answers, updated now. */
export async function refreshFeeds({ eth, btc }: Parts, ethAnswer = 194_61000000n, btcAnswer = 5_000_00000000n) {
  await eth.write('setAnswer', [ethAnswer])
  await btc.write('setAnswer', [btcAnswer])
}

/** Posts a round as soon as age alone allows it. */
export async function nextRound(market: Market, ethAnswer?: bigint, btcAnswer?: bigint): Promise<TransactionReceipt> {
  const [, timestamp] = await market.rounds.read<[bigint, bigint]>('round')
  const now = await market.chain.now()
  const due = timestamp + BigInt(TIMES.roundMin) + 10n
  if (due > now) await market.chain.mineAt(due)
  await refreshFeeds(market, ethAnswer, btcAnswer)
  return market.rounds.write('postRound')
}

export interface Batch {
  openings: { slot: number; floors: bigint[]; ceilings: bigint[] }[]
  circuit: number
  rung: number
  window: number[]
  values: bigint[]
  digest: bigint
  proof: { a: bigint[]; b: bigint[][]; c: bigint[] }
  memo: `0x${string}`
}

/** A proof that the stub accepts iff the contract derives exactly these signals. */
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
  {
    digest = 77n,
    openings = [],
    era = FIRST_ERA,
  }: { digest?: bigint; openings?: Batch['openings']; era?: bigint } = {},
): Batch {
  const { z, y } = signals(sweepVector(slots), digest, era)
  return {
    openings,
    circuit: 0,
    rung: 0,
    window: slots.map(({ slot }) => slot),
    values: slots.map(({ after }) => after),
    digest,
    proof: stubProof(digest, z, y),
    memo: '0x',
  }
}
