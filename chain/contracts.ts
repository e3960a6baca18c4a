import { randomInt } from 'node:crypto'
import { type Address, type Hex, zeroAddress } from 'viem'
import { NO_AUCTION } from '../protocol/auction.ts'
import type { AuctionParameters } from '../protocol/auction-terms.ts'
import { ASSETS } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { Operation } from '../protocol/operation.ts'
import type { ProfileName } from '../prover/profiles.ts'
import { ESCAPE_ABI } from '../sdk/abi/escape.ts'
import { FORCED_ABI } from '../sdk/abi/forced.ts'
import { INSURANCE_ABI } from '../sdk/abi/insurance.ts'
import { MARKET_ABI } from '../sdk/abi/market.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import { TOKEN_ABI } from '../sdk/abi/token.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { LOCAL_CHAINS } from '../sdk/chain/client.ts'
import { refusal } from '../sdk/chain/contract-errors.ts'
import { inOrder } from '../sdk/chain/in-order.ts'
import type { DeploymentInfo } from '../sdk/schemas.ts'
import { distinctSymbols } from '../sdk/symbols.ts'
import { type TokenDecimals, unitsPerTokenUnit } from '../sdk/token-units.ts'
import { auctionOf } from './auctions.ts'
import type { Custody } from './custody.ts'
import { Oracles } from './oracles.ts'
import { QueuedTerms } from './queued-terms.ts'
import type { Settlement } from './settlement.ts'

/** Blocks after which a deposit is taken for settled; a local chain never reorganizes by itself. */
const CONFIRMATIONS = 12n
/** Deposits that one look takes up at the most. */
const MOST = 64n
/** Places of the forced queue that one look goes through at the most. */
const PLACES = 256
const OPEN = 1
const QUEUED = 0
const PENDING = 2

/** At a block, or at the latest one. */
export type AtBlock = { readonly blockNumber?: bigint }

/** Seconds. */
export interface RoundsConfig {
  readonly provingTime: number
  readonly roundMin: number
  readonly roundShort: number
  readonly maxAge: number
}

export type DepositOperation = Extract<Operation, { kind: 'open' | 'topup' }>

/** A deposit that waits in the queue. */
export interface WaitingDeposit {
  readonly operation: DepositOperation
  /** Half of its time is over. */
  readonly urgent: boolean
}

/** A forced request that waits, with the round that was the latest when it came. */
export interface ForcedRequest {
  readonly operation: Extract<Operation, { kind: 'forced' | 'close' }>
  readonly round: number
}

interface Asset extends TokenDecimals {
  readonly token: Address | null
  readonly minOpen: bigint
  readonly minDeposit: bigint
}

interface Parts {
  readonly rounds: { readonly address: Address; readonly abi: typeof ROUNDS_ABI }
  readonly vault: { readonly address: Address; readonly abi: typeof VAULT_ABI }
  readonly forced: { readonly address: Address; readonly abi: typeof FORCED_ABI }
  readonly oracles: Address
  readonly escape: Address
  readonly insurance: Address
  readonly market: { readonly address: Address; readonly abi: typeof MARKET_ABI }
}

/** The contracts around the settlement, as its node reads them. */
export class Contracts {
  readonly settlement: Settlement
  readonly rounds: Parts['rounds']
  readonly oracles: Oracles
  readonly vault: Parts['vault']
  /** Assets 0, 1, ... */
  readonly assets: readonly Asset[]
  readonly clocks: RoundsConfig & { readonly grace: number; readonly depositDelay: number }
  readonly #parts: Parts
  readonly #terms: QueuedTerms
  #first: bigint | undefined
  readonly #fees: Pick<DeploymentInfo, 'openingFee' | 'bond' | 'forcedFee'>
  readonly #auctions: AuctionParameters

