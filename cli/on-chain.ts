/**
 * The action of a command, loaded when it is called: whatever an endpoint or a contract says on the way becomes one sentence.
 * @param argument name of what is no option
 */
export function onChain<O>(
  load: () => Promise<{ run(options: O): Promise<void> }>,
  argument?: string,
): (options: O) => Promise<void> {
  return async (options) => {
    const [{ run }, { refusal }, { requireChecksum }] = await Promise.all([
      load(),
      import('../sdk/chain/contract-errors.ts'),
      import('./require-checksum.ts'),
    ])
    for (const [name, value] of Object.entries(options as object))
      for (const one of Array.isArray(value) ? value : [value])
        requireChecksum(name === argument ? undefined : name, one)
    await run(options).catch((error: unknown) => {
      throw refusal(error, 'what was asked')
    })
  }
}
