import { InvalidArgumentError, Option } from 'commander'
import { requireRedisUrl } from '../fleet/redis.ts'
import type { PlimsollError } from '../protocol/errors.ts'

/** `--redis URL`, where the queue of a fleet is. */
export function redisOption(): Option {
  return new Option('--redis <url>', 'Redis with the queue of the fleet: redis://[USER:PASSWORD@]HOST:PORT').argParser(
    (text: string) => {
      try {
        return requireRedisUrl(text)
      } catch (error) {
        const { message, hint = '' } = error as PlimsollError
        throw new InvalidArgumentError(`${message} ${hint}`.trim())
      }
    },
  )
}

/** `--fleet-key FILE`, the secret that a node and its provers share. */
export function fleetKeyOption(): Option {
  return new Option('--fleet-key <file>', 'key of the fleet, as plimsoll fleet-key makes it')
}
