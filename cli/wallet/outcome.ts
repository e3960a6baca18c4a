import { PlimsollError } from '../../protocol/errors.ts'
import { NodeRefusal, OperationUnknown, type PlimsollClient } from '../../sdk/client.ts'
import type { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { Accepted, OperationRequest, OperationState, OwnOperation } from '../../sdk/schemas.ts'
import { commandLine } from '../invocation.ts'
import { NotKnown } from '../not-known.ts'
import { printJson, printNotice, printText } from '../output.ts'
import { endProgress, stage } from '../progress.ts'
import { messageForPeople } from './for-people.ts'

/** Options of every command that hands in an operation. */
export interface HandInOptions {
  readonly node: string
  readonly json?: true
  readonly wait?: true
  /** Signs another operation although one of the same terms is open. */
  readonly again?: true
  /** Signs although that voids half a trade that waits. */
  readonly voidWaiting?: true
}

/** An operation at the node; `existing` where nothing was signed, since one of the same terms was open. */
export type HandedIn = Accepted & { readonly existing?: true }

const NOT_KNOWN = 3
const OPEN: readonly string[] = ['accepted', 'waiting', 'proving']

/**
 * Has an operation signed and handed in, unless one of the same terms is open: then it is that one, since a command whose
 * outcome was lost is given again. Nothing is signed either that would void half a trade without a word.
 * @param isSame whether an operation is what this command would sign
 * @throws PlimsollError with the code of the node's refusal; NotKnown where nobody says whether it was accepted
 */
export async function submit(
  wallet: OwnerWallet,
  options: HandInOptions,
  isSame: (operation: OperationRequest) => boolean,
  sign: () => Promise<Accepted>,
): Promise<HandedIn> {
  try {
    const open = await openOf(wallet)
    const same = options.again ? undefined : open.find(({ operation }) => isSame(operation))
    if (same !== undefined) {
      printNotice(
        `operation ${same.id} of the same terms is ${same.status}: it is that one, and nothing is signed; --again signs another`,
      )
      return { id: same.id, status: same.status === 'waiting' ? 'waiting' : 'accepted', existing: true }
    }
    requireNoHalf(open, options)
    return await sign()
  } catch (error) {
    throw explained(error, wallet)
  }
}

async function openOf(wallet: OwnerWallet): Promise<readonly OwnOperation[]> {
  return (await wallet.operations()).filter(({ status }) => OPEN.includes(status))
}

/** @throws PlimsollError where half a trade waits, unless it is to be voided */
function requireNoHalf(open: readonly OwnOperation[], { voidWaiting }: Pick<HandInOptions, 'voidWaiting'>): void {
  const half = open.find(({ status }) => status === 'waiting')
  if (half === undefined || voidWaiting) return
  const { id } = half
  throw new PlimsollError(`Half a trade waits for the other, operation ${id}: signing anything else makes it void.`, {
    hint: `Cancel it with ${commandLine(['wallet', 'operations', '--cancel', id], ['node', 'rpc', 'from', 'account', 'index'])}, or give --void-waiting.`,
  })
}

/**
 * Operations of an account that are open at the node, where nothing that waits would be voided by signing something else.
 * @throws PlimsollError where half a trade waits, unless it is to be voided
 */
export async function openOperations(
  wallet: OwnerWallet,
  options: Pick<HandInOptions, 'voidWaiting'>,
): Promise<readonly OwnOperation[]> {
  const open = await openOf(wallet)
  requireNoHalf(open, options)
  return open
}

/** An error of the SDK as the command line says it. */
export function explained(error: unknown, wallet: OwnerWallet): unknown {
  if (error instanceof OperationUnknown) return notKnown(error)
  return error instanceof NodeRefusal ? refused(error, wallet) : error
}

/** The node's refusal with its code, which programs read, in front, and its words for people. */
export function refused({ code, message }: NodeRefusal, { deployment }: OwnerWallet): PlimsollError {
  return new PlimsollError(`${code}: ${messageForPeople(message, deployment.assets)}`)
}

/** The hint where the fate of an operation is not known. */
function notKnown({ id, message }: OperationUnknown): NotKnown {
  return new NotKnown(message, { hint: `Ask again with: ${commandLine(['wallet', 'status', id], ['node'])}` })
}

/**
 * Says what became of an operation, after waiting for it if it is to; the exit code is 1 if it failed, 3 if that is not known.
 * @throws NotKnown where the node does not say it
 */
export async function report(
  client: PlimsollClient,
  accepted: HandedIn | OperationState,
  options: { readonly node: string; readonly json?: true; readonly wait?: true },
  more: { readonly extra?: Readonly<Record<string, string>>; readonly wallet?: OwnerWallet } = {},
): Promise<void> {
  const { extra = {}, wallet } = more
  if (options.wait) {
    // Whatever happens to this process or to the node: the id tells later what became of it.
    printNotice(`${accepted.status}: operation ${accepted.id}`)
    stage('waiting for the settlement', 30)
  }
  const state: Accepted | OperationState = options.wait
    ? await settledOf(client, wallet, accepted.id)
        .catch((error: unknown) => {
          throw error instanceof OperationUnknown ? notKnown(error) : error
        })
        .finally(endProgress)
    : accepted
  const { id, status } = state
  if (status === 'failed') process.exitCode = 1
  else if (options.wait && status !== 'settled') process.exitCode = NOT_KNOWN
  const code = 'code' in state && state.code !== undefined ? { code: state.code } : {}
  const transaction = status === 'settled' ? await transactionOf(wallet, id) : {}
  const existing = 'existing' in accepted ? { existing: true } : {}
  if (options.json) return printJson({ id, status, ...existing, ...extra, ...code, ...transaction })
  const details = [...Object.entries({ ...extra, ...transaction }).map(([name, value]) => `${name} ${value}`)]
  printText(
    `${status}${'code' in code ? ` (${code.code})` : ''}: operation ${id}${details.length > 0 ? `, ${details.join(', ')}` : ''}`,
  )
  if (options.wait && status !== 'settled' && status !== 'failed')
    printText(`It may still be settled; ask again with: ${commandLine(['wallet', 'status', id], ['node'])}`)
}

/** The state of an operation in the end; the wallet that signed it signs it again where a decoy voided it. */
function settledOf(client: PlimsollClient, wallet: OwnerWallet | undefined, id: string): Promise<OperationState> {
  return wallet === undefined ? client.settled(id) : wallet.settled(id, { onAgain: noticeAgain })
}

/** Says that an operation was signed once more. */
export function noticeAgain(id: string): void {
  printNotice(`the sequencer wrote the account once more as it was: the same terms are signed again, operation ${id}`)
}

/** The transaction that settled an operation, which the node tells its owner only. */
async function transactionOf(wallet: OwnerWallet | undefined, id: string): Promise<{ transaction?: string }> {
  const list: readonly OwnOperation[] = (await wallet?.operations().catch(() => [])) ?? []
  const transaction = list.find((operation) => operation.id === id)?.transaction
  return transaction === undefined ? {} : { transaction }
}
