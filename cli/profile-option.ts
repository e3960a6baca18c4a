import { Option } from 'commander'

/** Names as in prover/profiles.ts, which is too heavy to load for a help text. */
const PROFILE_NAMES = ['tiny', 'small', 'large'] as const

/** `--profile P`, the size of the circuits; `small` when it is left out. */
export function profileOption(): Option {
  return new Option('--profile <profile>', 'size of the circuits').choices(PROFILE_NAMES).default('small')
}
