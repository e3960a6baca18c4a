import { DISTRESS, INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { cornerHealth, health, isCovered, type Balances, type Envelope } from '../protocol/health.ts'
import type { Marks } from '../protocol/marks.ts'
import { box, boxExpiries, envelopeExpiries, MAX_LEVEL } from './planner/box.ts'
import { chooseEnvelopes } from './planner/choose.ts'
import { accountNeed, floatMarks, type Need } from './planner/need.ts'

/** A slot as the planner sees it. Index in the array is the slot's number; slots 0 and 1 have no envelope. */
export interface PlannerSlot {
  /** Undefined for slots 0 and 1, and for a slot never opened. */
  readonly envelope: Envelope | undefined
  /** Bottom of the stack first. */
  readonly members: readonly Balances[]
}

export interface Opening {
  readonly slot: number
  readonly envelope: Envelope
}

/** Pops the top of `from` and pushes it to `to`. */
export interface Move {
  readonly from: number
  readonly to: number
}

/** The openings, all on slots that are empty by then, happen before the moves. */
export interface PlanStage {
  readonly openings: readonly Opening[]
  readonly moves: readonly Move[]
}

export interface PlanOptions {
  /** Window of the sweep circuit: after the first plan so many slots can be named, slots 0 and 1 included. */
  readonly window?: number
}

const DEFAULT_WINDOW = 6

interface WorkingSlot {
  envelope: Envelope | undefined
  members: Balances[]
}

/**
 * Plans a round: afterwards the inbox is empty, every non-empty slot from 2 on is covered, and all accounts that had to move
 * are in a slot whose envelope they are safe in, or in distress if breached at the marks. Accounts already in distress stay.
 * An empty plan means that there is nothing to do.
 * @throws PlimsollError when there are fewer slots than the window needs
 */
export function planRound(slots: readonly PlannerSlot[], marks: Marks, options: PlanOptions = {}): PlanStage[] {
  const window = options.window ?? DEFAULT_WINDOW
  if (slots.length < Math.max(window, INBOX + 2)) throw new PlimsollError(`${slots.length} slots are too few for a sweep window of ${window}.`)
  const planner = new RoundPlanner(slots, marks)
  return planner.plan(window)
}

class RoundPlanner {
  private readonly slots: WorkingSlot[]
  private readonly marks: Marks
  private readonly stages: PlanStage[] = []
  private readonly total: number

  constructor(slots: readonly PlannerSlot[], marks: Marks) {
    this.slots = slots.map(({ envelope, members }) => ({ envelope, members: [...members] }))
    this.marks = marks
    this.total = slots.reduce((sum, slot) => sum + slot.members.length, 0)
  }

  plan(window: number): PlanStage[] {
    for (let sources = this.sources(); sources.length > 0; sources = this.sources()) this.stage(this.firstSources(sources), window)
    return this.stages
  }

  /** Slots that have to be emptied, the smallest first. */
  private sources(): number[] {
    return this.numbers((slot, number) => slot.members.length > 0 && (number === INBOX || (number > INBOX && !this.covered(number)))).sort(
      (a, b) => this.slots[a]!.members.length - this.slots[b]!.members.length || a - b,
    )
  }

  /** Small sources go first where that frees slots before the bulk is placed. */
  private firstSources(sources: number[]): number[] {
    const count = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + this.slots[number]!.members.length, 0)
    const limit = count(sources) / 4
    let first = 0
    while (first < sources.length && count(sources.slice(0, first + 1)) <= limit) first++
    return first === 0 || sources.slice(0, first).every((number) => number === INBOX) ? sources : sources.slice(0, first)
  }

  private numbers(predicate: (slot: WorkingSlot, number: number) => boolean): number[] {
    return this.slots.flatMap((slot, number) => (predicate(slot, number) ? [number] : []))
  }

  private covered(number: number): boolean {
    const { envelope } = this.slots[number]!
    return envelope !== undefined && isCovered(envelope, this.marks)
  }

  private empties(): number[] {
    return this.numbers((slot, number) => number > INBOX && slot.members.length === 0)
  }

  private stage(sources: readonly number[], window: number): void {
    const healthy = sources.flatMap((number) => this.slots[number]!.members).filter((balances) => health(balances, this.marks) >= 0n)
    const float = floatMarks(this.marks)
    const needs = new Map<Balances, Need>(healthy.map((balances) => [balances, accountNeed(balances, float)]))
    const empties = this.empties()
    // A covered slot with members is a target; an empty one is free to be opened anew.
    const existing = this.numbers((slot, number) => number > INBOX && slot.members.length > 0 && !sources.includes(number) && this.covered(number))
      .map((number) => ({ number, envelope: this.slots[number]!.envelope!, rate: envelopeExpiries(this.slots[number]!.envelope!, this.marks) }))
      .sort((a, b) => a.rate - b.rate || a.number - b.number)
    const bestExisting = (balances: Balances) => existing.find((slot) => cornerHealth(balances, slot.envelope) >= 0n)

    const requests = healthy.map((balances) => ({ need: needs.get(balances)!, fallback: bestExisting(balances)?.rate ?? Infinity }))
    const homeless = requests.some((request) => request.fallback === Infinity)
    if (homeless && empties.length === 0) return this.freeSlot(sources)

    // The last empty slot is kept for a point envelope.
    const price = (k: number) => (0.1 * this.total) / (empties.length - k) ** 2
    const choices = chooseEnvelopes(requests, empties.length - 1, price)
    const best = (balances: Balances, targets: readonly { rate: number; fits: (balances: Balances, need: Need) => boolean }[]) => {
      let found = -1
      for (let t = 0; t < targets.length; t++) {
        if ((found < 0 || targets[t]!.rate < targets[found]!.rate) && targets[t]!.fits(balances, needs.get(balances)!)) found = t
      }
      return found
    }
    // Each envelope reaches as far as the accounts that would choose it allow.
    const rough = choices.map(({ sides, level }) => ({
      rate: boxExpiries(sides, level),
      fits: (_: Balances, need: Need) => level <= need.reach && (need.sides & ~sides) === 0,
    }))
    const levels = choices.map(() => Infinity)
    requests.forEach(({ need, fallback }, i) => {
      const choice = best(healthy[i]!, rough)
      if (choice >= 0 && rough[choice]!.rate < fallback) levels[choice] = Math.min(levels[choice]!, need.reach)
    })
    const opened = choices.flatMap(({ sides }, c) => {
      if (levels[c] === Infinity && sides !== 0) return []
      // A millionth inside, for the floating-point error of the reach.
      const level = Math.max(0, Math.min(levels[c]!, MAX_LEVEL) * (1 - 1e-6) - 1e-9)
      return [{ rate: boxExpiries(sides, level), envelope: box(sides, level, this.marks), slot: -1 }]
    })

    const assignment = new Map<Balances, { slot: number }>()
    const leftover: Balances[] = []
    for (const balances of healthy) {
      let target: { slot: number } | undefined
      let rate = Infinity
      const known = bestExisting(balances)
      if (known !== undefined) {
        target = { slot: known.number }
        rate = known.rate
      }
      for (const opening of opened) {
        if (opening.rate < rate && cornerHealth(balances, opening.envelope) >= 0n) {
          target = opening
          rate = opening.rate
        }
      }
      if (target === undefined) leftover.push(balances)
      else assignment.set(balances, target)
    }
    if (leftover.length > 0) {
      const sides = leftover.reduce((union, balances) => union | needs.get(balances)!.sides, 0)
      const point = { rate: boxExpiries(sides, 0), envelope: box(sides, 0, this.marks), slot: -1 }
      opened.push(point)
      for (const balances of leftover) assignment.set(balances, point)
    }
    const used = new Set(assignment.values())
    const openings: Opening[] = []
    for (const opening of opened) {
      if (!used.has(opening)) continue
      opening.slot = empties[openings.length]!
      openings.push({ slot: opening.slot, envelope: opening.envelope })
    }
    this.pad(openings, empties, window)
    this.apply(openings, sources, (balances) => assignment.get(balances)?.slot ?? DISTRESS)
  }

  /** Opens spare slots with an envelope that never expires until a window can be filled. */
  private pad(openings: Opening[], empties: readonly number[], window: number): void {
    let named = this.numbers((slot, number) => number <= INBOX || slot.envelope !== undefined || openings.some((opening) => opening.slot === number)).length
    for (const slot of empties) {
      if (named >= window) return
      if (this.slots[slot]!.envelope !== undefined || openings.some((opening) => opening.slot === slot)) continue
      openings.push({ slot, envelope: box(0, MAX_LEVEL, this.marks) })
      named++
    }
  }

  /** With no slot empty, the smallest one goes through the inbox, which asks for no envelope. */
  private freeSlot(sources: readonly number[]): void {
    const expired = sources.filter((number) => number !== INBOX)
    const among = expired.length > 0 ? expired : this.numbers((_, number) => number > INBOX)
    const victim = among.reduce((least, number) => (this.slots[number]!.members.length < this.slots[least]!.members.length ? number : least))
    this.apply([], [victim], () => INBOX)
  }

  /** Records a stage and carries it out: the sources are emptied one after the other, top first. */
  private apply(openings: Opening[], sources: readonly number[], target: (balances: Balances) => number): void {
    const moves: Move[] = []
    for (const { slot, envelope } of openings) this.slots[slot]!.envelope = envelope
    for (const from of sources) {
      const { members } = this.slots[from]!
      for (let balances = members.pop(); balances !== undefined; balances = members.pop()) {
        const to = target(balances)
        moves.push({ from, to })
        this.slots[to]!.members.push(balances)
      }
    }
    this.stages.push({ openings, moves })
  }
}
