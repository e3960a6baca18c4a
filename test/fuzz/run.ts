import assert from 'node:assert/strict'
import type { Account } from '../../protocol/account.ts'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { DISTRESS, INBOX, SCALE, TRADED, WORD } from '../../protocol/constants.ts'
import { cornerHealth, type Envelope, health, targetHealth } from '../../protocol/health.ts'
import { abs } from '../../protocol/integer.ts'
import { isDust } from '../../protocol/liquidation.ts'
import type { Marks } from '../../protocol/marks.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import { System } from '../../protocol/system.ts'
import type { Random } from '../protocol/random.ts'
import { type Circuit, openCircuit } from '../support/circuit.ts'
import { put, putStep } from '../support/circuit-forgery.ts'
import { TINY } from '../support/circuit-market.ts'
import { accepts } from '../support/circuit-rejection.ts'
import { randomAccount, randomEnvelope, randomMarks, randomSweepAccount } from './cases.ts'

const NO_ENVELOPE: Envelope = { floors: Array<bigint>(TRADED).fill(0n), ceilings: Array<bigint>(TRADED).fill(0n) }

/** How often each kind of case came up. */
export class Counts {
  readonly all = new Map<string, number>()

  add(kind: string, when = true, times = 1): void {
    if (when) this.all.set(kind, (this.all.get(kind) ?? 0) + times)
  }
}

/** Runs at least `steps` random resolve steps: the circuit must accept what the reference machine does, and nothing near it. */
export async function fuzzResolve(random: Random, steps: number): Promise<Counts> {
  const circuit = await openCircuit('resolve')
  const counts = new Counts()
  for (let done = 0; done < steps; ) {
    const marks = randomMarks(random)
    const accounts = Array.from({ length: random.integer(2, 4) }, (_, index) => breachedMostly(random, index, marks))
    const ghosts = accounts
      .filter(() => random.chance(0.1))
      .map((account) => ({ ...account, version: account.version - 1n }))
      .filter(({ version }) => version >= 0n)
    const system = System.genesis(TINY, 3, dustLine(random, accounts[0]!.balances, marks), accounts, ghosts)
    system.setMarks(marks)
    toDistress(system)
    while (system.stacks[DISTRESS]!.length > 0) {
      const before = system.stacks[DISTRESS]!.slice()
        .reverse()
        .map(({ account }) => account)
      const count = Math.min(random.chance(0.9) ? TINY.resolve.steps : 1, system.stacks[DISTRESS]!.length)
      const { input, resolutions } = system.resolve(count)
      await agrees(circuit, input, random)
      done += count
      for (const [s, { action, liquidation }] of resolutions.entries()) {
        const { balances } = before[s]!
        counts.add('steps')
        counts.add(
          action === 'liquidate'
            ? `liquidate, ${liquidation!.status}${liquidation!.status === 'closed' ? (liquidation!.insufficient ? ' as insufficient' : ' as dust') : ''}`
            : action,
        )
        if (liquidation !== undefined) {
          counts.add('bad debt', liquidation.badDebt > 0n)
          counts.add(
            'partial that sells or buys all of something',
            liquidation.status === 'partial' && liquidation.traded.some((q, a) => q > 0n && q === abs(balances[a]!)),
          )
          counts.add('m = 1', liquidation.multiplier === 1n)
          counts.add('m > 2^47', liquidation.multiplier >> 47n > 0n)
          counts.add('of 2 or more assets', liquidation.traded.filter((q) => q > 0n).length > 1)
        }
        counts.add('a health within a cash unit of 0', abs(health(balances, marks)) <= SCALE)
        counts.add('a health of 0', health(balances, marks) === 0n)
        counts.add(
          'a target health within a cash unit of its line',
          abs(targetHealth(balances, marks) - SCALE) <= SCALE,
        )
        counts.add(
          'dust or not by one unit',
          isDust(balances, marks, system.ledger.minLiability + 1n) !==
            isDust(balances, marks, system.ledger.minLiability),
        )
        counts.add(
          'a magnitude above 2^60',
          balances.some((balance) => abs(balance) >> 60n > 0n),
        )
        if (action !== 'drop' && random.chance(0.5)) {
          await refuses(nearby(random, input, s), 'Liquidation', s)
          counts.add('lies refused')
        }
      }
    }
  }
  return counts

  async function refuses(lie: CircuitInput, template: string, s: number): Promise<void> {
    const outcome = await circuit.run(lie)
    assert.ok('message' in outcome, `a lie was accepted in step ${s}`)
    // At the liquidation itself: the public vector, which is still that of the truth, comes later.
    assert.match(outcome.message, new RegExp(`template ${template}_`))
  }
}

/**
 * The witness program takes the input, with its assertions; now and then the constraints are evaluated as well, which
 * is slower.
 */
export async function agrees(circuit: Circuit, input: CircuitInput, random: Random): Promise<void> {
  if (random.chance(0.02)) await accepts(circuit, input)
  else {
    const outcome = await circuit.run(input)
    assert.ok(!('message' in outcome), `refused: ${'message' in outcome && outcome.message}`)
  }
}

