import assert from 'node:assert/strict'
import { type Address, zeroAddress } from 'viem'
import type { Contract } from './chain.ts'
import { ADA, keyOf, open, refusesTransact, resolveBatch, step, transact, transactBatch, wait } from './custody.ts'
import { deployMarket, HANDOVER, type Market, nextRound, SEQUENCER_KEY, sweepBatch, WIDE } from './market.ts'
import { multiply, type Point, pointAt, R } from './mirror.ts'

const OPERATOR = 0
const NONE = [0n, 0n]
const NEXT = keyOf(99n)

/** A point of order 8, whose double has y = 0: on the curve, and no key. */
function orderEight(): Point {
  for (let x = 2n; ; x++) {
    const point = pointAt(x)
    // The order of the subgroup times a point is in the small one.
    const small =
      point && multiply(point, 2736030358979909402780800718157159386076813972158567259200215660948447373041n)
    if (small !== undefined && small[0] !== 0n && small[1] !== 0n) return small
  }
}

describe('a handover of the sequencer', () => {
  let market: Market
  let governance: Contract
  let [operator, admin, ada, bob, eve] = [] as Address[]
  const keys = () => market.settlement.read<bigint[][]>('sequencerKeys')
  const inForce = async () => (await market.settlement.read<{ sequencerKey: bigint[] }>('config')).sequencerKey

  beforeEach(async () => {
    market = await deployMarket()
    governance = market.governance
    ;[operator, admin, ada, bob, eve] = market.chain.accounts
  })

  it('takes effect at the acceptance, after the delay: the role and the key, which says so', async () => {
    const nominated = await governance.write('nominateSequencer', [bob, NEXT], operator)
    const readyAt = (await market.chain.now()) + BigInt(HANDOVER)
    assert.deepEqual(governance.events(nominated), [
      { name: 'Nominated', args: { role: OPERATOR, who: bob, readyAt } },
      { name: 'SequencerKeyNominated', args: { x: NEXT[0], y: NEXT[1] } },
    ])
    assert.deepEqual(await governance.read('nominatedKey'), NEXT)
    assert.deepEqual(await inForce(), SEQUENCER_KEY)
    await governance.refuses('NotReady', 'acceptSequencer', [NEXT], [readyAt], bob)
    await wait(market, HANDOVER)
    const accepted = await governance.write('acceptSequencer', [NEXT], bob)
    assert.deepEqual(governance.events(accepted), [
      { name: 'HandedOver', args: { role: OPERATOR, from: operator, to: bob } },
    ])
    assert.deepEqual(market.settlement.events(accepted), [{ name: 'SequencerKey', args: { x: NEXT[0], y: NEXT[1] } }])
    assert.equal(await market.settlement.read('operator'), bob)
    assert.deepEqual(await inForce(), NEXT)
    assert.deepEqual(await keys(), [SEQUENCER_KEY, NEXT])
    assert.deepEqual(await governance.read('nominatedKey'), NONE)
    await market.settlement.refuses('NotOperator', 'settle', [[]], [], operator)
    await governance.refuses('NoKeyNominated', 'acceptSequencer', [NEXT], [], bob)
  })

  it('may be to the operator itself, whose key alone changes, and again, back to a key of before', async () => {
    for (const key of [NEXT, SEQUENCER_KEY]) {
      await governance.write('nominateSequencer', [operator, key], operator)
      await wait(market, HANDOVER)
      await governance.write('acceptSequencer', [key], operator)
    }
    assert.deepEqual(await keys(), [SEQUENCER_KEY, NEXT, SEQUENCER_KEY])
    assert.equal(await market.settlement.read('operator'), operator)
  })

  it('is announced by the operator or the admin, whose word the operator cannot take back: NotEntitled', async () => {
    for (const who of [eve, bob])
      await governance.refuses('NotEntitled', 'nominateSequencer', [bob, NEXT], [OPERATOR], who)
    await governance.write('nominateSequencer', [bob, NEXT], admin)
    await governance.refuses('NotEntitled', 'nominateSequencer', [eve, NEXT], [OPERATOR], operator)
    await governance.refuses('NotEntitled', 'nominate', [OPERATOR, zeroAddress], [OPERATOR], operator)
    assert.deepEqual(await governance.read('nominatedKey'), NEXT)
    await governance.write('nominate', [OPERATOR, zeroAddress], admin)
    assert.deepEqual(await governance.read('nominatedKey'), NONE)
    const { who } = await governance.read<{ who: Address }>('nomination', OPERATOR)
    assert.equal(who, zeroAddress)
  })

  it('is to somebody, with a canonical point of large order: InvalidSequencer', async () => {
    const [x, y] = SEQUENCER_KEY as Point
    const small: Point[] = [[0n, 1n], [0n, R - 1n], orderEight()]
    for (const key of [...small, [x + R, y], [x, y + R], [x, y + 1n], [0n, 0n], [1n, 0n]] as Point[])
      await governance.refuses('InvalidSequencer', 'nominateSequencer', [bob, key], [], operator)
    await governance.refuses('InvalidSequencer', 'nominateSequencer', [zeroAddress, NEXT], [], operator)
    assert.deepEqual(await governance.read('nominatedKey'), NONE)
  })

  it('is accepted by the nominee, who names the key: NotNominated, WrongKey', async () => {
    await governance.refuses('NoKeyNominated', 'acceptSequencer', [NEXT], [], bob)
    await governance.write('nominateSequencer', [bob, NEXT], operator)
    await wait(market, HANDOVER)
    await governance.refuses('NotNominated', 'acceptSequencer', [NEXT], [OPERATOR], eve)
    for (const key of [SEQUENCER_KEY, [NEXT[0], NEXT[1] + 1n], [NEXT[0] + 1n, NEXT[1]], NONE])
      await governance.refuses('WrongKey', 'acceptSequencer', [key], [], bob)
    await governance.write('acceptSequencer', [NEXT], bob)
  })

  it('is not half a handover: an operator nominated with a key takes both, one without takes none', async () => {
    await governance.write('nominateSequencer', [bob, NEXT], operator)
    await wait(market, HANDOVER)
    await governance.refuses('KeyNominated', 'accept', [OPERATOR], [], bob)
    // In its place one without a key: the delay begins anew, and the key stays.
    await governance.write('nominate', [OPERATOR, bob], operator)
    const readyAt = (await market.chain.now()) + BigInt(HANDOVER)
    await governance.refuses('NotReady', 'accept', [OPERATOR], [readyAt], bob)
    await wait(market, HANDOVER)
    await governance.refuses('NoKeyNominated', 'acceptSequencer', [NEXT], [], bob)
    await governance.write('accept', [OPERATOR], bob)
    assert.equal(await market.settlement.read('operator'), bob)
    assert.deepEqual(await keys(), [SEQUENCER_KEY])
  })

  it('of another key begins the delay anew; other roles are not touched by it', async () => {
    await governance.write('nominateSequencer', [bob, NEXT], operator)
    await wait(market, HANDOVER)
    await governance.write('nominateSequencer', [bob, ADA], operator)
    const readyAt = (await market.chain.now()) + BigInt(HANDOVER)
    await governance.refuses('NotReady', 'acceptSequencer', [ADA], [readyAt], bob)
    await governance.write('nominate', [1, ada], admin)
    assert.deepEqual(await governance.read('nominatedKey'), ADA)
    await wait(market, HANDOVER)
    await governance.write('accept', [1], ada)
    assert.deepEqual(await governance.read('nominatedKey'), ADA)
    await governance.write('acceptSequencer', [ADA], bob)
  })

  it('changes nothing before the binding, and is by the governance alone', async () => {
    const other = await market.chain.contract('Governance', [market.config.governance])
    await other.refuses('NotBound', 'nominateSequencer', [bob, NEXT], [], admin)
    await other.refuses('NotBound', 'acceptSequencer', [NEXT], [], bob)
    for (const who of [operator, admin, eve])
      await market.settlement.refuses('NotGovernance', 'setSequencer', [who, NEXT], [], who)
  })

  it('voids sweeps and resolves that were proven before it, of an operator that stays too, and for good', async () => {
    const sweepOf = (era: bigint) =>
      sweepBatch(
        [
          { slot: 0, before: 0n, after: 0n },
          { slot: 1, before: 0n, after: 0n },
          { slot: 2, before: 0n, after: 9n, envelope: WIDE },
        ],
        { openings: [{ slot: 2, ...WIDE }], era },
      )
    const handOver = async (key: Point) => {
      await governance.write('nominateSequencer', [operator, key], operator)
      await wait(market, HANDOVER)
      await governance.write('acceptSequencer', [key], operator)
      await nextRound(market)
    }
    await nextRound(market)
    const resolve = (era: bigint) => resolveBatch(market, [], 0n, era)
    const early = [sweepOf(1n), await resolve(1n)]
    const snapshot = await market.chain.client.snapshot()
    for (const batch of early) await market.settlement.write('settle', [[batch]])
    await market.chain.client.revert({ id: snapshot })
    const refused = async () => {
      for (const batch of early) await market.settlement.refuses('InvalidProof', 'settle', [[batch]], [0n])
      await market.settlement.refuses('InvalidProof', 'settle', [early], [0n])
      await market.settlement.refuses('InvalidProof', 'settle', [[sweepOf(await era()), early[1]]], [1n])
    }
    const era = async () => BigInt((await keys()).length)
    await handOver(NEXT)
    await refused()
    // The key of the proofs is in force again, and they are void all the same.
    await handOver(SEQUENCER_KEY as Point)
    assert.deepEqual(await inForce(), SEQUENCER_KEY)
    await refused()
    await market.settlement.write('settle', [[sweepOf(3n)]])
    await market.settlement.write('settle', [[await resolve(3n)]])
  })

  it('voids a transact that was proven for the key before, and whatever the operator before sends', async () => {
    await market.rounds.write('postRound')
    await open(market, ada!, 0, 1_000n)
    const steps = [step.open(0n, 0n, 1_000n, ADA)]
    const validUntil = (await market.chain.now()) + BigInt(2 * HANDOVER)
    const inFlight = await transactBatch(market, steps, { validUntil })
    const era = 2n
    await governance.write('nominateSequencer', [bob, NEXT], operator)
    await wait(market, HANDOVER)
    await governance.write('acceptSequencer', [NEXT], bob)
    await market.settlement.refuses('InvalidProof', 'settle', [[inFlight]], [0n], bob)
    await market.settlement.refuses('NotOperator', 'settle', [[inFlight]], [], operator)
    // Proven anew, for the key in force; the one of before is in no vector any more.
    const proven = { sequencerKey: [...NEXT] }
    await market.settlement.write('settle', [[await transactBatch(market, steps, { proven, validUntil, era })]], bob)
    const rekeyed = await transactBatch(market, [step.rekey(0n)], { proven, validUntil, era })
    await market.settlement.refuses(
      'InvalidProof',
      'settle',
      [[await transactBatch(market, [step.rekey(0n)], { validUntil, era })]],
      [0n],
      bob,
    )
    const receipt = await market.settlement.write('settle', [[rekeyed]], bob)
    assert.equal(market.vault.events(receipt).filter(({ name }) => name !== 'Checkpointed').length, 0)
  })

  it('a rekey moves no figure of the vault, needs no round, and is an active step like any other', async () => {
    await open(market, ada!, 0, 1_000n)
    await transact(market, [step.open(0n, 0n, 1_000n, ADA)])
    const ledger = () => Promise.all([0, 1, 2].map((a) => market.vault.read('ledger', a)))
    const before = await ledger()
    await transact(market, [step.rekey(0n), step.rekey(0n)])
    assert.deepEqual(await ledger(), before)
    await refusesTransact(market, 'InvalidStep', [step.rekey(0n)], [0n, 0n], { active: 0n })
  })
})
