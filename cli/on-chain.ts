import { PlimsollError } from '../protocol/errors.ts'

/**
 * The action of a command, loaded when it is called: whatever an endpoint or a contract says on the way becomes one sentence.
 */
export function onChain<O>(load: () => Promise<{ run(options: O): Promise<void> }>): (options: O) => Promise<void> {
  return async (options) => {
    const [{ run }, { refusal }, { isAddress }] = await Promise.all([
      load(),
      import('../sdk/chain/contract-errors.ts'),
      import('viem'),
    ])
    for (const [name, value] of Object.entries(options as object)) {
      // Capitals are a checksum: a slip of the pen would pay nobody.
      if (isAddress(value, { strict: false }) && !isAddress(value))
        throw new PlimsollError(`--${name} ${value} is not an address: its capitals are not its checksum.`, {
          hint: 'Copy it again, or write it in small letters.',
        })
    }
    await run(options).catch((error: unknown) => {
      throw refusal(error, 'what was asked')
    })
  }
}
