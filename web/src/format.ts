import { formatDecimal } from '../../protocol/decimal.ts'
import { priceOfMark } from '../../sdk/price.ts'
import type { AssetInfo } from '../../sdk/schemas.ts'

export type Unit = Pick<AssetInfo, 'symbol' | 'decimals'>

/** A decimal with groups of thousands, cut to some decimals; nothing is rounded up. */
export function plain(text: string, digits = 6): string {
  const [, sign = '', whole = '', , fraction = ''] = /^(-?)(\d+)(\.(\d+))?$/.exec(text) ?? []
  const kept = fraction.slice(0, digits).replace(/0+$/, '')
  const cut = digits > 4 && kept.length < fraction.replace(/0+$/, '').length ? '…' : ''
  return `${sign === '' ? '' : '−'}${whole.replace(/\B(?=(\d{3})+$)/g, ' ')}${kept === '' ? '' : `.${kept}`}${cut}`
}

export function amount(value: bigint, { decimals }: Unit, digits = 6): string {
  return plain(formatDecimal(value, decimals), digits)
}

/** Price of a whole unit in cash, of a mark. */
export function price(mark: bigint, cash: Unit, asset: Unit): string {
  return mark === 0n ? '–' : plain(priceOfMark(mark, cash, asset, 'down'), 4)
}

/** The same as a number, for curves. */
export function priceNumber(mark: bigint, cash: Unit, asset: Unit): number {
  return Number(priceOfMark(mark, cash, asset, 'down', 8))
}

export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** Seconds in words. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 100) return `${s} s`
  if (s < 7_200) return `${Math.round(s / 60)} min`
  if (s < 172_800) return `${Math.round(s / 3_600)} h`
  return `${Math.round(s / 86_400)} days`
}

/** Unix seconds as local date and time. */
export function when(seconds: number): string {
  return new Date(1_000 * seconds).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}

export function short(hex: string): string {
  return `${hex.slice(0, 8)}…${hex.slice(-4)}`
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const hint = 'hint' in error && typeof error.hint === 'string' ? ` ${error.hint}` : ''
  return `${error.message.split('\n')[0]}${hint}`
}
