import { ASSETS, TRADED } from './constants.ts'
import { LIQUIDATION_MARKS } from './marks.ts'

/** Fields in their order, each with its number of elements. */
type Fields = Readonly<Record<string, number>>

/** The part of a batch that is written into the tree: index, hiding leaf and ciphertext. */
export const WRITE = { index: 1, leaf: 1, cipher: 3 } as const

/** Public part of one step of a transact. */
export const STEP = { op: 1, ...WRITE, asset: 1, amount: 1, u: 1, v: 1 } as const

/** Those of a round's marks that a transact is proven at, in the order of its vector; `concentration` follows, of all assets. */
export const TRANSACT_MARKS = ['price', 'initialCollateralValue', 'initialLiabilityValue', 'sell', 'buy'] as const

/**
 * Public part of a batch, as the contract takes it and its event repeats it: the part of the public vector that is in no storage.
 * A sweep has the heads after it and nothing else, one a slot of its window. After these fields come, of a resolve, a `WRITE` a
 * step; of a transact a `STEP` a step.
 */
export const VALUES = {
  resolve: { active: 1, rootAfter: 1, distressAfter: 1, inboxAfter: 1, delta: ASSETS, badDebt: 1 },
  transact: { active: 1, rootAfter: 1, inboxAfter: 1, validUntil: 1 },
} as const

/** The public vectors D. After these fields a resolve's has a `WRITE` a step and a transact's a `STEP` a step. */
export const VECTOR = {
  resolve: {
    active: 1,
    rootBefore: 1,
    rootAfter: 1,
    distressBefore: 1,
    distressAfter: 1,
    inboxBefore: 1,
    inboxAfter: 1,
    minLiability: 1,
    marks: TRADED * LIQUIDATION_MARKS.length,
    delta: ASSETS,
    badDebt: 1,
  },
  transact: {
    active: 1,
    rootBefore: 1,
    rootAfter: 1,
    inboxBefore: 1,
    inboxAfter: 1,
    chainId: 1,
    settlement: 1,
    sequencer: 2,
    validUntil: 1,
    marks: TRADED * TRANSACT_MARKS.length,
    concentration: TRADED,
  },
  exit: { root: 1, chainId: 1, settlement: 1, index: 1, recipient: 1, equity: 1, prices: TRADED },
} as const

/** A sweep's vector: elements of each field for every slot of the window. */
export const SWEEP_VECTOR = { headsBefore: 1, headsAfter: 1, free: 1, floors: TRADED, ceilings: TRADED } as const

/** Position at which each field begins. */
export function offsets<F extends Fields>(fields: F): { readonly [K in keyof F]: number } {
  let at = 0
  const positions = Object.entries(fields).map(([name, width]) => {
    at += width
    return [name, at - width]
  })
  return Object.fromEntries(positions) as { [K in keyof F]: number }
}

/** Number of elements that the fields have together. */
export function width(fields: Fields): number {
  return Object.values(fields).reduce((sum, one) => sum + one, 0)
}
