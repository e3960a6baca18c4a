import { PlimsollError } from '../../protocol/errors.ts'
import { NodeRefusal, type PlimsollClient } from '../../sdk/client.ts'
import type { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { Accepted, OperationState } from '../../sdk/schemas.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, stage } from '../progress.ts'
import { messageForPeople } from './for-people.ts'

/** Hands in an operation. @throws PlimsollError with the code of the node's refusal, and its words for people */
export async function submit({ deployment }: OwnerWallet, operation: Promise<Accepted>): Promise<Accepted> {
  return operation.catch((error: unknown) => {
    throw error instanceof NodeRefusal
      ? new PlimsollError(`${error.code}: ${messageForPeople(error.message, deployment.assets)}`)
      : error
  })
}

/** Says what became of an operation, after waiting for it if it is to; the exit code is 1 if it failed. */
export async function report(
  client: PlimsollClient,
  accepted: Accepted,
  options: { json?: true; wait?: true },
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (options.wait) stage('waiting for the settlement', 30)
  const state: Accepted | OperationState = options.wait
    ? await client.settled(accepted.id).finally(endProgress)
    : accepted
  if (options.wait && state.status !== 'settled') process.exitCode = 1
  const { id, status } = state
  const ending = 'code' in state && state.code !== undefined ? { code: state.code } : {}
  const settled = 'transaction' in state && state.transaction !== undefined ? { transaction: state.transaction } : {}
  if (options.json) return printJson({ id, status, ...extra, ...ending, ...settled })
  const details = [...Object.entries({ ...extra, ...settled }).map(([name, value]) => `${name} ${value}`)]
  printText(
    `${status}${'code' in ending ? ` (${ending.code})` : ''}: operation ${id}${details.length > 0 ? `, ${details.join(', ')}` : ''}`,
  )
  if (options.wait && status !== 'settled' && status !== 'failed')
    printText(`It may still be settled: the node's /v1/operations/${id} says so then.`)
}
