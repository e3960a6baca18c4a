import { type Address, type Hex, type TransactionReceipt, TransactionReceiptNotFoundError } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { SigningClient } from './client.ts'
import { sleep } from './sleep.ts'

/** How often a fee is raised at the most. By a quarter each time: more than any pool asks for, and less than fourfold in all. */
const RAISES = 6

/** Without `to`: the creation of a contract. */
export interface Transaction {
  readonly to?: Address
  readonly data: Hex
  /** Wei. */
  readonly value?: bigint
}

/**
 * Sends a transaction and waits until it is mined, be it reverted. One that takes too long is sent again under the same number
 * at a higher fee, so that only one of them can ever be mined.
 * @throws viem's error where the endpoint refuses it; PlimsollError where it is still pending at the highest fee
 */
export async function sendTransaction(signer: SigningClient, transaction: Transaction): Promise<TransactionReceipt> {
  const send = (more: object) => signer.write.sendTransaction({ ...transaction, ...more } as Transaction)
  const hashes = [await send({})]
  for (let raises = 0; ; raises++) {
    const receipt = await receiptOf(signer, hashes)
    if (receipt !== undefined) return receipt
    if (raises === RAISES) throw new PlimsollError(`The transaction ${hashes.at(-1)!} is still pending.`)
    // An endpoint that is out of order refuses, and so does one that has just mined it: the receipts will tell.
    await atHigherFee(signer, hashes.at(-1)!)
      .then(send)
      .then(
        (hash) => hashes.push(hash),
        () => {},
      )
  }
}

/** Of whichever is mined; undefined where none is for as long as the signer has patience. */
async function receiptOf(
  { read, patience }: SigningClient,
  hashes: readonly Hex[],
): Promise<TransactionReceipt | undefined> {
  const end = performance.now() + patience
  let failure: unknown
  do {
    for (const hash of hashes) {
      try {
        return await read.getTransactionReceipt({ hash })
      } catch (error) {
        failure = error instanceof TransactionReceiptNotFoundError ? undefined : error
      }
    }
    await sleep(read.pollingInterval)
  } while (performance.now() < end)
  // Where nothing is known of it, nothing is known of its fee.
  if (failure !== undefined) throw failure
  return undefined
}

/** What makes a transaction take the place of a pending one; at least at the fee that the chain asks for now. */
async function atHigherFee({ read }: SigningClient, hash: Hex): Promise<object> {
  const { nonce, gas, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = await read.getTransaction({ hash })
  if (maxFeePerGas === undefined) return { nonce, gas, gasPrice: higher(gasPrice!, await read.getGasPrice()) }
  const now = await read.estimateFeesPerGas()
  return {
    nonce,
    gas,
    maxFeePerGas: higher(maxFeePerGas, now.maxFeePerGas),
    maxPriorityFeePerGas: higher(maxPriorityFeePerGas, now.maxPriorityFeePerGas),
  }
}

function higher(fee: bigint, now: bigint): bigint {
  const raised = fee + fee / 4n + 1n
  return raised > now ? raised : now
}
