import { type Account, accountLeaves } from '../protocol/account.ts'
import { DEFAULT_SLOTS, FIELD, INBOX } from '../protocol/constants.ts'
import { blindHead, HeadSalts } from '../protocol/head-salts.ts'
import { type Envelope, isCovered } from '../protocol/health.ts'
import { memoKey, sequencerKey } from '../protocol/keys.ts'
import { Ledger } from '../protocol/ledger.ts'
import type { Marks } from '../protocol/marks.ts'
import { MemoryState } from '../protocol/memory-state.ts'
import { AccountTable, CornerScan } from '../protocol/scan.ts'
import { EMPTY_HEAD } from '../protocol/stack.ts'
import { headOf, stackOf } from '../protocol/stacks.ts'
import { StateView } from '../protocol/state-view.ts'
import { System } from '../protocol/system.ts'
import { hashBatch } from '../prover/kernel/hashing.ts'
import { PROFILES } from '../prover/profiles.ts'
import { Random } from '../risk/random.ts'
import { envelopeAt } from '../sequencer/planner/envelope-at.ts'
import { planRound } from '../sequencer/planner/plan-round.ts'
import { crashMarket, MIN_LIABILITY } from './crash-market.ts'

const CANDLES = ['ETH', 'BTC'].map((name) => `risk/data/crashes/${name}USDT_1h_2020-03_black_thursday.csv`) as [
  string,
  string,
]
const ALL_SIDES = 2 ** 14 - 1
const ONLY_CASH: readonly bigint[] = [1_000_000_000n, 0n, 0n, 0n, 0n, 0n, 0n, 0n]
/** Accounts by which envelopes are chosen, where there are more. */
const SAMPLED = 10_000
export const PROFILE = PROFILES.large
export const SECRET = 0x5ca1en
export const DEPLOYMENT = {
  chainId: 31_337,
  settlement: `0x${'5c'.repeat(20)}`,
  profile: PROFILE.name,
} as const
const DOMAIN = { chainId: 31_337n, settlement: BigInt(DEPLOYMENT.settlement) }

/** Marks at each of the prices of ETH and BTC around 12 March 2020, four an hour. */
export function crashTicks(): Marks[] {
  return crashMarket(...CANDLES, 0, 0).ticks
}

/** The marks with every price some millionths lower. */
export function nudged(marks: Marks, millionths: number): Marks {
  const lower = (value: bigint) => value - (value * BigInt(millionths)) / 1_000_000n
  return marks.map((mark, a) =>
    a === 0
      ? mark
      : { ...mark, collateralValue: lower(mark.collateralValue), liabilityValue: lower(mark.liabilityValue) },
  ) as unknown as Marks
}

/** Seeded accounts as those of `bench:envelopes`; the secrets in them are no secrets. */
export function population(count: number, seed: number): Account[] {
  const random = new Random(seed, 2)
  const secret = () =>
    Array.from({ length: 5 }, () => BigInt(Math.floor(random.uniform() * 2 ** 52))).reduce(
      (all, part) => (all << 52n) | part,
    ) % FIELD
  return crashMarket(...CANDLES, count, seed).accounts.map((balances, index) => ({
    owner: secret(),
    viewKey: secret(),
    index,
    version: 0n,
    weights: [8, 8, 8, 8, 8, 8, 8, 8],
    balances,
  }))
}

/** Accounts, and where they lie; slots by number, bottom first. */
export interface Placement {
  readonly accounts: readonly Account[]
  readonly stacks: readonly (readonly Account[])[]
  readonly envelopes: readonly (Envelope | undefined)[]
}

