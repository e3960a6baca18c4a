import assert from 'node:assert/strict'
import type { CircuitInput } from '../../protocol/circuit-input.ts'
import { concentratedMarks, concentrationChargeUp, kappaUp } from '../../protocol/concentration.ts'
import { initialHealth } from '../../protocol/health.ts'
import { assetMarks, fillMarks, type Marks } from '../../protocol/marks.ts'
import type { Operation } from '../../protocol/operation.ts'
import { OP } from '../../protocol/transact.ts'
import { type Circuit, openCircuit } from '../support/circuit.ts'
import { put } from '../support/circuit-forgery.ts'
import { forced, half, owned, ownedAccount, unwind, VALID_UNTIL, withdrawal } from '../support/circuit-owners.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'
import { forgeTransact, opBits, signedLie } from '../support/circuit-transact-forgery.ts'

const ENOUGH = '(withdraw + exchange + forced) * (1 - margin.enough) === 0'
const DISCHARGE = 'discharge * serveable === 0'
const DIGEST = 'digest === link[links - 1].out'
const MAX = (1n << 64n) - 1n
const UNIT = 1n << 32n

/** ETH at 200 a unit of 10^8, cash with 6 decimals, a depth of 250,000 ETH and f = 3; SOL likewise at 30, of 900 whole units. */
const FACTORS = {
  collateralFactor: 8500n,
  liabilityFactor: 11500n,
  targetCollateralFactor: 8000n,
  targetLiabilityFactor: 12000n,
  penalty: 200n,
}
const DEPTHS = [250_000n * 10n ** 8n, 900n * 10n ** 8n]
const CHARGED: Marks = fillMarks(
  [2n * UNIT, UNIT / 4n].map((price, i) =>
    concentratedMarks(assetMarks(price, { ...FACTORS, depth: DEPTHS[i]! }, 'asset'), DEPTHS[i]!, 30_000n),
  ),
)
/** Eight balances, of which the first are given. */
const eight = (...given: readonly bigint[]) => [...given, ...Array<bigint>(8 - given.length).fill(0n)]
const ETH = 10n ** 8n
const USD = 10n ** 6n

/** Marks of which asset 1 has a value of 1 a unit and this kappa: T and the charge are plain numbers. */
function plain(kappa: bigint, value = UNIT): Marks {
  return CHARGED.map((asset, a) =>
    a === 1 ? { ...asset, initialCollateralValue: value, initialLiabilityValue: value, concentration: kappa } : asset,
  )
}

