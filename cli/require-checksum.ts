import { isAddress } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'

/**
 * Refuses an address whose capitals are not its checksum: a slip of the pen would pay nobody.
 * @param option that it is given by; none where it stands by itself
 * @throws PlimsollError
 */
export function requireChecksum(option: string | undefined, value: unknown): void {
  if (isAddress(value as string, { strict: false }) && !isAddress(value as string))
    throw new PlimsollError(
      `${option === undefined ? '' : `--${option} `}${value} is not an address: its capitals are not its checksum.`,
      {
        hint: 'Copy it again, or write it in small letters.',
      },
    )
}
