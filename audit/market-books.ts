import { type PublicClient, zeroAddress } from 'viem'
import { type Auction, changeBackstop, lotPrice, NO_AUCTION, openRound } from '../protocol/auction.ts'
import { addFill, type FillPart, type FillTotals, NO_FILLS, take } from '../protocol/auction-fill.ts'
import { type AuctionParameters, auctionTerms } from '../protocol/auction-terms.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { abs } from '../protocol/integer.ts'
import type { AssetMarks } from '../protocol/marks.ts'
import { MARKET_ABI } from '../sdk/abi/market.ts'
import type { AssetSale } from './margin-books.ts'
import { type At, type EventOf, require, requireSame } from './system-event.ts'

/** More cash than there can be: that a fill was allowed its part of custody the contract answers for, and the vault's books add up. */
const ALL_CASH = 1n << 80n
/** Said of a lot that began, by the contract or by the replay. */
type Beginning = readonly [asset: number, lot: bigint, sells: boolean, units: bigint]

/** A round as lots are priced by it. */
export interface MarketRound {
  readonly number: number
  /** Unix seconds. */
  readonly time: bigint
  /** Marks of assets 1 onward. */
  readonly marks: readonly AssetMarks[]
  readonly sales: readonly AssetSale[]
}

/**
 * Books of the liquidation market: the reference machine, stepped by what rounds, batches, gifts and checkpoints did. Every lot that
 * began, and every fill with its price, cash, loss and share of the penalty, has to be the machine's own.
 */
export class MarketBooks {
  readonly #assets: Auction[]
  #parameters: AuctionParameters
  #totals: FillTotals = NO_FILLS
  #epoch = 0n
  /** Parts of the fill whose event is to follow. */
  #parts: (FillPart & { readonly asset: number })[] = []
  #began: Beginning[] = []
  #said: Beginning[] = []
  #transaction = ''
  /** Whether something that moves the backstop could not be read: then nothing is known of lots any more. */
  #lost = false
  #frozen = false

  /** @param count traded assets; @param parameters those that a deployment has for good; clocks are the terms' */
  constructor(count: number, parameters: AuctionParameters) {
    this.#assets = Array<Auction>(count).fill(NO_AUCTION)
    this.#parameters = parameters
  }

  /** Terms of governance that are in force from now on. */
  clocks(clocks: Pick<AuctionParameters, 'roundMin' | 'maxAge'>): void {
    this.#parameters = { ...this.#parameters, ...clocks }
  }

  /** Something that moves the backstop could not be read. */
  lose(): void {
    this.#lost = true
  }

  freeze(): void {
    this.#frozen = true
  }

