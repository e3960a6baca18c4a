import { createRequire, syncBuiltinESMExports } from 'node:module'
import { FIELD } from '../../protocol/constants.ts'

const SECRET_BYTES = 32

/** Runs `work` and returns the secrets of 32 bytes that it drew, in order, modulo r. */
export async function watchSecrets(work: () => Promise<unknown>): Promise<bigint[]> {
  const crypto = createRequire(import.meta.url)('node:crypto') as typeof import('node:crypto')
  const original = crypto.randomBytes
  const drawn: bigint[] = []
  crypto.randomBytes = ((size: number) => {
    const bytes = original(size)
    if (size === SECRET_BYTES) drawn.push(BigInt(`0x${bytes.toString('hex')}`) % FIELD)
    return bytes
  }) as typeof original
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    crypto.randomBytes = original
    syncBuiltinESMExports()
  }
  return drawn
}
