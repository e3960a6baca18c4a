import { FACTOR_ONE, PRICE_LIMIT, SCALE, WORD } from './constants.ts'
import { abs, divUp, max, min } from './integer.ts'
import { priceMarkDown } from './marks.ts'

// From what sources say to one reading an asset, exactly as `contracts/libraries/Quotes.sol` has it (docs/oracles.md).

/** Reasons for which an answer is not in the median, in the order of the contract's `Fault`; `none`: it is. */
export const FAULTS = [
  'none',
  'no answer',
  'decimals changed',
  'not positive',
  'too high',
  'from the future',
  'stale',
  'uncertain',
  'deviates',
  'disabled',
] as const

export type Fault = (typeof FAULTS)[number]

/** Rules that a source's answers have to pass; times in seconds, shares in 1/10^4. */
export interface SourceRules {
  readonly heartbeat: bigint
  readonly deviation: bigint
  readonly maxConfidence: bigint
  /** Decimals of its prices when it was named. */
  readonly decimals: number
  /** Whether its prices lag, so that it does not count for the quorum. */
  readonly timeWeighted: boolean
  readonly disabled: boolean
}

/** Rules of an asset; those of cash may have no sources. */
export interface OracleRules {
  readonly decimals: number
  /** Share of the last quote beyond which a move has to be confirmed; 0: none has to. */
  readonly jump: bigint
  /** Seconds after which an only source confirms itself. */
  readonly confirm: bigint
  readonly sources: readonly SourceRules[]
}

/** Answer of a source, as the interface has it. */
export interface SourceAnswer {
  readonly price: bigint
  readonly confidence: bigint
  readonly time: bigint
  readonly decimals: bigint
}

/** Word of the contract for what a round takes a source to have said. */
export interface SaidWord {
  /** Price mark in the quote currency, rounded down but to 1 at least; 0: there was none. */
  readonly quote: bigint
  /** Half width of its interval on the same scale, rounded up, at most 2^64 - 1. */
  readonly confidence: bigint
  /** Unix seconds, at most 2^40 - 1. */
  readonly time: bigint
  readonly fault: Fault
}

/** Quote of an asset with its interval; `counted` sources are in it that are not time-weighted. */
export interface Quote {
  readonly price: bigint
  readonly low: bigint
  readonly high: bigint
  readonly counted: number
}

/** Memory of an asset from round to round. */
export interface OracleState {
  /** Last accepted price in cash, and last accepted quote; 0: there never was one. */
  readonly price: bigint
  readonly quote: bigint
  /** Time of the first round at which it was held; 0: it is not. */
  readonly heldSince: bigint
  /** Time at which an only source first said what waits for its confirmation; 0: nothing does. */
  readonly jumpSince: bigint
  readonly jumpUp: boolean
}

/** Reading of an asset at a round, price marks in cash; held: the last accepted price three times. */
export interface OracleReading {
  readonly price: bigint
  readonly low: bigint
  readonly high: bigint
  readonly heldSince: bigint
}

/** Outcome of a round: states of all assets, cash first, and readings of assets 1 onward. */
export interface OracleOutcome {
  readonly states: readonly OracleState[]
  readonly readings: readonly OracleReading[]
  /** Quotes that wait for their confirmation, by asset; 0: none does. */
  readonly jumps: readonly bigint[]
}

/** State of an asset before its first round. */
export const NO_QUOTE: OracleState = { price: 0n, quote: 0n, heldSince: 0n, jumpSince: 0n, jumpUp: false }

const ANSWER_LIMIT = 1n << 128n
const TIME_MOST = (1n << 40n) - 1n
/** Quote of a cash without sources. */
const PAR: Quote = { price: SCALE, low: SCALE, high: SCALE, counted: 0 }

/**
 * An answer against the tests that a source passes or fails alone.
 * @param answer undefined: it reverted, or returned too little
 * @param time of the round, in unix seconds
 */
