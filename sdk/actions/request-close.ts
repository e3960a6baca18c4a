import type { Address } from 'viem'
import { WORD } from '../../protocol/constants.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { noLimit } from '../../protocol/forced-close.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { KIND } from '../../protocol/messages.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { chainAsset } from '../chain/assets.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { type ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { type FiledRequest, fileRequest, type PlaceCost } from '../chain/file-request.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'

export interface RequestCloseParameters {
  readonly settlement: Address
  readonly key: OwnerKey
  /** The account, which has to be the key's. */
  readonly index: number
  /** A synthetic: tokens leave by a withdrawal, and are repaid by a deposit. */
  readonly asset: number
  /** 0 sells a long position, 1 buys a short one back. */
  readonly direction: 0 | 1
  /** Base units of the asset: what is traded at the most, or the position if that is smaller. */
  readonly amount: bigint
  /** The least `sell`, or the most `buy`, at which to trade, as a mark (`limitMark`); none where it is left out. */
  readonly limit?: bigint | undefined
  /** Told what it costs before anything is paid or signed. */
  readonly onCost?: ((cost: PlaceCost) => void) | undefined
}

export type RequestCloseReturnType = FiledRequest

export type RequestCloseErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Asks the contract to close a position in a synthetic against the backstop, at the price of a liquidation, whatever the margin: the
 * sequencer must do it in time, at a round after the request, or stall. It costs a fee, which is burnt, and a bond, which `refund`
 * takes back once the request is served.
 * @throws PlimsollError where it cannot be asked for, or a request of the signer for the account waits already; ContractRefusal where
 * a contract refuses
 * @example
 * import { requestClose } from '../../sdk/actions/request-close.ts'
 *
 * const { queueNumber } = await requestClose(signer, {
 *   settlement,
 *   key,
 *   index: await owner.index(),
 *   asset: 3,
 *   direction: 0,
 *   amount: 5_000_000n,
 * })
 */
export async function requestClose(
  signer: SigningClient,
  { settlement, key, index, asset, direction, amount, limit = noLimit(direction), onCost }: RequestCloseParameters,
): Promise<RequestCloseReturnType> {
  const { read } = signer
  if (limit < 0n || limit >= WORD) throw new PlimsollError('The limit of the price does not fit 64 bits.')
  const { forced, vault } = await systemContracts(read, settlement)
  // What the contract would refuse in the end must not cost a fee before.
  const { symbol, decimals, token } = await chainAsset(read, vault, asset)
  if (asset === 0 || token !== null)
    throw new PlimsollError(`${symbol} has a token: only positions in synthetics are closed by force.`, {
      hint: 'Tokens leave by plimsoll wallet withdraw --forced, and what an account owes of them is repaid by a deposit.',
    })
  const most = await read
    .readContract({ address: forced, abi: FORCED_ABI, functionName: 'closeMost', args: [BigInt(asset)] })
    .catch((error: unknown) => {
      throw refusal(error, `a forced close of ${symbol}`)
    })
  if (amount <= 0n) throw new PlimsollError('The amount to close is not above 0.')
  if (amount > most)
    throw new PlimsollError(
      `${formatDecimal(amount, decimals)} ${symbol} is more than a forced close may ask for: the backstop takes ${formatDecimal(most, decimals)} at a time.`,
      { hint: 'Close it in parts, one request after the other.' },
    )
  return fileRequest(signer, {
    settlement,
    forced,
    key,
    index,
    terms: { kind: KIND.close, asset, direction, x: amount, y: limit, extra: 0n },
    onCost,
    submit: ({ number, expiry, signature: { r8, s } }) =>
      sendCall(signer, {
        address: forced,
        abi: FORCED_ABI,
        functionName: 'submitClose',
        args: [number, asset, direction === 1, amount, limit, Number(expiry), r8, s],
      }),
  })
}
