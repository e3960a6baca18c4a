import { Option } from 'commander'

/** `--prover P`, which backend makes the proofs. */
export function proverOption(): Option {
  return new Option(
    '--prover <prover>',
    'what makes the proofs: kernel, snarkjs, or rapidsnark=PATH of an executable',
  ).default('kernel')
}
