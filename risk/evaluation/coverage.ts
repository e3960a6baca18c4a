/** The upper tail of the normal beyond `z` times two, `erfc(z / sqrt 2)`: that of chi-square with one degree of freedom at `z^2`. */
function twoSided(z: number): number {
  const x = z / Math.SQRT2
  if (x < 2.5) {
    // Maclaurin series of erf: alternating, but no term is beyond 1e3 here.
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum
  }
  // Continued fraction of erfc (Abramowitz and Stegun 7.1.14), evaluated from the end.
  let fraction = 0
  for (let k = 60; k > 0; k--) fraction = k / 2 / (x + fraction)
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction))
}

/** P(chi-square with one degree of freedom > `statistic`). */
export function chiSquareTail(statistic: number): number {
  return statistic <= 0 ? 1 : Math.min(1, twoSided(Math.sqrt(statistic)))
}

/** `count ln share`, 0 where the count is. */
function term(count: number, share: number): number {
  return count === 0 ? 0 : count * Math.log(share)
}

/**
 * P. Kupiec, Techniques for verifying the accuracy of risk measurement models (1995): the p-value of the likelihood ratio that a quantile is
 * exceeded as often as it should be, `share` of `total` times, given `count`; chi-square with one degree of freedom.
 */
export function kupiec(count: number, total: number, share: number): number {
  if (total === 0) return 1
  const observed = count / total
  const ratio =
    2 *
    (term(count, observed) + term(total - count, 1 - observed) - term(count, share) - term(total - count, 1 - share))
  return chiSquareTail(ratio)
}

/**
 * P. Christoffersen, Evaluating interval forecasts (1998): the p-value of the likelihood ratio of independence, that an exceedance is as
 * likely after an exceedance as after none; chi-square with one degree of freedom. `kupiec` looks at how many, this at whether they cluster.
 */
export function christoffersen(exceeded: ArrayLike<boolean | number>): number {
  // counts[a][b]: how often b followed a.
  const counts: [[number, number], [number, number]] = [
    [0, 0],
    [0, 0],
  ]
  for (let i = 1; i < exceeded.length; i++) counts[exceeded[i - 1] ? 1 : 0][exceeded[i] ? 1 : 0]++
  const [[n00, n01], [n10, n11]] = counts
  const all = n00 + n01 + n10 + n11
  if (all === 0) return 1
  const p = (n01 + n11) / all
  const p0 = n00 + n01 === 0 ? 0 : n01 / (n00 + n01)
  const p1 = n10 + n11 === 0 ? 0 : n11 / (n10 + n11)
  const ratio =
    2 *
    (term(n00, 1 - p0) +
      term(n01, p0) +
      term(n10, 1 - p1) +
      term(n11, p1) -
      term(n00 + n10, 1 - p) -
      term(n01 + n11, p))
  return chiSquareTail(ratio)
}

/** Pinball loss (the check function of R. Koenker and G. Bassett, 1978) of a forecast that should be exceeded with probability `share`. */
export function pinball(value: number, forecast: number, share: number): number {
  return value > forecast ? (value - forecast) * (1 - share) : (forecast - value) * share
}

/**
 * QLIKE loss of a variance forecast (A. Patton, Volatility forecast comparison using imperfect volatility proxies, 2011):
 * `ln forecast + realized / forecast`; it ranks forecasts rightly though `realized` is noisy. Its level means nothing, differences do.
 */
export function qlike(realized: number, forecast: number): number {
  return Math.log(forecast) + realized / forecast
}

/** The least value that at most `share` of the values exceed; sorts its input. */
export function upperQuantile(values: Float64Array, share: number): number {
  values.sort()
  return values[Math.min(values.length - 1, Math.max(0, Math.ceil(values.length * (1 - share) - 1e-9) - 1))]!
}
