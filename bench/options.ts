import { PlimsollError } from '../protocol/errors.ts'

/** An option that is an integer. @throws PlimsollError naming it, with the usage as hint */
export function integerOption(
  value: string | undefined,
  name: string,
  least: number,
  most: number,
  usage: string,
): number {
  const number = Number(value)
  if (value === undefined || !/^\d+$/.test(value) || number < least || number > most) {
    throw new PlimsollError(`--${name}: an integer from ${least} to ${most} is required.`, { hint: usage })
  }
  return number
}