/** The system of a placement. */
export function systemOf({ accounts, stacks: members, envelopes }: Placement, marks: Marks): System {
  const leaves = accountLeaves(accounts, hashBatch)
  const stacks = members.map((slot) =>
    stackOf(
      slot,
      hashBatch,
      slot.map(({ index }) => leaves[index]!),
    ),
  )
  const state = new MemoryState(PROFILE.depth, accounts, [], stacks, hashBatch, leaves)
  const domain = { ...DOMAIN, sequencer: sequencerKey(SECRET).publicKey }
  const ledger = new Ledger(PROFILE, DEFAULT_SLOTS, MIN_LIABILITY, state.root, EMPTY_HEAD, domain)
  const salts = HeadSalts.genesis(DEFAULT_SLOTS, memoKey(SECRET, domain))
  stacks.forEach((stack, slot) => (ledger.heads[slot] = blindHead(headOf(stack), salts.current[slot]!)))
  ledger.envelopes.splice(0, DEFAULT_SLOTS, ...envelopes)
  ledger.marks = marks
  return new System(ledger, new StateView(state), salts, SECRET)
}

/** Slots whose accounts a tick may be made to move, at the top of the numbers. */
export interface MovedSlots {
  /** One of so many accounts, however many there are in all. */
  readonly few: { readonly slot: number; readonly count: number }
  /** One of a share of all. */
  readonly share: { readonly slot: number; readonly count: number }
}

/**
 * A system whose accounts are all in slots where they are safe, in envelopes that the planner chooses for ten thousand of them and
 * that a fall by a ten-thousandth leaves alone; for whom there is none has nothing but cash. Some lie in two slots of their own,
 * which falls by two and by twenty millionths leave.
 */
export function placed(all: readonly Account[], marks: Marks, { few, share }: MovedSlots): System {
  const envelopes = chosenEnvelopes(all.slice(0, SAMPLED), marks)
  const own = [
    { ...few, envelope: envelopeAt(ALL_SIDES, 1e-6, marks) },
    { ...share, envelope: envelopeAt(ALL_SIDES, 1e-5, marks) },
  ]
  const table = new AccountTable(all.length)
  for (const { index, balances } of all) table.set(index, balances)
  const scans = envelopes.map((envelope) => new CornerScan(table, envelope))
  const ownScans = own.map(({ envelope }) => new CornerScan(table, envelope))
  const members: Account[][] = Array.from({ length: DEFAULT_SLOTS }, () => [])
  const accounts = all.map((account) => {
    const mine = own.findIndex(
      ({ slot, count }, i) => members[slot]!.length < count && ownScans[i]!.isSafe(account.index),
    )
    const scan = scans.findIndex((each) => each.isSafe(account.index))
    const kept = mine >= 0 || scan >= 0 ? account : { ...account, balances: ONLY_CASH }
    members[mine >= 0 ? own[mine]!.slot : INBOX + 1 + Math.max(0, scan)]!.push(kept)
    return kept
  })
  const opened: (Envelope | undefined)[] = Array(DEFAULT_SLOTS).fill(undefined)
  for (const [i, envelope] of envelopes.entries()) opened[INBOX + 1 + i] = envelope
  for (const { slot, envelope } of own) opened[slot] = envelope
  return systemOf({ accounts, stacks: members, envelopes: opened }, marks)
}

/** Envelopes that the planner opens for accounts in the inbox, the least often left first. */
function chosenEnvelopes(accounts: readonly Account[], marks: Marks): Envelope[] {
  const slots = Array.from({ length: DEFAULT_SLOTS - 3 }, (_, slot) => ({
    envelope: undefined,
    members: slot === INBOX ? accounts.map(({ balances }) => balances) : [],
  }))
  const used = new Map<number, Envelope>()
  const reached = new Set<number>()
  for (const { openings, sweeps } of planRound(slots, marks, { rungs: PROFILE.sweeps })) {
    for (const { slot, envelope } of openings) used.set(slot, envelope)
    for (const { to } of sweeps.flatMap(({ moves }) => moves)) reached.add(to)
  }
  const lower = nudged(marks, 100)
  return [...used].flatMap(([slot, envelope]) => (reached.has(slot) && isCovered(envelope, lower) ? [envelope] : []))
}
