import {
  type Address,
  type Hex,
  isAddressEqual,
  parseAbi,
  parseEventLogs,
  type TransactionReceipt,
  zeroAddress,
} from 'viem'
import { SCALE } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { divUp, max, min } from '../protocol/integer.ts'
import { MARKET_ABI } from './abi/market.ts'
import { POOL_TAKER_ABI } from './abi/pool-taker.ts'
import { TOKEN_ABI } from './abi/token.ts'
import { take } from './actions/take.ts'
import { approve } from './chain/approve.ts'
import { type ChainAsset, chainAssets } from './chain/assets.ts'
import { isUnserved } from './chain/chain-failure.ts'
import type { ReadClient, SigningClient } from './chain/client.ts'
import { type AssetOffers, lotOffers } from './chain/lot-offers.ts'
import { type PoolState, poolTokens, prudent, purchaseUp, readPool, saleDown } from './chain/pool-quote.ts'
import { sendCall, TransactionReverted } from './chain/send-call.ts'
import { type SystemContracts, systemContracts } from './chain/system-contracts.ts'
import { bestFill, type KeeperFill } from './keeper-plan.ts'
import { tokenUnitsPerUnit, unitsPerTokenUnit } from './token-units.ts'

/** Gas that `take` of one lot needs at the most, transfers of usual tokens included. */
const TAKE_GAS = 320_000n
/** Halvings of a fill that a pool does not pay for, before it is given up for now. */
const HALVINGS = 6
/** Names of assets that are the coin of most chains. */
const NATIVE = /^W?ETH$/
const UNLIMITED = 1n << 120n
const TRANSFER_ABI = parseAbi(['event Transfer(address indexed from, address indexed to, uint256 value)'])

export interface KeeperOptions {
  readonly settlement: Address
  /** Uniswap v3 pools, or PoolTakers. */
  readonly pools: readonly Address[]
  /** The most that its inventory may be worth, in base units of cash; all of its cash where it is left out. */
  readonly maxInventory?: bigint | undefined
  /** The least that a fill has to bring after gas, in base units of cash. */
  readonly minProfit: bigint
  /** Base units of cash for 10^18 wei; by the mark of the asset called ETH or WETH where it is left out. */
  readonly nativePrice?: bigint | undefined
}

/** A pool of an asset, and the contract that trades with it for a tip, if there is one. */
interface KnownPool {
  readonly asset: number
  readonly pool: Address
  readonly taker?: { readonly address: Address; readonly tip: bigint }
}

/** A fill that would pay, or did. Cash in base units. */
export interface KeeperMove extends KeeperFill {
  readonly asset: number
  readonly side: 'sell' | 'buy'
  /** The contract that takes in the keeper's place and pays it a tip; undefined where it takes for cash of its own. */
  readonly through: Address | undefined
  readonly gas: bigint
  /** The most that the fill may cost by the time that it is mined, or the least that it has to bring. */
  readonly limit: bigint
}

/** Somebody else's transaction came first in the block: the fill has cost its gas, and nothing else. */
export class FillLost extends PlimsollError {
  /** Base units of cash. */
  readonly gas: bigint
  readonly transaction: Hex

  constructor(gas: bigint, transaction: Hex) {
    super(`Somebody was faster, or the price moved: the transaction ${transaction} was reverted.`)
    this.gas = gas
    this.transaction = transaction
  }
}

/** Means that are left of one look. Cash in base units. */
interface Purse {
  /** Cash of the keeper. */
  cash: bigint
  /** Cash that its inventory may be worth more than it is. */
  room: bigint
}

/** A look at the market from outside, and what is to be taken of it. */
export class Keeper {
  readonly assets: readonly ChainAsset[]
  readonly #client: ReadClient | SigningClient
  readonly #contracts: SystemContracts
  readonly #pools: readonly KnownPool[]
  readonly #options: KeeperOptions

  private constructor(
    client: ReadClient | SigningClient,
    contracts: SystemContracts,
    assets: readonly ChainAsset[],
    pools: readonly KnownPool[],
    options: KeeperOptions,
  ) {
    this.#client = client
    this.#contracts = contracts
    this.assets = assets
    this.#pools = pools
    this.#options = options
  }

  /** @throws PlimsollError where a pool is none of an asset and cash, or the price of gas in cash is not known */
  static async open(client: ReadClient | SigningClient, options: KeeperOptions): Promise<Keeper> {
    const { read } = client
    const contracts = await systemContracts(read, options.settlement)
    const assets = await chainAssets(read, options.settlement)
    if (options.nativePrice === undefined && !assets.some(({ symbol }) => NATIVE.test(symbol)))
      throw new PlimsollError('What gas costs in cash is not known: no asset is called ETH or WETH.', {
        hint: 'Give --native-price.',
      })
    const pools: KnownPool[] = []
    for (const address of options.pools) pools.push(await knownPool(client, contracts, assets, address))
    return new Keeper(client, contracts, assets, pools, options)
  }

