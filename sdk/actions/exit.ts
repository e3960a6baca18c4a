import { type Address, type Hex, type PublicClient, parseEventLogs } from 'viem'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { ASSETS } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { exitMessage, exitTransition } from '../../protocol/exit.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { messageHash } from '../../protocol/messages.ts'
import { calldata, type Proof } from '../../protocol/proof.ts'
import { sign } from '../../protocol/signature.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { RecoveredAccount } from '../chain/account-history.ts'
import type { SigningClient } from '../chain/client.ts'
import { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { settlementConfig } from '../chain/settlement-config.ts'

/** Position of the equity in the vector of an exit. */
const EQUITY = 5

/** The contracts of a system's way out. */
export interface EscapeRoute {
  readonly settlement: Address
  readonly vault: Address
  readonly escape: Address
}

/** Proves the exit circuit, on whatever machine: the SDK has no prover of its own. */
export interface ExitProver {
  prove(input: CircuitInput): Promise<{ readonly proof: Proof; readonly signals: readonly bigint[] }>
}

/** @throws PlimsollError when there is no such settlement */
export async function escapeOf(read: PublicClient, settlement: Address): Promise<EscapeRoute> {
  const { vault } = await settlementConfig(read, settlement)
  return {
    settlement,
    vault,
    escape: await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'escape' }),
  }
}

/** @throws PlimsollError while the system runs */
export async function requireFrozen(read: PublicClient, { vault }: EscapeRoute): Promise<void> {
  if (await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'frozen' })) return
  throw new PlimsollError('The system is not frozen: there is nothing to escape from.', {
    hint: 'plimsoll wallet exit --freeze freezes it if it is stalled; plimsoll wallet withdraw --forced asks the contract for a withdrawal.',
  })
}

/**
 * Proves the equity of an account under the last checkpoint's root, with its owner's signature for the recipient.
 * @returns no transaction where the account had left before
 */
export async function leave(
  signer: SigningClient,
  { settlement, vault, escape }: EscapeRoute,
  key: OwnerKey,
  { account, path }: RecoveredAccount,
  recipient: Address,
  { prove }: ExitProver,
): Promise<{ equity: bigint; transaction: Hex | null }> {
  const { read, chainId } = signer
  const contract = { address: escape, abi: ESCAPE_ABI } as const
  const before = await read.readContract({ ...contract, functionName: 'exitOf', args: [account.index] })
  if (before.exited) return { equity: before.equity, transaction: null }
  const { prices } = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'lastCheckpoint' })
  const domain = { chainId: BigInt(chainId), settlement: BigInt(settlement) }
  const signature = sign(key, messageHash(domain, exitMessage(account.index, recipient)))
  const { vector, input } = exitTransition({
    domain,
    account,
    path,
    publicKey: key.publicKey,
    recipient,
    signature,
    prices,
  })
  const equity = vector[EQUITY]!
  const { proof, signals } = await prove(input)
  const { a, b, c } = calldata(proof)
  const { transactionHash } = await sendCall(signer, {
    ...contract,
    functionName: 'exit',
    args: [account.index, recipient, equity, signals[0]!, { a, b, c }],
  })
  return { equity, transaction: transactionHash }
}

/** Pays an account that has left its share of every token that it has not had yet. @returns token units, by asset */
export function pullShares(signer: SigningClient, { escape }: EscapeRoute, index: number): Promise<bigint[]> {
  const contract = { address: escape, abi: ESCAPE_ABI } as const
  return pullEach(signer, escape, async (asset) => {
    const { logs } = await sendCall(signer, { ...contract, functionName: 'pull', args: [index, asset] })
    return parseEventLogs({ abi: ESCAPE_ABI, eventName: 'Pulled', logs })[0]!.args.tokenAmount
  })
}

/** Pays an insurer, who signs, its part of every token that it has not had yet. @returns token units, by asset */
export function pullInsurance(signer: SigningClient, { escape }: EscapeRoute): Promise<bigint[]> {
  const contract = { address: escape, abi: ESCAPE_ABI } as const
  return pullEach(signer, escape, async (asset) => {
    const { logs } = await sendCall(signer, { ...contract, functionName: 'pullShares', args: [asset] })
    return parseEventLogs({ abi: ESCAPE_ABI, eventName: 'SharesPulled', logs })[0]!.args.tokenAmount
  })
}

/** One token after the other; of what was pulled before there is more only where a token got back what it had lost. */
async function pullEach(
  { read }: SigningClient,
  escape: Address,
  pull: (asset: number) => Promise<bigint>,
): Promise<bigint[]> {
  const [holdings] = await read.readContract({ address: escape, abi: ESCAPE_ABI, functionName: 'snapshot' })
  const amounts = Array<bigint>(ASSETS).fill(0n)
  for (let asset = 0; asset < ASSETS; asset++) {
    if (holdings[asset] === 0n) continue
    amounts[asset] = await pull(asset).catch((error: unknown) => {
      if (error instanceof ContractRefusal && error.errorName === 'AlreadyPulled') return 0n
      throw error
    })
  }
  return amounts
}
