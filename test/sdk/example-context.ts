import type { Address } from 'viem'
import type { OwnerKey } from '../../protocol/keys.ts'
import type { ExitProver } from '../../sdk/actions/exit.ts'
import type { ProofChecker } from '../../sdk/actions/verify-settlement.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import type { OwnerWallet } from '../../sdk/owner-wallet.ts'

/** The names that the examples of the SDK's doc comments use besides what they import. */
export interface ExampleContext {
  /** The chain, with the Ethereum account of an owner. */
  readonly signer: SigningClient
  readonly settlement: Address
  /** The BabyJubJub key of the owner. */
  readonly key: OwnerKey
  /** The owner at its node. */
  readonly owner: OwnerWallet
  /** Another owner at the same node. */
  readonly counterparty: OwnerWallet
  readonly prover: ExitProver
  readonly checker: ProofChecker
}
