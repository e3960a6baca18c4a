import type { Address, TransactionReceipt } from 'viem'

import { ownerOf } from '../../sdk/chain/owner-of.ts'
import type { Contract, Event } from './chain.ts'
import {
  type Batch,
  DEPOSIT,
  FORCED,
  GRACE,
  type Market,
  MIN_LIABILITY,
  NOTICE,
  nextRound,
  RESOLVE_STEPS,
  refreshFeeds,
  SEQUENCER_KEY,
  stubProof,
  TRANSACT_STEPS,
} from './market.ts'
import {
  BASE8,
  exitVector,
  multiply,
  type Point,
  R,
  resolveVector,
  signals,
  type TransactVector,
  transactVector,
} from './mirror.ts'

// Users of the vault, and an operator that can prove anything: what is left to refuse is the contracts' to refuse.

export const OP = {
  open: 1n,
  topUp: 2n,
  withdraw: 3n,
  trade: 4n,
  unwind: 5n,
  preferences: 6n,
  forced: 7n,
  discharge: 8n,
  bounce: 9n,
  close: 10n,
  rekey: 11n,
  dischargeClose: 12n,
}

/** Operations that are proven at marks; a batch of others is proven at none. */
const PRICED: ReadonlySet<bigint> = new Set([
  OP.withdraw,
  OP.trade,
  OP.unwind,
  OP.forced,
  OP.discharge,
  OP.close,
  OP.dischargeClose,
])

const keys = new Map<bigint, Point>()

export function keyOf(n: bigint): Point {
  const key = keys.get(n) ?? multiply(BASE8, n)
  keys.set(n, key)
  return key
}

export const ADA = keyOf(11n)
export const BOB = keyOf(12n)
export const ADA_OWNER = ownerOf(ADA)
export const BOB_OWNER = ownerOf(BOB)

const LEAF = 7777n
const CIPHER = [1n, 2n, 3n]

/** What an owner signs of where a withdrawal goes: bit 160 is for "in full or wait". */
const extraOf = ({ recipient, inFull }: { recipient: Address; inFull?: boolean }) =>
  BigInt(recipient) + (inFull ? 1n << 160n : 0n)

/** The ten public elements of a step. */
export const step = {
  open: (index: bigint, asset: bigint, amount: bigint, [ax, ay]: Point) => [
    OP.open,
    index,
    LEAF,
    ...CIPHER,
    asset,
    amount,
    ax,
    ay,
  ],
  topUp: (index: bigint, asset: bigint, amount: bigint) => [OP.topUp, index, LEAF, ...CIPHER, asset, amount, 0n, 0n],
  bounce: (index: bigint, asset: bigint, amount: bigint) => [OP.bounce, index, 0n, 0n, 0n, 0n, asset, amount, 0n, 0n],
  withdraw: (index: bigint, asset: bigint, amount: bigint, to: Address, inFull = false) => [
    OP.withdraw,
    index,
    LEAF,
    ...CIPHER,
    asset,
    amount,
    extraOf({ recipient: to, inFull }),
    0n,
  ],
  trade: (index: bigint) => [OP.trade, index, LEAF, ...CIPHER, 0n, 0n, 0n, 0n],
  rekey: (index: bigint) => [OP.rekey, index, LEAF, ...CIPHER, 0n, 0n, 0n, 0n],
  preferences: (index: bigint) => [OP.preferences, index, LEAF, ...CIPHER, 0n, 0n, 0n, 0n],
  unwind: (index: bigint, asset: bigint, x: bigint, y: bigint, direction: bigint) => [
    OP.unwind,
    index,
    LEAF,
    ...CIPHER,
    asset,
    x,
    y,
    direction,
  ],
  forced: (r: ForcedRequest) => [OP.forced, r.index, LEAF, ...CIPHER, r.asset, r.amount, extraOf(r), r.number],
  discharge: (r: ForcedRequest) => [
    OP.discharge,
    r.index,
    ...r.r8,
    r.s,
    r.expiry,
    r.asset,
    r.amount,
    extraOf(r),
    r.number,
  ],
  close: (r: CloseRequest, x: bigint, y: bigint) => [
    OP.close,
    r.index,
    LEAF,
    ...CIPHER,
    r.asset + (r.buys ? 8n : 0n) + (x << 4n) + (y << 68n),
    r.amount,
    r.limit,
    r.number,
  ],
  dischargeClose: (r: CloseRequest) => [
    OP.dischargeClose,
    r.index,
    ...r.r8,
    r.s,
    r.expiry,
    r.asset + (r.buys ? 8n : 0n),
    r.amount,
    r.limit,
    r.number,
  ],
}

