import { InvalidArgumentError } from 'commander'

/** A parser of options: a number within bounds, both ends allowed. */
export function numberWithin(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || !(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`)
    }
    return value
  }
}

/** A parser of options: one of some whole numbers. */
export function oneOfNumbers(allowed: readonly number[]) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !allowed.includes(value))
      throw new InvalidArgumentError(`It must be one of ${allowed.join(', ')}.`)
    return value
  }
}

/** A parser of options: names separated by commas, each at most once; `allowed` where only some are known. */
export function nameList<T extends string>(allowed?: readonly T[]) {
  return (text: string): T[] => {
    const names = text.split(',').map((name) => name.trim())
    if (names.some((name) => name === '')) throw new InvalidArgumentError('It must be names separated by commas.')
    const unknown =
      allowed === undefined ? undefined : names.find((name) => !(allowed as readonly string[]).includes(name))
    if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${allowed!.join(', ')}.`)
    const twice = names.find((name, i) => names.indexOf(name) < i)
    if (twice !== undefined) throw new InvalidArgumentError(`${twice} is named twice.`)
    return names as T[]
  }
}
