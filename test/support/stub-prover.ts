import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../../protocol/errors.ts'
import type { ProofSource, Proven } from '../../prover/proof-service.ts'
import { echo, verifyEcho } from './echo-proof.ts'

/** What a stub of a prover does with a job. */
export type Conduct = 'honest' | 'liar' | 'replayer' | 'mute' | 'refuser' | 'broken'

/** A prover that takes its time and knows nothing. */
export function stubProver(conduct: Conduct, delay: number): ProofSource & Required<Pick<ProofSource, 'verify'>> {
  return {
    prove: async (keys, circuit, input, { signal } = {}) => {
      if (conduct === 'mute') await new Promise(() => {})
      await sleep(delay, undefined, signal === undefined ? {} : { signal })
      if (conduct === 'broken') throw new Error('The memory is full.')
      if (conduct === 'refuser') throw new PlimsollError(`The input does not satisfy the circuit ${circuit}.`)
      const proven = await echo(keys, circuit, input)
      if (conduct === 'liar')
        return { ...proven, proof: { ...proven.proof, pi_c: ['12345', '0', '1'] } as Proven['proof'] }
      // A good proof, of something else.
      if (conduct === 'replayer') return echo(keys, circuit, { ...input, digest: 7n })
      return proven
    },
    verify: verifyEcho,
  }
}
