import { loadExportedKeys } from '../prover/ceremony/exported-keys.ts'
import { ensureKeys, type KeyOptions, type KeySet } from '../prover/keys.ts'
import type { ProfileName } from '../prover/profiles.ts'
import { endProgress, progress } from './progress.ts'

/**
 * The keys of a profile, with progress on a terminal: those of a ceremony in `directory`, or else development keys, made first
 * when there are none.
 */
export function loadKeys(profile: ProfileName, directory?: string): Promise<KeySet> {
  const options: KeyOptions = {
    onProgress: ({ circuit, stage, share }) =>
      progress(`${stage === 'compile' ? 'compiling' : 'making the key of'} ${circuit}: ${Math.round(100 * share)} %`),
  }
  return (
    directory === undefined ? ensureKeys(profile, options) : loadExportedKeys(directory, profile, options)
  ).finally(endProgress)
}
