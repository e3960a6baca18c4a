import { type Address, isAddressEqual } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import {
  combineWords,
  NO_QUOTE,
  type OracleReading,
  type OracleRules,
  type OracleState,
  parseWord,
  type Quote,
  quorum,
  retakeWord,
  type SaidWord,
  type SourceRules,
  stepOracles,
} from '../protocol/oracle.ts'
import { ORACLES_ABI } from '../sdk/abi/oracles.ts'
import type { ReadClient } from '../sdk/chain/client.ts'
import type { SystemEvent } from '../sdk/chain/settlement-history.ts'
import { wrongIn } from './system-event.ts'

type OracleEvent = SystemEvent<'oracles'>
type Source = Extract<OracleEvent, { eventName: 'SourceSet' }>['args']['source']

interface Asset {
  readonly decimals: number
  readonly jump: bigint
  readonly confirm: bigint
  /** Number that the deployment announced. */
  readonly count: number
  readonly sources: Source[]
  readonly proposals: Map<number, { readonly source: Source; readonly readyAt: bigint }>
}

/** Holds and releases of one round, as text: they stand before the round in the logs. */
type Changes = readonly string[]

const NO_QUOTES: Quote = { price: 0n, low: 0n, high: 0n, counted: 0 }

/**
 * Books of the sources and of what the oracles remember, replayed from events: each round's words are turned into medians,
 * intervals and states anew, and no source changes without its delay.
 */
export class OracleBooks {
  readonly #assets: Asset[] = []
  #states: readonly OracleState[] = []
  #announced: string[] = []

