import { accountKey, packBits } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { blindHead } from '../../protocol/head-salts.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { vectorSignals } from '../../protocol/public-vector.ts'
import { mod } from './circuit.ts'

/** What a lying prover claims of one resolve step; what it leaves out is computed as an honest one would. */
export interface StepClaim {
  /** Signs and magnitudes after the step. */
  readonly sign?: readonly bigint[]
  readonly magnitude?: readonly bigint[]
  readonly key?: bigint
  readonly meta?: bigint
  readonly badDebt?: bigint
  readonly cipher?: readonly bigint[]
  readonly backstopDelta?: readonly bigint[]
  readonly write?: readonly bigint[]
}

/** What it claims of a whole batch, by names of the public vector: of heads the stacks' own, which are blinded as it says. */
export type BatchClaim = Partial<Record<'active' | 'rootAfter' | 'distressAfter' | 'inboxAfter', bigint>>

/** One value of a nested input. */
export function at(input: CircuitInput, name: string, ...path: number[]): bigint {
  return path.reduce<Signal>((value, i) => (value as readonly Signal[])[i]!, input[name]!) as bigint
}

/** The input with `value` at `name[path]`. */
export function put(input: CircuitInput, name: string, path: readonly number[], value: Signal): CircuitInput {
  const replace = (old: Signal, [first, ...rest]: readonly number[]): Signal =>
    first === undefined
      ? value
      : (old as readonly Signal[]).with(first, replace((old as readonly Signal[])[first]!, rest))
  return { ...input, [name]: replace(input[name]!, path) }
}

/** The same for several inputs of one step. */
export function putStep(input: CircuitInput, step: number, values: Readonly<Record<string, Signal>>): CircuitInput {
  return Object.entries(values).reduce((changed, [name, value]) => put(changed, name, [step], value), input)
}

const list = (signal: Signal) => signal as readonly bigint[]
const table = (signal: Signal) => signal as readonly (readonly bigint[])[]

/** The public vector of a resolve's private inputs and claims: consistent with every lie in them. Nothing is checked. */
export function resolveVectorOf(
  input: CircuitInput,
  claims: readonly (StepClaim | undefined)[] = [],
  batch: BatchClaim = {},
): bigint[] {
  let root = input.rootBefore as bigint
  let distress = input.distressBefore as bigint
  let inbox = input.inboxBefore as bigint
  let badDebt = 0n
  const delta = Array<bigint>(8).fill(0n)
  const writes: bigint[] = []
  const steps = list(input.active!).length
  for (let s = 0; s < steps; s++) {
    const claim = claims[s] ?? {}
    const value = (name: string) => (input[name] as readonly Signal[])[s]!
    const bit = (name: string) => value(name) as bigint
    const active = bit('active') !== 0n
    const write = active && bit('drop') === 0n
    const index = packBits(list(value('indexBits')))
    const weights = packBits(table(value('weightBits')).flat())
    const meta = (value('version') as bigint) + (index << 32n) + (weights << 64n)
    const viewKey = value('viewKey') as bigint
    const key = accountKey({ owner: value('owner') as bigint, viewKey })
    const before = { sign: list(value('sign')), magnitude: list(value('magnitude')) }
    const after = { sign: claim.sign ?? before.sign, magnitude: claim.magnitude ?? before.magnitude }
    const newLeaf = poseidon(
      [claim.key ?? key, claim.meta ?? meta + 1n, packBits(after.sign), ...after.magnitude].map(mod),
    )
    if (active) distress = value('below') as bigint
    if (write) {
      root = rootWith(newLeaf, table(value('children')), list(value('indexBits')))
      inbox = poseidon([inbox, newLeaf])
    }
    const signed = ({ sign, magnitude }: typeof before, a: number) => (sign[a] ? -magnitude[a]! : magnitude[a]!)
    for (let a = 0; a < 8; a++)
      delta[a]! += claim.backstopDelta?.[a] ?? (write ? signed(before, a) - signed(after, a) : 0n)
    badDebt += claim.badDebt ?? 0n
    const cipher = claim.cipher ?? encryptBalances(viewKey, newLeaf, after.sign, after.magnitude, weights)
    writes.push(...(claim.write ?? (write ? [index, newLeaf, ...cipher] : [0n, 0n, 0n, 0n, 0n])))
  }
  const [saltsBefore, saltsAfter] = [list(input.saltsBefore!), list(input.saltsAfter!)]
  return [
    batch.active ?? list(input.active!).reduce((sum, bit) => sum + bit, 0n),
    input.rootBefore as bigint,
    batch.rootAfter ?? root,
    blindHead(input.distressBefore as bigint, saltsBefore[0]!),
    blindHead(batch.distressAfter ?? distress, saltsAfter[0]!),
    blindHead(input.inboxBefore as bigint, saltsBefore[1]!),
    blindHead(batch.inboxAfter ?? inbox, saltsAfter[1]!),
    input.minLiability as bigint,
    ...table(input.marks!).flat(),
    ...delta,
    badDebt,
    ...writes,
  ].map(mod)
}

