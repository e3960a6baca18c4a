import { lotOffers } from '../../chain/custody.ts'
import { type ApiRequest, apiMessage } from '../../protocol/api-message.ts'
import { encryptAccount } from '../../protocol/cipher.ts'
import { PlimsollError, Refusal } from '../../protocol/errors.ts'
import { parseJson } from '../../protocol/json.ts'
import { MARK_NAMES } from '../../protocol/marks.ts'
import { messageHash } from '../../protocol/messages.ts'
import { isSignatureForm, verifySignature } from '../../protocol/signature.ts'
import { type Canceled, complaint, operationSchema } from '../../sdk/schemas.ts'
import type { SequencerNode } from '../node/node.ts'
import { riskOf, sourcesOf } from './vitals.ts'

/** Body of an answer; big integers become decimal strings. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Seconds that a proof of an owner may be good for, so that one that was overheard is not for ever. */
const MAX_AUTHORIZATION = 3_600
const AUTHORIZATION = /^Plimsoll ([0-9]{1,12}),([0-9]{1,78}),([0-9]{1,78}),([0-9]{1,78})$/
const INDEX = /^(0|[1-9][0-9]{0,9})$/

/**
 * The owners' API. What it hands out of an account to anybody is its leaf and ciphertext, which are on the chain anyway and which
 * only the owner can read; of an operation its id, status and code. Terms go to whoever signs for the account.
 * @returns undefined where the path does not take the method
 * @throws Refusal that says why a request is not served
 */
export async function answerApi(
  node: SequencerNode,
  method: string,
  path: string,
  query: URLSearchParams,
  authorization: string | undefined,
  body: () => Promise<string>,
): Promise<Answer | undefined> {
  const [, , resource = '', id, ...rest] = path.split('/')
  if (rest.length > 0) throw nothing(path)
  const get = (answer: () => Promise<unknown> | unknown) =>
    method === 'GET' ? Promise.resolve(answer()).then((found) => ({ status: 200, body: found })) : undefined
  switch (resource) {
    case 'deployment':
      if (id !== undefined) throw nothing(path)
      return get(() => node.deployment)
    case 'round':
      if (id !== undefined) throw nothing(path)
      return get(() => round(node))
    case 'rounds':
      if (id !== undefined) throw nothing(path)
      return get(() => node.rounds.before(parseRound(query.get('before'))))
    case 'clocks':
      if (id !== undefined) throw nothing(path)
      return get(() => node.rounds.clocks())
    case 'auctions':
      if (id !== undefined) throw nothing(path)
      return get(() => node.auctions.info())
    case 'accounts':
      return get(() => (id === undefined ? accountsOf(node, query.get('owner')) : account(node, parseIndex(id))))
    case 'withdrawals':
      if (id !== undefined) throw nothing(path)
      return get(async () => ({ withdrawals: await node.withdrawals.of(parseIndex(query.get('index') ?? '')) }))
    case 'operations':
      if (id === undefined) {
        if (method === 'POST') return { status: 202, body: await node.pool.accept(parseOperation(await body())) }
        return get(() => operationsOf(node, parseIndex(query.get('index') ?? ''), authorization))
      }
      if (method === 'DELETE') return { status: 200, body: await cancel(node, parseId(id), authorization) }
      return get(() => node.pool.state(parseId(id)))
    default:
      throw nothing(path)
  }
}

function operationsOf(node: SequencerNode, index: number, authorization: string | undefined) {
  requireOwner(node, { kind: 'list', index }, authorization)
  return { operations: node.pool.ofAccount(index) }
}

async function cancel(node: SequencerNode, id: `0x${string}`, authorization: string | undefined): Promise<Canceled> {
  const index = node.pool.accountOf(id)
  requireOwner(node, { kind: 'cancel', index, id: BigInt(id) }, authorization)
  const { version, expiry } = await node.pool.cancel(id)
  const until = new Date(1_000 * expiry).toISOString()
  return {
    id,
    status: 'failed',
    code: 'CANCELED',
    expiry,
    version,
    message:
      `This node forgets it, but its signature stays valid for whoever has it until ${until}, ` +
      `or until version ${version} of account ${index} is used for something else, such as a change of preferences.`,
  }
}

