import type { Address } from 'viem'
import { type Account, accountLeaf } from '../protocol/account.ts'
import { type ApiRequest, apiMessage } from '../protocol/api-message.ts'
import { decryptAccount } from '../protocol/cipher.ts'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { type OwnerKey, ownerHash, sharedViewKey } from '../protocol/keys.ts'
import { type Message, messageHash } from '../protocol/messages.ts'
import { sign } from '../protocol/signature.ts'
import { setPreferences } from './actions/set-preferences.ts'
import { trade } from './actions/trade.ts'
import { unwind } from './actions/unwind.ts'
import { withdraw } from './actions/withdraw.ts'
import { NodeRefusal, NodeUnanswered, OperationUnknown, type PlimsollClient, type Wait } from './client.ts'
import { operationId } from './operation-id.ts'
import type {
  Accepted,
  AccountInfo,
  Canceled,
  DeploymentInfo,
  OperationRequest,
  OperationState,
  OwnOperation,
} from './schemas.ts'

/** Life of a signature in seconds, unless told otherwise. */
const DEFAULT_EXPIRY = 3_600

/** The signature was good, but somebody wrote the account meanwhile: the next one names the new version. */
const RETRIES = 3

/** Operations that are remembered with what the account was then: more than that are not open of one account. */
const MOST_OPEN = 64

/** Milliseconds between two tries to hand in an operation that was not answered; it is the same one each time. */
const HAND_IN = [300, 1_000, 3_000]

/** Life of a proof that a request is the owner's, in seconds. */
const AUTHORIZATION = 300

export interface Validity {
  /** Seconds from now, by the chain's clock. */
  readonly expiresIn?: number | undefined
}

/** Version and expiry that the next operation on an account is signed for. */
export interface NextVersion {
  readonly index: number
  readonly version: number
  /** Unix seconds at which the signature runs out. */
  readonly expiry: number
}

export interface WaitAndSign extends Wait {
  /** Told the id of what was signed again. */
  readonly onAgain?: (id: string) => void
}

/** An operation that was handed in, and what the account held when it was signed. */
interface Signed {
  readonly make: (next: NextVersion) => OperationRequest
  readonly operation: OperationRequest
  /** Balances and weights; undefined where the node's ciphertext did not open. */
  readonly content: string | undefined
}

/** Gets `x` of the asset for `y` cash (direction 1), or gives it (direction 0); base units. */
export interface TradeTerms {
  readonly asset: number
  readonly direction: 0 | 1
  readonly x: bigint
  readonly y: bigint
}

/** One's account as the node has it. */
export interface OwnAccount {
  readonly account: Account
  readonly info: AccountInfo
  /** The sequencer's key whose holder can read it. */
  readonly sequencer: Point
}

/**
 * An owner with its key: reads its account from what the node publishes about it, and signs what it wants done. The key
 * never leaves it; the node is believed nothing that the account's leaf does not confirm.
 */
export class OwnerWallet {
  readonly client: PlimsollClient
  readonly deployment: DeploymentInfo
  readonly key: OwnerKey
  /** Told the id of an operation that the node did not answer to at once: it is signed, and may have been taken. */
  onDoubt: ((id: string) => void) | undefined
  /** The sequencer's keys, the one in force first, with the view keys that are shared with them. */
  readonly #shared: readonly { readonly sequencer: Point; readonly viewKey: bigint }[]
  /** By id, in the order in which they were handed in: as many as an account may have open. */
  readonly #signed = new Map<string, Signed>()
  readonly #chosen: number | undefined

  private constructor(client: PlimsollClient, deployment: DeploymentInfo, key: OwnerKey, chosen: number | undefined) {
    this.client = client
    this.deployment = deployment
    this.key = key
    this.#chosen = chosen
    this.#shared = deployment.sequencerKeys
      .map((sequencer) => ({ sequencer, viewKey: sharedViewKey(key.secret, sequencer) }))
      .toReversed()
  }

  /**
   * @param index Which of the key's accounts, where it has several: anyone can open one for it. The first where it is left out.
   */
  static open(client: PlimsollClient, deployment: DeploymentInfo, key: OwnerKey, index?: number): OwnerWallet {
    return new OwnerWallet(client, deployment, key, index)
  }

  /** Indices of the accounts that deposits opened for this key, in order. */
  indices(): Promise<readonly number[]> {
    return this.client.accounts(this.key.publicKey)
  }