  private constructor(
    settlement: Settlement,
    parts: Parts,
    assets: readonly Asset[],
    clocks: Contracts['clocks'],
    fees: Pick<DeploymentInfo, 'openingFee' | 'bond' | 'forcedFee'>,
    auctions: AuctionParameters,
  ) {
    this.settlement = settlement
    this.rounds = parts.rounds
    this.oracles = new Oracles(settlement.client, parts.rounds.address, parts.oracles)
    this.vault = parts.vault
    this.#parts = parts
    this.#terms = new QueuedTerms(settlement, parts.vault, parts.forced)
    this.assets = assets
    this.clocks = clocks
    this.#fees = fees
    this.#auctions = auctions
  }

  /** @throws PlimsollError when the chain does not answer */
  static async of(settlement: Settlement): Promise<Contracts> {
    const { read } = settlement.client
    const vault = { address: (await settlement.config()).vault, abi: VAULT_ABI } as const
    try {
      const address = (functionName: 'rounds' | 'forced' | 'insurance' | 'escape' | 'market') =>
        read.readContract({ ...vault, functionName })
      const rounds = { address: await address('rounds'), abi: ROUNDS_ABI } as const
      const forced = { address: await address('forced'), abi: FORCED_ABI } as const
      const escapeHatch = await address('escape')
      const count = Number(await read.readContract({ ...rounds, functionName: 'assetCount' })) + 1
      const assets = await Promise.all(
        Array.from({ length: count }, async (_, a): Promise<Asset> => {
          const [token, tokenDecimals, decimals, , minOpen, minDeposit] = await read.readContract({
            ...vault,
            functionName: 'assetInfo',
            args: [a],
          })
          return { token: token === zeroAddress ? null : token, tokenDecimals, decimals, minOpen, minDeposit }
        }),
      )
      const { provingTime, roundMin, roundShort, maxAge, oracles } = await read.readContract({
        ...rounds,
        functionName: 'config',
      })
      const { openingFee, depositDelay } = await read.readContract({ ...vault, functionName: 'config' })
      const { bond, forcedFee } = await read.readContract({ ...forced, functionName: 'config' })
      const { grace } = await read.readContract({ address: escapeHatch, abi: ESCAPE_ABI, functionName: 'config' })
      const market = { address: await address('market'), abi: MARKET_ABI } as const
      const { blockTime, floorDiscount, maxImpact } = await read.readContract({ ...market, functionName: 'config' })
      const insurance = await address('insurance')
      const parts = { rounds, vault, forced, oracles, escape: escapeHatch, insurance, market }
      return new Contracts(
        settlement,
        parts,
        assets,
        { provingTime, roundMin, roundShort, maxAge, grace, depositDelay },
        { openingFee, bond, forcedFee },
        {
          roundMin: BigInt(roundMin),
          maxAge: BigInt(maxAge),
          blockTime: BigInt(blockTime),
          floorDiscount: BigInt(floorDiscount),
          maxImpact: BigInt(maxImpact),
        },
      )
    } catch (error) {
      throw refusal(error, 'the contracts of the settlement')
    }
  }

  /** An amount of base units, down to what the token can express. */
  payable(asset: number, amount: bigint): bigint {
    return amount - (amount % unitsPerTokenUnit(this.assets[asset]!))
  }

