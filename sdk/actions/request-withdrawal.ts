import type { Address } from 'viem'
import { formatDecimal } from '../../protocol/decimal.ts'
import type { PlimsollError } from '../../protocol/errors.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { KIND } from '../../protocol/messages.ts'
import { payee } from '../../protocol/operation.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { chainAsset } from '../chain/assets.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { type ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { type FiledRequest, fileRequest, type PlaceCost } from '../chain/file-request.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { toTokenUnits } from '../token-units.ts'

export interface RequestWithdrawalParameters {
  readonly settlement: Address
  readonly key: OwnerKey
  /** The account, which has to be the key's. */
  readonly index: number
  readonly asset: number
  /** Base units of the asset. */
  readonly amount: bigint
  readonly recipient: Address
  /** To be paid in full or to wait, rather than cut by a checkpoint while the backstop is under water. */
  readonly inFull?: boolean | undefined
  /** Told what it costs before anything is paid or signed. */
  readonly onCost?: ((cost: PlaceCost) => void) | undefined
}

export type RequestWithdrawalReturnType = FiledRequest

export type RequestWithdrawalErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Asks the contract for a withdrawal, which the sequencer must serve in time or stall. It costs a fee, which is burnt, and a
 * bond, which `refund` takes back once the request is served.
 * @throws PlimsollError where a request of the signer for the account waits already, ContractRefusal where a contract refuses
 * @example
 * import { requestWithdrawal } from '../../sdk/actions/request-withdrawal.ts'
 *
 * const { queueNumber } = await requestWithdrawal(signer, {
 *   settlement,
 *   key,
 *   index: await owner.index(),
 *   asset: 0,
 *   amount: 5_000_000n,
 *   recipient: signer.sender,
 * })
 */
export async function requestWithdrawal(
  signer: SigningClient,
  { settlement, key, index, asset, amount, recipient, inFull = false, onCost }: RequestWithdrawalParameters,
): Promise<RequestWithdrawalReturnType> {
  const { read } = signer
  const contracts = await systemContracts(read, settlement)
  // What the contract would refuse in the end must not cost a fee before.
  const info = await chainAsset(read, contracts.vault, asset)
  toTokenUnits(amount, info)
  await read
    .readContract({
      address: contracts.vault,
      abi: VAULT_ABI,
      functionName: 'requireWithdrawable',
      args: [BigInt(asset), amount],
    })
    .catch((error: unknown) => {
      throw refusal(error, `a withdrawal of ${formatDecimal(amount, info.decimals)} ${info.symbol}`)
    })
  return fileRequest(signer, {
    settlement,
    forced: contracts.forced,
    key,
    index,
    terms: { kind: KIND.forced, asset, direction: 0, x: amount, y: 0n, extra: payee({ recipient, inFull }) },
    onCost,
    submit: ({ number, expiry, signature: { r8, s } }) =>
      sendCall(signer, {
        address: contracts.forced,
        abi: FORCED_ABI,
        functionName: 'submit',
        args: [number, asset, amount, recipient, Number(expiry), r8, s, inFull],
      }),
  })
}