  /** Index of the account: the one that was chosen, else the first; undefined before there is one. */
  async findIndex(): Promise<number | undefined> {
    return chooseIndex(await this.indices(), this.#chosen)
  }

  /** @throws PlimsollError when there is none */
  async index(): Promise<number> {
    const index = await this.findIndex()
    if (index === undefined)
      throw new PlimsollError('There is no account of this key yet.', { hint: 'The first deposit opens one.' })
    return index
  }

  /** One's account, opened with one's own key. @throws PlimsollError when the node's ciphertext is not that of the leaf */
  async read(): Promise<OwnAccount> {
    return this.#open(await this.client.account(await this.index()))
  }

  /**
   * Indices of those of the key's accounts that a former key of the sequencer can still read: a handover has not been followed by
   * their rekey yet.
   * @throws PlimsollError when the node's ciphertext of one is not that of its leaf
   */
  async readableByFormerKey(): Promise<number[]> {
    if (this.#shared.length === 1) return []
    const infos = await Promise.all((await this.indices()).map((index) => this.client.account(index)))
    return infos.flatMap((info) => (this.#open(info).sequencer === this.#shared[0]!.sequencer ? [] : [info.index]))
  }

  /** Under whichever of the sequencer's keys it is: the leaf says. */
  #open(info: AccountInfo): OwnAccount {
    const { index, version, leaf, cipher } = info
    const owner = ownerHash(this.key.publicKey)
    for (const { sequencer, viewKey } of this.#shared) {
      const opened = opens(cipher, leaf, viewKey)
      if (opened === undefined) continue
      const account: Account = { owner, viewKey, index, version: BigInt(version), ...opened }
      if (accountLeaf(account) === leaf) return { account, info, sequencer }
    }
    throw new PlimsollError(`What the node says of account ${index} does not open with this key.`)
  }

  /** Balances and preferences of an account as text; undefined where it does not open. */
  #contentOf(info: AccountInfo): string | undefined {
    try {
      const { balances, weights } = this.#open(info).account
      return [...balances, ...weights].join()
    } catch {
      return undefined
    }
  }

  /** See `withdraw` of sdk/actions. */
  withdraw(
    asset: number,
    amount: bigint,
    recipient: Address,
    options: Validity & { readonly inFull?: boolean | undefined } = {},
  ): Promise<Accepted> {
    return withdraw(this, { asset, amount, recipient, ...options })
  }

  /** Half of a trade with whoever signs the other half with the same link: see `trade` of sdk/actions. */
  trade(terms: TradeTerms, link: bigint, validity: Validity = {}): Promise<Accepted> {
    return trade(this, { ...terms, link, ...validity })
  }

  /** A trade with the backstop: see `unwind` of sdk/actions. */
  unwind(terms: TradeTerms, validity: Validity = {}): Promise<Accepted> {
    return unwind(this, { ...terms, ...validity })
  }

  /** See `setPreferences` of sdk/actions. @param weights of assets 0 to 7 */
  preferences(weights: readonly number[], validity: Validity = {}): Promise<Accepted> {
    return setPreferences(this, { weights, ...validity })
  }

  /** Operations of the account that the node remembers, with their terms, newest first. */
  async operations(): Promise<OwnOperation[]> {
    const index = await this.index()
    return this.client.operations(index, await this.authorize({ kind: 'list', index }))
  }

  /**
   * Has the node forget half a trade that waits. Its signature stays valid for whoever has it until it expires, or the account
   * is written once more: the answer says when.
   */
  async cancel(id: string): Promise<Canceled> {
    const index = await this.index()
    return this.client.cancel(id, await this.authorize({ kind: 'cancel', index, id: BigInt(id) }))
  }

  /** Proof for a few minutes, by the chain's clock, that a request to the node is the owner's, as its header carries it. */
  async authorize(request: ApiRequest): Promise<string> {
    const expiry = (await this.client.round()).now + AUTHORIZATION
    const { r8, s } = this.sign(apiMessage(request, BigInt(expiry)))
    return `Plimsoll ${[expiry, ...r8, s].join(',')}`
  }

  /**
   * Hands in what is made of the account's next version; again where somebody wrote the account in between.
   * @throws NodeRefusal
   */
  async submit(validity: Validity, make: (next: NextVersion) => OperationRequest): Promise<Accepted> {
    const { expiresIn = DEFAULT_EXPIRY } = validity
    for (let left = RETRIES; ; left--) {
      const { now } = await this.client.round()
      try {
        return await this.#signAndHandIn(make, now + expiresIn)
      } catch (error) {
        if (!(error instanceof NodeRefusal && error.code === 'STALE_VERSION') || left === 0) throw error
      }
    }
  }

  /** Signs for the account's version after all that the node has accepted. */
  async #signAndHandIn(make: Signed['make'], expiry: number): Promise<Accepted> {
    const info = await this.client.account(await this.index())
    const operation = make({ index: info.index, version: info.pendingVersion, expiry })
    const accepted = await this.#handIn(operation)
    this.#signed.set(accepted.id, { make, operation, content: this.#contentOf(info) })
    if (this.#signed.size > MOST_OPEN) this.#signed.delete(this.#signed.keys().next().value!)
    return accepted
  }

  /**
   * Waits until an operation is settled or has failed, as `PlimsollClient.settled` does. Where it failed only because the sequencer
   * wrote the account once more as it was, a decoy, the same terms are signed again, good until the same time: a write that changed
   * the account, such as a liquidation, leaves it failed.
   * @throws OperationUnknown
   */
  async settled(id: string, wait: WaitAndSign = {}): Promise<OperationState> {
    for (let [current, left] = [id, RETRIES]; ; left--) {
      const state = await this.client.settled(current, wait)
      if (state.status !== 'failed' || state.code !== 'STALE_VERSION' || left === 0) return state
      const again = await this.#signAgain(current)
      if (again === undefined) return state
      current = again.id
      wait.onAgain?.(current)
    }
  }

  /**
   * Hands in the terms of an operation once more; undefined where the account was not written since, is another than it was, or the
   * node refuses them.
   */
  async #signAgain(id: string): Promise<Accepted | undefined> {
    const signed = this.#signed.get(id)
    if (signed?.content === undefined) return undefined
    const info = await this.client.account(signed.operation.index)
    // At the version that it was signed for it is good yet: signed for the next one too, both could be carried out.
    if (info.version <= signed.operation.version || this.#contentOf(info) !== signed.content) return undefined
    return this.#signAndHandIn(signed.make, signed.operation.expiry).catch((error: unknown) => {
      if (error instanceof NodeRefusal) return undefined
      throw error
    })
  }

