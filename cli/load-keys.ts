import { ensureKeys, type KeySet } from '../prover/keys.ts'
import type { ProfileName } from '../prover/profiles.ts'
import { endProgress, progress } from './progress.ts'

/** The keys of a profile, made first when there are none, with progress on a terminal. */
export function loadKeys(profile: ProfileName): Promise<KeySet> {
  return ensureKeys(profile, {
    onProgress: ({ circuit, stage, share }) =>
      progress(`${stage === 'compile' ? 'compiling' : 'making the key of'} ${circuit}: ${Math.round(100 * share)} %`),
  }).finally(endProgress)
}
