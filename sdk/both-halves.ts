import { formatEther } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import { newLink, trade } from './actions/trade.ts'
import { NodeRefusal } from './client.ts'
import type { OwnerWallet, TradeTerms, Validity, WaitAndSign } from './owner-wallet.ts'
import type { Accepted, OperationState } from './schemas.ts'

/** A trade between two accounts of one owner, of which both halves were handed in. */
export interface BothHalves {
  readonly owner: OwnerWallet
  readonly other: OwnerWallet
  readonly link: bigint
  /** Half of the owner, and that of the other. */
  readonly halves: readonly [Accepted, Accepted]
}

/** The other side of a trade. */
export function otherSide<T extends TradeTerms>(terms: T): T {
  return { ...terms, direction: terms.direction === 1 ? 0 : 1 }
}

/**
 * Index of both accounts.
 * @throws PlimsollError where they are the same account, or of two deployments
 */
export async function twoAccounts(owner: OwnerWallet, other: OwnerWallet): Promise<readonly [number, number]> {
  if (owner.deployment.settlement !== other.deployment.settlement)
    throw new PlimsollError('The two accounts are of two settlements: nothing goes from one to the other.')
  const [index, otherIndex] = await Promise.all([owner.index(), other.index()])
  if (index === otherIndex)
    throw new PlimsollError(`Account ${index} cannot trade with itself: two accounts are needed.`)
  return [index, otherIndex]
}

/**
 * Signs and hands in both halves of a trade between two accounts of one owner; the first is canceled where the second is refused.
 * @param terms as of `owner`
 * @throws NodeRefusal where the node refuses one, OperationUnknown where nobody says whether it was accepted
 */
export async function signBothHalves(
  owner: OwnerWallet,
  other: OwnerWallet,
  terms: TradeTerms,
  { expiresIn }: Validity = {},
): Promise<BothHalves> {
  const link = newLink()
  const first = await trade(owner, { ...terms, link, expiresIn })
  try {
    return { owner, other, link, halves: [first, await trade(other, { ...otherSide(terms), link, expiresIn })] }
  } catch (error) {
    if (error instanceof NodeRefusal) await owner.cancel(first.id).catch(() => {})
    throw error
  }
}

/**
 * Waits until both halves are settled, each signed again where a decoy voided it; where one fails otherwise the other is canceled.
 * @returns the state of the owner's half where both are settled, else of the one that is not, whose code is the cause
 * @throws OperationUnknown
 */
export async function bothSettled(
  { owner, other, halves }: BothHalves,
  wait: WaitAndSign = {},
): Promise<OperationState> {
  const wallets = [owner, other]
  const ids: string[] = halves.map(({ id }) => id)
  const states = await Promise.all(
    wallets.map(async (wallet, i) => {
      const onAgain = (id: string) => {
        ids[i] = id
        wait.onAgain?.(id)
      }
      const state = await wallet.settled(ids[i]!, { ...wait, onAgain })
      // Half a trade alone would wait until it expires.
      if (state.status === 'failed') await wallets[1 - i]!.cancel(ids[1 - i]!).catch(() => {})
      return state
    }),
  )
  const open = states.filter(({ status }) => status !== 'settled')
  return open.find(({ code }) => code !== 'CANCELED') ?? open[0] ?? states[0]!
}

/** Sentences that an owner of two accounts has to read before something is signed. */
export function pairWarnings(
  { deployment: { openingFee } }: OwnerWallet,
  [first, second]: readonly [number, number],
): string[] {
  return [
    `margin is not shared between accounts: ${first} and ${second} have to meet it each for itself, and one may be liquidated while the other has plenty`,
    `each account has cost an opening fee, ${formatEther(openingFee)} ether now`,
    `everybody sees that accounts ${first} and ${second} trade with each other, and when; what they hold together is as public as it was before, how it is split between them is not`,
  ]
}
