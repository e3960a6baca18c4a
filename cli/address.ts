import { InvalidArgumentError } from 'commander'
import type { Address } from 'viem'

/** An address as an option takes it. @throws InvalidArgumentError for a text that is none */
export function address(text: string): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text))
    throw new InvalidArgumentError('It must be an address, 0x and 40 hexadecimal digits.')
  return text as Address
}
