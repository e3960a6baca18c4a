import { loadExportedKeys } from '../prover/ceremony/exported-keys.ts'
import { ensureKeys, type KeyProgress, type KeySet } from '../prover/keys.ts'
import { CIRCUITS, type CircuitName, type ProfileName } from '../prover/profiles.ts'
import { endProgress, progress, stage } from './progress.ts'

/** Seconds on two cores, as `plimsoll setup` takes them: compiling all circuits at once, and making one key. */
const EXPECTED: Readonly<Record<ProfileName, { readonly compile: number; readonly key: number }>> = {
  tiny: { compile: 40, key: 2 },
  small: { compile: 55, key: 3 },
  large: { compile: 110, key: 10 },
}

/**
 * The keys of a profile for some circuits, all of them by default, with progress on standard error: those of a ceremony in
 * `directory`, or else development keys, of which those are made first that there are none of.
 */
export async function loadKeys<C extends CircuitName = CircuitName>(
  profile: ProfileName,
  directory?: string,
  circuits: readonly C[] = CIRCUITS as readonly C[],
): Promise<KeySet<C>> {
  const compiling = new Set<CircuitName>()
  const onProgress = ({ circuit, stage: at, share }: KeyProgress) => {
    if (at === 'key') {
      stage(`making the ${profile} key of ${circuit}`, EXPECTED[profile].key)
      return progress(`${Math.round(100 * share)} %`)
    }
    if (share === 0) compiling.add(circuit)
    else compiling.delete(circuit)
    if (compiling.size === 0) return
    stage(`compiling the ${profile} circuits, once for all`, EXPECTED[profile].compile)
    progress([...compiling].join(', '))
  }
  try {
    return directory === undefined
      ? await ensureKeys(profile, { circuits, onProgress })
      : await loadExportedKeys(directory, profile, { onProgress })
  } finally {
    endProgress()
  }
}
