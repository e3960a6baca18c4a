import type { Address } from 'viem'
import { type Account, accountLeaf, packWeights } from '../protocol/account.ts'
import { decryptAccount } from '../protocol/cipher.ts'
import { FIELD } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { type OwnerKey, ownerHash, sharedViewKey } from '../protocol/keys.ts'
import { KIND, type Message, messageHash } from '../protocol/messages.ts'
import { payee } from '../protocol/operation.ts'
import { sign } from '../protocol/signature.ts'
import type { PlimsollClient } from './client.ts'
import type { Accepted, AccountInfo, DeploymentInfo } from './schemas.ts'

/** How long a signature is good unless told otherwise, in seconds. */
const DEFAULT_EXPIRY = 3_600

export interface Validity {
  /** Seconds from now, by the chain's clock. */
  readonly expiresIn?: number
}

/** Gets `x` of the asset for `y` cash (direction 1), or gives it (direction 0); base units. */
export interface TradeTerms {
  readonly asset: number
  readonly direction: 0 | 1
  readonly x: bigint
  readonly y: bigint
}

/**
 * An owner with its key: reads its account from what the node publishes about it, and signs what it wants done. The key
 * never leaves it; the node is believed nothing that the account's leaf does not confirm.
 */
export class OwnerWallet {
  readonly client: PlimsollClient
  readonly deployment: DeploymentInfo
  readonly key: OwnerKey
  readonly #viewKey: bigint
  readonly #chosen: number | undefined

  private constructor(client: PlimsollClient, deployment: DeploymentInfo, key: OwnerKey, chosen: number | undefined) {
    this.client = client
    this.deployment = deployment
    this.key = key
    this.#chosen = chosen
    this.#viewKey = sharedViewKey(key.secret, deployment.sequencerKey)
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
  async read(): Promise<{ account: Account; info: AccountInfo }> {
    const info = await this.client.account(await this.index())
    const { index, version, leaf, cipher } = info
    const account: Account = {
      owner: ownerHash(this.key.publicKey),
      viewKey: this.#viewKey,
      index,
      version: BigInt(version),
      ...decryptAccount(cipher, leaf, this.#viewKey),
    }
    if (accountLeaf(account) !== leaf)
      throw new PlimsollError(`What the node says of account ${index} does not open with this key.`)
    return { account, info }
  }

  /** @param validity with `inFull`: to be paid in full or to wait, rather than cut while the backstop is under water */
  async withdraw(
    asset: number,
    amount: bigint,
    recipient: Address,
    { inFull, ...validity }: Validity & { readonly inFull?: boolean } = {},
  ): Promise<Accepted> {
    const { index, version, expiry } = await this.#next(validity)
    const signature = this.#sign({
      kind: KIND.withdraw,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset,
      direction: 0,
      x: amount,
      y: 0n,
      extra: payee({ recipient, inFull }),
    })
    const terms = { index, version, asset, amount, recipient, expiry, signature }
    return this.client.submit({ kind: 'withdraw', ...terms, ...(inFull && { inFull }) })
  }

  /** Half of a trade with whoever signs the other half with the same link. */
  async trade({ asset, direction, x, y }: TradeTerms, link: bigint, validity: Validity = {}): Promise<Accepted> {
    const { index, version, expiry } = await this.#next(validity)
    const signature = this.#sign({
      kind: KIND.trade,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset,
      direction,
      x,
      y,
      extra: link,
    })
    return this.client.submit({ kind: 'trade', index, version, asset, direction, x, y, link, expiry, signature })
  }

  /** A trade with the backstop. */
  async unwind({ asset, direction, x, y }: TradeTerms, validity: Validity = {}): Promise<Accepted> {
    const { index, version, expiry } = await this.#next(validity)
    const signature = this.#sign({
      kind: KIND.unwind,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset,
      direction,
      x,
      y,
      extra: 0n,
    })
    return this.client.submit({ kind: 'unwind', index, version, asset, direction, x, y, expiry, signature })
  }

  /** @param weights of assets 0 to 7 */
  async preferences(weights: readonly number[], validity: Validity = {}): Promise<Accepted> {
    const { index, version, expiry } = await this.#next(validity)
    const signature = this.#sign({
      kind: KIND.preferences,
      index,
      nonce: BigInt(version),
      expiry: BigInt(expiry),
      asset: 0,
      direction: 0,
      x: 0n,
      y: 0n,
      extra: packWeights(weights),
    })
    return this.client.submit({ kind: 'preferences', index, version, weights: [...weights], expiry, signature })
  }

  /** Where the account is after all that the node has accepted, and when a signature of now runs out. */
  async #next({ expiresIn = DEFAULT_EXPIRY }: Validity): Promise<{ index: number; version: number; expiry: number }> {
    const index = await this.index()
    const [{ pendingVersion }, { now }] = await Promise.all([this.client.account(index), this.client.round()])
    return { index, version: pendingVersion, expiry: now + expiresIn }
  }

  #sign(message: Message) {
    const { chainId, settlement } = this.deployment
    const {
      r8: [x, y],
      s,
    } = sign(this.key, messageHash({ chainId: BigInt(chainId), settlement: BigInt(settlement) }, message))
    return { r8: [x, y] as [bigint, bigint], s }
  }
}

/** One of a key's accounts, the first unless another is asked for. @throws PlimsollError when that is not one of them */
export function chooseIndex(indices: readonly number[], chosen: number | undefined): number | undefined {
  if (chosen === undefined || indices.includes(chosen)) return chosen ?? indices[0]
  throw new PlimsollError(`Account ${chosen} is not of this key.`, {
    hint: indices.length === 0 ? 'It has none.' : `It has ${indices.join(', ')}.`,
  })
}

/** A link for a new trade, which nobody can guess. */
export function newLink(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  const link = bytes.reduce((sum, byte) => (sum << 8n) + BigInt(byte), 0n) % FIELD
  return link === 0n ? 1n : link
}