/** The step with another case or multiplier: none is the right one. */
function nearby(random: Random, input: CircuitInput, s: number): CircuitInput {
  const value = (name: string) => (input[name] as readonly bigint[])[s]!
  const m = value('multiplier')
  const any = 1n + random.magnitude(47)
  if (value('liquidate') === 0n) {
    return putStep(input, s, {
      refresh: 0n,
      liquidate: 1n,
      ...random.pick([{ multiplier: any }, { insufficient: 1n }, { multiplier: 0n }]),
    })
  }
  if (m > 0n)
    return putStep(
      input,
      s,
      random.pick([
        { multiplier: m + 1n },
        { multiplier: m - 1n },
        { multiplier: any === m ? m + 1n : any },
        { multiplier: 0n, insufficient: 1n },
      ]),
    )
  return putStep(
    input,
    s,
    random.pick([{ multiplier: any, insufficient: 0n }, { insufficient: 1n - value('insufficient') }]),
  )
}

/** The generator's accounts are healthy more often than not: a few attempts to get one that is not, most of the time. */
function breachedMostly(random: Random, index: number, marks: Marks): Account {
  let account = randomAccount(random, index, marks)
  for (let attempt = 0; attempt < 6 && health(account.balances, marks) >= 0n && random.chance(0.9); attempt++)
    account = randomAccount(random, index, marks)
  return account
}

/** A threshold at which the account is just dust, just not, or any. */
function dustLine(random: Random, balances: readonly bigint[], marks: Marks): bigint {
  let liabilities = 0n
  let collateral = 0n
  balances.forEach((balance, a) => {
    if (balance < 0n) liabilities -= balance * marks[a]!.price
    else collateral += balance * marks[a]!.price
  })
  const line =
    random.pick([0n, 0n, random.magnitude(64), liabilities >> 32n, collateral >> 34n]) + BigInt(random.integer(0, 1))
  return line < WORD ? line : WORD - 1n
}

/** The inbox swept into distress. Slot 2 only completes the window. */
function toDistress(system: System): void {
  system.open({ slot: 2, envelope: NO_ENVELOPE })
  while (system.stacks[INBOX]!.length > 0) {
    const count = Math.min(TINY.sweeps[0].steps, system.stacks[INBOX]!.length)
    system.sweep(
      [DISTRESS, INBOX, 2],
      Array.from({ length: count }, () => ({ from: INBOX, to: DISTRESS })),
    )
  }
}

/** Runs at least `steps` random sweep steps between six slots. */
export async function fuzzSweep(random: Random, steps: number): Promise<Counts> {
  const circuit = await openCircuit('sweep')
  const counts = new Counts()
  for (let done = 0; done < steps; ) {
    const slots = 6
    const envelopes = Array.from({ length: slots }, () => randomEnvelope(random))
    const accounts = Array.from({ length: random.integer(4, 12) }, (_, index) =>
      randomSweepAccount(random, index, random.pick(envelopes.slice(2))),
    )
    const system = System.genesis(TINY, slots, 0n, accounts)
    envelopes.forEach((envelope, slot) => slot > INBOX && system.open({ slot, envelope }))
    for (let batch = 0; batch < 6; batch++) {
      const window = Array.from({ length: slots }, (_, slot) => slot)
      while (window.length > TINY.sweeps[0].window) window.splice(random.integer(0, window.length - 1), 1)
      // Random walks of leaves between the window's stacks; what is not safe in a slot does not go there.
      const tops = new Map(window.map((slot) => [slot, system.stacks[slot]!.map(({ account }) => account)]))
      const moves: Move[] = []
      const corners: (bigint | undefined)[] = []
      for (let attempt = 0; attempt < 40 && moves.length < TINY.sweeps[0].steps; attempt++) {
        const [from, to] = [random.pick(window), random.pick(window)]
        const account = tops.get(from)!.at(-1)
        if (from === to || account === undefined) continue
        const corner = to > INBOX ? cornerHealth(account.balances, envelopes[to]!) : undefined
        if (corner !== undefined && corner < 0n) continue
        tops.get(to)!.push(tops.get(from)!.pop()!)
        moves.push({ from, to })
        corners.push(corner)
      }
      const { input } = system.sweep(window, moves)
      await agrees(circuit, input, random)
      done += moves.length
      counts.add('inactive steps', moves.length < TINY.sweeps[0].steps)
      for (const [s, corner] of corners.entries()) {
        counts.add('steps')
        counts.add(corner === undefined ? 'into distress or inbox' : 'into an envelope')
        counts.add('a corner of 0', corner === 0n)
        counts.add('a corner within a cash unit of 0', corner !== undefined && corner <= SCALE)
        counts.add('a corner above 2^120', corner !== undefined && corner >> 120n > 0n)
        await refuseUnsafe(input, window, s)
      }
    }

    /** Moves the account of a step into a slot of the window whose corner it is beyond. */
    async function refuseUnsafe(input: CircuitInput, window: readonly number[], s: number): Promise<void> {
      const value = (name: string) => (input[name] as readonly (readonly bigint[])[])[s]!
      const balances = value('magnitude').map((m, a) => (value('sign')[a] ? -m : m))
      const source = value('from').indexOf(1n)
      const w = window.findIndex(
        (slot, w) => slot > INBOX && w !== source && cornerHealth(balances, envelopes[slot]!) < 0n,
      )
      if (w < 0) return
      const lie = put(
        input,
        'to',
        [s],
        window.map((_, other) => (other === w ? 1n : 0n)),
      )
      const outcome = await circuit.run(lie)
      assert.ok('message' in outcome, `an unsafe account was swept in step ${s}`)
      assert.match(outcome.message, /template AssertRange_/)
      counts.add('lies refused')
      counts.add(
        'lies refused by a corner within a cash unit',
        cornerHealth(balances, envelopes[window[w]!]!) >= -SCALE,
      )
    }
  }
  return counts
}
