import {
  type Address,
  type Hex,
  keccak256,
  type LocalAccount,
  type TransactionReceipt,
  TransactionReceiptNotFoundError,
  type TransactionSerializable,
} from 'viem'
import {
  estimateFeesPerGas,
  estimateGas,
  getBlock,
  getBlockNumber,
  getGasPrice,
  getTransaction,
  getTransactionCount,
  getTransactionReceipt,
} from 'viem/actions'
import { max, min } from '../../protocol/integer.ts'
import { type ChainFailure, chainFailureIn, OutcomeUnknown } from './chain-failure.ts'
import type { SigningClient } from './client.ts'
import { sleep } from './sleep.ts'

/**
 * Number of times that a fee is raised at the most. By a quarter each time: more than any pool asks for, and less than
 * fourfold in all.
 */
const RAISES = 6
/** Number of times that a nonce is drawn anew because another transaction of the same sender took it meanwhile. */
const DRAWS = 4
/** Gas that a transaction may use wherever EIP-7825 holds. */
export const TRANSACTION_GAS_CAP = 1n << 24n
/** Number of times that a transaction of unknown fate is looked for. */
const LOOKS = 6
/** Words of endpoints for a nonce that is taken. */
const TAKEN =
  /nonce (?:is )?(?:too low|already used|has already been used)|invalid nonce|replacement transaction|already been used/i

/** Without `to`: the creation of a contract. */
export interface Transaction {
  readonly to?: Address
  readonly data: Hex
  /** Wei. */
  readonly value?: bigint
}

type Fees = { readonly gasPrice: bigint } | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }

/** A transaction in an endpoint's hands, and how it takes its own place at a higher fee. */
interface Sent {
  readonly hash: Hex
  raise(): Promise<Sent>
}

/**
 * Sends a transaction and waits until it is mined, be it reverted. It has its number before it is sent, so that nothing is sent
 * twice: where its fate is unknown it is looked for, and one that takes too long is sent again under the same number at a
 * higher fee, so that only one of them can ever be mined.
 * @throws OutcomeUnknown where it may still be mined; ChainFailure where it was not sent; viem's error where it would revert
 */
export async function sendTransaction(signer: SigningClient, transaction: Transaction): Promise<TransactionReceipt> {
  let sent = await handOver(signer, transaction)
  const hashes = [sent.hash]
  for (let raises = 0; ; raises++) {
    const receipt = await receiptOf(signer, hashes)
    if (receipt !== undefined) return receipt
    if (raises === RAISES)
      throw new OutcomeUnknown(`The transaction ${hashes.at(-1)!} is still pending.`, hashes.at(-1)!, {
        hint: 'It may be mined yet: nothing else is sent in its place.',
      })
    // An endpoint that is out of order refuses, and so does one that has just mined it: the receipts will tell.
    const raised = await sent.raise().catch(() => undefined)
    if (raised === undefined) continue
    sent = raised
    hashes.push(sent.hash)
  }
}

async function handOver(signer: SigningClient, transaction: Transaction): Promise<Sent> {
  const { account } = signer.write
  for (let draw = 1; ; draw++) {
    const nonce = await getTransactionCount(signer.write, { address: signer.sender, blockTag: 'pending' })
    try {
      return account.type === 'local'
        ? await sendSigned(signer, account, transaction, nonce)
        : await sendUnlocked(signer, transaction, nonce)
    } catch (error) {
      const failure = chainFailureIn(error)
      // It was refused for good: another took its number.
      const again = failure !== undefined && !(failure instanceof OutcomeUnknown) && TAKEN.test(failure.message)
      if (!again || draw === DRAWS) throw error
    }
  }
}

/** Signs here and sends: its hash is known whatever becomes of it. */
async function sendSigned(
  { write, chainId, sender }: SigningClient,
  account: LocalAccount,
  transaction: Transaction,
  nonce: number,
): Promise<Sent> {
  const gas = await gasOf(write, sender, transaction)
  const send = async (fees: Fees): Promise<Sent> => {
    const signed = await account.signTransaction({
      ...transaction,
      chainId,
      nonce,
      gas,
      ...fees,
    } as TransactionSerializable)
    await write.sendRawTransaction({ serializedTransaction: signed })
    return { hash: keccak256(signed), raise: async () => send(await higherFees(write, fees)) }
  }
  return send(await feesNow(write))
}

/** Has an account of the endpoint's send: without an answer only its sender and number tell which it is. */
async function sendUnlocked(signer: SigningClient, transaction: Transaction, nonce: number): Promise<Sent> {
  const { write, sender } = signer
  const before = await getBlockNumber(write, { cacheTime: 0 })
  const gas = await gasOf(write, sender, transaction)
  const send = async (more: object): Promise<Sent> => {
    const hash = await write
      .sendTransaction({ ...transaction, nonce, ...more } as Transaction)
      .catch(async (error: unknown) => {
        const failure = chainFailureIn(error)
        if (!(failure instanceof OutcomeUnknown)) throw error
        return lookedFor(signer, transaction, nonce, before, failure)
      })
    return { hash, raise: async () => send(await sameAtHigherFee(signer, hash)) }
  }
  return send({ gas })
}

