import type { Address, Hex } from 'viem'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { exitMessage, exitTransition } from '../../protocol/exit.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { offsets, VECTOR } from '../../protocol/layout.ts'
import { messageHash } from '../../protocol/messages.ts'
import { calldata, type Proof } from '../../protocol/proof.ts'
import { sign } from '../../protocol/signature.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { RecoveredAccount } from '../chain/account-history.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient, SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'

/** Proves the exit circuit, on whatever machine: the SDK has no prover of its own. */
export interface ExitProver {
  prove(input: CircuitInput): Promise<{ readonly proof: Proof; readonly signals: readonly bigint[] }>
}

export interface ExitParameters {
  readonly settlement: Address
  /** The owner's key. */
  readonly key: OwnerKey
  /** The account at the last checkpoint: see `recover` with `atCheckpoint`. */
  readonly recovered: RecoveredAccount
  readonly recipient: Address
  readonly prover: ExitProver
}

export interface ExitReturnType {
  /** Worth of the account at the last checkpoint, in cash base units times 2^32. */
  readonly equity: bigint
  /** Null where the account had left before. */
  readonly transaction: Hex | null
}

export type ExitErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Leaves a frozen system: proves the equity of an account under the last checkpoint's root, with its owner's signature for the
 * recipient. `pull` pays then.
 * @throws PlimsollError while the system runs, ContractRefusal where the contract refuses
 * @example
 * import { exit } from '../../sdk/actions/exit.ts'
 * import { recover } from '../../sdk/actions/recover.ts'
 *
 * const recovered = await recover(signer, { settlement, key, atCheckpoint: true })
 * const { equity } = await exit(signer, { settlement, key, recovered, recipient: signer.sender, prover })
 */
export async function exit(
  signer: SigningClient,
  { settlement, key, recovered: { account, path }, recipient, prover }: ExitParameters,
): Promise<ExitReturnType> {
  const { read, chainId } = signer
  await requireFrozen(signer, { settlement })
  const contracts = await systemContracts(read, settlement)
  const contract = { address: contracts.escape, abi: ESCAPE_ABI } as const
  const before = await read.readContract({ ...contract, functionName: 'exitOf', args: [account.index] })
  if (before.exited) return { equity: before.equity, transaction: null }
  const { prices } = await read.readContract({
    address: contracts.vault,
    abi: VAULT_ABI,
    functionName: 'lastCheckpoint',
  })
  const domain = { chainId: BigInt(chainId), settlement: BigInt(settlement) }
  const signature = sign(key, messageHash(domain, exitMessage(account.index, recipient)))
  const { publicKey } = key
  const { vector, input } = exitTransition({ domain, account, path, publicKey, recipient, signature, prices })
  const equity = vector[offsets(VECTOR.exit).equity]!
  const { proof, signals } = await prover.prove(input)
  const { a, b, c } = calldata(proof)
  const { transactionHash } = await sendCall(signer, {
    ...contract,
    functionName: 'exit',
    args: [account.index, recipient, equity, signals[0]!, { a, b, c }],
  })
  return { equity, transaction: transactionHash }
}

/** @throws PlimsollError while the system runs */
export async function requireFrozen(
  { read }: ReadClient,
  { settlement }: { readonly settlement: Address },
): Promise<void> {
  const { vault } = await systemContracts(read, settlement)
  if (await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'frozen' })) return
  throw new PlimsollError('The system is not frozen: there is nothing to escape from.', {
    hint: 'plimsoll wallet exit --freeze freezes it if it is stalled; plimsoll wallet withdraw --forced asks the contract for a withdrawal.',
  })
}
