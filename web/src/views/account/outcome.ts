import type { OwnerWallet } from '../../../../sdk/owner-wallet.ts'
import type { Accepted } from '../../../../sdk/schemas.ts'

/** Words for why an operation failed after it had been accepted. */
const FAILURES: Readonly<Record<string, string>> = {
  STALE_VERSION: 'the account was written in between, by a liquidation or a deposit: sign it again',
  EXPIRED: 'its time was over before it could be carried out',
  TARGET_TOO_LOW: 'prices moved, and the account would have been left below its initial margin',
  CANCELED: 'it was canceled',
  REJECTED: 'prover or contract refused it',
}

/** Waits for an operation's end. @returns a sentence @throws Error where it failed */
export async function outcome(wallet: OwnerWallet, { id, status }: Accepted, settled: string): Promise<string> {
  if (status === 'waiting') return 'Your half is signed and waits for the other.'
  const { status: end, code } = await wallet.client.settled(id)
  if (end === 'settled') return `Settled. ${settled}`
  if (end !== 'failed') return `It is ${end} still: look under Operations.`
  throw new Error(`It failed: ${FAILURES[code ?? ''] ?? code ?? 'no reason given'}.`)
}
