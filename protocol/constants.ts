/** Assets of an account; asset 0 is cash (docs/protocol.md#values). */
export const ASSETS = 8
/** Assets that carry marks: all but cash. */
export const TRADED = ASSETS - 1
/** Marks scale: the value of one base unit of cash. */
export const SCALE = 1n << 32n
/** Factors and penalties are integers in 1 / 10^4. */
export const FACTOR_ONE = 10_000n
/** A point of a hundred, in the unit of factors. */
export const POINT = 100n
/** Every magnitude, mark, bound, depth and k is below this. */
export const WORD = 1n << 64n
/** Bounds of `price`, inclusive below and exclusive above. */
export const PRICE_MIN = 1n << 16n
export const PRICE_LIMIT = 1n << 60n
/** Bound on an account's `sum price |b|`: beyond it its cash could outgrow a word. */
export const SIZE_LIMIT = 1n << 95n
/** The liquidation multiplier lies in [1, 2^48). */
export const MULTIPLIER_LIMIT = 1n << 48n
/** `q = floor(m k w / 2^43)`. */
export const AMOUNT_SHIFT = 43n
/** Liquidation, withdrawals and trades end with target health at or above this: one cash unit. */
export const TARGET_THRESHOLD = 1n << 32n
export const NEUTRAL_WEIGHT = 8
export const MAX_WEIGHT = 15
export const VERSION_LIMIT = 1n << 32n
/** Signatures expire before this, in unix seconds. */
export const EXPIRY_LIMIT = 1n << 40n
/** BN254 scalar field, the circuits' native field. */
export const FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
/** Slot waiting to be resolved, and slot of leaves just written: neither has an envelope. */
export const DISTRESS = 0
export const INBOX = 1
export const MAX_SLOTS = 64
export const DEFAULT_SLOTS = 32
