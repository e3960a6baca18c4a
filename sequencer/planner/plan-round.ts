import type { Opening, SweepRung } from '../../protocol/batch.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { type Envelope, health, isCovered } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'
import { type AccountTable, CornerScan, scanBreached } from '../../protocol/scan.ts'
import { type Candidate, coverExposures, type Request } from './cover.ts'
import { type Cut, cutMoves, type SweepPlan } from './cut-moves.ts'
import { envelopeAt, envelopeExpiries, expiriesAt, MAX_LEVEL } from './envelope-at.ts'
import { accountExposure, floatMarks } from './exposure.ts'
import { Members, type SlotMembers, tableOf } from './members.ts'
import { placeAccounts, type Source } from './passes.ts'

/** A slot as the planner sees it. Index in the array is the slot's number; slots 0 and 1 have no envelope. */
export interface PlannerSlot {
  /** Undefined for slots 0 and 1, and for a slot never opened. */
  readonly envelope: Envelope | undefined
  /** Bottom of the stack first; read where the slot has to be emptied. */
  readonly members: SlotMembers
}

/** The openings, all on slots that are empty by then, happen before the sweeps. */
export interface PlanStage {
  readonly openings: readonly Opening[]
  readonly sweeps: readonly SweepPlan[]
}

export interface PlanOptions {
  /** Sizes of the sweep circuits; one of those of profile `small` when left out. */
  readonly rungs?: readonly SweepRung[]
  /** Expected expiries that an envelope has to save, see `SLOT_PRICE` and `LEAST_SLOT_PRICE`. */
  readonly slotPrice?: number
  readonly leastSlotPrice?: number
}

const DEFAULT_RUNGS: readonly SweepRung[] = [{ steps: 20, window: 6 }]
/** Expected expiries that an envelope has to save, as a share of all accounts, times the square of the empty slots left. */
const SLOT_PRICE = 0.1
/**
 * The same at the least, whatever the accounts: every slot that expires costs a batch, and every target makes batches
 * shorter.
 */
const LEAST_SLOT_PRICE = 2

/** A slot that accounts can go to; the number of a fresh one is set when it is opened. */
interface Target {
  slot: number
  readonly envelope: Envelope
  /** Expected expiries. */
  readonly rate: number
}

interface WorkingSlot {
  envelope: Envelope | undefined
  readonly members: Members
}

/**
 * Plans a round: afterwards the inbox is empty, every non-empty slot from 2 on is covered, and all accounts that had to move
 * are in a slot whose envelope they are safe in, or in distress if breached at the marks; so are healthy ones that were in
 * distress. Before each sweep so many slots were opened, 0 and 1 included, that its window can be filled. An empty plan means
 * that there is nothing to do.
 * @throws PlimsollError when there are fewer slots than the narrowest window names
 */
export function planRound(slots: readonly PlannerSlot[], marks: Marks, options: PlanOptions = {}): PlanStage[] {
  const { rungs = DEFAULT_RUNGS, slotPrice = SLOT_PRICE, leastSlotPrice = LEAST_SLOT_PRICE } = options
  const fitting = rungs.filter(({ window }) => window <= slots.length)
  if (fitting.length === 0 || slots.length < INBOX + 2) {
    const narrowest = Math.min(...rungs.map(({ window }) => window))
    throw new PlimsollError(`${slots.length} slots are too few for a sweep window of ${narrowest}.`)
  }
  return new RoundPlanner(slots, marks, { rungs: fitting, slotPrice, leastSlotPrice }).plan()
}

class RoundPlanner {
  readonly #slots: WorkingSlot[]
  readonly #marks: Marks
  readonly #stages: PlanStage[] = []
  readonly #total: number
  readonly #options: Required<PlanOptions>

  constructor(slots: readonly PlannerSlot[], marks: Marks, options: Required<PlanOptions>) {
    this.#slots = slots.map(({ envelope, members }) => ({ envelope, members: new Members(members) }))
    this.#marks = marks
    this.#options = options
    this.#total = slots.reduce((sum, slot) => sum + slot.members.length, 0)
  }

