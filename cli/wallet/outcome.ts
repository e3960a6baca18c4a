import { PlimsollError } from '../../protocol/errors.ts'
import { NodeRefusal, type PlimsollClient } from '../../sdk/client.ts'
import type { Accepted, OperationState } from '../../sdk/schemas.ts'
import { printJson, printText } from '../output.ts'
import { endProgress, progress } from '../progress.ts'

/** The signature was good, but somebody wrote the account meanwhile: the next one will name the new version. */
const RETRIES = 3

/** Signs and hands in; again where the account's version has moved in between. */
export async function submit(attempt: () => Promise<Accepted>): Promise<Accepted> {
  for (let left = RETRIES; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof NodeRefusal)) throw error
      if (error.code !== 'STALE_VERSION' || left === 0) throw new PlimsollError(`${error.code}: ${error.message}`)
    }
  }
}

/** Says what became of an operation, after waiting for it if it is to; the exit code is 1 if it failed. */
export async function report(
  client: PlimsollClient,
  accepted: Accepted,
  options: { json?: true; wait?: true },
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (options.wait) progress('waiting for the settlement')
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
