import { gammaln } from 'simple-statistics'
import { minimize } from '../minimize.ts'

/**
 * `v' = omega + (alpha + gamma [r < 0]) r^2 + beta v`: the conditional variance of the next bar, in squared return per bar. Without
 * `gamma` it is GARCH(1,1) (T. Bollerslev, 1986), with it GJR (L. Glosten, R. Jagannathan and D. Runkle, 1993). Shocks `r / sqrt(v)` are
 * Student's t of unit variance with `freedom` degrees of freedom (T. Bollerslev, 1987), normal where that is infinite.
 */
export interface Garch {
  readonly omega: number
  readonly alpha: number
  readonly gamma: number
  readonly beta: number
  readonly freedom: number
}

export interface GarchFit extends Garch {
  /** Log likelihood of the returns as they are. */
  readonly logLikelihood: number
}

export interface GarchOptions {
  /** Whether falls may weigh more than rises. */
  readonly asymmetric?: boolean
  readonly innovations?: 'student' | 'normal'
  /**
   * Variance targeting (R. Engle and J. Mezrich, GARCH for groups, 1996): the long-run variance is held at that of the returns. Free, it
   * runs away where the persistence is all but 1; good for simulations.
   */
  readonly targeting?: boolean
  /** A fit of nearby data to start from. */
  readonly start?: Garch
}

/** The part of a variance above its mean that is left after a bar; below 1. */
export function persistence({ alpha, gamma, beta }: Garch): number {
  return alpha + gamma / 2 + beta
}

/** The mean variance of a bar. */
export function longRunVariance(model: Garch): number {
  return model.omega / (1 - persistence(model))
}

/** Conditional variances: entry i is that of bar i + 1, known at the close of bar i; starts at the long-run variance. */
export function garchVariances(returns: Float64Array, { omega, alpha, gamma, beta, ...rest }: Garch): Float64Array {
  const result = new Float64Array(returns.length)
  let v = longRunVariance({ omega, alpha, gamma, beta, ...rest })
  for (let i = 0; i < returns.length; i++) {
    const r = returns[i]!
    v = omega + (r < 0 ? alpha + gamma : alpha) * r * r + beta * v
    result[i] = v
  }
  return result
}

/** Variance of the sum of the next `horizon` returns where that of the next one is `next`: the sum of its expectations. */
export function horizonVariance(next: number, model: Garch, horizon: number): number {
  const phi = persistence(model)
  const mean = longRunVariance(model)
  return horizon * mean + ((next - mean) * (1 - phi ** horizon)) / (1 - phi)
}

/** Bars that only set the variance in a likelihood. */
const SKIPPED = 50
/** Products of this many factors are taken before a logarithm; returns are scaled so that none of them overflows. */
const CHUNK = 16

/** Twice the negative log likelihood a bar, up to constants, of returns with mean square 1; the first 50 bars only set the variance. */
function objective(returns: Float64Array, { omega, alpha, gamma, beta, freedom }: Garch): number {
  const normal = freedom === Infinity
  const scale = normal ? 0 : 1 / (freedom - 2)
  const falls = alpha + gamma
  let v = 1
  let sum = 0
  let logs = 0
  let product = 1
  let tail = 1
  for (let i = 0; i < returns.length; i++) {
    const square = returns[i]! * returns[i]!
    if (i >= SKIPPED) {
      product *= v
      if (normal) sum += square / v
      else tail *= 1 + (scale * square) / v
      if (i % CHUNK === 0) {
        logs += Math.log(product) + (normal ? 0 : (freedom + 1) * Math.log(tail))
        product = 1
        tail = 1
      }
    }
    v = omega + (returns[i]! < 0 ? falls : alpha) * square + beta * v
  }
  logs += Math.log(product) + (normal ? 0 : (freedom + 1) * Math.log(tail))
  const count = Math.max(1, returns.length - SKIPPED)
  const constant = normal
    ? Math.log(2 * Math.PI)
    : 2 * (gammaln(freedom / 2) - gammaln((freedom + 1) / 2)) + Math.log(Math.PI * (freedom - 2))
  return (sum + logs) / count + constant
}

interface Shape {
  readonly asymmetric: boolean
  readonly student: boolean
  readonly targeting: boolean
}

/** From the plane to parameters within their bounds: persistence below 1, no negative share, more than 2.05 degrees of freedom. */
function decode(point: readonly number[], { asymmetric, student, targeting }: Shape): Garch {
  const share = (x: number) => 1 / (1 + Math.exp(-x))
  const phi = share(point[0]!)
  const shocks = phi * share(point[1]!)
  const gamma = asymmetric ? 2 * shocks * share(point[3]!) : 0
  const freedom = student ? 2.05 + Math.exp(point[asymmetric ? 4 : 3]!) : Infinity
  return {
    omega: (targeting ? 1 : Math.exp(point[2]!)) * (1 - phi),
    alpha: shocks - gamma / 2,
    gamma,
    beta: phi - shocks,
    freedom,
  }
}

function encode(model: Garch, { asymmetric, student }: Shape): number[] {
  const logit = (x: number) => Math.log(Math.min(0.9999, Math.max(1e-4, x)) / (1 - Math.min(0.9999, Math.max(1e-4, x))))
  const phi = persistence(model)
  const shocks = model.alpha + model.gamma / 2
  const point = [logit(phi), logit(shocks / phi), Math.log(longRunVariance(model))]
  if (asymmetric) point.push(logit(model.gamma / (2 * shocks)))
  if (student) point.push(Math.log(Math.max(0.1, model.freedom - 2.05)))
  return point
}

/**
 * Fits GARCH(1,1) or GJR to returns by maximum likelihood, all parameters at once, by the simplex from a usual start. No mean is
 * fitted: that of an hour is a hundredth of its deviation.
 */
export function fitGarch(
  returns: Float64Array,
  { asymmetric = false, innovations = 'student', targeting = false, start }: GarchOptions = {},
): GarchFit {
  const student = innovations === 'student'
  const unit = Math.sqrt(returns.reduce((sum, r) => sum + r * r, 0) / returns.length)
  const scaled = returns.map((r) => r / unit)
  const first: Garch =
    start === undefined
      ? { omega: 0.02, alpha: 0.05, gamma: 0.04, beta: 0.91, freedom: 4 }
      : { ...start, omega: start.omega / unit ** 2 }
  const shape = { asymmetric, student, targeting }
  const { point, value } = minimize((p) => objective(scaled, decode(p, shape)), encode(first, shape), {
    step: start === undefined ? 0.6 : 0.2,
    tolerance: 1e-8,
    limit: 900,
  })
  const model = decode(point, shape)
  const count = Math.max(1, returns.length - SKIPPED)
  return { ...model, omega: model.omega * unit * unit, logLikelihood: -count * (value / 2 + Math.log(unit)) }
}