export interface CloseRequest {
  number: bigint
  index: bigint
  asset: bigint
  buys: boolean
  amount: bigint
  limit: bigint
  expiry: bigint
  r8: Point
  s: bigint
}

export interface ForcedRequest {
  number: bigint
  index: bigint
  asset: bigint
  amount: bigint
  recipient: Address
  inFull?: boolean
  expiry: bigint
  r8: Point
  s: bigint
}

/** Tokens for a user, approved to the vault. */
export async function fund(market: Market, user: Address, asset: number, tokenAmount: bigint): Promise<void> {
  const token = market.tokens[asset]!
  await token.write('mint', [user, tokenAmount])
  await token.write('approve', [market.vault.address, (1n << 256n) - 1n], user)
}

/** Queues a deposit that opens an account; the arguments of the event. */
export async function open(
  market: Market,
  user: Address,
  asset: number,
  tokenAmount: bigint,
  key: Point = ADA,
  evenUnderWater = false,
) {
  await fund(market, user, asset, tokenAmount)
  const receipt = await market.vault.write(
    'open',
    [asset, tokenAmount, ...key, evenUnderWater],
    user,
    DEPOSIT.openingFee,
  )
  return deposited(market, receipt)
}

export async function topUp(market: Market, user: Address, index: bigint, asset: number, tokenAmount: bigint) {
  await fund(market, user, asset, tokenAmount)
  return deposited(
    market,
    await market.vault.write('topUp', [index, await market.vault.read('ownerOf', index), asset, tokenAmount], user),
  )
}

export interface DepositEvent {
  id: bigint
  index: bigint
  asset: number
  amount: bigint
  deadline: bigint
}

function deposited(market: Market, receipt: TransactionReceipt): DepositEvent {
  return market.vault.events(receipt).find(({ name }) => name === 'Deposited')!.args as unknown as DepositEvent
}

export interface TransactOptions {
  /** 0: the system stays complete, so the settlement is a checkpoint where a round is fresh. */
  inboxAfter?: bigint
  validUntil?: bigint
  active?: bigint
  /** Changes the vector that is proven, not what is sent. */
  proven?: Partial<TransactVector>
  era?: bigint
}

let roots = 5_000n

/** Number of the sequencer's keys so far. */
async function eraOf({ settlement }: Market): Promise<bigint> {
  return BigInt((await settlement.read<bigint[][]>('sequencerKeys')).length)
}

