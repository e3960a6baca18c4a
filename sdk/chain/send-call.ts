import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeFunctionData,
  numberToHex,
  type TransactionReceipt,
} from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { chainFailureIn } from './chain-failure.ts'
import type { SigningClient } from './client.ts'
import { refusal } from './contract-errors.ts'
import type { Pinned } from './pinned.ts'
import { sendTransaction, type Transaction } from './send-transaction.ts'

type Writable = 'nonpayable' | 'payable'

/** A call of a contract that changes something. */
export interface Call<A extends Abi, F extends ContractFunctionName<A, Writable>> {
  readonly address: Address
  readonly abi: A
  readonly functionName: F
  readonly args: ContractFunctionArgs<A, Writable, F>
  readonly value?: bigint
}

/** A transaction that was tried out with success and reverted all the same when it was mined: it has cost its gas. */
export class TransactionReverted extends PlimsollError {
  readonly receipt: TransactionReceipt

  constructor(receipt: TransactionReceipt, what: string) {
    super(`The transaction ${receipt.transactionHash} (${what}) was reverted.`)
    this.receipt = receipt
  }
}

/**
 * Sends a transaction, tried out first, and waits for it. @throws PlimsollError naming the contract's error when it is
 * refused; TransactionReverted when something else came before it
 */
export async function sendCall<const A extends Abi, F extends ContractFunctionName<A, Writable>>(
  signer: SigningClient,
  call: Call<A, F>,
): Promise<TransactionReceipt> {
  const { address, functionName, value } = call
  // The types above have checked the call; viem's own are beyond what a generic function can satisfy.
  const { abi, args } = call as unknown as { abi: Abi; args: unknown[] }
  try {
    const sent = value === undefined ? {} : { value }
    const data = encodeFunctionData({ abi, functionName: functionName as string, args })
    await signer.read
      .simulateContract({ account: signer.sender, address, abi, functionName, args, ...sent })
      .catch(async (error: unknown) => {
        if (chainFailureIn(error) !== undefined || !(await isContradicted(signer, { to: address, data, ...sent })))
          throw error
      })
    const receipt = await sendTransaction(signer, { to: address, data, ...sent })
    if (receipt.status !== 'success') throw new TransactionReverted(receipt, functionName)
    return receipt
  } catch (error) {
    throw refusal(error, functionName)
  }
}

/**
 * Whether others say of a call that it would succeed which a simulation said would revert: an endpoint that is a block late
 * simulates on a state that is no longer, and nobody is to blame for that. Asked by another method, and of every endpoint.
 */
async function isContradicted(
  { endpoint, sender, ...signer }: SigningClient & Partial<Pinned>,
  { to, data, value }: Transaction,
): Promise<boolean> {
  const call = { from: sender, to, data, ...(value !== undefined && { value: numberToHex(value) }) }
  const at = signer.block === undefined ? 'latest' : numberToHex(signer.block.number)
  const answers = [
    ...(await endpoint.each({ method: 'eth_estimateGas', params: [call, at] })),
    ...(endpoint.members.length > 1 ? await endpoint.each({ method: 'eth_call', params: [call, at] }) : []),
  ]
  return answers.some(({ status }) => status === 'fulfilled')
}
