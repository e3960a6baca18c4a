import type { Address, PublicClient } from 'viem'
import { INSURANCE_ABI } from '../sdk/abi/insurance.ts'
import { inOrder } from '../sdk/chain/in-order.ts'
import { SHARES_PER_UNIT } from '../sdk/chain/insurance-shares.ts'
import { type At, type EventOf, require, requireSame } from './system-event.ts'

interface Period {
  readonly converted: bigint
  readonly paid: bigint
  readonly minted: bigint
  readonly offered: bigint
  readonly returned: bigint
}

interface Insurer {
  waiting: bigint
  collectable: bigint
  /** Period of `waiting` and `offered`. */
  period: bigint
  offered: bigint
  /** Without those offered. */
  shares: bigint
}

/** Public state that conversions rest on. */
interface BackstopState {
  /** Value of all that the backstop holds, 2^32 scale; undefined where a batch before could not be read. */
  readonly worth: bigint | undefined
  /** Checkpoints before the one that is under way. */
  readonly epochs: bigint
}

/** Books of who owns the backstop's equity: those owed for cut withdrawals, and insurers by shares. Cash in base units. */
export class InsuranceBooks {
  #owed = 0n
  #repaid = 0n
  #period = 0n
  #offered = 0n
  /** Shares of everybody, nobody's included; undefined where what they began with could not be worked out. */
  #shares: bigint | undefined = 0n
  readonly #periods = new Map<bigint, Period>()
  readonly #insurers = new Map<Address, Insurer>()
  /** By withdrawal. */
  readonly #collected = new Map<bigint, bigint>()

  /** @throws PlimsollError when what it says cannot follow what was said before */
  event(event: EventOf<'insurance'>, { worth, epochs }: BackstopState): void {
    switch (event.eventName) {
      case 'Insured':
        require(event, event.args.period === this.#period, 'its period is not the one that runs')
        this.#insurer(event.args.insurer).waiting += event.args.amount
        return
      case 'Cancelled': {
        const insurer = this.#insurer(event.args.insurer)
        require(event, event.args.amount > 0n && event.args.amount === insurer.waiting, 'another amount waits')
        insurer.waiting = 0n
        return
      }
      case 'Redeeming': {
        const { shares, period } = event.args
        const insurer = this.#insurer(event.args.insurer)
        require(event, period === this.#period, 'its period is not the one that runs')
        require(event, shares <= insurer.shares, 'the insurer does not have as many')
        insurer.shares -= shares
        insurer.offered += shares
        this.#offered += shares
        return
      }
      case 'Collected': {
        const insurer = this.#insurer(event.args.insurer)
        require(event, event.args.amount <= insurer.collectable, 'the insurer has less to collect')
        insurer.collectable -= event.args.amount
        return
      }
      case 'Owed':
        require(event, event.args.epoch === epochs, 'its epoch is not the one that ends')
        this.#owed += event.args.amount
        return
      case 'Repaid':
        this.#repaid += event.args.amount
        require(event, this.#repaid <= this.#owed, 'less is owed')
        return
      case 'OwedCollected': {
        const { withdrawalId, amount } = event.args
        this.#collected.set(withdrawalId, (this.#collected.get(withdrawalId) ?? 0n) + amount)
        return
      }
      case 'Converted':
        this.#convert(event, worth)
    }
  }

  /** @throws PlimsollError naming what differs from the contract's storage */
  async compare(read: PublicClient, { address, blockNumber }: At): Promise<void> {
    const contract = { address, abi: INSURANCE_ABI, blockNumber } as const
    const view = <F extends 'owed' | 'period' | 'totalShares'>(functionName: F) =>
      read.readContract({ ...contract, functionName })
    requireSame('cash owed for withdrawals', [this.#owed, this.#repaid], await view('owed'))
    requireSame('number of conversions', this.#period, await view('period'))
    if (this.#shares !== undefined) requireSame("number of insurers' shares", this.#shares, await view('totalShares'))
    const ask = async (insurer: Address) => ({
      insurer,
      position: await read.readContract({ ...contract, functionName: 'position', args: [insurer] }),
      shares: await read.readContract({ ...contract, functionName: 'sharesOf', args: [insurer] }),
    })
    for await (const { insurer, position, shares } of inOrder(this.#insurers.keys(), ask)) {
      const own = this.#insurer(insurer)
      requireSame(`position of insurer ${insurer}`, [own.waiting, own.offered, own.collectable], position)
      requireSame(`shares of insurer ${insurer}`, own.shares + own.offered, shares[0])
    }
    const due = async (id: bigint) => ({
      id,
      most: await read.readContract({ ...contract, functionName: 'owedTo', args: [id, this.#repaid] }),
    })
    for await (const { id, most } of inOrder(this.#collected.keys(), due))
      requireSame(
        `word on whether withdrawal ${id} was repaid as much as it was paid`,
        this.#collected.get(id)! <= most,
        true,
      )
  }

  #convert(event: Extract<EventOf<'insurance'>, { eventName: 'Converted' }>, worth: bigint | undefined): void {
    const { period, converted, minted, paid, burned } = event.args
    require(event, period === this.#period, 'its period is not the one that runs')
    require(event, burned <= this.#offered, 'fewer shares were offered')
    // What there is before the first insurer is nobody's.
    if (this.#shares === 0n) {
      const debt = this.#owed - this.#repaid
      this.#shares = worth === undefined ? undefined : ((worth - (debt << 32n)) >> 32n) * SHARES_PER_UNIT
    }
    if (this.#shares !== undefined) this.#shares += minted - burned
    this.#periods.set(period, { converted, paid, minted, offered: this.#offered, returned: this.#offered - burned })
    this.#offered = 0n
    this.#period++
  }

  /** An insurer, with its part of the period that it took part in last, if that has ended. */
  #insurer(address: Address): Insurer {
    const insurer = this.#insurers.get(address) ?? {
      waiting: 0n,
      collectable: 0n,
      period: this.#period,
      offered: 0n,
      shares: 0n,
    }
    this.#insurers.set(address, insurer)
    if (insurer.period === this.#period) return insurer
    const { converted, paid, minted, offered, returned } = this.#periods.get(insurer.period)!
    if (insurer.waiting > 0n) insurer.shares += (insurer.waiting * minted) / converted
    if (insurer.offered > 0n) {
      insurer.shares += (insurer.offered * returned) / offered
      insurer.collectable += (insurer.offered * paid) / offered
    }
    insurer.waiting = 0n
    insurer.offered = 0n
    insurer.period = this.#period
    return insurer
  }
}