  /**
   * @param time of the event's block, in Unix seconds
   * @throws PlimsollError when what it says cannot follow what was said before
   */
  event(event: OracleEvent, time: bigint): void {
    const wrong = wrongIn(event)
    switch (event.eventName) {
      case 'AssetSet': {
        const { asset, decimals, jump, confirm, sources } = event.args
        if (Number(asset) !== this.#assets.length) throw wrong(`configures the oracle of asset ${asset} out of order`)
        const rules = { decimals, jump: BigInt(jump), confirm: BigInt(confirm), count: Number(sources) }
        this.#assets.push({ ...rules, sources: [], proposals: new Map() })
        this.#states = [...this.#states, NO_QUOTE]
        return
      }
      case 'SourceSet': {
        const { asset, index, source } = event.args
        this.#set(this.#asset(asset, wrong), Number(asset), Number(index), source, time, wrong)
        return
      }
      case 'SourceProposed': {
        const { asset, index, source, readyAt } = event.args
        this.#asset(asset, wrong).proposals.set(Number(index), { source, readyAt })
        return
      }
      case 'SourceDropped':
        if (!this.#asset(event.args.asset, wrong).proposals.delete(Number(event.args.index)))
          throw wrong('takes a source back that was not proposed')
        return
      case 'SourceDisabled': {
        const { sources } = this.#asset(event.args.asset, wrong)
        const index = Number(event.args.index)
        const left = sources.filter((one, i) => i !== index && !one.disabled && !one.timeWeighted).length
        if (left < quorum(sources.length)) throw wrong(`leaves asset ${event.args.asset} without a quorum`)
        sources[index] = { ...sources[index]!, disabled: true }
        return
      }
      case 'Held':
        this.#announced.push(heldText(Number(event.args.asset), event.args.jump))
        return
      case 'Released':
        this.#announced.push(releasedText(Number(event.args.asset), Number(event.args.heldSince)))
    }
  }

  /**
   * Readings of a round, from what its sources said.
   * @param words as the round published them @param time of its block, in Unix seconds
   * @throws PlimsollError when the words are not those of the sources, or what the oracles made of them differs
   */
  round(words: readonly bigint[], time: bigint): readonly OracleReading[] {
    const said = this.#said(words)
    const rules = this.#rules()
    const quotes = rules.map(({ sources }, a): Quote => {
      if (sources.length === 0) return NO_QUOTES
      const retaken = said[a]!.map((word, i) => retakeWord(word, sources[i]!, time))
      const combined = combineWords(retaken, sources)
      const i = combined.words.findIndex((word, j) => !sameWord(word, said[a]![j]!))
      if (i >= 0)
        throw new PlimsollError(
          `A round takes source ${i} of asset ${a} for "${said[a]![i]!.fault}", and its answer is "${combined.words[i]!.fault}".`,
        )
      return combined.quote
    })
    const { states, readings, jumps } = stepOracles(rules, this.#states, quotes, time)
    const changes = states.flatMap((state, a): Changes => {
      const before = this.#states[a]!
      const began = before.heldSince === 0n || before.jumpSince !== state.jumpSince
      if (state.heldSince > 0n && began) return [heldText(a, jumps[a]!)]
      return state.heldSince === 0n && before.heldSince > 0n ? [releasedText(a, Number(before.heldSince))] : []
    })
    if (changes.join() !== this.#announced.join())
      throw new PlimsollError(
        `A round says "${this.#announced.join(', ')}" of held assets, and its answers lead to "${changes.join(', ')}".`,
      )
    this.#announced = []
    this.#states = states
    return readings
  }

  /**
   * Holds the books against the contract's storage at a block.
   * @throws PlimsollError naming what differs
   */
  async compare({ read }: ReadClient, address: Address, blockNumber: bigint): Promise<void> {
    const contract = { address, abi: ORACLES_ABI, blockNumber } as const
    for (const [a, { sources, proposals }] of this.#assets.entries()) {
      const args = [BigInt(a)] as const
      const state = await read.readContract({ ...contract, functionName: 'state', args })
      const { price, quote, heldSince, jumpSince, jumpUp } = this.#states[a]!
      const known = [price, quote, heldSince, jumpSince, jumpUp].join()
      if (known !== [state.price, state.quote, state.heldSince, state.jumpSince, state.jumpUp].join())
        throw new PlimsollError(`What the oracles remember of asset ${a} is not what the rounds lead to.`)
      for (const [i, source] of sources.entries()) {
        const place = [BigInt(a), BigInt(i)] as const
        const stored = await read.readContract({ ...contract, functionName: 'source', args: place })
        if (!sameSource(stored, source))
          throw new PlimsollError(`Source ${i} of asset ${a} is not the one that the events lead to.`)
        const [, readyAt] = await read.readContract({ ...contract, functionName: 'pendingSource', args: place })
        if (readyAt !== (proposals.get(i)?.readyAt ?? 0n))
          throw new PlimsollError(`The proposal for source ${i} of asset ${a} is not the one that the events lead to.`)
      }
    }
  }

  #asset(asset: bigint, wrong: (what: string) => PlimsollError): Asset {
    const found = this.#assets[Number(asset)]
    if (found === undefined) throw wrong(`speaks of asset ${asset}, which has no oracle`)
    return found
  }

  #set(
    { sources, proposals, count }: Asset,
    asset: number,
    index: number,
    source: Source,
    time: bigint,
    wrong: (what: string) => PlimsollError,
  ): void {
    // Those of the deployment are announced without a proposal.
    if (index === sources.length && sources.length < count) {
      sources.push(source)
      return
    }
    const proposal = proposals.get(index)
    if (proposal === undefined || !sameSource(proposal.source, source) || time < proposal.readyAt)
      throw wrong(`puts a source of asset ${asset} in place that was not proposed, or before its delay is over`)
    proposals.delete(index)
    sources[index] = source
    this.#states = this.#states.map((state, a) => (a === asset ? { ...state, jumpSince: 0n } : state))
  }

  #said(words: readonly bigint[]): SaidWord[][] {
    const parsed = words.map(parseWord)
    const places = this.#assets.flatMap(({ sources }, asset) => sources.map((_, index) => ({ asset, index })))
    const belong = places.every(({ asset, index }, i) => parsed[i]?.asset === asset && parsed[i]?.index === index)
    if (!belong || parsed.length !== places.length)
      throw new PlimsollError('A round does not say one thing of every source, in order.')
    return this.#assets.map((_, asset) => parsed.flatMap((word) => (word?.asset === asset ? [word.said] : [])))
  }

  #rules(): OracleRules[] {
    return this.#assets.map(({ decimals, jump, confirm, sources }) => ({
      decimals,
      jump,
      confirm,
      sources: sources.map(rulesOf),
    }))
  }
}

function rulesOf({ heartbeat, deviation, maxConfidence, decimals, timeWeighted, disabled }: Source): SourceRules {
  const shares = { deviation: BigInt(deviation), maxConfidence: BigInt(maxConfidence) }
  return { heartbeat: BigInt(heartbeat), ...shares, decimals, timeWeighted, disabled }
}

function sameSource(a: Source, b: Source): boolean {
  const text = ({ heartbeat, deviation, maxConfidence, decimals, timeWeighted, disabled }: Source) =>
    [heartbeat, deviation, maxConfidence, decimals, timeWeighted, disabled].join()
  return isAddressEqual(a.source, b.source) && text(a) === text(b)
}

function sameWord(a: SaidWord, b: SaidWord): boolean {
  return a.quote === b.quote && a.confidence === b.confidence && a.time === b.time && a.fault === b.fault
}

function heldText(asset: number, jump: bigint): string {
  return jump === 0n ? `asset ${asset} is held` : `asset ${asset} is held for a jump to ${jump}`
}

function releasedText(asset: number, since: number): string {
  return `asset ${asset} is held since ${since} no more`
}
