/** Shares of one base unit of cash at first; as many stand, with one unit, beside all others in every price. */
export const SHARES_PER_UNIT = 1_000_000n
