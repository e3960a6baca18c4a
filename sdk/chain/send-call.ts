import {
  type Abi,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeFunctionData,
  type TransactionReceipt,
} from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { SigningClient } from './client.ts'
import { refusal } from './contract-errors.ts'
import { sendTransaction } from './send-transaction.ts'

type Writable = 'nonpayable' | 'payable'

/** A call of a contract that changes something. */
export interface Call<A extends Abi, F extends ContractFunctionName<A, Writable>> {
  readonly address: Address
  readonly abi: A
  readonly functionName: F
  readonly args: ContractFunctionArgs<A, Writable, F>
  readonly value?: bigint
}

/** Sends a transaction, tried out first, and waits for it. @throws PlimsollError naming the contract's error when it is refused */
export async function sendCall<const A extends Abi, F extends ContractFunctionName<A, Writable>>(
  signer: SigningClient,
  call: Call<A, F>,
): Promise<TransactionReceipt> {
  const { address, functionName, value } = call
  // The types above have checked the call; viem's own are beyond what a generic function can satisfy.
  const { abi, args } = call as unknown as { abi: Abi; args: unknown[] }
  try {
    const sent = value === undefined ? {} : { value }
    await signer.read.simulateContract({ account: signer.sender, address, abi, functionName, args, ...sent })
    const receipt = await sendTransaction(signer, {
      to: address,
      data: encodeFunctionData({ abi, functionName: functionName as string, args }),
      ...sent,
    })
    if (receipt.status !== 'success')
      throw new PlimsollError(`The transaction ${receipt.transactionHash} (${functionName}) was reverted.`)
    return receipt
  } catch (error) {
    throw refusal(error, functionName)
  }
}