  plan(): PlanStage[] {
    this.#emptyDistress()
    for (let sources = this.#sources(); sources.length > 0; sources = this.#sources())
      this.#stage(this.#firstSources(sources))
    return this.#stages
  }

  /**
   * Healthy accounts in distress go back to the inbox, and with them what lies above: a plan that was broken off leaves many
   * there, and a resolve would have to rewrite each.
   */
  #emptyDistress(): void {
    const members = this.#slots[DISTRESS]!.members.all()
    const first = members.findIndex((balances) => health(balances, this.#marks) >= 0n)
    if (first >= 0)
      this.#moveAll(
        [],
        cutMoves(
          members.slice(first).map(() => ({ from: DISTRESS, to: INBOX })),
          this.#options.rungs,
        ),
      )
  }

  /** Slots that have to be emptied, the smallest first. */
  #sources(): number[] {
    return this.#numbers(
      (slot, number) => slot.members.length > 0 && (number === INBOX || (number > INBOX && !this.#covered(number))),
    ).sort((a, b) => this.#slots[a]!.members.length - this.#slots[b]!.members.length || a - b)
  }

  /** Small sources go first where that frees slots before the bulk is placed. */
  #firstSources(sources: number[]): number[] {
    const count = (numbers: readonly number[]) =>
      numbers.reduce((sum, number) => sum + this.#slots[number]!.members.length, 0)
    const limit = count(sources) / 4
    let first = 0
    while (first < sources.length && count(sources.slice(0, first + 1)) <= limit) first++
    return first === 0 || sources.slice(0, first).every((number) => number === INBOX)
      ? sources
      : sources.slice(0, first)
  }

  #numbers(predicate: (slot: WorkingSlot, number: number) => boolean): number[] {
    return this.#slots.flatMap((slot, number) => (predicate(slot, number) ? [number] : []))
  }

  #covered(number: number): boolean {
    const { envelope } = this.#slots[number]!
    return envelope !== undefined && isCovered(envelope, this.#marks)
  }

  #empties(): number[] {
    return this.#numbers((slot, number) => number > INBOX && slot.members.length === 0)
  }