/** @throws Refusal unless the header is the signature of the account's owner for this request */
function requireOwner({ system, pool }: SequencerNode, request: ApiRequest, authorization: string | undefined): void {
  const [, until, x, y, s] = AUTHORIZATION.exec(authorization ?? '') ?? []
  const refuse = (message: string) => new Refusal('UNAUTHORIZED', message)
  if (until === undefined) throw refuse('This is for the owner of the account only, who signs the request.')
  const left = Number(until) - pool.now()
  if (left < 0 || left > MAX_AUTHORIZATION)
    throw refuse(
      `The signature of the request has to be good for now, and for ${MAX_AUTHORIZATION} seconds at the most.`,
    )
  const publicKey = system.publicKeys.at(request.index)
  const message = messageHash(system.ledger.domain, apiMessage(request, BigInt(until)))
  const signature = { r8: [BigInt(x!), BigInt(y!)] as const, s: BigInt(s!) }
  if (publicKey === undefined || !isSignatureForm(signature) || !verifySignature(publicKey, message, signature))
    throw refuse(`The signature is not that of the owner of account ${request.index}.`)
}

function nothing(path: string): Refusal {
  return new Refusal('NOT_FOUND', `There is nothing at ${path.slice(0, 100)}.`)
}

function parseOperation(text: string) {
  let json: unknown
  try {
    json = parseJson(text)
  } catch (error) {
    throw new Refusal('BAD_REQUEST', error instanceof PlimsollError ? error.message : 'The body is not JSON.')
  }
  const parsed = operationSchema.safeParse(json)
  if (!parsed.success) throw new Refusal('BAD_REQUEST', complaint(parsed.error))
  return parsed.data
}

function parseIndex(text: string): number {
  if (!INDEX.test(text) || Number(text) >= 2 ** 32)
    throw new Refusal('BAD_REQUEST', 'The index of an account is a whole number below 2^32.')
  return Number(text)
}

function parseRound(text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^[1-9][0-9]{0,14}$/.test(text))
    throw new Refusal('BAD_REQUEST', 'The number of a round is a whole number from 1: ?before=N.')
  return Number(text)
}

export function parseId(text: string): `0x${string}` {
  if (!/^0x[0-9a-f]{64}$/.test(text))
    throw new Refusal('BAD_REQUEST', 'The id of an operation is 32 bytes in lower-case hexadecimal.')
  return text as `0x${string}`
}

function round(node: SequencerNode) {
  const { marks, backstop } = node.system.ledger
  const { number, timestamp } = node.latestRound
  const { risks, oracles } = node.snapshot
  if (marks === undefined) throw new Refusal('NO_FRESH_ROUND', 'There is no round yet.')
  return {
    number,
    timestamp,
    now: node.pool.now(),
    complete: node.complete,
    marks: marks.map((asset) => MARK_NAMES.map((name) => asset[name])),
    backstop,
    offers: node.custody.auctions.map((_, asset) => lotOffers(node.custody, asset)),
    assets: risks.map((risk, i) => ({
      ...riskOf(risk),
      ruled: risk.ruled,
      low: risk.low,
      high: risk.high,
      depth: risk.depth,
      sources: sourcesOf(node, i + 1).map(({ source, quote, time, fault }) => ({
        source,
        quote,
        time: Number(time),
        fault,
      })),
    })),
    down: oracles.down,
  }
}

function accountsOf(node: SequencerNode, owner: string | null) {
  const match = /^([0-9]{1,78}),([0-9]{1,78})$/.exec(owner ?? '')
  if (match === null) throw new Refusal('BAD_REQUEST', "Write the owner's public key as ?owner=X,Y.")
  const [x, y] = [BigInt(match[1]!), BigInt(match[2]!)]
  return { accounts: node.system.state.accountsOf([x, y]) }
}

function account(node: SequencerNode, index: number) {
  const found = node.system.accounts.at(index)
  const publicKey = node.system.publicKeys.at(index)
  if (found === undefined || publicKey === undefined)
    throw new Refusal('NOT_FOUND', `There is no account ${index} that a deposit opened.`)
  const leaf = node.system.tree.leaf(index)
  return {
    index,
    publicKey,
    version: Number(found.version),
    leaf,
    cipher: encryptAccount(found, leaf),
    pendingVersion: Number(node.pool.pendingVersion(index)),
    traded: node.hasTraded(index),
  }
}
