import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { buildBn128 } from 'ffjavascript'
import { powersOfTau } from 'snarkjs'
import { closeCurve, curveIsOpen } from '../../prover/curve.ts'
import type { CircuitSource } from '../../prover/keys.ts'
import { CIRCUITS, type CircuitName } from '../../prover/profiles.ts'

/** Circuits of a few constraints under the names of the real ones: 2^5 powers of tau are enough. */
export const TOY_POWER = 5

export const TOY_SOURCE: CircuitSource = {
  circuits: fileURLToPath(new URL('circuits', import.meta.url)),
  main: (circuit: CircuitName) => toyCeremonyMain(circuit, 'squares.circom'),
}

export function toyCeremonyMain(circuit: CircuitName, include: string): string {
  // Another number of constraints for each name.
  const steps = circuit.startsWith('sweep') ? 20 + CIRCUITS.indexOf(circuit) : circuit.length
  return `pragma circom 2.2.0;
include "${include}";
component main {public [digest, z, y]} = Squares(${steps});
`
}

/** Makes a prepared Powers of Tau file the way snarkjs does; in about half a second. Returns its blake2b-512 hash. */
export async function writeToyPtau(path: string, power = TOY_POWER): Promise<string> {
  const curveWasOpen = curveIsOpen()
  await powersOfTau.newAccumulator(await buildBn128(), power, `${path}.new`)
  await powersOfTau.contribute(`${path}.new`, `${path}.contributed`, 'somebody', 'some text')
  await powersOfTau.preparePhase2(`${path}.contributed`, path)
  if (!curveWasOpen) await closeCurve()
  return blake2b512(path)
}

export async function blake2b512(path: string): Promise<string> {
  return createHash('blake2b512')
    .update(await readFile(path))
    .digest('hex')
}