  /** Hands in what is signed, the very same again where no answer came: the node takes it once. @throws OperationUnknown */
  async #handIn(operation: OperationRequest): Promise<Accepted> {
    const id = operationId(this.deployment, operation)
    for (let tries = 0; ; tries++) {
      try {
        return await this.client.submit(operation)
      } catch (error) {
        if (error instanceof NodeRefusal && error.code === 'DUPLICATE') {
          const { status } = await this.client.operation(id)
          return { id, status: status === 'waiting' ? status : 'accepted' }
        }
        const silent = error instanceof NodeUnanswered
        if (silent && tries === 0) this.onDoubt?.(id)
        // A refusal after a try that was lost may be of what that try brought about.
        const known = tries > 0 && !silent ? await this.client.operation(id).catch(() => undefined) : undefined
        if (known !== undefined) return { id, status: known.status === 'waiting' ? 'waiting' : 'accepted' }
        if (!silent) throw error
        if (tries === HAND_IN.length)
          throw new OperationUnknown(id, `Whether the node took operation ${id} is not known: ${error.message}`)
        await new Promise((resolve) => setTimeout(resolve, HAND_IN[tries]!))
      }
    }
  }

  /** The owner's signature of a message, bound to chain and settlement. */
  sign(message: Message) {
    const { chainId, settlement } = this.deployment
    const {
      r8: [x, y],
      s,
    } = sign(this.key, messageHash({ chainId: BigInt(chainId), settlement: BigInt(settlement) }, message))
    return { r8: [x, y] as [bigint, bigint], s }
  }
}

/** The plaintext of an account's ciphertext under a view key; undefined where it does not open. */
function opens(cipher: readonly bigint[], leaf: bigint, viewKey: bigint) {
  try {
    return decryptAccount(cipher, leaf, viewKey)
  } catch (error) {
    if (error instanceof PlimsollError) return undefined
    throw error
  }
}

/** One of a key's accounts, the first unless another is asked for. @throws PlimsollError when that is not one of them */
export function chooseIndex(indices: readonly number[], chosen: number | undefined): number | undefined {
  if (chosen === undefined || indices.includes(chosen)) return chosen ?? indices[0]
  throw new PlimsollError(`Account ${chosen} is not of this key.`, {
    hint: indices.length === 0 ? 'It has none.' : `It has ${indices.join(', ')}.`,
  })
}
