import { type Address, encodeAbiParameters, getAbiItem, isAddressEqual, keccak256, zeroAddress, zeroHash } from 'viem'
import type { Point } from '../protocol/curve.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { GOVERNANCE_ABI } from '../sdk/abi/governance.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import type { ReadClient } from '../sdk/chain/client.ts'
import type { SystemEvent } from '../sdk/chain/settlement-history.ts'
import { wrongIn } from './system-event.ts'

/** Roles as the contract numbers them. */
const ROLES = ['operator', 'admin', 'guardian'] as const
const OPERATOR = ROLES.indexOf('operator')

/** The struct of terms, whose ABI encoding a proposal is kept by. */
const [TERMS] = getAbiItem({ abi: GOVERNANCE_ABI, name: 'terms' }).outputs

type GovernanceEvent = SystemEvent<'governance'>
type Terms = Extract<GovernanceEvent, { eventName: 'TermsApplied' }>['args']['terms']
interface Nomination {
  readonly who: Address
  readonly readyAt: bigint
}

/**
 * Books of who holds the roles, of the terms, and of halts, replayed from the events of the contract that governs: no role
 * changes hands and no clock, fee or cap changes without its delay.
 */
export class GovernanceBooks {
  readonly #holders = new Map<number, Address>()
  readonly #nominations = new Map<number, Nomination>()
  #terms: Terms | undefined
  #proposed: { readonly terms: Terms; readonly readyAt: bigint } | undefined
  #settlement: Address | undefined
  /** The sequencer's key that was nominated with the operator, and the one that an acceptance has to put in force. */
  #nominatedKey: Point | undefined
  #dueKey: Point | undefined
  readonly #sequencerKeys: Point[] = []
  #halt: { readonly what: number; readonly until: bigint } = { what: 0, until: 0n }

