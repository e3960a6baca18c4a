import type { Address } from 'viem'
import type { AuctionReading } from '../protocol/auction-terms.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { packMargin } from '../protocol/margin-rule.ts'
import { type AssetMarks, checkParameters, initialFactorsOf, type RiskParameters } from '../protocol/marks.ts'
import type { OracleReading } from '../protocol/oracle.ts'
import {
  LANE_SECONDS,
  laneStep,
  type MarginAsset,
  type MarginBook,
  type MarginRules,
  newMarginBook,
  type RoundFacts,
  stepAsset,
} from '../protocol/round-margins.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import type { ReadClient } from '../sdk/chain/client.ts'
import type { SystemEvent } from '../sdk/chain/settlement-history.ts'
import { wrongIn } from './system-event.ts'

type RoundsEvent = SystemEvent<'rounds'>
type StoredParameters = Extract<RoundsEvent, { eventName: 'ParametersApplied' }>['args']['parameters']
type RuleEvent = Extract<RoundsEvent, { eventName: 'RuleSet' }>['args']

interface Entry {
  readonly asset: MarginAsset
  readonly book: MarginBook
  /** Unix seconds of the last step of the slow lane. */
  readonly announcedAt: bigint
}

/** Parameters that a round applies. */
interface Applied {
  readonly asset: number
  readonly parameters: RiskParameters
}

/** A round as its event tells it, and the facts that it is made with. */
export interface PostedRound {
  readonly prices: readonly bigint[]
  readonly readings: readonly OracleReading[]
  readonly pools: readonly bigint[]
  /** Unix seconds. */
  readonly time: bigint
  /** Base units of accounts and backstop at the last checkpoint, of assets 0 onward; 0 of synthetics. */
  readonly holdings: readonly bigint[]
}

/** Facts of an asset at the latest round on which the liquidation market's prices rest, besides its marks. */
export interface AssetSale extends AuctionReading {
  readonly held: boolean
  readonly depth: bigint
}

/** Terms of the initial margins that never change of a deployment. */
export type MarginTerms = Pick<RoundFacts, 'patience' | 'concentration'>

/**
 * Books of risk parameters, replayed from events: what each round makes of its readings is computed anew, to the last bit of
 * the marks, and nothing changes that nobody announced.
 */
export class MarginBooks {
  /** Seconds for which a held asset's marks stay; the contract's for ever. */
  readonly #patience: bigint
  /** Factor F of concentration, likewise. */
  readonly #concentration: bigint
  /** Internal decimals of assets 0 onward. */
  readonly #decimals: readonly number[]
  readonly #entries: Entry[] = []
  #sales: readonly AssetSale[] = []
  #announced: Applied[] = []
  #previous: bigint | undefined

  constructor({ patience, concentration }: MarginTerms, decimals: readonly number[]) {
    this.#patience = patience
    this.#concentration = concentration
    this.#decimals = decimals
  }

