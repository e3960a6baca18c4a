import { PlimsollError } from '../../protocol/errors.ts'

export const DAY = 86_400

/**
 * The first second (UTC) of a date as YYYY-MM-DD.
 * @throws PlimsollError naming `name` where the text is no date
 */
export function parseDate(text: string, name: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // Date.parse takes the 30th of February for the 1st of March.
  if (Number.isNaN(time) || formatDate(time / 1000) !== text)
    throw new PlimsollError(`${name} "${text}" is not a date like 2022-01-31.`)
  return time / 1000
}

/** The date (UTC) of a second as YYYY-MM-DD. */
export function formatDate(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}

export function yearOf(seconds: number): number {
  return new Date(seconds * 1000).getUTCFullYear()
}

/** The first second (UTC) of a year. */
export function yearStart(year: number): number {
  return Date.UTC(year, 0, 1) / 1000
}
