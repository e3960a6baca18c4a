import { accountKey, packBits } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { blindHead } from '../../protocol/head-salts.ts'
import { type OwnerKey, sharedViewKey } from '../../protocol/keys.ts'
import { messageHead } from '../../protocol/messages.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { sign } from '../../protocol/signature.ts'
import { OP, writingOperation } from '../../protocol/transact.ts'
import { mod } from './circuit.ts'
import { encryptBalances, putStep, rootWith, withVector } from './circuit-forgery.ts'
import { ownerKey } from './circuit-owners.ts'

/** What a lying prover claims of one transact step; what it leaves out is computed as an honest one would. */
export interface OperationClaim {
  /** Signs and magnitudes after the step. */
  readonly sign?: readonly bigint[]
  readonly magnitude?: readonly bigint[]
  readonly key?: bigint
  /** The view key of the new leaf and its ciphertext. */
  readonly viewKey?: bigint
  readonly meta?: bigint
  readonly cipher?: readonly bigint[]
  /** Elements of the published ten, by position. */
  readonly published?: Readonly<Record<number, bigint>>
}

/** What it claims of a whole batch, by names of the public vector: of the inbox its own head, which is blinded as it says. */
export type TransactClaim = Partial<
  Record<'active' | 'rootAfter' | 'inboxAfter' | 'chainId' | 'settlement' | 'validUntil', bigint>
>

/** The bits of a step that is this operation; of none, 0. */
export function opBits(op: number): bigint[] {
  return Object.values(OP).map((one) => (one === op ? 1n : 0n))
}

const list = (signal: Signal) => signal as readonly bigint[]
const table = (signal: Signal) => signal as readonly (readonly bigint[])[]

/** The view key that a rekey leads to. */
function sharedKey(secret: bigint, [x, y]: readonly bigint[]): bigint {
  return sharedViewKey(secret, [x!, y!])
}

/** One step of an input. */
function stepOf(input: CircuitInput, s: number) {
  const value = (name: string) => (input[name] as readonly Signal[])[s]!
  const one = (name: string) => value(name) as bigint
  const before = { sign: list(value('sign')), magnitude: list(value('magnitude')) }
  const balances = before.magnitude.map((m, a) => (before.sign[a] ? -m : m))
  const asset = list(value('assetBits')).findIndex((bit) => bit !== 0n)
  const grows = one('direction') === 0n ? -1n : 1n
  const op = list(value('op')).reduce((sum, bit, i) => sum + bit * BigInt(Object.values(OP)[i]!), 0n)
  const closes = op === 10n || op === 12n
  const index = packBits(list(value('indexBits')))
  const weights = packBits(table(value('weightBits')).flat())
  const after = [...balances]
  if (asset >= 0) after[asset]! += grows * one('amount')
  after[0]! -= grows * one('cash')
  return {
    value,
    one,
    before,
    after,
    asset,
    op,
    closes,
    index,
    weights,
    viewKey: one('viewKey'),
    newViewKey: op === BigInt(OP.rekey) ? sharedKey(input.secret as bigint, list(value('publicKey'))) : one('viewKey'),
    place: one('version') + (index << 32n),
  }
}

/** The leaf that a step writes, and what it commits to. */
function writtenOf(input: CircuitInput, s: number, claim: OperationClaim = {}) {
  const { one, before, after, asset, op, weights, newViewKey, place } = stepOf(input, s)
  const changed = (a: number) => a === asset || a === 0
  const sign = claim.sign ?? after.map((balance, a) => (changed(a) ? (balance < 0n ? 1n : 0n) : before.sign[a]!))
  const magnitude =
    claim.magnitude ??
    after.map((balance, a) => (changed(a) ? (balance < 0n ? -balance : balance) : before.magnitude[a]!))
  const key = claim.key ?? accountKey({ owner: one('owner'), viewKey: claim.viewKey ?? newViewKey })
  const meta = claim.meta ?? place + (weights << 64n) + (op === 1n ? 0n : 1n)
  return { sign, magnitude, leaf: poseidon([key, meta, packBits(sign), ...magnitude].map(mod)) }
}

