import { PlimsollError } from '../../protocol/errors.ts'
import { aaveV3 } from './aave-v3.ts'
import { aaveV4 } from './aave-v4.ts'
import { comet } from './comet.ts'
import { largestFirst } from './largest-first.ts'
import { mango } from './mango.ts'
import { plimsoll } from './plimsoll.ts'
import type { Policy } from './policy.ts'

/** The policies of the command line, in the order of its tables. */
export const POLICIES: readonly Policy[] = [plimsoll, aaveV3, aaveV4, comet, mango]
export const POLICY_NAMES: readonly string[] = POLICIES.map(({ name }) => name)

/** @throws PlimsollError when no policy has that name */
export function policyOf(name: string): Policy {
  const policy = [...POLICIES, largestFirst].find((policy) => policy.name === name)
  if (policy === undefined) throw unknown(name)
  return policy
}

function unknown(name: string): PlimsollError {
  return new PlimsollError(`There is no policy ${JSON.stringify(name)}.`, {
    hint: `There are ${POLICY_NAMES.join(', ')}.`,
  })
}

/**
 * The policies of a list such as `plimsoll,comet`.
 * @throws PlimsollError when one is unknown or named twice
 */
export function parsePolicies(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  names.forEach((name, i) => {
    if (!POLICY_NAMES.includes(name)) throw unknown(name)
    if (names.indexOf(name) !== i) throw new PlimsollError(`The policy ${name} is named twice.`)
  })
  return names
}