  #stage(sources: readonly number[]): void {
    const members = sources.map((number) => this.#slots[number]!.members.all())
    const table = tableOf(members.flat())
    const breached = new Set(scanBreached(table, this.#marks).breached)
    const healthy = Array.from({ length: table.count }, (_, row) => row).filter((row) => !breached.has(row))
    const float = floatMarks(this.#marks)
    const exposures = healthy.map((row) => accountExposure(table, row, float))
    const empties = this.#empties()
    // A covered slot with members is a target; an empty one is free to be opened anew.
    const existing = this.#numbers(
      (slot, number) => number > INBOX && slot.members.length > 0 && !sources.includes(number) && this.#covered(number),
    )
      .map(
        (slot): Target => ({
          slot,
          envelope: this.#slots[slot]!.envelope!,
          rate: envelopeExpiries(this.#slots[slot]!.envelope!, this.#marks),
        }),
      )
      .sort((a, b) => a.rate - b.rate || a.slot - b.slot)

    const covering = scansOf(table, existing)
    const requests = healthy.map(
      (row, i): Request => ({
        exposure: exposures[i]!,
        fallback: firstSafe(row, covering)?.rate ?? Infinity,
      }),
    )
    if (empties.length === 0 && requests.some((request) => request.fallback === Infinity)) {
      this.#freeSlot(sources)
      return
    }

    // The last empty slot is kept for a point envelope, and the fewer are left the more an envelope has to save.
    const { slotPrice, leastSlotPrice } = this.#options
    const price = (k: number) => Math.max(leastSlotPrice, (slotPrice * this.#total) / (empties.length - k) ** 2)
    const fresh = deepen(coverExposures(requests, empties.length - 1, price), requests).map(({ sides, level }) =>
      this.#target(sides, level),
    )
    const candidates = [...existing, ...fresh].sort((a, b) => a.rate - b.rate)

    const scans = scansOf(table, candidates)
    /** By row; a breached account has none. */
    const best: (Target | undefined)[] = Array(table.count).fill(undefined)
    const unplaced: number[] = []
    for (const [i, row] of healthy.entries()) {
      best[row] = firstSafe(row, scans)
      if (best[row] === undefined) unplaced.push(i)
    }
    if (unplaced.length > 0) {
      const point = this.#target(
        unplaced.reduce((union, i) => union | exposures[i]!.sides, 0),
        0,
      )
      fresh.push(point)
      for (const i of unplaced) best[healthy[i]!] = point
    }
    const used = new Set(best)
    const openings = fresh
      .filter((target) => used.has(target))
      .map((target, i) => {
        target.slot = empties[i]!
        return { slot: target.slot, envelope: target.envelope }
      })
    let row = 0
    const placed = sources.map(
      (slot, i): Source => ({ slot, targets: members[i]!.map(() => best[row++]?.slot ?? DISTRESS) }),
    )
    this.#moveAll(openings, placeAccounts(placed, this.#options.rungs))
  }

  #target(sides: number, level: number): Target {
    return { slot: -1, envelope: envelopeAt(sides, level, this.#marks), rate: expiriesAt(sides, level) }
  }

  /** With no slot empty, the smallest one goes through the inbox, which asks for no envelope. */
  #freeSlot(sources: readonly number[]): void {
    const expired = sources.filter((number) => number !== INBOX)
    const among = expired.length > 0 ? expired : this.#numbers((_, number) => number > INBOX)
    const victim = among.reduce((least, number) =>
      this.#slots[number]!.members.length < this.#slots[least]!.members.length ? number : least,
    )
    const moves = Array.from(this.#slots[victim]!.members.all(), () => ({ from: victim, to: INBOX }))
    this.#moveAll([], cutMoves(moves, this.#options.rungs))
  }

  /** Records a stage and carries it out. */
  #moveAll(openings: Opening[], { sweeps }: Cut): void {
    this.#pad(openings, Math.max(...sweeps.map(({ rung }) => rung.window)))
    for (const { slot, envelope } of openings) this.#slots[slot]!.envelope = envelope
    for (const { from, to } of sweeps.flatMap(({ moves }) => moves))
      this.#slots[to]!.members.push(this.#slots[from]!.members.pop()!)
    this.#stages.push({ openings, sweeps })
  }

  /** Opens spare slots with an envelope that never expires until a window can be filled. */
  #pad(openings: Opening[], window: number): void {
    let named = this.#numbers(
      (slot, number) =>
        number <= INBOX || slot.envelope !== undefined || openings.some((opening) => opening.slot === number),
    ).length
    for (const slot of this.#empties()) {
      if (named >= window) return
      if (this.#slots[slot]!.envelope !== undefined || openings.some((opening) => opening.slot === slot)) continue
      openings.push({ slot, envelope: envelopeAt(0, MAX_LEVEL, this.#marks) })
      named++
    }
  }
}

/** A target, and which accounts of a table are safe in it. */
interface ScannedTarget {
  readonly target: Target
  readonly scan: CornerScan
}

function scansOf(table: AccountTable, targets: readonly Target[]): ScannedTarget[] {
  return targets.map((target) => ({ target, scan: new CornerScan(table, target.envelope) }))
}

/** The first of the targets in which the account of a row is safe. */
function firstSafe(row: number, targets: readonly ScannedTarget[]): Target | undefined {
  return targets.find(({ scan }) => scan.isSafe(row))?.target
}

/** The same envelopes, each as deep as the accounts that would choose it allow; those that nobody would choose are left out. */
function deepen(choices: readonly Candidate[], requests: readonly Request[]): Candidate[] {
  const options = choices
    .map(({ sides, level }) => ({ sides, level, rate: expiriesAt(sides, level), reach: Infinity, chosen: false }))
    .sort((a, b) => a.rate - b.rate)
  for (const { exposure, fallback } of requests) {
    const option = options.find(({ sides, level }) => level <= exposure.reach && (exposure.sides & ~sides) === 0)
    if (option === undefined || option.rate >= fallback) continue
    option.chosen = true
    option.reach = Math.min(option.reach, exposure.reach)
  }
  // A millionth inside, for the floating-point error of the reach.
  return options
    .filter(({ chosen }) => chosen)
    .map(({ sides, reach }) => ({ sides, level: Math.max(0, Math.min(reach, MAX_LEVEL) * (1 - 1e-6) - 1e-9) }))
}
