import { PlimsollError } from './errors.ts'
import { divDown } from './integer.ts'

const PLAIN = /^(-?)([0-9]+)(?:\.([0-9]+))?$/
/** No amount of the protocol needs more: a longer text is refused before it costs time. */
const MAX_LENGTH = 100

/**
 * Integer of a plain decimal text, times 10^`decimals`. Plain is an optional `-`, digits, and optionally a point and
 * more digits: no exponent, plus sign, space or bare point. Digits beyond `decimals` are refused, even zeros.
 * @throws PlimsollError naming `field`
 */
export function parseDecimal(text: unknown, decimals: number, field: string): bigint {
  if (typeof text !== 'string') {
    throw new PlimsollError(`${field} is not a string.`, { hint: 'Decimals are written as strings, such as "1.5".' })
  }
  const match = text.length <= MAX_LENGTH ? PLAIN.exec(text) : null
  if (!match) {
    const shown = JSON.stringify(text.length <= MAX_LENGTH ? text : `${text.slice(0, 20)}...`)
    throw new PlimsollError(`${field} is not a plain decimal: ${shown}.`, {
      hint: `Write digits, optionally with a point and a minus sign, at most ${MAX_LENGTH} characters.`,
    })
  }
  const [, minus, whole, fraction = ''] = match
  if (fraction.length > decimals) {
    throw new PlimsollError(`${field} has ${fraction.length} decimals, more than ${decimals}: "${text}".`)
  }
  const magnitude = BigInt(whole! + fraction.padEnd(decimals, '0'))
  return minus ? -magnitude : magnitude
}

/** The exact decimal of `amount / 10^decimals`, without trailing zeros. */
export function formatDecimal(amount: bigint, decimals: number): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0')
  const point = digits.length - decimals
  const fraction = digits.slice(point).replace(/0+$/, '')
  return `${amount < 0n ? '-' : ''}${digits.slice(0, point)}${fraction && `.${fraction}`}`
}

/** The decimal of `numerator / denominator / 10^decimals`, rounded toward minus infinity to `decimals`; `denominator > 0`. */
export function formatRatioDown(numerator: bigint, denominator: bigint, decimals: number): string {
  return formatDecimal(divDown(numerator, denominator), decimals)
}
