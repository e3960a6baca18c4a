import { type Address, type PublicClient, zeroAddress } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { LotOffer } from './lot-offers.ts'
import { type ChainPlace, systemEvents } from './settlement-history.ts'
import type { SystemContracts } from './system-contracts.ts'

/** One lot's part of a fill. Units are base units; prices are marks. */
export interface LotFill extends ChainPlace, Pick<LotOffer, 'asset' | 'lot' | 'side' | 'units' | 'mark'> {
  readonly price: bigint
  /** Undefined for an account inside. */
  readonly taker: Address | undefined
  /** Block of the lot's beginning. */
  readonly began: bigint
  /** Cash of the part in the fill, in units of 2^-32 of a base unit, before the fill rounds it. */
  readonly value: bigint
}

/** The part of the penalty that fills kept, and the penalty, in units of 2^-32 of a base unit of cash. */
export interface FillSums {
  readonly kept: bigint
  readonly penalty: bigint
}

const NAMES = ['LotBegan', 'LotTaken', 'Filled']

/**
 * Fills of the liquidation market in the order of their events, read piece by piece: whoever goes on reading later reads only what came since.
 */
export class LotFills {
  readonly fills: LotFill[] = []
  /** By asset. */
  readonly #sums = new Map<number, FillSums>()
  /** Blocks in which lots began, by asset and lot. */
  readonly #began = new Map<string, bigint>()
  #next: bigint | undefined

  /**
   * Reads on up to a block.
   * @throws PlimsollError where the market's events are not such as the contract makes
   */
  async readTo(read: PublicClient, contracts: SystemContracts, end: bigint): Promise<void> {
    if (this.#next !== undefined && this.#next > end) return
    const first = this.#next
    // A piece that breaks off is read again whole.
    const [parts, fills]: [LotFill[], LotFill[]] = [[], []]
    const sums: (FillSums & { readonly asset: number })[] = []
    const began = new Map<string, bigint>()
    for await (const event of systemEvents(read, {
      contracts,
      of: ['market'],
      names: NAMES,
      end,
      ...(first !== undefined && { first }),
    })) {
      if (event.eventName === 'LotBegan') began.set(keyOf(event.args), event.block)
      else if (event.eventName === 'LotTaken') {
        const { asset, lot, units, price } = event.args
        const { block, transaction } = event
        const since = began.get(keyOf(event.args)) ?? this.#began.get(keyOf(event.args))
        if (since === undefined) throw new PlimsollError(`Lot ${lot} of asset ${asset} was taken and never began.`)
        const unknown = { side: 'sell', mark: 0n, taker: undefined } as const
        parts.push({ block, transaction, asset, lot, units, price, began: since, value: units * price, ...unknown })
      } else if (event.eventName === 'Filled') {
        const { asset, taker, sells, units, mark, kept, penalty } = event.args
        if (parts.some((part) => part.asset !== asset) || parts.reduce((sum, part) => sum + part.units, 0n) !== units)
          throw new PlimsollError(`The fill in transaction ${event.transaction} has not the units of its lots.`)
        const whole = { side: sells ? 'sell' : 'buy', mark, taker: taker === zeroAddress ? undefined : taker } as const
        for (const part of parts) fills.push({ ...part, ...whole })
        parts.length = 0
        sums.push({ asset, kept, penalty })
      }
    }
    this.fills.push(...fills)
    for (const [key, block] of began) this.#began.set(key, block)
    for (const { asset, kept, penalty } of sums) {
      const before = this.sumsOf(asset)
      this.#sums.set(asset, { kept: before.kept + kept, penalty: before.penalty + penalty })
    }
    this.#next = end + 1n
  }

  /** Another that goes on from here by itself. */
  copy(): LotFills {
    const copy = new LotFills()
    copy.fills.push(...this.fills)
    for (const [asset, sums] of this.#sums) copy.#sums.set(asset, sums)
    for (const [key, block] of this.#began) copy.#began.set(key, block)
    copy.#next = this.#next
    return copy
  }

  sumsOf(asset: number): FillSums {
    return this.#sums.get(asset) ?? { kept: 0n, penalty: 0n }
  }

  /** Share of the penalty that fills kept in the system; undefined without fills. */
  get recaptured(): number | undefined {
    let [kept, penalty] = [0n, 0n]
    for (const sums of this.#sums.values()) {
      kept += sums.kept
      penalty += sums.penalty
    }
    return recapturedOf({ kept, penalty })
  }
}

/** Share of the penalty that fills kept; undefined without any. */
function recapturedOf({ kept, penalty }: FillSums): number | undefined {
  return penalty === 0n ? undefined : Number((kept * 10n ** 9n) / penalty) / 1e9
}

function keyOf({ asset, lot }: { asset: number; lot: number }): string {
  return `${asset}/${lot}`
}
