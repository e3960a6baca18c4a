import { fileURLToPath } from 'node:url'
import type { KeyProgress, KeySet } from '../../prover/keys.ts'
import { ensureKeys } from '../../prover/keys.ts'

export const TOY_CIRCUITS = fileURLToPath(new URL('circuits', import.meta.url))

export function toyMain(hashes: number): string {
  return `pragma circom 2.2.0;
include "toy.circom";
component main {public [digest, z, y]} = Toy(${hashes});
`
}

/** Keys of two small circuits under the names of the real ones, in the cache that PLIMSOLL_CACHE names. */
export function ensureToyKeys(onProgress?: (progress: KeyProgress) => void): Promise<KeySet> {
  return ensureKeys('tiny', {
    source: {
      circuits: TOY_CIRCUITS,
      main: (circuit) => toyMain(circuit === 'sweep' ? 2 : 1),
    },
    ...(onProgress && { onProgress }),
  })
}