export function takeAnswer(
  answer: SourceAnswer | undefined,
  source: SourceRules,
  decimals: number,
  cashDecimals: number,
  time: bigint,
): SaidWord {
  const nothing = { quote: 0n, confidence: 0n, time: 0n }
  if (source.disabled) return { ...nothing, fault: 'disabled' }
  if (answer === undefined) return { ...nothing, fault: 'no answer' }
  const said = { ...nothing, time: min(answer.time, TIME_MOST) }
  if (answer.decimals !== BigInt(source.decimals)) return { ...said, fault: 'decimals changed' }
  if (answer.price === 0n) return { ...said, fault: 'not positive' }
  const mark =
    answer.price < ANSWER_LIMIT ? priceMarkDown(answer.price, source.decimals, cashDecimals, decimals) : PRICE_LIMIT
  if (mark >= PRICE_LIMIT) return { ...said, fault: 'too high' }
  const quote = max(1n, mark)
  const exact = divUp(
    answer.confidence * 10n ** BigInt(cashDecimals) * SCALE,
    10n ** BigInt(source.decimals + decimals),
  )
  const confidence = answer.confidence < ANSWER_LIMIT && exact < WORD ? exact : WORD - 1n
  return { ...said, quote, confidence, fault: ownFault({ quote, confidence, time: answer.time }, source, time) }
}

/** Fault of an answer whose price is in range: what anybody can recompute from a word. */
function ownFault(
  { quote, confidence, time: priced }: Omit<SaidWord, 'fault'>,
  { heartbeat, maxConfidence }: SourceRules,
  time: bigint,
): Fault {
  if (priced > time) return 'from the future'
  if (time - priced > heartbeat) return 'stale'
  return confidence * FACTOR_ONE > maxConfidence * quote ? 'uncertain' : 'none'
}

/** Words again, their faults recomputed where the word has what the fault follows from: only the audit needs that. */
export function retakeWord(said: SaidWord, source: SourceRules, time: bigint): SaidWord {
  if (source.disabled) return { quote: 0n, confidence: 0n, time: 0n, fault: 'disabled' }
  if (said.quote > 0n) return { ...said, fault: ownFault(said, source, time) }
  // What the source said cannot be had from the word; but no such word is in a median.
  const plain = ['no answer', 'decimals changed', 'not positive', 'too high'].includes(said.fault)
  return plain ? { ...said, confidence: 0n } : { ...said, fault: 'no answer' }
}

/**
 * The median of the words within their own deviation of the median of all without a fault; the others get the fault
 * `deviates`.
 */
export function combineWords(
  words: readonly SaidWord[],
  sources: readonly SourceRules[],
): { readonly quote: Quote; readonly words: readonly SaidWord[] } {
  const m = medianDown(words)
  const kept = words.map((said, i): SaidWord => {
    const deviates = said.fault === 'none' && abs(said.quote - m) * FACTOR_ONE > sources[i]!.deviation * m
    return deviates ? { ...said, fault: 'deviates' } : said
  })
  const rest = kept.filter(({ fault }) => fault === 'none')
  const counted = kept.filter(({ fault }, i) => fault === 'none' && !sources[i]!.timeWeighted).length
  const lows = rest.map(({ quote, confidence }) => (quote > confidence ? quote - confidence : 1n))
  const highs = rest.map(({ quote, confidence }) => quote + confidence)
  const quote = {
    price: medianDown(kept),
    low: lows.reduce((a, b) => (b < a ? b : a), lows[0] ?? 0n),
    high: highs.reduce((a, b) => (b > a ? b : a), 0n),
    counted,
  }
  return { quote, words: kept }
}

/** Median quote of the words without a fault, of an even number the floor of the mean of the middle two; 0 of none. */
function medianDown(words: readonly SaidWord[]): bigint {
  const sorted = words
    .filter(({ fault }) => fault === 'none')
    .map(({ quote }) => quote)
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const n = sorted.length
  if (n === 0) return 0n
  const middle = sorted[Math.floor(n / 2)]!
  return n % 2 === 1 ? middle : (sorted[n / 2 - 1]! + middle) / 2n
}

/** Least number of sources, time-weighted ones not counted, that make a quote. */
export function quorum(sources: number): number {
  return sources === 1 ? 1 : 2
}