  /**
   * @param time of the event's block, in Unix seconds
   * @param delay of parameters, as the terms in force have it
   * @throws PlimsollError when what it says cannot follow what was said before
   */
  event(event: RoundsEvent, time: bigint, delay: bigint): void {
    const wrong = wrongIn(event)
    switch (event.eventName) {
      case 'ParametersApplied': {
        const [asset, parameters] = [Number(event.args.asset), parametersOf(event.args.parameters)]
        if (this.#previous === undefined && asset === this.#entries.length + 1) this.#add(asset, parameters)
        else this.#announced.push({ asset, parameters })
        return
      }
      case 'RuleSet': {
        const [i, { asset, book, announcedAt }] = this.#entry(event.args.asset, wrong)
        this.#entries[i] = { asset: { ...asset, rules: rulesOf(event.args) }, book, announcedAt }
        return
      }
      case 'ParametersProposed': {
        const [i, entry] = this.#entry(event.args.asset, wrong)
        const parameters = parametersOf(event.args.parameters)
        const { readyAt } = event.args
        if (readyAt !== time + delay) throw wrong(`has parameters of asset ${i + 1} apply at another time than it may`)
        checkParameters(parameters, `The parameters that transaction ${event.transaction} proposes`)
        const { rules } = entry.asset
        if (rules !== undefined) {
          const step = laneStep(rules, entry.book)
          const early = entry.book.pending !== undefined || time < entry.announcedAt + LANE_SECONDS
          if (step === undefined || early || textOf(step) !== textOf(parameters))
            throw wrong(`announces a step of the maintenance of asset ${i + 1} that the rule does not have`)
        }
        this.#entries[i] = { ...entry, announcedAt: time, book: { ...entry.book, pending: { parameters, readyAt } } }
      }
    }
  }

  /**
   * Marks of assets 1 onward at a round.
   * @throws PlimsollError when the round's prices are not the readings', or it applied other parameters than were due
   */
  round({ prices, readings, pools, time, holdings }: PostedRound): readonly AssetMarks[] {
    if (this.#entries.some((_, i) => prices[i] !== readings[i]?.price))
      throw new PlimsollError('A round has other prices than its answers lead to.')
    const applied: Applied[] = []
    const sales: AssetSale[] = []
    const marks = this.#entries.map(({ asset, book, announcedAt }, i) => {
      const facts = { reading: readings[i]!, holdings: holdings[i + 1]!, pool: pools[i] ?? 0n }
      if (asset.rules?.pool === undefined && facts.pool !== 0n)
        throw new PlimsollError(`A round says something of a pool of asset ${i + 1}, which has none.`)
      const round = { time, previous: this.#previous, patience: this.#patience, concentration: this.#concentration }
      const stepped = stepAsset(asset, book, round, facts)
      if (stepped.applied !== undefined) applied.push({ asset: i + 1, parameters: stepped.applied })
      this.#entries[i] = { asset, book: stepped.book, announcedAt }
      const { heldSince, price } = facts.reading
      sales.push({ ...stepped.auction, held: heldSince !== 0n || price === 0n, depth: stepped.book.parameters.depth })
      return stepped.marks
    })
    const text = (list: readonly Applied[]) =>
      list.map(({ asset, parameters }) => `${asset}: ${textOf(parameters)}`).join()
    if (text(applied) !== text(this.#announced))
      throw new PlimsollError('A round applies other parameters than were due at it.')
    this.#announced = []
    this.#previous = time
    this.#sales = sales
    return marks
  }

  /** Sales of assets 1 onward at the latest round. */
  get sales(): readonly AssetSale[] {
    return this.#sales
  }

  /** Whether the rule is on for an asset: only then does what is held bear on its marks. */
  get ruled(): boolean {
    return this.#entries.some(({ asset }) => asset.rules !== undefined)
  }

  /**
   * Holds the books against the contract's storage at a block.
   * @throws PlimsollError naming what differs
   */
  async compare({ read }: ReadClient, address: Address, blockNumber: bigint): Promise<void> {
    const contract = { address, abi: ROUNDS_ABI, blockNumber } as const
    for (const [i, { asset, book }] of this.#entries.entries()) {
      const args = [BigInt(i + 1)] as const
      const same = (what: string, mine: unknown, stored: unknown) => {
        if (String(mine) !== String(stored))
          throw new PlimsollError(`The contract's ${what} of asset ${i + 1} is not what its rounds lead to.`)
      }
      const [parameters, [, readyAt], margin, rule] = await Promise.all([
        read.readContract({ ...contract, functionName: 'parameters', args }),
        read.readContract({ ...contract, functionName: 'pendingParameters', args }),
        read.readContract({ ...contract, functionName: 'margin', args }),
        read.readContract({ ...contract, functionName: 'rule', args }),
      ])
      same('set of parameters', textOf(book.parameters), textOf(parametersOf(parameters)))
      same('proposal', book.pending?.readyAt ?? 0, readyAt)
      same('rule', asset.rules !== undefined, rule.on)
      if (asset.rules === undefined) continue
      const { state, gap, liquidityGap, depthChangedAt } = book
      const mine = [state === undefined ? 0n : packMargin(state), gap, liquidityGap, depthChangedAt]
      same('state of the rule', mine, [margin.state, margin.gap, margin.liquidityGap, margin.depthChangedAt])
    }
  }

  #add(asset: number, parameters: RiskParameters): void {
    checkParameters(parameters, `Asset ${asset}`)
    const decimals = this.#decimals[asset]!
    const configured = { decimals, rules: undefined, depth: parameters.depth }
    this.#entries.push({ asset: configured, book: newMarginBook(parameters), announcedAt: 0n })
  }

  #entry(asset: bigint, wrong: (what: string) => PlimsollError): [index: number, entry: Entry] {
    const index = Number(asset) - 1
    const entry = this.#entries[index]
    if (entry === undefined) throw wrong(`speaks of asset ${asset}, which has no parameters`)
    return [index, entry]
  }
}

function rulesOf({ rule, token1, tokenDecimals }: RuleEvent): MarginRules {
  const { gap, laneScale, laneLeast, laneMost, pool, poolShare, depthMost } = rule
  return {
    gap: BigInt(gap),
    laneScale: BigInt(laneScale),
    laneLeast: BigInt(laneLeast),
    laneMost: BigInt(laneMost),
    pool:
      BigInt(pool) === 0n
        ? undefined
        : { second: token1, decimals: tokenDecimals, share: BigInt(poolShare), most: depthMost },
  }
}

function parametersOf(stored: StoredParameters): RiskParameters {
  const { depth, ...factors } = stored
  const numbers = Object.entries(factors).map(([name, factor]) => [name, BigInt(factor)])
  return { ...(Object.fromEntries(numbers) as Omit<RiskParameters, 'depth'>), depth }
}

function textOf(p: RiskParameters): string {
  const { collateral, liability } = initialFactorsOf(p)
  const { collateralFactor, liabilityFactor, targetCollateralFactor, targetLiabilityFactor, penalty, depth } = p
  const target = [targetCollateralFactor, targetLiabilityFactor]
  return [collateralFactor, liabilityFactor, ...target, collateral, liability, penalty, depth].join()
}
