import { type Address, type Hex, parseEventLogs, type TransactionReceipt } from 'viem'
import { EXPIRY_LIMIT } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { type Message, messageHash } from '../../protocol/messages.ts'
import { type Signature, sign } from '../../protocol/signature.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import type { SigningClient } from './client.ts'
import { ownerOf } from './owner-of.ts'
import { sendCall } from './send-call.ts'

/** States of a request, as the contract numbers them. */
export const REQUEST = { reserved: 1, pending: 2 } as const

/** Seconds by which a forced request's signature outlives what the contract demands, so that requests that come first do not matter. */
const SPARE = 3_600n

/** Terms that a forced request's owner signs, besides its number and its expiry. */
type Terms = Omit<Message, 'nonce' | 'expiry' | 'index'>

/** A place in the forced queue, and what was signed for it. */
interface Place {
  readonly number: bigint
  readonly expiry: bigint
  readonly signature: Signature
}

/** A request that was filed. */
export interface FiledRequest {
  readonly queueNumber: bigint
  /** On the contract's clock of live time: served by then, or the system stalls. */
  readonly deadline: bigint
  readonly transaction: Hex
}

/** Cost of a place in the forced queue, in wei: nothing where an earlier run has paid for it. */
export interface PlaceCost {
  /** Burnt. */
  readonly fee: bigint
  /** Lost where the request cannot be carried out, else given back. */
  readonly bond: bigint
}

interface RequestToFile {
  readonly settlement: Address
  readonly forced: Address
  readonly key: OwnerKey
  /** The account, which has to be the key's. */
  readonly index: number
  readonly terms: Terms
  /** Told what it costs before anything is paid or signed, once nothing is known to be in its way. */
  readonly onCost?: ((cost: PlaceCost) => void) | undefined
  /** Sends the signed request. */
  readonly submit: (place: Place) => Promise<TransactionReceipt>
}

/**
 * Takes a number of the forced queue, which costs a fee that is burnt and a bond, signs for it and files the request.
 * @throws PlimsollError where a request of the signer for the account waits already, ContractRefusal where the contract refuses
 */
export async function fileRequest(
  signer: SigningClient,
  { settlement, forced: address, key, index, terms, onCost, submit }: RequestToFile,
): Promise<FiledRequest> {
  const { read } = signer
  const forced = { address, abi: FORCED_ABI } as const
  const { bond, forcedFee } = await read.readContract({ ...forced, functionName: 'config' })
  // Requests that wait before this one push its deadline out: the contract says how far a signature has to reach.
  const latest = async () => (await read.readContract({ ...forced, functionName: 'earliestExpiry' })) + SPARE
  if ((await latest()) >= EXPIRY_LIMIT)
    throw new PlimsollError('The queue of forced requests is so long that no signature could outlive it.')
  const reserved = await reservedPlace(signer, address, index)
  onCost?.(reserved === undefined ? { fee: forcedFee, bond } : { fee: 0n, bond: 0n })
  const number = reserved ?? (await reserve(signer, address, index, ownerOf(key.publicKey), bond + forcedFee))
  const expiry = await latest()
  const domain = { chainId: BigInt(signer.chainId), settlement: BigInt(settlement) }
  const signature = sign(key, messageHash(domain, { ...terms, index, nonce: number, expiry }))
  const { logs, transactionHash } = await submit({ number, expiry, signature })
  const [filed] = parseEventLogs({ abi: FORCED_ABI, eventName: ['Submitted', 'CloseSubmitted'], logs })
  return { queueNumber: number, deadline: filed!.args.deadline, transaction: transactionHash }
}

/** A place in the queue for what it costs. */
async function reserve(
  signer: SigningClient,
  address: Address,
  index: number,
  owner: Hex,
  value: bigint,
): Promise<bigint> {
  const args = [index, owner] as const
  const { logs } = await sendCall(signer, { address, abi: FORCED_ABI, functionName: 'reserve', args, value })
  return parseEventLogs({ abi: FORCED_ABI, eventName: 'Reserved', logs })[0]!.args.number
}

/** The place that an earlier run got and never came to use, if there is one. @throws PlimsollError when a request waits */
async function reservedPlace(signer: SigningClient, address: Address, index: number): Promise<bigint | undefined> {
  const forced = { address, abi: FORCED_ABI } as const
  const number = await signer.read.readContract({ ...forced, functionName: 'requestOf', args: [index, signer.sender] })
  if (number === 0n) return undefined
  const { state } = await signer.read.readContract({ ...forced, functionName: 'request', args: [number] })
  if (state !== REQUEST.reserved)
    throw new PlimsollError(`Request ${number} of ${signer.sender} for account ${index} waits already.`, {
      hint: 'There is one at a time.',
    })
  return number
}