  /** The fill of each asset that brings most, as far as there is one. */
  async look(): Promise<KeeperMove[]> {
    const { read } = this.#client
    const { number } = await read.getBlock()
    const [offers, gasPrice] = await Promise.all([
      lotOffers(read, this.#contracts.market, this.assets.length - 1, number),
      read.getGasPrice(),
    ])
    const nativePrice = this.#options.nativePrice ?? this.#nativePrice(offers)
    // Before the first round nothing can be liquidated, so there is nothing to take.
    if (nativePrice === undefined) return []
    const gasCash = (gas: bigint) => divUp(gas * gasPrice * nativePrice, 10n ** 18n)
    const purse = await this.#purse(offers, number)
    const moves: KeeperMove[] = []
    for (const offer of offers) {
      if (offer.available === 0n || offer.lots.some(({ price }) => price === undefined)) continue
      const own = await this.#ownFill(offer, purse, gasCash(TAKE_GAS), number)
      const throughPool = await this.#poolFill(offer, gasCash)
      const [best] = [own, throughPool]
        .filter((move) => move !== undefined && move.profit >= this.#options.minProfit && move.profit > 0n)
        .sort((a, b) => (a!.profit > b!.profit ? -1 : 1))
      if (best === undefined) continue
      moves.push(best)
      if (best.through !== undefined || best.side === 'buy') continue
      // What one asset may cost is not there for the next any more.
      purse.cash -= best.limit
      purse.room -= max(best.limit, divUp(best.units * offer.mark, SCALE))
    }
    return moves
  }

  /** Whether a transaction of the keeper's account waits to be mined: until then nothing is known of its cash and inventory. */
  async isWaiting({ read, sender: address }: SigningClient): Promise<boolean> {
    const [sent, mined] = await Promise.all(
      (['pending', 'latest'] as const).map((blockTag) => read.getTransactionCount({ address, blockTag })),
    )
    return sent! > mined!
  }

  /**
   * Takes what a look found.
   * @returns what it was in the end: cash, gas and tip as they were paid
   * @throws ContractRefusal where somebody was faster, or the price moved, FillLost where that was seen only when it was mined;
   * ChainFailure where the chain does not answer
   */
  async take(signer: SigningClient, move: KeeperMove): Promise<KeeperMove & { readonly transaction: Hex }> {
    // Asked before: what has been taken is not to be lost over a price.
    const nativePrice = this.#options.nativePrice ?? this.#nativePrice(await this.#offers()) ?? 0n
    const gasOf = (wei: bigint) => divUp(wei * nativePrice, 10n ** 18n)
    try {
      return move.through === undefined
        ? await this.#takeOwn(signer, move, gasOf)
        : await this.#run(signer, move, move.through, gasOf)
    } catch (error) {
      if (!(error instanceof TransactionReverted)) throw error
      const { gasUsed, effectiveGasPrice, transactionHash } = error.receipt
      throw new FillLost(gasOf(gasUsed * effectiveGasPrice), transactionHash)
    }
  }

  async #takeOwn(signer: SigningClient, move: KeeperMove, gasOf: (wei: bigint) => bigint) {
    const { asset, side, units, worth, limit } = move
    await this.#approve(signer, move)
    const done = await take(signer, { settlement: this.#options.settlement, asset, units, limit })
    const gas = gasOf(done.gasPaid)
    const profit = (side === 'sell' ? worth - done.cash : done.cash - worth) - gas
    return { ...move, cash: done.cash, gas, profit, transaction: done.transaction }
  }

  /** Has a PoolTaker take. What it brought is what was paid, whatever the contract had said of its tip. */
  async #run(signer: SigningClient, move: KeeperMove, address: Address, gasOf: (wei: bigint) => bigint) {
    const { sender } = signer
    const call = { address, abi: POOL_TAKER_ABI, functionName: 'run', args: [move.units, sender] } as const
    const { logs, gasUsed, effectiveGasPrice, transactionHash } = await sendCall(signer, call)
    const filled = parseEventLogs({ abi: MARKET_ABI, eventName: 'Filled', logs }).find(({ address }) =>
      isAddressEqual(address, this.#contracts.market),
    )
    const [gas, tip] = [gasOf(gasUsed * effectiveGasPrice), this.#cashPaid(logs, sender)]
    const paid = { cash: filled?.args.cash ?? 0n, worth: tip, gas, profit: tip - gas }
    return { ...move, ...paid, transaction: transactionHash }
  }

  /** Base units of cash that an account got, by the events of its token. */
  #cashPaid(logs: TransactionReceipt['logs'], to: Address): bigint {
    const cash = this.assets[0]!
    const tokens = parseEventLogs({ abi: TRANSFER_ABI, logs })
      .filter(({ address, args }) => isAddressEqual(address, cash.token!) && isAddressEqual(args.to, to))
      .reduce((sum, { args }) => sum + args.value, 0n)
    return this.#baseUnits(cash, tokens)
  }

  #baseUnits(asset: ChainAsset, tokens: bigint): bigint {
    return (tokens * unitsPerTokenUnit(asset)) / tokenUnitsPerUnit(asset)
  }

  /** A fill for cash or inventory of the keeper's own. */
  async #ownFill(
    { asset, lots, ...offer }: AssetOffers,
    purse: Purse,
    gas: bigint,
    blockNumber: bigint,
  ): Promise<KeeperMove | undefined> {
    const { side, mark } = lots[0]!
    const info = this.assets[asset]!
    if (info.token === null) return undefined
    const pools = await Promise.all(
      this.#pools
        .filter((pool) => pool.asset === asset)
        .map(({ pool }) => readPool(this.#client.read, pool, info.token!, blockNumber)),
    )
    const cash = this.assets[0]!
    const byMark = (units: bigint) => (side === 'sell' ? (units * mark) / SCALE : divUp(units * mark, SCALE))
    /** By a pool; a pool without a memory says nothing better than the mark does. */
    const byPool = (pool: PoolState, units: bigint): bigint | undefined => {
      const tokens = (units * tokenUnitsPerUnit(info)) / unitsPerTokenUnit(info)
      const counted = prudent(pool, side === 'sell')
      if (side === 'sell') {
        const worth = this.#baseUnits(cash, saleDown(counted, tokens))
        return pool.meanRoot === undefined ? min(worth, byMark(units)) : worth
      }
      const price = purchaseUp(counted, tokens)
      if (price === undefined) return undefined
      const worth = this.#baseUnits(cash, price) + 1n
      return pool.meanRoot === undefined ? max(worth, byMark(units)) : worth
    }
    const worthOf = (units: bigint): bigint | undefined => {
      if (pools.length === 0) return byMark(units)
      const worths = pools.flatMap((pool) => byPool(pool, units) ?? [])
      return worths.length === 0 ? undefined : worths.reduce((a, b) => (side === 'sell' ? max(a, b) : min(a, b)))
    }
    const budget = max(0n, min(purse.cash, purse.room))
    // What is below its mark costs less than it adds to the inventory.
    const available = side === 'sell' ? min(offer.available, max(0n, purse.room * SCALE) / mark) : offer.available
    const inventory = side === 'buy' ? await this.#balance(asset, blockNumber) : 0n
    const priced = lots.map(({ units, price }) => ({ units, price: price! }))
    const [step, cashStep] = [unitsPerTokenUnit(info), unitsPerTokenUnit(cash)]
    const fill = bestFill({ side, lots: priced, available, worthOf, budget, inventory, step, cashStep, gas })
    if (fill === undefined) return undefined
    const least = gas + this.#options.minProfit
    const limit = side === 'sell' ? min(fill.worth - least, budget) : fill.worth + least
    return { ...fill, asset, side, gas, limit, through: undefined }
  }

  /** A fill through a contract that trades with a pool and pays a tip: as many units as the pool pays for, halved until it does. */
  async #poolFill(
    { asset, lots, available }: AssetOffers,
    gasCash: (gas: bigint) => bigint,
  ): Promise<KeeperMove | undefined> {
    const { read } = this.#client
    const { side } = lots[0]!
    const step = unitsPerTokenUnit(this.assets[asset]!)
    let best: KeeperMove | undefined
    for (const { taker } of this.#pools.filter((pool) => pool.asset === asset)) {
      if (taker === undefined) continue
      const account = 'sender' in this.#client ? this.#client.sender : this.#contracts.market
      for (let halving = 0, units = available - (available % step); halving < HALVINGS && units > 0n; halving++) {
        const call = { address: taker.address, abi: POOL_TAKER_ABI, functionName: 'run', account } as const
        const gas = await read.estimateContractGas({ ...call, args: [units, account] }).catch((error: unknown) => {
          if (isUnserved(error)) throw error
          return undefined
        })
        if (gas !== undefined) {
          const [cost, worth] = [gasCash(gas), taker.tip]
          const more = { asset, side, through: taker.address, limit: 0n }
          const move = { units, cash: 0n, worth, profit: worth - cost, gas: cost, ...more }
          if (best === undefined || move.profit > best.profit) best = move
          break
        }
        units /= 2n
        units -= units % step
      }
    }
    return best
  }

  #offers(): Promise<AssetOffers[]> {
    const { read } = this.#client
    return read.getBlockNumber().then((block) => lotOffers(read, this.#contracts.market, this.assets.length - 1, block))
  }

  /** Base units of cash for 10^18 wei by the mark of the coin; undefined before the first round. */
  #nativePrice(offers: readonly AssetOffers[]): bigint | undefined {
    const asset = this.assets.findIndex(({ symbol }) => NATIVE.test(symbol))
    const mark = asset === 0 ? SCALE : offers[asset - 1]!.mark
    return mark === 0n ? undefined : divUp(mark * 10n ** BigInt(this.assets[asset]!.decimals), SCALE)
  }

  /** Cash, and as much of it as may still become inventory. */
  async #purse(offers: readonly AssetOffers[], blockNumber: bigint): Promise<Purse> {
    const cash = await this.#balance(0, blockNumber)
    const most = this.#options.maxInventory
    if (most === undefined) return { cash, room: UNLIMITED }
    let worth = 0n
    if ('sender' in this.#client)
      for (const { asset, mark } of offers)
        if (this.assets[asset]!.token !== null) worth += divUp((await this.#balance(asset, blockNumber)) * mark, SCALE)
    return { cash, room: most - worth }
  }

  /** The keeper's balance of an asset, in base units; as much as can be wanted where it has no account. */
  async #balance(asset: number, blockNumber: bigint): Promise<bigint> {
    const info = this.assets[asset]!
    if (!('sender' in this.#client)) return UNLIMITED
    const tokens = await this.#client.read.readContract({
      address: info.token ?? zeroAddress,
      abi: TOKEN_ABI,
      functionName: 'balanceOf',
      args: [this.#client.sender],
      blockNumber,
    })
    return this.#baseUnits(info, tokens)
  }

  /** Lets the vault take what the fill costs, and as much of later ones as the keeper has or may spend: one approval for many fills. */
  async #approve(signer: SigningClient, { side, asset, units, limit }: KeeperMove): Promise<void> {
    const info = this.assets[side === 'sell' ? 0 : asset]!
    const tokens = (amount: bigint) => (amount * tokenUnitsPerUnit(info)) / unitsPerTokenUnit(info)
    const needed = tokens(side === 'sell' ? limit : units)
    const { vault } = this.#contracts
    const allowed = await signer.read.readContract({
      address: info.token!,
      abi: TOKEN_ABI,
      functionName: 'allowance',
      args: [signer.sender, vault],
    })
    if (allowed >= needed) return
    const block = await signer.read.getBlockNumber()
    const all = await this.#balance(side === 'sell' ? 0 : asset, block)
    const { maxInventory } = this.#options
    await approve(
      signer,
      info.token!,
      vault,
      tokens(side === 'sell' && maxInventory !== undefined ? min(all, maxInventory) : all),
    )
  }
}

/** A pool by its address, or by that of a PoolTaker. @throws PlimsollError where it is neither, or of other tokens */
async function knownPool(
  client: ReadClient,
  contracts: SystemContracts,
  assets: readonly ChainAsset[],
  address: Address,
): Promise<KnownPool> {
  const { read } = client
  const { market } = contracts
  const config = await read
    .readContract({ address, abi: POOL_TAKER_ABI, functionName: 'config' })
    .catch((error: unknown) => {
      if (isUnserved(error)) throw error
      return undefined
    })
  if (config !== undefined) {
    if (!isAddressEqual(config.market, market))
      throw new PlimsollError(`The PoolTaker ${address} is of another market, ${config.market}.`, {
        hint: 'Check --pool.',
      })
    const own = await knownPool(client, contracts, assets, config.pool)
    if (own.asset !== config.asset || own.taker !== undefined)
      throw new PlimsollError(`The PoolTaker ${address} has no pool of its asset, number ${config.asset}.`, {
        hint: 'Check --pool.',
      })
    const cash = assets[0]!
    const tip = (config.tip * unitsPerTokenUnit(cash)) / tokenUnitsPerUnit(cash)
    return { asset: config.asset, pool: config.pool, taker: { address, tip } }
  }
  const tokens = await poolTokens(read, address)
  const has = (asset: ChainAsset) => asset.token !== null && tokens.some((token) => isAddressEqual(token, asset.token!))
  const asset = assets.findIndex((one, a) => a > 0 && has(one))
  if (asset < 0 || !has(assets[0]!))
    throw new PlimsollError(`The pool ${address} is not one of an asset of the settlement and its cash.`, {
      hint: 'Check --pool.',
    })
  return { asset, pool: address }
}