/** A batch of operations that the stub accepts. */
export async function transactBatch(market: Market, steps: bigint[][], options: TransactOptions = {}): Promise<Batch> {
  const { settlement, chain } = market
  const padded = [...steps, ...Array.from({ length: TRANSACT_STEPS - steps.length }, () => Array<bigint>(10).fill(0n))]
  const vector: TransactVector = {
    active: options.active ?? BigInt(steps.length),
    root: [await settlement.read('accountsRoot'), roots++],
    inbox: [await settlement.read('head', 1n), options.inboxAfter ?? 0n],
    chainId: BigInt(chain.client.chain.id),
    settlement: BigInt(settlement.address),
    sequencerKey: SEQUENCER_KEY,
    validUntil: options.validUntil ?? (await chain.now()) + 1000n,
    marks: padded.some(([op]) => PRICED.has(op!))
      ? await market.rounds.read('marks')
      : Array.from({ length: 7 }, () => Array<bigint>(12).fill(0n)),
    steps: padded,
  }
  const digest = 99n
  const { z, y } = signals(
    transactVector({ ...vector, ...options.proven }),
    digest,
    options.era ?? (await eraOf(market)),
  )
  const values = [vector.active, vector.root[1], vector.inbox[1], vector.validUntil, ...padded.flat()]
  return { openings: [], circuit: 2, rung: 0, window: [], values, digest, proof: stubProof(digest, z, y), memo: '0x' }
}

/** Settles operations, as many batches as they take; the events of all contracts. */
export async function transact(market: Market, steps: bigint[][], options: TransactOptions = {}): Promise<Event[]> {
  const events: Event[] = []
  for (let i = 0; i < Math.max(steps.length, 1); i += TRANSACT_STEPS) {
    const batch = await transactBatch(market, steps.slice(i, i + TRANSACT_STEPS), options)
    const receipt = await market.settlement.write('settle', [[batch]])
    for (const contract of [market.vault, market.settlement, market.forced, market.insurance])
      events.push(...contract.events(receipt))
  }
  return events
}

export async function refusesTransact(
  market: Market,
  error: string,
  steps: bigint[][],
  args?: unknown[],
  options: TransactOptions = {},
): Promise<void> {
  await market.settlement.refuses(error, 'settle', [[await transactBatch(market, steps, options)]], args)
}

/** A liquidation, as the backstop sees it: what it took over of assets 0 to 7. */
export async function liquidate(market: Market, delta: readonly bigint[], badDebt = 0n): Promise<TransactionReceipt> {
  return market.settlement.write('settle', [[await resolveBatch(market, delta, badDebt)]])
}

/** A batch of a liquidation that the stub accepts. */
export async function resolveBatch(
  market: Market,
  delta: readonly bigint[],
  badDebt = 0n,
  era?: bigint,
): Promise<Batch> {
  const { settlement, rounds } = market
  const [distress, inbox] = await settlement.read<bigint[]>('heads')
  const full = Array.from({ length: 8 }, (_, a) => delta[a] ?? 0n)
  const writes = Array<bigint>(5 * RESOLVE_STEPS).fill(0n)
  const root = await settlement.read<bigint>('accountsRoot')
  const vector = resolveVector({
    active: 1n,
    root: [root, root],
    distress: [distress!, 0n],
    inbox: [inbox!, 0n],
    minLiability: MIN_LIABILITY,
    marks: await rounds.read('marks'),
    delta: full,
    badDebt,
    writes,
  })
  const { z, y } = signals(vector, 88n, era ?? (await eraOf(market)))
  const values = [1n, root, 0n, 0n, ...full.map((x) => ((x % R) + R) % R), badDebt, ...writes]
  const proof = stubProof(88n, z, y)
  return { openings: [], circuit: 1, rung: 0, window: [], values, digest: 88n, proof, memo: '0x' }
}

/** Posts a round if the latest is not fresh, and makes a checkpoint. */
export async function checkpoint(market: Market): Promise<void> {
  if (!(await market.rounds.read<boolean>('fresh'))) await nextRound(market)
  await market.settlement.write('checkpoint')
}

/** Posts rounds until so many live seconds have gone by, without anything else. */
export async function liveFor(market: Market, seconds: number): Promise<void> {
  const end = (await market.rounds.read<bigint>('liveTime')) + BigInt(seconds)
  while ((await market.rounds.read<bigint>('liveTime')) < end) await nextRound(market)
}

export async function wait(market: Market, seconds: number): Promise<void> {
  await market.chain.mineAt((await market.chain.now()) + BigInt(seconds))
}

