import type { Contracts } from '../../chain/contracts.ts'
import { SCALE } from '../../protocol/constants.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { type LotFill, LotFills } from '../../sdk/chain/lot-fills.ts'
import { discountOf, lotOffers } from '../../sdk/chain/lot-offers.ts'
import { type SystemContracts, systemContracts } from '../../sdk/chain/system-contracts.ts'
import type { AuctionsInfo } from '../../sdk/schemas.ts'
import { isOnChain, type ReadBlock } from './read-block.ts'

/** Blocks before the last one read that are read again: a shallow reorganization may have changed them. */
const REREAD = 64n
/** Fills that are listed, the latest ones; all of them count. */
const LISTED = 100
/** Milliseconds for which what was read is good enough. */
const FRESH = 1_000

interface Reading extends ReadBlock {
  readonly fills: LotFills
}

/** Lots and fills of the liquidation market, read from the chain when somebody asks. */
export class AuctionBook {
  readonly #contracts: Contracts
  /** Fills up to a block that no shallow reorganization changes. */
  #settled: Reading | undefined
  #system: SystemContracts | undefined
  readonly #times = new Map<bigint, bigint>()
  #latest: { readonly at: number; readonly info: Promise<AuctionsInfo> } | undefined

  constructor(contracts: Contracts) {
    this.#contracts = contracts
  }

  /** @throws PlimsollError when the chain does not answer */
  async info(): Promise<AuctionsInfo> {
    const now = performance.now()
    if (this.#latest === undefined || now - this.#latest.at > FRESH) {
      const info = this.#read().catch((error: unknown) => {
        this.#latest = undefined
        throw refusal(error, 'the liquidation market')
      })
      this.#latest = { at: now, info }
    }
    return this.#latest.info
  }

  async #read(): Promise<AuctionsInfo> {
    const { settlement, assets } = this.#contracts
    const { read } = settlement.client
    this.#system ??= await systemContracts(read, settlement.address)
    const system = this.#system
    const { number: end, timestamp } = await read.getBlock()
    const fills = await this.#fills(system, end)
    const offers = await lotOffers(read, system.market, assets.length - 1, end)
    const seconds = await this.#seconds(fills.fills)
    const lots = offers.flatMap(({ lots }) =>
      lots.map(({ since, price, ...lot }) => ({
        ...lot,
        since,
        age: Math.max(0, Number(timestamp) - since),
        price: price ?? null,
        discount: price === undefined ? null : discountOf(lot.side, price, lot.mark),
      })),
    )
    const listed = fills.fills.slice(-LISTED)
    return {
      lots,
      available: offers.map(({ asset, available }) => ({ asset, units: available })),
      fills: listed.map(({ asset, lot, side, units, price, mark, taker, block }, i) => ({
        asset,
        lot,
        side,
        units,
        price,
        mark,
        discount: discountOf(side, price, mark),
        taker: taker ?? null,
        block: Number(block),
        age: seconds[fills.fills.length - listed.length + i]!,
      })),
      fillCount: fills.fills.length,
      discount: mean(fills.fills, ({ side, price, mark }) => discountOf(side, price, mark)),
      timeToClear: mean(fills.fills, (_, i) => seconds[i]!),
      recaptured: fills.recaptured ?? null,
    }
  }

  /** Fills up to the head; those that are deep enough are read once. */
  async #fills(system: SystemContracts, end: bigint): Promise<LotFills> {
    const { read } = this.#contracts.settlement.client
    const deep = end > REREAD ? end - REREAD : 0n
    if (this.#settled === undefined || !(await isOnChain(read, this.#settled))) {
      this.#settled = undefined
      this.#times.clear()
    }
    const kept = this.#settled?.fills ?? new LotFills()
    const before = this.#settled?.number ?? (await this.#contracts.settlement.firstBlock(end)) - 1n
    if (before < deep) {
      await kept.readTo(read, system, deep)
      this.#settled = { number: deep, hash: (await read.getBlock({ blockNumber: deep })).hash, fills: kept }
    }
    for (const block of this.#times.keys()) if (block > deep) this.#times.delete(block)
    const all = kept.copy()
    await all.readTo(read, system, end)
    return all
  }

  /** Seconds from the beginning of each fill's lot to the fill. */
  async #seconds(fills: readonly LotFill[]): Promise<number[]> {
    const { read } = this.#contracts.settlement.client
    const seconds: number[] = []
    for (const { block, began } of fills) {
      for (const blockNumber of [block, began])
        if (!this.#times.has(blockNumber))
          this.#times.set(blockNumber, (await read.getBlock({ blockNumber })).timestamp)
      seconds.push(Number(this.#times.get(block)! - this.#times.get(began)!))
    }
    return seconds
  }
}

/** Mean of a figure of the fills, weighted by their cash; null without fills. */
function mean(fills: readonly LotFill[], of: (fill: LotFill, i: number) => number): number | null {
  let [sum, weight] = [0, 0]
  for (const [i, fill] of fills.entries()) {
    const cash = Number(fill.value / SCALE)
    sum += of(fill, i) * cash
    weight += cash
  }
  return weight === 0 ? null : sum / weight
}