describe('concentration in the transact circuit', () => {
  let circuit: Circuit

  before(async () => {
    circuit = await openCircuit('transact')
  })

  const run = (balances: readonly bigint[], operation: Operation, marks: Marks = CHARGED): CircuitInput =>
    owned([ownedAccount(0, balances)], { marks }).transact([operation], VALID_UNTIL).input

  it('takes the last unit of cash that the charge leaves, and refuses one more, forced or not', async () => {
    for (const held of [1_000n, 20_000n]) {
      const balances = eight(-1n, held * ETH)
      const charge = concentrationChargeUp(balances, CHARGED)
      // 0.5 f price b^2 / depth: 1,200 of 200,000, and 480,000 of 4,000,000.
      assert.equal(charge >> 32n, held === 1_000n ? 1_200n * USD : 480_000n * USD)
      const most = ((initialHealth(balances, CHARGED) - charge) >> 32n) - 1n
      for (const make of [withdrawal, forced]) {
        const honest = run(balances, make({ index: 0, amount: most }))
        await accepts(circuit, honest)
        await rejects(circuit, signedLie(honest, 0, { amount: most + 1n }), 'TransactStep', ENOUGH)
      }
    }
  })

  it('is charged to the 2^-80 of a unit of cash: one of kappa, of b, or of T too many is refused', async () => {
    // T - kappa b^2 / 2^48 = 2^32 exactly: b = 2^24, so that kappa is the charge itself.
    const b = 1n << 24n
    const kappa = b * UNIT - UNIT - UNIT
    const exact = run([1n, b], withdrawal({ index: 0, amount: 2n }), plain(kappa))
    await accepts(circuit, exact)
    const over = forgeTransact({ ...exact, kappas: (exact.kappas as bigint[]).with(0, kappa + 1n) })
    await rejects(circuit, over, 'TransactStep', ENOUGH)
    await rejects(circuit, forgeTransact(put(exact, 'marks', [0, 1], UNIT - 1n)), 'TransactStep', ENOUGH)
    // Of b = 1 the least charge is 2^-48 of a mark's unit: nothing of it is rounded away.
    const one = run([0n, 1n], withdrawal({ index: 0, amount: 1n }), plain(0n, 2n * UNIT))
    await accepts(circuit, one)
    await rejects(
      circuit,
      forgeTransact({ ...one, kappas: (one.kappas as bigint[]).with(0, 1n) }),
      'TransactStep',
      ENOUGH,
    )
  })

  it('is charged of every asset, of long and short alike', async () => {
    for (let a = 1; a < 8; a++) {
      const sign = a % 2 === 0 ? 1n : -1n
      const marks = CHARGED.map((asset, i) =>
        i === a
          ? { ...CHARGED[1]!, initialCollateralValue: UNIT, initialLiabilityValue: UNIT, concentration: 1n << 48n }
          : asset,
      )
      // T = 3 units of cash beyond the line, charge 2^-32 of one for each squared unit.
      const balances = Array<bigint>(8)
        .fill(0n)
        .with(0, 10n)
        .with(a, sign * 2n)
        .with(a === 7 ? 6 : 7, -1n)
      const free = marks.map((asset, i) =>
        i === (a === 7 ? 6 : 7) ? { ...asset, initialLiabilityValue: 0n, concentration: 0n } : asset,
      )
      const most = 10n + sign * 2n - 2n
      const honest = run(balances, withdrawal({ index: 0, amount: most }), free)
      await accepts(circuit, honest)
      await rejects(circuit, signedLie(honest, 0, { amount: most + 1n }), 'TransactStep', ENOUGH)
    }
  })

  it('does not wrap around: the greatest balances and kappas are refused, and discharged', async () => {
    const marks = CHARGED.map((asset, a) =>
      a === 0
        ? asset
        : { ...asset, price: 1n, initialCollateralValue: MAX, initialLiabilityValue: MAX, concentration: MAX },
    )
    for (const sign of [1n, -1n]) {
      const balances = [-1n, ...Array<bigint>(7).fill(sign * MAX)]
      const discharged = run(balances, forced({ index: 0, amount: 1n }), marks)
      assert.deepEqual((discharged.op as bigint[][])[0], opBits(OP.discharge))
      await accepts(circuit, discharged)
      const served = forgeTransact({
        ...discharged,
        op: [opBits(OP.forced), (discharged.op as bigint[][])[1]!],
      })
      await rejects(circuit, served, 'TransactStep', ENOUGH)
    }
  })

  it('is not charged an account without liabilities', async () => {
    const balances = [10n * USD, 10n ** 6n * ETH]
    await accepts(circuit, run(balances, withdrawal({ index: 0, amount: 10n * USD })))
  })

  it('discharges what it refuses, serves what it allows, and not the contrary', async () => {
    const balances = eight(0n, 20_000n * ETH)
    const charge = concentrationChargeUp(balances, CHARGED)
    const most = ((initialHealth(balances, CHARGED) - charge) >> 32n) - 1n
    const [served, refused] = [most, most + 1n].map((amount) => run(balances, forced({ index: 0, amount })))
    const told = [served!, refused!].map((input) => (input.op as bigint[][])[0])
    assert.deepEqual(told, [opBits(OP.forced), opBits(OP.discharge)])
    await accepts(circuit, served!)
    await accepts(circuit, refused!)
    const as = (input: CircuitInput, number: number) =>
      forgeTransact({
        ...input,
        op: [opBits(number), (input.op as bigint[][])[1]!],
      })
    await rejects(circuit, as(served!, OP.discharge), 'TransactStep', DISCHARGE)
    await rejects(circuit, as(refused!, OP.forced), 'TransactStep', ENOUGH)
  })

  it('is charged of trades and unwindings that take on risk', async () => {
    const balances = eight(-100_000n * USD, 20_000n * ETH)
    const system = owned([ownedAccount(0, balances), ownedAccount(1, [10n ** 13n, 10n ** 12n])], { marks: CHARGED })
    const charge = (eth: bigint) => concentrationChargeUp(eight(0n, eth), CHARGED)
    const [x, after] = [1_000n * ETH, 21_000n * ETH]
    const most = ((initialHealth(eight(balances[0]!, after), CHARGED) - charge(after)) >> 32n) - 1n
    const bought = { direction: 1, x, y: most } as const
    const alone = system.clone().transact([unwind({ index: 0, ...bought })], VALID_UNTIL).input
    await accepts(circuit, alone)
    await rejects(circuit, signedLie(alone, 0, { cash: most + 1n }), 'TransactStep', ENOUGH)
    const pair = system.transact(
      [half({ index: 0, ...bought }), half({ index: 1, ...bought, direction: 0 })],
      VALID_UNTIL,
    )
    await accepts(circuit, pair.input)
    await rejects(
      circuit,
      signedLie(signedLie(pair.input, 0, { cash: most + 1n }), 1, { cash: most + 1n }),
      'TransactStep',
      ENOUGH,
    )
  })

  it('leaves an exception alone: T is compared without it, before and after', async () => {
    // Beyond 0.8 depth / f, where the charge takes more than all that the position is worth.
    const balances = eight(-1_000_000n * USD, 200_000n * ETH)
    assert.ok(initialHealth(balances, CHARGED) - concentrationChargeUp(balances, CHARGED) < 0n)
    const sale = run(balances, unwind({ index: 0, direction: 0, x: 1_000n * ETH, y: 196_000n * USD }))
    assert.equal((sale.exception as bigint[])[0], 1n)
    await accepts(circuit, sale)
    await rejects(circuit, signedLie(sale, 0, { exception: 0n }), 'TransactStep', ENOUGH)
    // T does not improve, though the charge falls by far more than T does: sell is the initial value here, and less is paid.
    const level = CHARGED.map((asset, a) => (a === 1 ? { ...asset, sell: UNIT, initialCollateralValue: UNIT } : asset))
    const fair = run([-10n * ETH, 200_000n * ETH], unwind({ index: 0, direction: 0, x: ETH, y: ETH + 1n }), level)
    await accepts(circuit, fair)
    await rejects(circuit, signedLie(fair, 0, { cash: ETH }), 'TransactStep', ENOUGH)
  })

  it('is public: another kappa than the contract has is no witness', async () => {
    const honest = run([-1n, 1_000n * ETH], withdrawal({ index: 0, amount: 1n }))
    for (const a of [0, 1, 6]) {
      const kappas = (honest.kappas as bigint[]).with(a, (honest.kappas as bigint[])[a]! + 1n)
      await rejects(circuit, { ...honest, kappas }, 'PublicVector', DIGEST)
    }
    assert.equal((honest.kappas as bigint[])[0], kappaUp(2n * UNIT, DEPTHS[0]!, 30_000n))
  })
})
