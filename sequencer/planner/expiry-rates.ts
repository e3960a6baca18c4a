/**
 * Expected expiries over about 500 ticks, fitted to the shipped history; printed by `npm run --silent risk:planner`. A side
 * met by moves in one direction is met again only at a new extreme, so a family of such slots expires in inverse proportion to
 * its distance; with sides in both directions a slot is left as an interval is, in inverse proportion to the product.
 */
export const EXPIRY_RATES = {
  /** Log-distance by which a tick that passes a bound goes beyond it: nearer sides are no better than this. */
  near: 0.0116,
  /** Times the inverse distance. */
  oneWay: 0.0697,
  /** Times the product of the inverse distances. */
  bothWays: 0.0305,
  /** Prices move together: of the sides in one direction the nearest counts in full, the others so much. */
  correlated: 0.653,
}