/**
 * Gas that a transaction is given: a quarter more than it would use now, since what the contracts write depends on the second in
 * which it is mined. No more than a block or EIP-7825 allows, but never less than the estimate.
 * @throws EstimateGasExecutionError of viem where it would revert
 */
async function gasOf(client: SigningClient['write'], account: Address, transaction: Transaction): Promise<bigint> {
  const estimate = await estimateGas(client, { account, ...transaction })
  const { gasLimit } = await getBlock(client)
  return max(estimate, min(estimate + estimate / 4n, min(gasLimit, TRANSACTION_GAS_CAP)))
}

/** The hash of a transaction of which the sender and the number are known. @throws OutcomeUnknown where it is not found */
async function lookedFor(
  { write, sender, endpoint }: SigningClient,
  { data }: Transaction,
  nonce: number,
  before: bigint,
  failure: ChainFailure,
): Promise<Hex> {
  const isIt = (one: { from: Address; nonce: number; input: Hex }) =>
    one.from.toLowerCase() === sender.toLowerCase() && one.nonce === nonce && one.input === data
  for (let look = 0; look < LOOKS; look++) {
    await endpoint.pause(look)
    const latest = await getBlockNumber(write, { cacheTime: 0 }).catch(() => before)
    for (let number = latest; number > before; number--) {
      const block = await getBlock(write, { blockNumber: number, includeTransactions: true }).catch(() => undefined)
      const found = block?.transactions.find(isIt)
      if (found !== undefined) return found.hash
    }
    const pending = await getBlock(write, { blockTag: 'pending', includeTransactions: true }).catch(() => undefined)
    const found = pending?.transactions.find(isIt)
    if (found !== undefined) return found.hash
  }
  throw failure
}

/** Receipt of whichever is mined; undefined where none is for as long as the signer has patience. */
async function receiptOf(
  { read, write, patience, endpoint }: SigningClient,
  hashes: readonly Hex[],
): Promise<TransactionReceipt | undefined> {
  const end = performance.now() + patience
  let failure: unknown
  do {
    for (const hash of hashes) {
      try {
        return await getTransactionReceipt(write, { hash })
      } catch (error) {
        failure = error instanceof TransactionReceiptNotFoundError ? undefined : error
      }
    }
    if (endpoint.stopped) break
    await sleep(read.pollingInterval)
  } while (performance.now() < end)
  // Where nothing is known of it, it may have been mined.
  if (failure !== undefined) {
    const words = chainFailureIn(failure)?.message ?? String(failure)
    throw new OutcomeUnknown(
      `Whether the transaction ${hashes.at(-1)!} is mined is not known. ${words}`,
      hashes.at(-1)!,
    )
  }
  return undefined
}

/** Fees that the chain asks for now; a price of gas before EIP-1559. */
async function feesNow(client: SigningClient['write']): Promise<Fees> {
  const { baseFeePerGas } = await getBlock(client)
  if (baseFeePerGas === null) return { gasPrice: await getGasPrice(client) }
  const { maxFeePerGas, maxPriorityFeePerGas } = await estimateFeesPerGas(client)
  return { maxFeePerGas, maxPriorityFeePerGas }
}

/** Fees by which a transaction takes the place of a pending one; at least what the chain asks for now. */
async function higherFees(client: SigningClient['write'], fees: Fees): Promise<Fees> {
  const now = await feesNow(client)
  if ('gasPrice' in fees)
    return { gasPrice: higher(fees.gasPrice, 'gasPrice' in now ? now.gasPrice : now.maxFeePerGas) }
  return {
    maxFeePerGas: higher(fees.maxFeePerGas, 'gasPrice' in now ? now.gasPrice : now.maxFeePerGas),
    maxPriorityFeePerGas: higher(fees.maxPriorityFeePerGas, 'gasPrice' in now ? 0n : now.maxPriorityFeePerGas),
  }
}

/** The same for one that the endpoint signed. */
async function sameAtHigherFee({ write }: SigningClient, hash: Hex): Promise<object> {
  const { nonce, gas, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = await getTransaction(write, { hash })
  const fees = maxFeePerGas === undefined ? { gasPrice: gasPrice! } : { maxFeePerGas, maxPriorityFeePerGas }
  return { nonce, gas, ...(await higherFees(write, fees)) }
}

function higher(fee: bigint, now: bigint): bigint {
  return max(fee + fee / 4n + 1n, now)
}