/** The public vector of a transact's private inputs and claims: consistent with every lie in them. Nothing is checked. */
export function transactVectorOf(
  input: CircuitInput,
  claims: readonly (OperationClaim | undefined)[] = [],
  batch: TransactClaim = {},
): bigint[] {
  let root = input.rootBefore as bigint
  let inbox = input.inboxBefore as bigint
  let active = 0n
  const published: bigint[] = []
  list(input.version!).forEach((_, s) => {
    const claim = claims[s] ?? {}
    const { value, one, asset, op, closes, index, weights, newViewKey } = stepOf(input, s)
    const { sign, magnitude, leaf } = writtenOf(input, s, claim)
    const writes = writingOperation(Number(op)) !== undefined
    if (op > 0n) active++
    if (writes) {
      root = rootWith(leaf, table(value('children')), list(value('indexBits')))
      inbox = poseidon([inbox, leaf])
    }
    const cipher = claim.cipher ?? encryptBalances(claim.viewKey ?? newViewKey, leaf, sign, magnitude, weights)
    const traded = op === 10n ? (one('amount') << 4n) + (one('cash') << 68n) : 0n
    const terms =
      op === 4n
        ? [0n, 0n]
        : closes
          ? [BigInt(asset) + 8n * one('direction') + traded, one('asked')]
          : [BigInt(asset), one('amount')]
    const [ax, ay] = list(value('publicKey'))
    const step = [
      op,
      op > 0n ? index : 0n,
      ...(writes
        ? [leaf, ...cipher]
        : op === 8n || op === 12n
          ? [...list(value('r8')), one('s'), one('expiry')]
          : [0n, 0n, 0n, 0n]),
      ...terms,
      ...tail(),
    ]
    published.push(...step.map((element, k) => claim.published?.[k] ?? element))

    function tail(): bigint[] {
      if (op === 1n) return [ax!, ay!]
      if (op === 3n) return [one('extra'), 0n]
      if (op === 5n) return [one('cash'), one('direction')]
      if (closes) return [one('limit'), one('queueNumber')]
      if (op === 7n || op === 8n) return [one('extra'), one('queueNumber')]
      return [0n, 0n]
    }
  })
  return [
    batch.active ?? active,
    input.rootBefore as bigint,
    batch.rootAfter ?? root,
    blindHead(input.inboxBefore as bigint, input.saltBefore as bigint),
    blindHead(batch.inboxAfter ?? inbox, input.saltAfter as bigint),
    batch.chainId ?? (input.chainId as bigint),
    batch.settlement ?? (input.settlement as bigint),
    ...list(input.sequencer!),
    batch.validUntil ?? (input.validUntil as bigint),
    ...table(input.marks!).flat(),
    ...list(input.kappas!),
    ...published,
  ].map(mod)
}

/** A lie, told consistently: its public part follows from its private part and claims. */
export function forgeTransact(
  input: CircuitInput,
  claims?: readonly (OperationClaim | undefined)[],
  batch?: TransactClaim,
): CircuitInput {
  return withVector(input, transactVectorOf(input, claims, batch))
}

/** The message that a step's private input says was signed, for whatever operation it claims to be. */
export function stepMessage(input: CircuitInput, s: number): bigint {
  const { one, asset, op, closes, index } = stepOf(input, s)
  const kind = op === 8n ? 7 : closes ? 10 : Number(op)
  const nonce = kind === 7 || closes ? one('queueNumber') : one('version')
  const head = messageHead({
    kind,
    index: Number(index),
    nonce,
    expiry: one('expiry'),
    asset,
    direction: Number(one('direction')),
    x: 0n,
    y: 0n,
    extra: 0n,
  })
  return poseidon(
    [
      0x706c696d736f6c6c2e7631n,
      input.chainId as bigint,
      input.settlement as bigint,
      head,
      closes ? one('asked') + (one('limit') << 64n) : one('amount') + (one('cash') << 64n),
      one('extra'),
    ].map(mod),
  )
}

/** The input of one step whose leaf has another opening, and the tree before as if that had been its leaf. */
export function withOpening(input: CircuitInput, s: number, opening: Readonly<Record<string, Signal>>): CircuitInput {
  const opened = { ...input }
  for (const [name, value] of Object.entries(opening)) opened[name] = (input[name] as readonly Signal[]).with(s, value)
  const { value, one, before, viewKey, place } = stepOf(opened, s)
  const leaf = poseidon(
    [
      accountKey({ owner: one('owner'), viewKey }),
      place + (one('oldWeights') << 64n),
      packBits(before.sign),
      ...before.magnitude,
    ].map(mod),
  )
  let node = leaf
  const bits = list(value('indexBits'))
  const children = table(value('children')).map((siblings, level) => {
    const replaced = siblings.with(Number(bits[2 * level]! + 2n * bits[2 * level + 1]!), node)
    node = poseidon([...replaced])
    return replaced
  })
  return { ...opened, children: (opened.children as readonly Signal[]).with(s, children), rootBefore: node }
}

/** The input with the path of its second step as the first one leaves the tree, whatever that writes. */
export function withPaths(input: CircuitInput): CircuitInput {
  const digits = (s: number) => {
    const bits = list(stepOf(input, s).value('indexBits'))
    return Array.from({ length: bits.length / 2 }, (_, level) => Number(bits[2 * level]! + 2n * bits[2 * level + 1]!))
  }
  const [first, second] = [digits(0), digits(1)]
  const meeting = first.findLastIndex((digit, level) => digit !== second[level])
  let node = writtenOf(input, 0).leaf
  const nodes = table(stepOf(input, 0).value('children')).map((siblings, level) => {
    const below = node
    node = poseidon([...siblings.with(first[level]!, below)])
    return below
  })
  let child = 0n
  const children = table(stepOf(input, 1).value('children')).map((siblings, level) => {
    const path =
      level < meeting
        ? siblings
        : level === meeting
          ? siblings.with(first[level]!, nodes[level]!)
          : siblings.with(second[level]!, child)
    child = poseidon([...path])
    return path
  })
  return putStep(input, 1, { children })
}

/** The lie with a signature of its own over what it says, by the owner of its account or another key, and its public part. */
export function signedLie(
  input: CircuitInput,
  s: number,
  changes: Readonly<Record<string, Signal>> = {},
  key?: OwnerKey,
  claims?: readonly (OperationClaim | undefined)[],
): CircuitInput {
  const lie = putStep(input, s, changes)
  const signer = key ?? ownerKey(Number(stepOf(lie, s).index))
  const signature = sign(signer, stepMessage(lie, s))
  return forgeTransact(putStep(lie, s, { r8: signature.r8, s: signature.s }), claims)
}