/** Reserves a number and files a request; the stubs do not look at the signature. */
export async function force(
  market: Market,
  user: Address,
  edit: Partial<ForcedRequest> & { index: bigint; asset: bigint; amount: bigint },
): Promise<ForcedRequest> {
  const { forced, chain } = market
  const owner = await market.vault.read('ownerOf', edit.index)
  const receipt = await forced.write('reserve', [edit.index, owner], user, FORCED.bond + FORCED.forcedFee)
  const number = forced.events(receipt)[0]!.args.number as bigint
  const expiry = (await chain.now()) + 10n * 86_400n
  const request: ForcedRequest = { number, recipient: user, expiry, r8: keyOf(5n), s: 17n, ...edit }
  await forced.write('submit', submission(request), user)
  return request
}

export const submission = (r: ForcedRequest) => [
  r.number,
  r.asset,
  r.amount,
  r.recipient,
  r.expiry,
  r.r8,
  r.s,
  r.inFull ?? false,
]

/** Reserves a number and files a forced close; the stubs do not look at the signature. */
export async function forceClose(
  market: Market,
  user: Address,
  edit: Partial<CloseRequest> & { index: bigint; amount: bigint },
): Promise<CloseRequest> {
  const { forced, chain } = market
  const owner = await market.vault.read('ownerOf', edit.index)
  const receipt = await forced.write('reserve', [edit.index, owner], user, FORCED.bond + FORCED.forcedFee)
  const number = forced.events(receipt)[0]!.args.number as bigint
  const expiry = (await chain.now()) + 10n * 86_400n
  const request = { number, asset: 2n, buys: false, limit: 0n, expiry, r8: keyOf(5n), s: 17n, ...edit }
  await forced.write('submitClose', closeSubmission(request), user)
  return request
}

export const closeSubmission = (r: CloseRequest) => [r.number, r.asset, r.buys, r.amount, r.limit, r.expiry, r.r8, r.s]

/** From a stalled system to a frozen one, in as few steps as the notice allows; the feeds go on all the while. */
export async function freeze(market: Market, request = 0n): Promise<void> {
  const { escape: exits } = market
  await exits.write('declareStall', [request])
  for (const act of ['tick', 'tick', 'tick', 'freeze']) {
    await wait(market, NOTICE / 4)
    await refreshFeeds(market)
    await exits.write(act, [request])
  }
}

/** The sequencer is gone for good. */
export async function abandon(market: Market): Promise<void> {
  await wait(market, GRACE + 1)
  await freeze(market)
}

export interface CheckpointRecord {
  root: bigint
  prices: bigint[]
  round: bigint
  timestamp: number
  deposits: bigint
  epoch: bigint
  equity: bigint
  value: bigint
  consumed: bigint[]
}

/** The arguments of an exit whose proof the stub accepts. */
export async function exitCall(
  market: Market,
  index: bigint,
  recipient: Address,
  equity: bigint,
  proven: { root?: bigint; equity?: bigint; recipient?: Address; index?: bigint } = {},
) {
  const record = await market.vault.read<CheckpointRecord>('lastCheckpoint')
  const d = exitVector({
    root: proven.root ?? record.root,
    chainId: BigInt(market.chain.client.chain.id),
    settlement: BigInt(market.settlement.address),
    index: proven.index ?? index,
    recipient: BigInt(proven.recipient ?? recipient),
    equity: proven.equity ?? equity,
    prices: record.prices,
  })
  const { z, y } = signals(d, 55n)
  return [index, recipient, equity, 55n, stubProof(55n, z, y)]
}

export interface LedgerEntry {
  custody: bigint
  queued: bigint
  pending: bigint
  claimable: bigint
  accounts: bigint
  backstop: bigint
  consumed: bigint
  waiting: bigint
}

export const ledgerOf = (vault: Contract, asset: number) => vault.read<LedgerEntry>('ledger', asset)
