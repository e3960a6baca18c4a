import { PlimsollError } from '../protocol/errors.ts'
import type { Json, JsonObject } from '../protocol/json.ts'

/**
 * Refuses fields that nothing is known of.
 * @param whose subject of the hint, which lists the names
 * @throws PlimsollError naming the first of them by its path
 */
export function requireKnown(fields: JsonObject, names: readonly string[], path: string, whose = 'It'): void {
  const unknown = Object.keys(fields).find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw new PlimsollError(`${path} has the unknown field ${JSON.stringify(unknown)}.`, {
      hint: `${whose} may have ${names.join(', ')}.`,
    })
}

/** A whole number of seconds, both ends allowed. @throws PlimsollError naming it by its path */
export function seconds(value: Json | undefined, path: string, least: number, most = 2 ** 32 - 1): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw new PlimsollError(`${path} is not a whole number of seconds from ${least} to ${most}.`)
  return value as number
}
