import { type Address, type Hex, parseEventLogs } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { type ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { settlementConfig } from '../chain/settlement-config.ts'

export interface ClaimParameters {
  readonly settlement: Address
  readonly withdrawalId: bigint
}

export interface ClaimReturnType {
  readonly asset: number
  /** Amount that was paid, in units of the token: less than was withdrawn where the backstop was under water at the checkpoint. */
  readonly tokenAmount: bigint
  readonly tokenDecimals: number
  readonly transaction: Hex
}

export type ClaimErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Takes a withdrawal that a checkpoint has made claimable.
 * @throws PlimsollError where there is no such withdrawal, ContractRefusal where it is not claimable
 * @example
 * import { claim } from '../../sdk/actions/claim.ts'
 *
 * const [due] = await owner.client.withdrawals(await owner.index())
 * const { tokenAmount } = await claim(signer, { settlement, withdrawalId: BigInt(due!.id) })
 */
export async function claim(
  signer: SigningClient,
  { settlement, withdrawalId }: ClaimParameters,
): Promise<ClaimReturnType> {
  const { vault } = await settlementConfig(signer.read, settlement)
  const contract = { address: vault, abi: VAULT_ABI } as const
  const { asset } = await signer.read
    .readContract({ ...contract, functionName: 'withdrawal', args: [withdrawalId] })
    .catch((error: unknown) => {
      const failure = refusal(error, `withdrawal ${withdrawalId}`)
      throw failure instanceof ChainFailure ? failure : new PlimsollError(`There is no withdrawal ${withdrawalId}.`)
    })
  const [, tokenDecimals] = await signer.read.readContract({ ...contract, functionName: 'assetInfo', args: [asset] })
  const { logs, transactionHash } = await sendCall(signer, { ...contract, functionName: 'claim', args: [withdrawalId] })
  const { tokenAmount } = parseEventLogs({ abi: VAULT_ABI, eventName: 'Claimed', logs })[0]!.args
  return { asset, tokenAmount, tokenDecimals, transaction: transactionHash }
}
