import type { OwnerWallet } from '../../../../sdk/owner-wallet.ts'
import type { Accepted, OperationState } from '../../../../sdk/schemas.ts'

/** Words for why an operation failed after it had been accepted. */
const FAILURES: Readonly<Record<string, string>> = {
  STALE_VERSION: 'the account was written in between, by a liquidation or a deposit: sign it again',
  EXPIRED: 'its time was over before it could be carried out',
  TARGET_TOO_LOW: 'prices moved, and the account would have been left below its initial margin',
  CANCELED: 'it was canceled',
  REJECTED: 'prover or contract refused it',
}

/**
 * Hands in what makes half a trade that waits void, where none waits.
 * @throws Error where one does: it is canceled first, under Operations
 */
export async function handIn(wallet: OwnerWallet, sign: () => Promise<Accepted>): Promise<Accepted> {
  await requireNoHalf(wallet)
  return sign()
}

/** @throws Error where half a trade of the account waits: another signature would make it void */
export async function requireNoHalf(wallet: OwnerWallet): Promise<void> {
  const half = (await wallet.operations()).find(({ status }) => status === 'waiting')
  if (half !== undefined)
    throw new Error(
      'Half a trade waits for the other, and signing anything else makes it void. Wait for it, or cancel it under Operations first.',
    )
}

/**
 * Waits for an operation's end; where the sequencer only wrote the account once more as it was, the same terms are signed again.
 * @returns a sentence
 * @throws Error where it failed
 */
export async function outcome(
  wallet: OwnerWallet,
  { id, status }: Accepted,
  say: (what: string) => void,
  settled = '',
): Promise<string> {
  if (status === 'waiting') return 'Your half is signed and waits for the other.'
  const onAgain = () => say('The sequencer wrote the account once more as it was: the same terms are signed again.')
  return inWords(await wallet.settled(id, { onAgain }), settled)
}

/** An operation's end in a sentence. @throws Error where it failed */
export function inWords({ status, code }: OperationState, settled = ''): string {
  if (status === 'settled') return `Settled. ${settled}`
  if (status !== 'failed') return `It is ${status} still: look under Operations.`
  throw new Error(`It failed: ${FAILURES[code ?? ''] ?? code ?? 'no reason given'}.`)
}