/**
 * Steps what is remembered of every asset by the quotes of a round.
 * @param quotes of assets 0 onward; that of a cash without sources is not looked at
 * @param time of the round, in unix seconds
 */
export function stepOracles(
  rules: readonly OracleRules[],
  states: readonly OracleState[],
  quotes: readonly Quote[],
  time: bigint,
): OracleOutcome {
  const outcome = { states: [] as OracleState[], readings: [] as OracleReading[], jumps: [] as bigint[] }
  let cash = PAR
  let cashHeld = false
  rules.forEach((asset, a) => {
    const quote = quotes[a]!
    const before = states[a]!
    if (asset.sources.length === 0) {
      outcome.states.push(before)
      outcome.jumps.push(0n)
      return
    }
    const { state, valid, jump } = accept(asset, before, quote, time)
    outcome.jumps.push(jump)
    const heldSince = before.heldSince === 0n ? time : before.heldSince
    if (a === 0) {
      cashHeld = !valid
      if (valid) cash = quote
      outcome.states.push(valid ? { ...state, price: state.quote, heldSince: 0n } : { ...state, heldSince })
      return
    }
    // Whatever the asset's sources say, it has no price in a cash without one.
    const priced = valid && !cashHeld ? inCash(quote, cash) : undefined
    if (priced === undefined) {
      const { price } = before
      outcome.states.push({ ...state, heldSince })
      outcome.readings.push({ price, low: price, high: price, heldSince })
    } else {
      outcome.states.push({ ...state, price: priced.price, heldSince: 0n })
      outcome.readings.push({ price: priced.price, low: priced.low, high: priced.high, heldSince: 0n })
    }
  })
  return outcome
}

/** Whether a quote is the asset's from now on, and what is remembered then. */
function accept(
  { jump, confirm, sources }: OracleRules,
  state: OracleState,
  { price, counted }: Quote,
  time: bigint,
): { readonly state: OracleState; readonly valid: boolean; readonly jump: bigint } {
  if (counted < quorum(sources.length)) return { state, valid: false, jump: 0n }
  const up = price > state.quote
  const beyond = state.quote > 0n && jump > 0n && abs(price - state.quote) * FACTOR_ONE > jump * state.quote
  const before = state.jumpSince > 0n && state.jumpUp === up
  if (!beyond || counted > 1 || (before && time - state.jumpSince >= confirm))
    return { state: { ...state, quote: price, jumpSince: 0n }, valid: true, jump: 0n }
  return { state: before ? state : { ...state, jumpSince: time, jumpUp: up }, valid: false, jump: price }
}

/** Quote in cash, price and `low` rounded down, `high` up; undefined where the price is 2^60 or more. */
function inCash(quote: Quote, cash: Quote): Quote | undefined {
  const price = (quote.price * SCALE) / cash.price
  if (price >= PRICE_LIMIT) return undefined
  const low = (quote.low * SCALE) / cash.high
  const high = divUp(quote.high * SCALE, cash.low)
  return {
    ...quote,
    price: max(1n, price),
    low: max(1n, low),
    high: min(high, PRICE_LIMIT - 1n),
  }
}

/** The word of the contract for what source `index` of an asset said. */
export function packWord({ quote, confidence, time, fault }: SaidWord, asset: number, index: number): bigint {
  const code = BigInt(FAULTS.indexOf(fault))
  return (
    quote | (confidence << 64n) | (time << 128n) | (code << 168n) | (BigInt(index) << 176n) | (BigInt(asset) << 184n)
  )
}

/** A word of the contract; undefined where it is none. */
export function parseWord(
  word: bigint,
): { readonly asset: number; readonly index: number; readonly said: SaidWord } | undefined {
  const field = (from: bigint, bits: bigint) => (word >> from) & ((1n << bits) - 1n)
  const fault = FAULTS[Number(field(168n, 8n))]
  if (fault === undefined || word >> 192n !== 0n) return undefined
  const said = { quote: field(0n, 64n), confidence: field(64n, 64n), time: field(128n, 40n), fault }
  return { asset: Number(field(184n, 8n)), index: Number(field(176n, 8n)), said }
}
