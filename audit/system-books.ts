import type { PublicClient } from 'viem'
import type { Batch } from '../protocol/batch.ts'
import { ASSETS } from '../protocol/constants.ts'
import type { ChainPlace, SystemEvent } from '../sdk/chain/settlement-history.ts'
import type { SystemContracts } from '../sdk/chain/system-contracts.ts'
import type { TokenDecimals } from '../sdk/token-units.ts'
import { EscapeBooks } from './escape-books.ts'
import { FillPayers } from './fill-payers.ts'
import { ForcedBooks } from './forced-books.ts'
import { InsuranceBooks } from './insurance-books.ts'
import type { MarketBooks } from './market-books.ts'
import { StepEffects } from './step-effects.ts'
import { require } from './system-event.ts'
import { type Moved, type Public, VaultBooks } from './vault-books.ts'

/** Public state that events have to agree with, as batches left it. */
export interface PublicState extends Public, Moved {
  /** Prices of all assets at the round, 2^32 scale, cash first. */
  readonly prices: readonly bigint[]
}

type BookEvent = SystemEvent<'vault' | 'forced' | 'insurance' | 'escape' | 'market'>

/** Books of everything that the contracts around the settlement say: one for each of them. */
export class SystemBooks {
  readonly #vault: VaultBooks
  readonly #forced = new ForcedBooks()
  readonly #insurance = new InsuranceBooks()
  readonly #escape = new EscapeBooks()
  readonly #effects = new StepEffects()
  readonly #payers: FillPayers

  /** The liquidation market; whoever replays the rounds and batches tells it of them. */
  readonly market: MarketBooks
  /** The transaction whose events are read. */
  #transaction: string | undefined

  constructor(assets: readonly TokenDecimals[], market: MarketBooks) {
    this.#vault = new VaultBooks(assets)
    this.#payers = new FillPayers(assets)
    this.market = market
  }

  /** A batch whose steps are known. */
  batch(batch: Batch): void {
    this.#effects.batch(batch)
  }

  /** An event, whose ever, that comes next: what a transaction said of lots is complete when the next one begins. */
  next({ transaction }: ChainPlace): void {
    if (transaction !== this.#transaction) this.market.endTransaction()
    this.#transaction = transaction
  }

  /** A batch that cannot be read. */
  unreadable(transaction: string): void {
    this.#effects.unreadable(transaction)
    this.market.lose()
  }

  /** An event of the settlement. @throws PlimsollError when something else was to be said before it */
  settlement(event: SystemEvent<'settlement'>): void {
    this.#effects.of(event)
  }

  /**
   * @param time of the event's block, in Unix seconds
   * @throws PlimsollError when what it says cannot follow what was said before
   */
  async event(event: BookEvent, now: () => PublicState, time: () => Promise<bigint>): Promise<void> {
    const step = this.#effects.of(event)
    switch (event.of) {
      case 'vault': {
        const before = [...this.#vault.backstop]
        this.#vault.event(event, step, now())
        if (event.eventName === 'FrozenAt') return this.market.freeze()
        if (event.eventName === 'Checkpointed') this.market.checkpointed(event.args.epoch)
        // Gifts, and what checkpoints cut from withdrawals.
        for (const [a, units] of this.#vault.backstop.entries())
          if (units !== before[a]) this.market.changed(a, units - before[a]!, await time())
        return
      }
      case 'market':
        this.market.event(event, await time())
        if (event.eventName === 'Filled') this.#payers.filled(event)
        return this.#vault.market(event)
      case 'forced':
        this.#forced.event(event)
        if (event.eventName === 'Requeued') this.#escape.requeued(event.args.number)
        if (event.eventName === 'Served' && step?.closing !== undefined) {
          const { direction, x } = step.closing
          const delta = Array.from({ length: ASSETS }, (_, a) => (a !== step.asset ? 0n : direction === 1 ? -x : x))
          this.market.resolved(delta, await time())
        }
        return
      case 'insurance':
        this.#insurance.event(event, { worth: this.#worth(now()), epochs: this.#vault.epochs })
        return this.#vault.insurance(event)
      case 'escape':
        this.#escape.event(event, await time(), this.#vault.epochs)
        this.#vault.escape(event)
        if (event.eventName === 'FreezeDone') require(event, this.#vault.frozen, 'the vault was not frozen')
    }
  }

  /** Units of an asset that accounts and backstop have and no batch gave them. */
  besides(asset: number): bigint {
    return this.#vault.accounts[asset]! + this.#vault.backstop[asset]!
  }

  /** Holds the books against the contracts' storage at a block, of that time in Unix seconds. @throws PlimsollError naming what differs */
  async compare(
    read: PublicClient,
    contracts: SystemContracts,
    blockNumber: bigint,
    now: PublicState,
    time: bigint,
  ): Promise<void> {
    this.#effects.end()
    await this.market.compare(read, { address: contracts.market, blockNumber }, time)
    await this.#vault.compare(read, { address: contracts.vault, blockNumber }, now)
    await this.#payers.compare(read, { address: contracts.vault, blockNumber })
    await this.#insurance.compare(read, { address: contracts.insurance, blockNumber })
    await this.#forced.compare(read, { address: contracts.forced, blockNumber })
    await this.#escape.compare(read, { address: contracts.escape, blockNumber })
  }

  #worth({ backstop, prices }: PublicState): bigint | undefined {
    return backstop?.reduce((sum, amount, a) => sum + (amount + this.#vault.backstop[a]!) * (prices[a] ?? 0n), 0n)
  }
}
