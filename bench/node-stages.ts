import { DISTRESS } from '../protocol/constants.ts'
import type { SweepPlan } from '../sequencer/planner/cut-moves.ts'
import type { ReplayObserver } from '../sequencer/planner/replay.ts'

/** Something that the planner had done, accounts being numbers from 0: where each went in the end, not by which way. */
export type Happening =
  | { readonly kind: 'tick' }
  | { readonly kind: 'resolve' }
  | {
      readonly kind: 'stage'
      /** Slots that were emptied, in this order. */
      readonly sources: readonly number[]
      /** Slots of those that moved. */
      readonly targets: ReadonlyMap<number, number>
    }

/** Writes down the stages of a replay without decoys, of `count` accounts that begin in the inbox. */
export class StageRecorder implements ReplayObserver {
  readonly happenings: Happening[] = []
  readonly #stacks: number[][]
  readonly #inbox: number

  constructor(slots: number, inbox: number, count: number) {
    this.#stacks = Array.from({ length: slots }, () => [])
    this.#stacks[inbox] = Array.from({ length: count }, (_, i) => i)
    this.#inbox = inbox
  }

  tick(): void {
    this.happenings.push({ kind: 'tick' })
  }

  sweeps(sweeps: readonly SweepPlan[]): void {
    const sources = new Set<number>()
    const targets = new Map<number, number>()
    for (const { from, to } of sweeps.flatMap(({ moves }) => moves)) {
      const account = this.#stacks[from]!.pop()!
      this.#stacks[to]!.push(account)
      // What moved before is on its way.
      if (!targets.has(account)) sources.add(from)
      targets.set(account, to)
    }
    this.happenings.push({ kind: 'stage', sources: [...sources], targets })
  }

  resolve(): void {
    this.#stacks[this.#inbox]!.push(...this.#stacks[DISTRESS]!.splice(0))
    this.happenings.push({ kind: 'resolve' })
  }
}
