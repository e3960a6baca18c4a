import assert from 'node:assert/strict'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { vectorChallenge, vectorDigest, vectorEvaluation } from '../../protocol/public-vector.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { BLINDING_LIES, refusesBlinding } from '../support/circuit-blinding.ts'
import { at, forgeSweep, put, putStep, sweepHeadsOf, sweepVectorOf, withVector } from '../support/circuit-forgery.ts'
import { account, BELOW_TARGET, HEALTHY, inInbox, PARTIAL, TINY, WINDOW } from '../support/circuit-market.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'

const SLOT_2 = [0n, 0n, 1n]
const NONE = [0n, 0n, 0n]
const DIGEST = 'digest === link[links - 1].out'
/** Every asset at 3 cash units for a positive unit, and 1/2^32 of one for a negative. */
const UNIT_BOUNDS = { floors: Array<bigint>(7).fill(3n << 32n), ceilings: Array<bigint>(7).fill(1n) }

describe('sweep circuit', () => {
  let circuit: Circuit
  let honest: CircuitInput

  before(async () => {
    circuit = await openCircuit('sweep')
    // Inbox, top first: HEALTHY, PARTIAL, BELOW_TARGET. Two steps of four are active.
    const system = inInbox([account(0, BELOW_TARGET), account(1, PARTIAL), account(2, HEALTHY)])
    honest = system.sweep(WINDOW, [
      { from: 1, to: 2 },
      { from: 1, to: 0 },
    ]).input
  })

  const swept = (balances: readonly bigint[], to: number) =>
    inInbox([account(0, balances)], { envelope: UNIT_BOUNDS }).sweep(WINDOW, [{ from: 1, to }]).input

  it('takes what an honest sequencer does', async () => {
    await accepts(circuit, honest)
    await accepts(circuit, forgeSweep(honest))
  })

  it('takes an account at the very corner of the envelope, and refuses one a 2^-32 of a cash unit beyond', async () => {
    await accepts(circuit, swept([-15n, 5n], 2))
    await rejects(circuit, swept([-15n, 5n, -1n], 2), 'SweepStep', 'AssertRange(132)(gated)')
    await accepts(circuit, swept([-15n, 5n, -1n], 0))
  })

  it('takes an account as far from the corner as 64 bits allow', async () => {
    const max = (1n << 64n) - 1n
    const bounds = { floors: Array<bigint>(7).fill(max), ceilings: Array<bigint>(7).fill(max) }
    const all = (sign: bigint) =>
      inInbox([account(0, Array<bigint>(8).fill(sign * max))], { envelope: bounds }).sweep(WINDOW, [{ from: 1, to: 2 }])
        .input
    await accepts(circuit, all(1n))
    await rejects(circuit, all(-1n), 'SweepStep', 'AssertRange(132)(gated)')
  })

  it('takes a leaf through several stacks in one batch', async () => {
    const system = inInbox([account(0, HEALTHY)])
    const moves = [
      { from: 1, to: 2 },
      { from: 2, to: 0 },
      { from: 0, to: 2 },
      { from: 2, to: 1 },
    ]
    await accepts(circuit, system.sweep(WINDOW, moves).input)
  })

  const attacks: [what: string, statement: string, lie: () => CircuitInput][] = [
    ['a breached account swept into a normal slot', 'AssertRange(132)(gated)', () => put(honest, 'to', [1], SLOT_2)],
    [
      'a leaf popped from another slot',
      'from[w] * (heads[w] - popped) === 0',
      () => put(put(honest, 'from', [0], [1n, 0n, 0n]), 'below', [0], 0n),
    ],
    [
      'a leaf that is not on top',
      'from[w] * (heads[w] - popped) === 0',
      () => {
        // Step 0 opens the leaf that step 1 should.
        const second = Object.fromEntries(
          ['below', 'key', 'meta', 'sign', 'magnitude'].map((name) => [name, (honest[name] as readonly bigint[])[1]!]),
        )
        return putStep(honest, 0, second)
      },
    ],
    [
      'a leaf of an empty stack',
      'from[w] * (heads[w] - popped) === 0',
      () => put(put(honest, 'from', [0], [1n, 0n, 0n]), 'below', [0], at(honest, 'headsBefore', 0)),
    ],
    [
      'a leaf opened with other balances',
      'from[w] * (heads[w] - popped) === 0',
      () => put(honest, 'magnitude', [0, 1], at(honest, 'magnitude', 0, 1) + 1n),
    ],
    ['a leaf opened with another sign', 'from[w] * (heads[w] - popped) === 0', () => put(honest, 'sign', [1, 0], 0n)],
    ['a leaf opened with another key', 'from[w] * (heads[w] - popped) === 0', () => put(honest, 'key', [0], 1n)],
    ['another stack below the leaf', 'from[w] * (heads[w] - popped) === 0', () => put(honest, 'below', [0], 0n)],
    ['a leaf invented: a target without a source', 'sources === active', () => put(honest, 'from', [0], NONE)],
    ['a leaf lost: a source without a target', 'targets === active', () => put(honest, 'to', [0], NONE)],
    ['a leaf duplicated: two targets', 'targets === active', () => put(honest, 'to', [0], [1n, 0n, 1n])],
    ['two sources', 'sources === active', () => put(honest, 'from', [1], [0n, 1n, 1n])],
    ['two targets that sum to one', 'to[w] * (to[w] - 1) === 0', () => put(honest, 'to', [0], [2n, 0n, mod(-1n)])],
    ['sources that sum to one', 'from[w] * (from[w] - 1) === 0', () => put(honest, 'from', [0], [mod(-1n), 1n, 1n])],
    ['a source that is its own target', 'from[w] * to[w] === 0', () => put(honest, 'to', [0], [0n, 1n, 0n])],
    ['an inactive step that moves a leaf', 'sources === active', () => put(honest, 'active', [1], 0n)],
    ['an inactive step that loses a leaf', 'sources === active', () => putStep(honest, 1, { active: 0n, to: NONE })],
    [
      'an inactive step that invents a leaf',
      'targets === active',
      () => putStep(honest, 1, { active: 0n, from: NONE }),
    ],
  ]
  for (const [what, statement, lie] of attacks) {
    it(`refuses ${what}`, () => rejects(circuit, forgeSweep(lie()), 'SweepStep', statement))
  }

  it('refuses active steps that do not come first', async () => {
    // Step 2 does what step 1 did.
    const moved = Object.keys(honest).filter(
      (name) => Array.isArray(honest[name]) && (honest[name] as unknown[]).length === TINY.sweeps[0].steps,
    )
    const step = (s: number) => Object.fromEntries(moved.map((name) => [name, (honest[name] as readonly bigint[])[s]!]))
    const lie = putStep(putStep(honest, 1, step(2)), 2, step(1))
    await rejects(circuit, forgeSweep(lie), 'Sweep', 'activeBit[s] * (1 - activeBit[s - 1]) === 0')
  })

  it('refuses flags that are not bits', async () => {
    await rejects(
      circuit,
      forgeSweep(put(honest, 'active', [0], 2n)),
      'Sweep',
      'activeBit[s] <== AssertBit()(active[s])',
    )
    await rejects(circuit, forgeSweep(put(honest, 'free', [2], 2n)), 'Sweep', 'freeBit[w] <== AssertBit()(free[w])')
    await rejects(
      circuit,
      forgeSweep(put(honest, 'sign', [0, 3], 2n)),
      'Sweep',
      'balances[s].sign[a] <== AssertBit()(sign[s][a])',
    )
  })

  it('refuses heads after that are not those of the moves', async () => {
    const [distress, inbox, slot] = sweepHeadsOf(honest) as [bigint, bigint, bigint]
    const extra = poseidon([slot, 5n])
    const lies: Record<string, bigint[]> = {
      'a leaf duplicated: its source as before': [distress, at(honest, 'headsBefore', 1), slot],
      'a leaf lost: its target as before': [distress, inbox, at(honest, 'headsBefore', 2)],
      'a leaf invented': [distress, inbox, extra],
      'stacks exchanged': [slot, inbox, distress],
    }
    for (const lie of Object.values(lies)) await rejects(circuit, forgeSweep(honest, lie), 'PublicVector', DIGEST)
  })

  describe('of blinded heads', () => {
    const ends = (input: CircuitInput) =>
      [0, 1, 2].flatMap((w) => [
        { at: w, head: at(input, 'headsBefore', w), salt: at(input, 'saltsBefore', w) },
        { at: 3 + w, head: sweepHeadsOf(input)[w]!, salt: at(input, 'saltsAfter', w) },
      ])
    for (const lie of BLINDING_LIES)
      it(`refuses ${lie}, before and after`, () =>
        refusesBlinding(circuit, honest, sweepVectorOf(honest), ends(honest), lie))

    it('refuses the stack of another system, whose moves are right', async () => {
      const foreign = inInbox([account(0, PARTIAL), account(1, PARTIAL)]).sweep(WINDOW, [{ from: 1, to: 0 }]).input
      await accepts(circuit, foreign)
      const onChain = sweepVectorOf(foreign).with(1, sweepVectorOf(honest)[1]!)
      await rejects(circuit, withVector(foreign, onChain), 'PublicVector', DIGEST)
    })

    it('refuses salts that are not those of the heads before', async () => {
      const salts = (honest.saltsBefore as readonly bigint[]).with(1, 5n)
      const lie = withVector({ ...honest, saltsBefore: salts }, sweepVectorOf(honest))
      await rejects(circuit, lie, 'PublicVector', DIGEST)
    })

    it('takes whatever salts the sequencer chooses for the heads after, and any for empty ones', async () => {
      await accepts(circuit, forgeSweep({ ...honest, saltsAfter: [0n, 1n, mod(-1n)] }))
      await accepts(circuit, forgeSweep({ ...honest, saltsBefore: (honest.saltsBefore as bigint[]).with(0, 99n) }))
    })

    it('are new of every slot of a window, also where nothing moves, and tell no number of moves', async () => {
      const system = inInbox([account(0, HEALTHY), account(1, HEALTHY)])
      const heads = [...system.ledger.heads]
      const idle = system.clone().sweep(WINDOW, [])
      const busy = system.clone().sweep(WINDOW, [
        { from: 1, to: 2 },
        { from: 2, to: 1 },
      ])
      await accepts(circuit, busy.input)
      assert.deepEqual(busy.batch, idle.batch)
      assert.notEqual(idle.batch.headsAfter[1], heads[1])
      assert.deepEqual([idle.batch.headsAfter[0], idle.batch.headsAfter[2]], [0n, 0n])
    })
  })

  it('refuses the bounds of another slot, though the account is within those', async () => {
    const breaching = account(0, [-15n, 5n, -1n])
    const moves = [{ from: 1, to: 2 }]
    const ceilings = UNIT_BOUNDS.ceilings.with(1, 0n)
    const wider = inInbox([breaching], { envelope: { ...UNIT_BOUNDS, ceilings } }).sweep(WINDOW, moves).input
    await accepts(circuit, wider)
    // On the chain slot 2 has the bounds that the account is a 2^-32 of a cash unit beyond.
    const onChain = sweepVectorOf({ ...wider, ceilings: swept([0n], 2).ceilings! })
    assert.equal(onChain.filter((element, i) => element !== sweepVectorOf(wider)[i]).length, 1)
    await rejects(circuit, withVector(wider, onChain), 'PublicVector', DIGEST)
  })

  it('refuses a public vector that differs from the digest in one element, whichever', async () => {
    const vector = sweepVectorOf(honest)
    const digest = vectorDigest(vector)
    for (let i = 0; i < vector.length; i++) {
      // The contract's own vector gives z and y; the digest is the prover's.
      const other = vector.with(i, mod(vector[i]! + 1n))
      const z = vectorChallenge(other, digest)
      await rejects(circuit, { ...honest, digest, z, y: vectorEvaluation(other, z) }, 'PublicVector', 'y === horner[0]')
    }
  })
})
