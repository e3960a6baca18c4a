import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Groth16Proof } from 'snarkjs'
import { PlimsollError } from '../../protocol/errors.ts'
import type { Prover } from '../prover.ts'
import { encodeWitness, type Witness } from '../witness.ts'

const run = promisify(execFile)

/**
 * iden3's native prover, called as `PATH key.zkey witness.wtns proof.json public.json`. The witness has to pass through a file: it
 * lies in a directory of this user's alone, for as long as the proof takes.
 */
export class RapidsnarkProver implements Prover {
  readonly name = 'rapidsnark'
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async prove(zkey: string, witness: Witness, signal?: AbortSignal): Promise<Groth16Proof> {
    signal?.throwIfAborted()
    const directory = await mkdtemp(join(tmpdir(), 'plimsoll-witness-'))
    try {
      const [wtns, proof, signals] = ['witness.wtns', 'proof.json', 'public.json'].map((name) =>
        join(directory, name),
      ) as [string, string, string]
      await writeFile(wtns, encodeWitness(witness), { mode: 0o600 })
      await run(this.#path, [zkey, wtns, proof, signals], {
        ...(signal !== undefined && { signal }),
      }).catch((error: { stderr?: string; message: string }) => {
        signal?.throwIfAborted()
        throw new PlimsollError(
          `The prover ${this.#path} failed: ${(error.stderr || error.message).trim().split('\n')[0]}`,
        )
      })
      const { pi_a, pi_b, pi_c } = await readProof(proof, this.#path)
      return { pi_a, pi_b, pi_c, protocol: 'groth16', curve: 'bn128' }
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  async close(): Promise<void> {}
}

async function readProof(path: string, prover: string): Promise<Groth16Proof> {
  try {
    // Some versions end the file with a zero byte.
    return JSON.parse((await readFile(path, 'utf8')).replace(/\0+$/, '')) as Groth16Proof
  } catch {
    throw new PlimsollError(`The prover ${prover} left no proof.`)
  }
}