  /**
   * Custody of each asset, by the vault, the round and the market.
   * @param now seconds of the block
   * @throws viem's error when the chain does not answer
   */
  async custody(now: number, at: AtBlock = {}): Promise<Custody> {
    const { read } = this.settlement.client
    const each = <T>(value: (asset: Asset, a: number) => Promise<T> | T, none: T) =>
      Promise.all(
        Array.from({ length: ASSETS }, (_, a) => (this.assets[a] === undefined ? none : value(this.assets[a], a))),
      )
    const [frozen, fresh, stands, spot, scaling, free, closeMost, last, auctions] = await Promise.all([
      read.readContract({ ...this.vault, ...at, functionName: 'frozen' }),
      read.readContract({ ...this.rounds, ...at, functionName: 'fresh' }),
      read.readContract({ ...this.rounds, ...at, functionName: 'forcedStands' }),
      each(({ token }) => token !== null, false),
      each(unitsPerTokenUnit, 1n),
      each(
        ({ token }, a) =>
          token === null ? 0n : read.readContract({ ...this.vault, ...at, functionName: 'free', args: [a] }),
        0n,
      ),
      each(
        ({ token }, a) =>
          token !== null
            ? 0n
            : read.readContract({ ...this.#parts.forced, ...at, functionName: 'closeMost', args: [BigInt(a)] }),
        0n,
      ),
      read.readContract({ ...this.vault, ...at, functionName: 'lastCheckpoint' }),
      each(
        (_, a) =>
          a === 0
            ? NO_AUCTION
            : read
                .readContract({ ...this.#parts.market, ...at, functionName: 'auction', args: [BigInt(a)] })
                .then(auctionOf),
        NO_AUCTION,
      ),
    ])
    return {
      frozen,
      fresh,
      spot,
      unitsPerTokenUnit: scaling,
      free,
      closeMost,
      stands,
      sound: last.equity >= 0n,
      auctions,
      auctionParameters: this.#auctions,
      now: BigInt(now),
    }
  }

  /** Deposits that wait to be consumed, in order, as far as they are deep enough in the chain. */
  async deposits(at: AtBlock = {}): Promise<WaitingDeposit[]> {
    const { read, chainId } = this.settlement.client
    const [first, end] = await read.readContract({ ...this.vault, ...at, functionName: 'depositQueue' })
    if (first === end) return []
    const ripe = LOCAL_CHAINS.includes(chainId)
      ? end
      : await this.#queueEnd(at.blockNumber ?? (await read.getBlockNumber()))
    const last = ripe < first + MOST ? ripe : first + MOST
    const liveTime = await read.readContract({ ...this.rounds, ...at, functionName: 'liveTime' })
    const ids = Array.from({ length: Math.max(0, Number(last - first)) }, (_, i) => first + BigInt(i))
    const waiting = await Promise.all(
      ids.map(async (id) => {
        const deposit = await read.readContract({ ...this.vault, ...at, functionName: 'deposit', args: [id] })
        if (deposit.state !== QUEUED) throw new PlimsollError(`Deposit ${id} is in the queue, but not waiting.`)
        return { id, ...deposit }
      }),
    )
    const owners = await Promise.all(
      waiting
        .filter(({ kind }) => kind === OPEN)
        .map(
          async ({ id, index }): Promise<[bigint, Hex]> => [
            id,
            await read.readContract({ ...this.vault, ...at, functionName: 'ownerOf', args: [index] }),
          ],
        ),
    )
    const keys = await this.#terms.publicKeys(new Map(owners), at.blockNumber)
    return waiting.map(({ id, index, asset, amount, deadline }): WaitingDeposit => {
      // Of nothing where it was taken back.
      const terms = { depositId: Number(id), index, asset, amount }
      const publicKey = keys.get(id)
      const operation: DepositOperation =
        publicKey === undefined ? { kind: 'topup', ...terms } : { kind: 'open', ...terms, publicKey }
      return { operation, urgent: 2 * (deadline - Number(liveTime)) < this.clocks.depositDelay }
    })
  }

  /**
   * Forced requests that wait, in order of their places, which are in order of their deadlines. Some may have to wait longer, and are to
   * hide none that comes after: where the queue is longer than a look goes through, each begins anywhere in it, and comes round to the start.
   * @param now seconds; what has expired by then is left out
   */
  async forcedRequests(now: number, at: AtBlock = {}): Promise<ForcedRequest[]> {
    const { read } = this.settlement.client
    const [first, end] = await read.readContract({ ...this.#parts.forced, ...at, functionName: 'queue' })
    const length = Number(end - first)
    const start = length <= PLACES ? 0 : randomInt(length)
    const places = Array.from({ length: Math.min(length, PLACES) }, (_, i) => first + BigInt((start + i) % length))
    const requestOf = (number: bigint) =>
      read.readContract({ ...this.#parts.forced, ...at, functionName: 'request', args: [number] })
    const requests = inOrder(places, async (place) => {
      const number = await read.readContract({ ...this.#parts.forced, ...at, functionName: 'numberAt', args: [place] })
      return { place, number, request: await requestOf(number) }
    })
    const waiting: { number: bigint; request: Awaited<ReturnType<typeof requestOf>> }[] = []
    for await (const { place, number, request } of requests) {
      if (request.state !== PENDING || BigInt(request.place) !== place || request.expiry < now) continue
      waiting.push({ number, request })
    }
    const hashes = new Map(waiting.map(({ number, request }) => [number, request.signatureHash]))
    const signatures = await this.#terms.signatures(hashes, at.blockNumber)
    return waiting.map(({ number, request: { closes, buys, limit, recipient, inFull, ...request } }) => {
      const { index, asset, amount } = request
      const signature = signatures.get(number)!
      const asked = { queueNumber: number, index, asset, amount, expiry: BigInt(request.expiry), signature }
      return {
        operation: closes
          ? { kind: 'close', ...asked, direction: buys ? 1 : 0, limit }
          : { kind: 'forced', ...asked, recipient, inFull },
        round: Number(request.round),
      }
    })
  }

  /** Time of the last checkpoint, seconds. */
  async checkpointedAt(at: AtBlock = {}): Promise<number> {
    const { read } = this.settlement.client
    return Number(await read.readContract({ ...this.vault, ...at, functionName: 'checkpointedAt' }))
  }

  /** Whether withdrawals wait for a checkpoint, or insurers for one of this round. */
  async awaitsCheckpoint(round: number, at: AtBlock = {}): Promise<boolean> {
    const { read } = this.settlement.client
    const ledgers = await Promise.all(
      this.assets.map((_, a) => read.readContract({ ...this.vault, ...at, functionName: 'ledger', args: [a] })),
    )
    if (ledgers.some(({ pending }) => pending > 0n)) return true
    const last = await read.readContract({ ...this.vault, ...at, functionName: 'lastCheckpoint' })
    const insurance = { address: this.#parts.insurance, abi: INSURANCE_ABI }
    return Number(last.round) < round && !(await read.readContract({ ...insurance, ...at, functionName: 'accepting' }))
  }

  /** The answer of `/v1/deployment`. @param names of the assets, where a deployment gave any */
  async describe(profile: ProfileName, names: readonly string[] | undefined): Promise<DeploymentInfo> {
    const { client, address } = this.settlement
    const symbols = distinctSymbols(
      await Promise.all(
        this.assets.map(async ({ token }, a) => {
          if (names?.[a] !== undefined) return names[a]
          return token === null
            ? `#${a}`
            : client.read.readContract({ address: token, abi: TOKEN_ABI, functionName: 'symbol' }).catch(() => `#${a}`)
        }),
      ),
    )
    const sequencerKeys = (await this.settlement.view('sequencerKeys')).map(([x, y]): [bigint, bigint] => [x, y])
    return {
      chainId: client.chainId,
      settlement: address,
      vault: this.vault.address,
      forced: this.#parts.forced.address,
      insurance: this.#parts.insurance,
      escape: this.#parts.escape,
      rounds: this.rounds.address,
      sequencerKey: sequencerKeys.at(-1)!,
      sequencerKeys,
      profile,
      ...this.#fees,
      assets: this.assets.map(({ token, tokenDecimals, decimals, minOpen, minDeposit }, a) => ({
        symbol: symbols[a]!,
        decimals,
        spot: token !== null,
        token,
        tokenDecimals,
        minOpen,
        minDeposit,
      })),
    }
  }

  /** Asked once, but again where there was no answer: one lost answer must not be the last word. */
  async #firstBlock(end: bigint): Promise<bigint> {
    this.#first ??= await this.settlement.firstBlock(end)
    return this.#first
  }

  /** Number of deposits that are deep enough below a block; none before the deployment. */
  async #queueEnd(head: bigint): Promise<bigint> {
    const blockNumber = head - CONFIRMATIONS
    if (blockNumber < (await this.#firstBlock(head))) return 0n
    const [, end] = await this.settlement.client.read.readContract({
      ...this.vault,
      functionName: 'depositQueue',
      blockNumber,
    })
    return end
  }
}
