import { createRequire } from 'node:module'
import { inverse, modulo, SCALAR_FIELD as R } from './bigint-field.ts'

const FULL_ROUNDS = 8
/** Rounds before the partial ones, and after. */
export const HALF = FULL_ROUNDS / 2

type Matrix = readonly (readonly bigint[])[]

/**
 * Poseidon of width `t` with the partial rounds as a linear recurrence. Of such a round only the one element that goes through
 * the S-box matters: `y[j]` before it, `s[j]` after. All else is linear, so by the characteristic polynomial of the linear map
 *
 *     y[j] = ya[0] y[j-1] + .. + ya[t-2] y[j-t+1] + sa[0] s[j-1] + .. + sa[t-1] s[j-t]
 *
 * with the same coefficients in every round: one sum of products a round, where the usual sparse matrices take t. Round constants
 * are left out of `y` and put in at the S-box.
 */
export interface PoseidonConstants {
  readonly width: number
  readonly partialRounds: number
  /** Constants of each full round, one added to each element. */
  readonly fullConstants: Matrix
  readonly mix: Matrix
  /**
   * Matrix that takes the place of `mix` before the partial rounds: rows for `y[2-t]` to `y[0]`, as they would have to have been for the
   * recurrence to begin with no `s` before `s[0]`, and last a row for what enters the first S-box in place of `y[0]`.
   */
  readonly entry: Matrix
  /** Constants of the partial rounds, added before the S-box. */
  readonly partialConstants: readonly bigint[]
  /** `ya`, then `sa`. */
  readonly recurrence: readonly bigint[]
  /**
   * The state after n partial rounds, but for its first element `y[n]`: rows of coefficients of `y[n]` to `y[n-t+2]` and of
   * `s[n-1]` to `s[n-t+1]`.
   */
  readonly exit: Matrix
}

/** For `inputs` inputs, with circomlib's constants. */
export function poseidonConstants(inputs: number): PoseidonConstants {
  const { C: constants, M: mix } = libraryConstants(inputs)
  const width = inputs + 1
  const others = width - 1
  const round = (i: number) => constants.slice(i * width, (i + 1) * width)
  const partialRounds = constants.length / width - FULL_ROUNDS

  // Rows of e0 (mix without its first column)^k for k from 1 on, on the elements other than the first: what y[j + k] is made of.
  const withoutFirst = mix.map((row) => row.slice(1))
  const powers = [withoutFirst[0]!]
  while (powers.length < width) powers.push(multiplyRow(powers.at(-1)!, withoutFirst.slice(1)))
  const observed = powers.slice(0, others)
  const observe = invertMatrix(observed)
  const ya = multiplyRow(powers[others]!, observe).reverse()

  // The response of y to one s, k rounds later: impulse[k].
  const firstColumn = mix.map((row) => row[0]!)
  const impulse = [0n, firstColumn[0]!, ...powers.map((row) => dot(row, firstColumn.slice(1)))]
  const sa = Array.from({ length: width }, (_, i) =>
    modulo(impulse[i + 1]! - dot(ya.slice(0, i), impulse.slice(1, i + 1).reverse()), R),
  )

  // Backwards: what comes before in the sequence of rows.
  const history = [...observed]
  const last = inverse(ya.at(-1)!, R)
  for (let i = 0; i < others; i++) {
    const known = linearCombination(ya.slice(0, -1), history.slice(0, others - 1).reverse())
    history.unshift(history[others - 1]!.map((value, column) => modulo((value - known[column]!) * last, R)))
  }
  const entry = [...history.slice(0, others).map((row) => multiplyRow(row, mix.slice(1))), mix[0]!]

  // y after the partial rounds as if no S-box followed, by y and s before: the recurrence goes on without any s of its own.
  const known = 2 * others
  const unit = (index: number): bigint[] => Array.from({ length: known }, (_, i) => (i === index ? 1n : 0n))
  const ys = Array.from({ length: others }, (_, i) => unit(i))
  const futures: bigint[][] = []
  for (let k = 1; k <= others; k++) {
    const s = sa.slice(k).map((factor, i) => unit(others + i).map((value) => value * factor))
    const future = [linearCombination(ya, ys.slice(0, others)), ...s].reduce((sum, row) =>
      sum.map((value, i) => modulo(value + row[i]!, R)),
    )
    futures.push(future)
    ys.unshift(future)
  }
  const exit = observe.map((row) => linearCombination(row, futures))

  // What the constants of the partial rounds add to the state before round j.
  let drift = Array<bigint>(width).fill(0n)
  const partialConstants: bigint[] = []
  for (let j = 0; j < partialRounds; j++) {
    const sum = round(HALF + j).map((constant, i) => modulo(constant + drift[i]!, R))
    partialConstants.push(sum[0]!)
    drift = mix.map((row) => dot(row.slice(1), sum.slice(1)))
  }
  const fullConstants = Array.from({ length: FULL_ROUNDS }, (_, i) => round(i < HALF ? i : i + partialRounds))
  fullConstants[HALF] = fullConstants[HALF]!.map((constant, i) => modulo(constant + drift[i]!, R))
  return { width, partialRounds, fullConstants, mix, entry, partialConstants, recurrence: [...ya, ...sa], exit }
}

/** Tables of poseidon-lite: round constants, one round behind the other, and the matrix. */
function libraryConstants(inputs: number): { C: bigint[]; M: Matrix } {
  // The package exports functions only; its constants are files of base 64 beside them.
  const require = createRequire(import.meta.url)
  const directory = require.resolve('poseidon-lite').replace(/index\.js$/, '')
  const { default: encoded } = require(`${directory}constants/${inputs}.js`) as {
    default: { C: string[]; M: string[][] }
  }
  const decode = (text: string) => BigInt(`0x${Buffer.from(text, 'base64').toString('hex')}`)
  return { C: encoded.C.map(decode), M: encoded.M.map((row) => row.map(decode)) }
}

function dot(a: readonly bigint[], b: readonly bigint[]): bigint {
  return modulo(
    a.reduce((sum, value, i) => sum + value * b[i]!, 0n),
    R,
  )
}

function linearCombination(factors: readonly bigint[], rows: Matrix): bigint[] {
  return rows[0]!.map((_, column) =>
    dot(
      factors,
      rows.map((row) => row[column]!),
    ),
  )
}

function multiplyRow(row: readonly bigint[], matrix: Matrix): bigint[] {
  return linearCombination(row, matrix)
}

/** By Gauss and Jordan. @throws RangeError for a singular matrix. */
function invertMatrix(matrix: Matrix): bigint[][] {
  const size = matrix.length
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1n : 0n))])
  for (let pivot = 0; pivot < size; pivot++) {
    const found = rows.findIndex((row, i) => i >= pivot && row[pivot] !== 0n)
    if (found < 0) throw new RangeError('The matrix has no inverse.')
    ;[rows[pivot], rows[found]] = [rows[found]!, rows[pivot]!]
    const factor = inverse(rows[pivot]![pivot]!, R)
    const scaled = rows[pivot]!.map((value) => (value * factor) % R)
    rows[pivot] = scaled
    rows.forEach((row, i) => {
      if (i !== pivot) rows[i] = row.map((value, column) => modulo(value - row[pivot]! * scaled[column]!, R))
    })
  }
  return rows.map((row) => row.slice(size))
}