  round({ number, time, marks, sales }: MarketRound): void {
    for (const [i, auction] of this.#assets.entries()) {
      const { held, depth, ...reading } = sales[i]!
      const terms = auctionTerms({ round: BigInt(number), time, held }, marks[i]!, depth, reading, this.#parameters)
      this.#assets[i] = openRound(auction, terms, this.#parameters)
    }
  }

  /** Change of the backstop by a resolve or a forced close, of assets 0 onward. */
  resolved(delta: readonly bigint[], time: bigint): void {
    for (let asset = 1; asset <= this.#assets.length; asset++) this.#change(asset, delta[asset]!, time, 'resolve')
  }

  /** Any other change: a gift, or what a checkpoint cut from withdrawals. */
  changed(asset: number, delta: bigint, time: bigint): void {
    if (asset > 0) this.#change(asset, delta, time, 'other')
  }

  /** Epochs so far: the loss is counted anew from each. */
  checkpointed(epoch: bigint): void {
    if (epoch !== this.#epoch) this.#totals = { ...this.#totals, loss: 0n }
    this.#epoch = epoch
  }

  /**
   * @param time of the event's block, in Unix seconds
   * @throws PlimsollError when what it says cannot follow what was said before
   */
  event(event: EventOf<'market'>, time: bigint): void {
    require(event, event.args.asset >= 1 && event.args.asset <= this.#assets.length, 'there is no such asset')
    if (this.#lost) return
    switch (event.eventName) {
      case 'LotBegan': {
        const { asset, lot, sells, units } = event.args
        this.#said.push([asset, BigInt(lot), sells, units])
        this.#transaction = event.transaction
        return
      }
      case 'LotTaken':
        this.#parts.push({ ...event.args, lot: BigInt(event.args.lot) })
        return
      case 'Filled':
        this.#fill(event, time)
    }
  }

  /** Requires the lots that were said to begin to be those that began. @throws PlimsollError naming the transaction */
  endTransaction(): void {
    const same = this.#lost || this.#said.join() === this.#began.join()
    const transaction = this.#transaction
    ;[this.#said, this.#began, this.#transaction] = [[], [], '']
    if (!same)
      throw new PlimsollError(
        `${transaction === '' ? 'Lots of the market began, and nothing was said of it' : `Transaction ${transaction} says of other lots that they began than those that did`}.`,
      )
    if (this.#parts.length > 0) throw new PlimsollError('Lots of the market were taken by no fill.')
  }

  /** @throws PlimsollError naming what differs from the contract's storage */
  async compare(read: PublicClient, { address, blockNumber }: At, time: bigint): Promise<void> {
    this.endTransaction()
    if (this.#lost || this.#frozen) return
    const contract = { address, abi: MARKET_ABI, blockNumber } as const
    requireSame(
      "loss by the market's fills",
      this.#totals.loss,
      await read.readContract({ ...contract, functionName: 'loss' }),
    )
    for (const [i, own] of this.#assets.entries()) {
      const args = [BigInt(i + 1)] as const
      const [sells, offers] = await read.readContract({ ...contract, functionName: 'lots', args })
      const priced = own.lots.map((lot) => [
        own.backstop > 0n,
        lot.id,
        lot.units,
        lot.since,
        lotPrice(own, lot, time, this.#parameters) ?? 0n,
      ])
      requireSame(
        `list of lots of asset ${i + 1}`,
        priced,
        offers.map(({ lot, units, since, price }) => [sells, lot, units, since, price]),
      )
    }
  }

  #change(asset: number, delta: bigint, time: bigint, kind: 'resolve' | 'other'): void {
    if (this.#lost || this.#frozen || delta === 0n) return
    const before = this.#assets[asset - 1]!
    const after = changeBackstop(before, delta, time, kind, this.#parameters)
    this.#assets[asset - 1] = after
    const youngest = after.lots.at(-1)
    if (youngest !== undefined && after.nextId > before.nextId)
      this.#began.push([asset, youngest.id, after.backstop > 0n, youngest.units])
  }

  #fill(event: Extract<EventOf<'market'>, { eventName: 'Filled' }>, time: bigint): void {
    const { asset, taker, sells, units, cash, mark, loss, kept, penalty } = event.args
    const before = this.#assets[asset - 1]!
    require(event, sells === before.backstop > 0n &&
      units <= abs(before.backstop), 'the backstop has no such inventory')
    const spendable = { backstop: ALL_CASH, free: ALL_CASH }
    const outside = taker !== zeroAddress
    let done: ReturnType<typeof take>
    try {
      done = take(before, { units, limit: cash, now: time }, spendable, this.#parameters, cash)
    } catch (error) {
      if (!(error instanceof PlimsollError)) throw error
      require(event, false, error.message.replace(/\.$/, ''))
    }
    const { auction, fill } = done
    const text = (parts: readonly FillPart[]) =>
      parts.map((part) => [part.lot, part.units, part.price].join()).join(' ')
    const same = this.#parts.every((part) => part.asset === asset) && text(fill.parts) === text(this.#parts)
    require(event, same, 'other lots were taken, or at other prices')
    require(event, mark === before.terms!.price, "its mark is not the round's")
    require(event, loss === (outside ? fill.loss : 0n), 'its loss is another')
    require(event, kept === fill.kept && penalty === fill.penalty, 'it kept another part of the penalty')
    this.#parts = []
    this.#totals = addFill(this.#totals, fill, outside)
    this.#assets[asset - 1] = auction
  }
}
