import type { Hex } from 'viem'
import { NotAsExpected, validated } from './answers.ts'
import type { EndpointAddress } from './endpoint-name.ts'

/**
 * Fate of a question: `unreached` never arrived, `lost` may have, `limited` was too many, `unwilling` is no use asking
 * again, `reverted` is the contract's own answer, `refused` anything else in the endpoint's words.
 */
export type FailureKind =
  | 'unreached'
  | 'lost'
  | 'malformed'
  | 'limited'
  | 'unwilling'
  | 'behind'
  | 'refused'
  | 'reverted'

/** A question that was not answered. Its message is a clause for the middle of a sentence. */
export class CallFailure extends Error {
  readonly kind: FailureKind
  readonly code: number | undefined
  /** Data of a revert. */
  readonly data: Hex | undefined
  /** Milliseconds that the endpoint wants to be left alone. */
  readonly retryAfter: number | undefined

  constructor(kind: FailureKind, words: string, more: { code?: number; data?: Hex; retryAfter?: number } = {}) {
    super(words)
    this.kind = kind
    this.code = more.code
    this.data = more.data
    this.retryAfter = more.retryAfter
  }
}

export interface Question {
  readonly method: string
  readonly params: readonly unknown[]
}

/** Words of an error that another try may mend. */
const BEHIND =
  /header not found|unknown block|block (?:is )?not (?:found|available|yet)|missing trie node|beyond (?:the )?(?:current )?head|future block|not yet (?:available|indexed)|invalid block height|block out of range|no state available/i
const LIMITED =
  /rate.?limit|too many requests|requests? (?:limit|per second)|exceeded .*(?:quota|capacity|compute units|credits)|(?:quota|capacity|compute units|credits|daily request count) .*exceeded|throttl/i
const TRANSIENT =
  /time(?:d )?[- ]?out|temporar|try again|overload|busy|unavailable|internal (?:server |json-rpc )?error|bad gateway/i
const REVERTED = /revert|vm exception|invalid opcode|invalidfeopcode/i
const NEVER_SENT =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_INVALID_URL|CERT|TLS|SSL|bad port/
const LONGEST = 200

let questions = 0

/**
 * Asks one endpoint once.
 * @returns an answer that is what the method's answer has to be
 * @throws CallFailure whatever else it answers, if anything
 */
export async function callOnce(
  { url, headers }: EndpointAddress,
  { method, params }: Question,
  timeout: number,
  stop: AbortSignal,
): Promise<unknown> {
  const id = ++questions
  const signal = AbortSignal.any([stop, AbortSignal.timeout(Math.ceil(timeout))])
  let response: Response
  let text: string
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      signal,
    })
    text = await response.text()
  } catch (error) {
    if (stop.aborted) throw new CallFailure('unwilling', 'the process is ending')
    if (signal.aborted) throw new CallFailure('lost', `no answer within ${Math.round(timeout / 1000)} s`)
    throw notSent(error)
  }
  const body = parsed(text)
  if (isObject(body) && body.error !== undefined && body.error !== null) throw refused(body.error, response)
  if (!response.ok) throw unsuccessful(response, text)
  if (!isObject(body)) throw new CallFailure('malformed', `it answered with ${described(text, response)}`)
  if (String(body.id) !== String(id))
    throw new CallFailure('malformed', 'its answer has the number of another question')
  if (!('result' in body)) throw new CallFailure('malformed', 'its answer has neither a result nor an error')
  try {
    return validated(method, params, body.result)
  } catch (error) {
    if (error instanceof NotAsExpected) throw new CallFailure(error.behind ? 'behind' : 'malformed', error.message)
    throw error
  }
}

function notSent(error: unknown): CallFailure {
  const cause = (error as { cause?: { code?: string; message?: string; errors?: { code?: string }[] } }).cause
  const code = cause?.code ?? cause?.errors?.[0]?.code
  const words = code ?? cause?.message ?? (error as Error).message
  return new CallFailure(NEVER_SENT.test(words) ? 'unreached' : 'lost', inOneLine(words))
}

/** An error in the endpoint's own words. */
function refused(error: unknown, { status, headers }: Response): CallFailure {
  const { code, message, data } = (isObject(error) ? error : { message: error }) as Record<string, unknown>
  const words = inOneLine(
    typeof message === 'string' && message !== '' ? message : (JSON.stringify(error) ?? 'no reason'),
  )
  const number = typeof code === 'number' ? code : undefined
  const coded = number === undefined ? {} : { code: number }
  const output = revertData(data)
  if (number === 3 || output !== undefined || REVERTED.test(words))
    return new CallFailure('reverted', words, { ...coded, ...(output !== undefined && { data: output }) })
  if (status === 429 || number === 429 || number === -32005 || number === -32007 || number === -32029)
    // Providers use -32005 for ranges that are too long as well: those are halved by who asks for them.
    return new CallFailure('limited', words, { ...coded, ...pause(headers) })
  if (LIMITED.test(words)) return new CallFailure('limited', words, { ...coded, ...pause(headers) })
  if (BEHIND.test(words)) return new CallFailure('behind', words, coded)
  if (status >= 500 || number === -32603 || number === -32002 || TRANSIENT.test(words))
    return new CallFailure('refused', words, coded)
  return new CallFailure('unwilling', words, coded)
}

function unsuccessful({ status, statusText, headers }: Response, text: string): CallFailure {
  const words = `status ${status}${statusText === '' ? '' : ` ${statusText}`}${excerpt(text)}`
  if (status === 429) return new CallFailure('limited', words, pause(headers))
  if (status >= 500 || status === 408 || status === 425) return new CallFailure('lost', words, pause(headers))
  return new CallFailure('unwilling', words)
}

/** Pause that `Retry-After` asks for, given in seconds or as a date. */
function pause(headers: Headers): { retryAfter?: number } {
  const text = headers.get('retry-after')
  if (text === null) return {}
  const milliseconds = /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now()
  return Number.isFinite(milliseconds) ? { retryAfter: Math.max(0, milliseconds) } : {}
}

/** Data that a contract reverted with, wherever a client puts it. */
function revertData(data: unknown): Hex | undefined {
  if (typeof data === 'string') return (/^(?:Reverted )?(0x(?:[0-9a-fA-F]{2})*)$/.exec(data)?.[1] as Hex) ?? undefined
  if (!isObject(data)) return undefined
  return revertData(data.data) ?? (isObject(data.originalError) ? revertData(data.originalError) : undefined)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function described(text: string, { status }: Response): string {
  if (text.trim() === '') return `nothing, status ${status}`
  if (/^\s*</.test(text)) return `a page of HTML, status ${status}${excerpt(text)}`
  return `what is no JSON-RPC answer, status ${status}${excerpt(text)}`
}

/** The title of a page, or the beginning of a text. */
function excerpt(text: string): string {
  const title = /<title>([^<]*)<\/title>/i.exec(text)?.[1] ?? text.replace(/<[^>]*>/g, ' ')
  const words = inOneLine(title)
  return words === '' ? '' : `: ${words}`
}

function inOneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
