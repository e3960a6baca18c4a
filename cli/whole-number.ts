import { InvalidArgumentError } from 'commander'

/** A parser of options: a whole number within bounds, both ends allowed. */
export function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^[0-9]+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
    return value
  }
}
