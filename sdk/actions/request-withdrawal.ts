import { type Address, type Hex, parseEventLogs } from 'viem'
import { EXPIRY_LIMIT } from '../../protocol/constants.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { KIND, messageHash } from '../../protocol/messages.ts'
import { payee } from '../../protocol/operation.ts'
import { sign } from '../../protocol/signature.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { chainAsset } from '../chain/assets.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { type ContractRefusal, refusal } from '../chain/contract-errors.ts'
import { ownerOf } from '../chain/owner-of.ts'
import { sendCall } from '../chain/send-call.ts'
import { systemContracts } from '../chain/system-contracts.ts'
import { toTokenUnits } from '../token-units.ts'
import { REQUEST } from './refundable.ts'

/** Seconds by which a forced request's signature outlives what the contract demands, so that requests that come first do not matter. */
const SPARE = 3_600n

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
}

export interface RequestWithdrawalReturnType {
  readonly queueNumber: bigint
  /** On the contract's clock of live time: served by then, or the system stalls. */
  readonly deadline: bigint
  readonly transaction: Hex
}

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
  { settlement, key, index, asset, amount, recipient, inFull = false }: RequestWithdrawalParameters,
): Promise<RequestWithdrawalReturnType> {
  const { read } = signer
  const contracts = await systemContracts(read, settlement)
  const forced = { address: contracts.forced, abi: FORCED_ABI } as const
  const { bond, forcedFee } = await read.readContract({ ...forced, functionName: 'config' })
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

  // Requests that wait before this one push its deadline out: the contract says how far a signature has to reach.
  const latest = async () => (await read.readContract({ ...forced, functionName: 'earliestExpiry' })) + SPARE
  if ((await latest()) >= EXPIRY_LIMIT)
    throw new PlimsollError('The queue of forced requests is so long that no signature could outlive it.')
  const number = await reserve(signer, forced.address, index, ownerOf(key.publicKey), bond + forcedFee)
  const expiry = await latest()
  const message = messageHash(
    { chainId: BigInt(signer.chainId), settlement: BigInt(settlement) },
    {
      kind: KIND.forced,
      index,
      nonce: number,
      expiry,
      asset,
      direction: 0,
      x: amount,
      y: 0n,
      extra: payee({ recipient, inFull }),
    },
  )
  const { r8, s } = sign(key, message)
  const { logs, transactionHash } = await sendCall(signer, {
    ...forced,
    functionName: 'submit',
    args: [number, asset, amount, recipient, Number(expiry), r8, s, inFull],
  })
  const { deadline } = parseEventLogs({ abi: FORCED_ABI, eventName: 'Submitted', logs })[0]!.args
  return { queueNumber: number, deadline, transaction: transactionHash }
}

/**
 * A place in the queue: one that an earlier run got, and never came to use, is used. @throws PlimsollError when a
 * request waits
 */
async function reserve(
  signer: SigningClient,
  address: Address,
  index: number,
  owner: Hex,
  value: bigint,
): Promise<bigint> {
  const forced = { address, abi: FORCED_ABI } as const
  const number = await signer.read.readContract({ ...forced, functionName: 'requestOf', args: [index, signer.sender] })
  if (number === 0n) {
    const { logs } = await sendCall(signer, { ...forced, functionName: 'reserve', args: [index, owner], value })
    return parseEventLogs({ abi: FORCED_ABI, eventName: 'Reserved', logs })[0]!.args.number
  }
  const { state } = await signer.read.readContract({ ...forced, functionName: 'request', args: [number] })
  if (state !== REQUEST.reserved)
    throw new PlimsollError(`Request ${number} of ${signer.sender} for account ${index} waits already.`, {
      hint: 'There is one at a time.',
    })
  return number
}
