import type { Series } from '../data/series.ts'

/*
 * Estimators of the variance of one bar, in squared log price per bar, from its open, high, low and close (o, h, l, c are logarithms).
 * All but the first use the range and are several times as precise as it; all assume that the price moves continuously within the bar.
 */

/** Close to close: `(c - c')^2`, `c'` the close before; the first bar uses its own open. No drift is subtracted. */
export function closeToClose({ open, close }: Pick<Series, 'open' | 'close'>): Float64Array {
  return Float64Array.from(close, (price, i) => Math.log(price / (i === 0 ? open[0]! : close[i - 1]!)) ** 2)
}

/** M. Parkinson, The extreme value method (1980): `(h - l)^2 / (4 ln 2)`; unbiased without drift. */
export function parkinson({ high, low }: Pick<Series, 'high' | 'low'>): Float64Array {
  return Float64Array.from(high, (price, i) => Math.log(price / low[i]!) ** 2 / (4 * Math.LN2))
}

/** M. Garman and M. Klass, On the estimation of security price volatilities (1980): `(h - l)^2 / 2 - (2 ln 2 - 1) (c - o)^2`; no drift. */
export function garmanKlass({ open, high, low, close }: Series): Float64Array {
  return Float64Array.from(open, (price, i) => {
    return 0.5 * Math.log(high[i]! / low[i]!) ** 2 - (2 * Math.LN2 - 1) * Math.log(close[i]! / price) ** 2
  })
}

/** L. Rogers and S. Satchell, Estimating variance from high, low and closing prices (1991): `(h - c)(h - o) + (l - c)(l - o)`; any drift. */
export function rogersSatchell({ open, high, low, close }: Series): Float64Array {
  return Float64Array.from(open, (price, i) => {
    const [up, down] = [high[i]!, low[i]!]
    return Math.log(up / close[i]!) * Math.log(up / price) + Math.log(down / close[i]!) * Math.log(down / price)
  })
}

/** Volatility per year of 365 days from variances of bars of `barSeconds`: the root of their mean, scaled. */
export function annualVolatility(variances: Float64Array, barSeconds: number): number {
  let sum = 0
  for (const variance of variances) sum += variance
  return Math.sqrt(((sum / variances.length) * 365 * 86_400) / barSeconds)
}
