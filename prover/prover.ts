import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { Groth16Proof } from 'snarkjs'
import { PlimsollError } from '../protocol/errors.ts'
import type { TableOptions } from './backends/table-maker.ts'
import type { Witness } from './witness.ts'

/** Makes Groth16 proofs. Every backend takes the same keys and witnesses, and its proofs verify alike. */
export interface Prover {
  readonly name: string
  /**
   * Proves a witness under the key in a `.zkey` file, with fresh blinding. Whether the witness satisfies the circuit is not
   * checked.
   * @param signal ends the work as soon as the backend can, with its reason
   * @throws PlimsollError for a key or witness that is malformed
   */
  prove(zkey: string, witness: Witness, signal?: AbortSignal): Promise<Groth16Proof>
  /** Loads a key before its first proof is asked for; left out where there is nothing to load. */
  prepare?(zkey: string): Promise<void>
  /**
   * Gives up whatever it has worked out ahead for a key, as a proof did not verify; whether there is or was anything. Left out
   * where there never is.
   */
  distrust?(zkey: string): Promise<boolean>
  /** Ends its threads. */
  close(): Promise<void>
}

export const PROVER_NAMES = ['kernel', 'snarkjs', 'rapidsnark'] as const

/**
 * Opens a backend by what the user wrote: `kernel`, `snarkjs`, or `rapidsnark=PATH` of an executable. `tables` are for the kernel
 * only.
 * @throws PlimsollError for anything else, and for an executable that is none.
 */
export async function openProver(choice: string, tables?: TableOptions): Promise<Prover> {
  const [name, path] = [
    choice.split('=', 1)[0],
    choice.includes('=') ? choice.slice(choice.indexOf('=') + 1) : undefined,
  ]
  if (name === 'rapidsnark') {
    if (!path)
      throw new PlimsollError('The prover rapidsnark needs the path of its executable.', {
        hint: 'Write --prover rapidsnark=PATH.',
      })
    await access(path, constants.X_OK).catch(() => {
      throw new PlimsollError(`The prover ${path} is not an executable file.`)
    })
    return new (await import('./backends/rapidsnark.ts')).RapidsnarkProver(path)
  }
  if (path === undefined && name === 'kernel')
    return new (await import('./backends/kernel.ts')).KernelProver({}, tables)
  if (path === undefined && name === 'snarkjs') return new (await import('./backends/snarkjs.ts')).SnarkjsProver()
  throw new PlimsollError(`There is no prover ${choice}.`, {
    hint: `Choose ${PROVER_NAMES.slice(0, -1).join(', ')} or rapidsnark=PATH.`,
  })
}