/** The stacks' own heads after a sweep's private inputs: consistent with every lie in them. Nothing is checked. */
export function sweepHeadsOf(input: CircuitInput): bigint[] {
  const heads = [...list(input.headsBefore!)]
  list(input.active!).forEach((_, s) => {
    const value = (name: string) => (input[name] as readonly Signal[])[s]!
    const leaf = poseidon([
      value('key') as bigint,
      value('meta') as bigint,
      packBits(list(value('sign'))),
      ...list(value('magnitude')),
    ])
    const from = list(value('from'))
    const to = list(value('to'))
    const above = poseidon([mod(heads.reduce((sum, head, w) => sum + to[w]! * head, 0n)), leaf])
    heads.forEach(
      (head, w) => (heads[w] = mod(head + from[w]! * ((value('below') as bigint) - head) + to[w]! * (above - head))),
    )
  })
  return heads
}

/**
 * The public vector of a sweep's private inputs: consistent with every lie in them. Nothing is checked.
 * @param headsAfter the stacks' own heads that it claims
 */
export function sweepVectorOf(input: CircuitInput, headsAfter: readonly bigint[] = sweepHeadsOf(input)): bigint[] {
  const blinded = (heads: readonly bigint[], salts: Signal) => heads.map((head, w) => blindHead(head, list(salts)[w]!))
  return [
    ...blinded(list(input.headsBefore!), input.saltsBefore!),
    ...blinded(headsAfter, input.saltsAfter!),
    ...list(input.free!),
    ...table(input.floors!).flat(),
    ...table(input.ceilings!).flat(),
  ].map(mod)
}

/** The era of a sequencer that has handed nothing over. */
const ERA = 1

/** The input with the signals of a public vector. */
export function withVector(input: CircuitInput, vector: readonly bigint[]): CircuitInput {
  return { ...input, ...vectorSignals(vector, ERA) }
}

/** A lie, told consistently: its public part follows from its private part and claims. */
export function forgeResolve(
  input: CircuitInput,
  claims?: readonly (StepClaim | undefined)[],
  batch?: BatchClaim,
): CircuitInput {
  return withVector(input, resolveVectorOf(input, claims, batch))
}

export function forgeSweep(input: CircuitInput, headsAfter?: readonly bigint[]): CircuitInput {
  return withVector(input, sweepVectorOf(input, headsAfter))
}

/** Signs and magnitudes of signed balances. */
export function split(balances: readonly bigint[]): { sign: bigint[]; magnitude: bigint[] } {
  return { sign: balances.map((b) => (b < 0n ? 1n : 0n)), magnitude: balances.map((b) => (b < 0n ? -b : b)) }
}

/** Root of the tree of a path with another leaf at the index. */
export function rootWith(leaf: bigint, children: readonly (readonly bigint[])[], indexBits: readonly bigint[]): bigint {
  return children.reduce((node, siblings, level) => {
    const digit = Number(indexBits[2 * level]! + 2n * indexBits[2 * level + 1]!)
    return poseidon(siblings.with(digit, node))
  }, leaf)
}

export function encryptBalances(
  viewKey: bigint,
  leaf: bigint,
  sign: readonly bigint[],
  m: readonly bigint[],
  weights: bigint,
): bigint[] {
  return [
    m[0]! + (m[1]! << 64n) + (m[2]! << 128n),
    m[3]! + (m[4]! << 64n) + (m[5]! << 128n),
    m[6]! + (m[7]! << 64n) + (packBits(sign) << 128n) + (weights << 136n),
  ].map((plain, i) => mod(plain + poseidon([viewKey, leaf, BigInt(i)])))
}

/** The input of a batch of one step whose leaf has another opening, and the state before as if that had been its leaf. */
export function withLeaf(input: CircuitInput, opening: Readonly<Record<string, Signal>>): CircuitInput {
  const opened = putStep(input, 0, opening)
  const value = (name: string) => (opened[name] as readonly Signal[])[0]!
  const bits = list(value('indexBits'))
  const meta =
    (value('version') as bigint) + (packBits(bits) << 32n) + (packBits(table(value('weightBits')).flat()) << 64n)
  const key = accountKey({ owner: value('owner') as bigint, viewKey: value('viewKey') as bigint })
  const leaf = poseidon([key, meta, packBits(list(value('sign'))), ...list(value('magnitude'))].map(mod))
  let node = leaf
  const children = table(value('children')).map((siblings, level) => {
    const replaced = siblings.with(Number(bits[2 * level]! + 2n * bits[2 * level + 1]!), node)
    node = poseidon([...replaced])
    return replaced
  })
  return {
    ...putStep(opened, 0, { current: leaf, children }),
    rootBefore: node,
    distressBefore: poseidon([value('below') as bigint, leaf]),
  }
}
