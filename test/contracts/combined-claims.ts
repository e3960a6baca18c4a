import type { Address } from 'viem'
import { importAccounts } from '../../book/import-accounts.ts'
import type { Envelope } from '../../protocol/health.ts'
import { fillMarks } from '../../protocol/marks.ts'
import { calldata } from '../../protocol/proof.ts'
import { System, type Transition } from '../../protocol/system.ts'
import type { KeySet } from '../../prover/keys.ts'
import { circuitOf } from '../../prover/profiles.ts'
import { proofs } from '../support/proofs.ts'
import type { Chain, Contract } from './chain.ts'
import { WIDE } from './market.ts'

// Real proofs with their signals, as `CombinedHarness` takes them.

export type SettledCircuit = keyof typeof NAMES

const NAMES = { sweep: 'Sweep', sweep2: 'Sweep2', sweep3: 'Sweep3', resolve: 'Resolve', transact: 'Transact' } as const

export interface Claim {
  verifier: Address
  signals: bigint[]
  proof: { a: bigint[]; b: bigint[][]; c: bigint[] }
}

/** The generated verifiers of what a settlement takes, by circuit. */
export async function tinyVerifiers(chain: Chain): Promise<Map<SettledCircuit, Contract>> {
  const verifiers = new Map<SettledCircuit, Contract>()
  for (const [circuit, name] of Object.entries(NAMES))
    verifiers.set(
      circuit as SettledCircuit,
      await chain.contract(`contracts/generated/tiny/${name}Verifier.sol:${name}Verifier`),
    )
  return verifiers
}

/** Circuits of the claims that `claimsOf` makes. */
export const CLAIMED: readonly SettledCircuit[] = ['sweep', 'sweep', 'sweep2', 'sweep3', 'transact', 'resolve']

/** Two proofs of the first rung, one of the second, one of the third, one of transact, one of resolve. */
export async function claimsOf(keys: KeySet, verifiers: Map<SettledCircuit, Contract>): Promise<Claim[]> {
  const accounts = importAccounts(
    [1n, 2n, 3n].map((units) => ({
      balances: [units, ...Array<bigint>(7).fill(0n)],
      weights: Array<number>(8).fill(8),
    })),
  )
  const domain = { chainId: 31337n, settlement: 0x5e771en }
  const system = System.genesis(keys.profile, 8, 1n, accounts, [], { domain, secret: 0x5ec7e7n })
  for (const slot of [2, 3]) system.open({ slot, envelope: WIDE as Envelope })
  system.setMarks(fillMarks([]))
  const transitions: Transition[] = [
    system.sweep([0, 1, 2], [{ from: 1, to: 2 }]),
    system.sweep([1, 2, 3], [{ from: 2, to: 3 }]),
    system.sweep([1, 2, 3], [{ from: 3, to: 2 }], 1),
    system.sweep([0, 1, 2, 3], [{ from: 1, to: 3 }], 2),
    system.transact([], 1_000n),
    system.resolve(0),
  ]
  const claims: Claim[] = []
  for (const { batch, input } of transitions) {
    const { proof, signals } = await proofs.prove(keys, circuitOf(batch), input)
    const { a, b, c } = calldata(proof)
    claims.push({
      verifier: verifiers.get(circuitOf(batch))!.address,
      signals: [...signals],
      proof: { a: [...a], b: b.map((row) => [...row]), c: [...c] },
    })
  }
  return claims
}