  /** Seconds from a proposal of risk parameters to the first round that may apply them, by the terms in force. */
  get parameterDelay(): bigint {
    return BigInt(this.#terms?.parameterDelay ?? 0)
  }

  /** Seconds that rounds are apart at the least, and after which one is stale, by the terms in force. */
  get roundClocks(): { readonly roundMin: bigint; readonly maxAge: bigint } {
    return { roundMin: BigInt(this.#terms?.roundMin ?? 0), maxAge: BigInt(this.#terms?.maxAge ?? 0) }
  }

  /**
   * @param time of the event's block, in Unix seconds
   * @throws PlimsollError when what it says cannot follow what was said before
   */
  event(event: GovernanceEvent, time: bigint): void {
    const wrong = wrongIn(event)
    switch (event.eventName) {
      case 'Nominated': {
        const { role, who, readyAt } = event.args
        if (role === OPERATOR) this.#nominatedKey = undefined
        if (who === zeroAddress) this.#nominations.delete(role)
        else this.#nominations.set(role, { who, readyAt })
        return
      }
      case 'SequencerKeyNominated':
        if (!this.#nominations.has(OPERATOR) || this.#nominatedKey !== undefined)
          throw wrong('nominates a key of the sequencer without an operator')
        this.#nominatedKey = [event.args.x, event.args.y]
        return
      case 'HandedOver': {
        const { role, from, to } = event.args
        const [holder, nominated] = [this.#holders.get(role), this.#nominations.get(role)]
        const first = from === zeroAddress && holder === undefined
        if (holder !== undefined && !isAddressEqual(holder, from))
          throw wrong(`hands over the ${ROLES[role]}'s role, which ${from} did not hold`)
        if (!first && (nominated === undefined || !isAddressEqual(nominated.who, to) || time < nominated.readyAt))
          throw wrong(`hands over the ${ROLES[role]}'s role to ${to} without a nomination whose delay is over`)
        this.#nominations.delete(role)
        if (role === OPERATOR) {
          this.#dueKey = this.#nominatedKey
          this.#nominatedKey = undefined
        }
        this.#holders.set(role, to)
        return
      }
      case 'HaltedUntil':
        this.#halt = event.args
        return
      case 'Resumed':
        if (this.#halt.what === 0) throw wrong('ends a halt that did not begin')
        this.#halt = { what: 0, until: 0n }
        return
      case 'TermsProposed': {
        const { grace, noticePeriod, forcedDelay } = this.#terms ?? event.args.terms
        if (event.args.readyAt !== time + BigInt(grace + noticePeriod + forcedDelay))
          throw wrong('proposes terms with another delay')
        this.#proposed = event.args
        return
      }
      case 'TermsDropped':
        if (this.#proposed === undefined) throw wrong('drops terms that were not proposed')
        this.#proposed = undefined
        return
      case 'TermsApplied': {
        const { terms } = event.args
        const proposed = this.#proposed
        // The terms of the deployment are announced without a proposal.
        if (this.#terms !== undefined || proposed !== undefined) {
          if (proposed === undefined || !sameTerms(proposed.terms, terms) || time < proposed.readyAt)
            throw wrong('applies terms that were not proposed, or before their delay is over')
        }
        this.#proposed = undefined
        this.#terms = terms
        return
      }
      case 'CapLowered': {
        const { asset, cap } = event.args
        if (this.#terms === undefined) return
        if (cap >= this.#terms.caps[asset]!) throw wrong(`does not lower the cap of asset ${asset}`)
        this.#terms = { ...this.#terms, caps: this.#terms.caps.map((one, a) => (a === asset ? cap : one)) as never }
        return
      }
      case 'Bound':
        this.#settlement = event.args.settlement
    }
  }

  /** Number of the sequencer's keys so far. */
  get era(): number {
    return this.#sequencerKeys.length
  }

  /** The sequencer's key in force. */
  get sequencerKey(): Point | undefined {
    return this.#sequencerKeys.at(-1)
  }

  /**
   * A key of the sequencer's that the settlement puts in force: that of the deployment, or the one that was nominated with the
   * operator who has just accepted.
   * @throws PlimsollError where it is another, or none was due
   */
  newSequencerKey(event: Extract<SystemEvent<'settlement'>, { eventName: 'SequencerKey' }>): void {
    const { x, y } = event.args
    if (this.#sequencerKeys.length > 0 && this.#dueKey?.join() !== [x, y].join())
      throw wrongIn(event)('puts a key of the sequencer in force that was not nominated, or not accepted')
    this.#dueKey = undefined
    this.#sequencerKeys.push([x, y])
  }

  /**
   * Holds the books against the contract's storage at a block.
   * @param time of the block, in Unix seconds
   * @throws PlimsollError naming what differs
   */
  async compare({ read }: ReadClient, address: Address, blockNumber: bigint, time: bigint): Promise<void> {
    const contract = { address, abi: GOVERNANCE_ABI, blockNumber } as const
    const differs = (what: string) => new PlimsollError(`The contract's ${what} is not what its events lead to.`)
    for (const [role, name] of ROLES.entries()) {
      const [holder, nominated] = [this.#holders.get(role), this.#nominations.get(role)]
      const [stored, nomination] = await Promise.all([
        read.readContract({ ...contract, functionName: 'holder', args: [role] }),
        read.readContract({ ...contract, functionName: 'nomination', args: [role] }),
      ])
      if (holder !== undefined && !isAddressEqual(holder, stored)) throw differs(name)
      const { who, readyAt } = nominated ?? { who: zeroAddress, readyAt: 0n }
      if (!isAddressEqual(nomination.who, who) || BigInt(nomination.readyAt) !== readyAt)
        throw differs(`nomination of the ${name}`)
    }
    const settlement = await read.readContract({ ...contract, functionName: 'settlement' })
    if (this.#settlement === undefined || !isAddressEqual(this.#settlement, settlement)) throw differs('settlement')
    const [key, keys] = await Promise.all([
      read.readContract({ ...contract, functionName: 'nominatedKey' }),
      read.readContract({
        address: settlement,
        abi: SETTLEMENT_ABI,
        functionName: 'sequencerKeys',
        blockNumber,
      }),
    ])
    if (key.join() !== (this.#nominatedKey ?? [0n, 0n]).join()) throw differs('nominated key of the sequencer')
    if (this.#dueKey !== undefined || keys.join() !== this.#sequencerKeys.join())
      throw differs('list of keys of the sequencer')
    const [terms, [hash, readyAt], [what, until]] = await Promise.all([
      read.readContract({ ...contract, functionName: 'terms' }),
      read.readContract({ ...contract, functionName: 'proposal' }),
      read.readContract({ ...contract, functionName: 'haltedUntil' }),
    ])
    if (this.#terms !== undefined && !sameTerms(this.#terms, terms)) throw differs('set of clocks, fees and caps')
    const proposed = this.#proposed
    const own = proposed === undefined ? zeroHash : keccak256(encodeAbiParameters([TERMS], [proposed.terms]))
    if (readyAt !== (proposed?.readyAt ?? 0n) || hash !== own) throw differs('proposal of terms')
    const halt = time < this.#halt.until ? this.#halt : { what: 0, until: 0n }
    if (what !== halt.what || until !== halt.until) throw differs('halt')
  }
}

function sameTerms(a: Terms, b: Terms): boolean {
  const text = ({ caps, ...rest }: Terms) => `${Object.values(rest).join()} ${caps.join()}`
  return text(a) === text(b)
}
