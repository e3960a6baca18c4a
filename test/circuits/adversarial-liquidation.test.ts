import assert from 'node:assert/strict'
import { NEUTRAL_WEIGHTS } from '../../protocol/account.ts'
import type { Balances } from '../../protocol/health.ts'
import { cornerHealth, health } from '../../protocol/health.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import type { Marks } from '../../protocol/marks.ts'
import { type Circuit, openCircuit } from '../support/circuit.ts'
import { forgeResolve, put, putStep, type StepClaim, split } from '../support/circuit-forgery.ts'
import {
  AT_MARKS,
  account,
  BANKRUPT,
  BELOW_TARGET,
  DUST,
  HEALTHY,
  inDistress,
  MARKS,
  MIN_LIABILITY,
  PARTIAL,
} from '../support/circuit-market.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'

const DIGEST = 'digest === link[links - 1].out'
const MAX = (1n << 64n) - 1n
/** Long asset 1 and 2, short of cash: two balances are sold in part. */
const TWO_SIDED = [-4_000_000_000n, 1_500_000_000n, 50_000_000n]

describe('resolve circuit: what a liquidation does', () => {
  let circuit: Circuit

  before(async () => {
    circuit = await openCircuit('resolve')
  })

  const resolve = (balances: Balances, setting: { marks?: Marks; minLiability?: bigint } = {}) =>
    inDistress([account(0, balances)], setting).resolve(1)
  const written = (balances: Balances) => split([...balances, ...Array<bigint>(8 - balances.length).fill(0n)])

  /** The account liquidated as the prover likes: its case, multiplier, and what it claims of the outcome. */
  const forced = (
    balances: Balances,
    flags: { insufficient?: bigint; multiplier?: bigint },
    claim: StepClaim = {},
    setting: { marks?: Marks; minLiability?: bigint } = {},
  ) => {
    const { input } = resolve(balances, setting)
    return forgeResolve(
      putStep(input, 0, { liquidate: 1n, refresh: 0n, drop: 0n, insufficient: 0n, multiplier: 0n, ...flags }),
      [claim],
    )
  }

  /** Balances after trading `traded` of asset 1 and 2 at the penalty marks. */
  const traded = (balances: Balances, amounts: readonly bigint[], marks: Marks = MARKS) => {
    const whole = [...balances, ...Array<bigint>(8 - balances.length).fill(0n)]
    const proceeds = amounts.reduce(
      (sum, q, i) => sum + q * (whole[i + 1]! > 0n ? marks[i + 1]!.sell : -marks[i + 1]!.buy),
      0n,
    )
    amounts.forEach((q, i) => (whole[i + 1]! += whole[i + 1]! > 0n ? -q : q))
    whole[0]! += proceeds >> 32n
    return whole
  }

  it('takes each kind of liquidation, and the model of it agrees', async () => {
    for (const [balances, status] of [
      [PARTIAL, 'partial'],
      [TWO_SIDED, 'partial'],
      [DUST, 'closed'],
      [BANKRUPT, 'closed'],
    ] as const) {
      const {
        input,
        resolutions: [step],
      } = resolve(balances)
      const { liquidation } = step!
      assert.equal(liquidation?.status, status)
      await accepts(circuit, input)
      await accepts(circuit, forgeResolve(input, [{ ...written(liquidation.after), badDebt: liquidation.badDebt }]))
      assert.deepEqual(traded(balances, liquidation.traded.slice(1)).with(0, 0n), liquidation.after.with(0, 0n))
    }
  })

  describe('only to a breached account', () => {
    it('refuses a healthy account liquidated in part', async () => {
      const { multiplier, traded: amounts } = aimed(BELOW_TARGET)
      await rejects(
        circuit,
        forced(BELOW_TARGET, { multiplier }, written(traded(BELOW_TARGET, amounts.slice(1)))),
        'Liquidation',
        'AssertRange(134)(breachGap)',
      )
    })

    it('refuses a healthy account closed', async () => {
      const small = [-16_000_000n, 10_000_000n]
      assert.ok(health(account(0, small).balances, MARKS) >= 0n)
      await rejects(
        circuit,
        forced(small, {}, written(traded(small, [10_000_000n]))),
        'Liquidation',
        'AssertRange(134)(breachGap)',
      )
    })

    it('draws the line at a health of zero, exactly', async () => {
      // u is 1.7 cash units less the rounding: a short of asset 2 makes up the difference.
      const line = { ...AT_MARKS, floors: AT_MARKS.floors.with(0, 2n << 32n), ceilings: AT_MARKS.ceilings.with(1, 1n) }
      const marks: Marks = MARKS.map((asset, a) =>
        a === 1
          ? { ...asset, collateralValue: 2n << 32n, sell: 2n << 32n, targetCollateralValue: 1n << 32n }
          : a === 2
            ? { ...asset, liabilityValue: 1n }
            : asset,
      )
      const zero = [-2000n, 1000n]
      const breached = [-2000n, 1000n, -1n]
      assert.equal(cornerHealth(account(0, zero).balances, line), 0n)
      assert.equal(health(account(0, breached).balances, marks), -1n)
      await rejects(circuit, forced(zero, {}, {}, { marks }), 'Liquidation', 'AssertRange(134)(breachGap)')
      await accepts(circuit, resolve(breached, { marks }).input)
      await accepts(circuit, resolve(zero, { marks }).input)
    })
  })

  describe('by just the amount', () => {
    const { multiplier, traded: amounts } = liquidate(
      account(0, TWO_SIDED).balances,
      NEUTRAL_WEIGHTS,
      MARKS,
      MIN_LIABILITY,
    )

    it('refuses one unit more or less of any asset traded, whatever follows from it', async () => {
      const honest = resolve(TWO_SIDED).input
      for (const i of [1, 2]) {
        for (const unit of [1n, -1n]) {
          const lie = written(traded(TWO_SIDED, amounts.with(i, amounts[i]! + unit).slice(1)))
          await rejects(circuit, forgeResolve(honest, [lie]), 'PublicVector', DIGEST)
        }
      }
    })

    it('refuses one unit more or less of cash', async () => {
      const {
        input,
        resolutions: [step],
      } = resolve(TWO_SIDED)
      for (const unit of [1n, -1n]) {
        await rejects(
          circuit,
          forgeResolve(input, [written(step!.liquidation!.after.with(0, step!.liquidation!.after[0]! + unit))]),
          'PublicVector',
          DIGEST,
        )
      }
    })

    it('refuses a backstop that gets one unit more or less, of any asset', async () => {
      const { input, batch } = resolve(TWO_SIDED)
      for (let a = 0; a < 8; a++) {
        for (const unit of [1n, -1n]) {
          await rejects(
            circuit,
            forgeResolve(input, [{ backstopDelta: batch.backstopDelta.with(a, batch.backstopDelta[a]! + unit) }]),
            'PublicVector',
            DIGEST,
          )
        }
      }
    })

    it('refuses a smaller multiplier, which misses the target', async () => {
      for (const m of [multiplier - 1n, 1n]) {
        await rejects(circuit, forced(TWO_SIDED, { multiplier: m }), 'Liquidation', 'AssertRange(134)(reachedGap)')
      }
    })

    it('refuses a larger multiplier, although it reaches the target', async () => {
      for (const m of [multiplier + 1n, 2n * multiplier, (1n << 48n) - 1n]) {
        await rejects(circuit, forced(TWO_SIDED, { multiplier: m }), 'Liquidation', 'AssertRange(134)(missedGap)')
      }
    })

    it('refuses a multiplier of 0, of 2^48 and of less than 0', async () => {
      await rejects(circuit, forced(TWO_SIDED, { multiplier: 0n }), 'Liquidation', 'NonZeroIff()(multiplier, partial)')
      for (const m of [1n << 48n, -1n])
        await rejects(circuit, forced(TWO_SIDED, { multiplier: m }), 'Liquidation', 'AssertRange(48)(multiplier)')
    })

    it('takes a multiplier of 1 and of 2^48 - 1', async () => {
      // At k = 2^64 - 1 and a weight of 8, m = 1 sells up to 2^24 - 1 units.
      const fast: Marks = MARKS.map((asset, a) => (a === 1 ? { ...asset, kSell: MAX } : asset))
      const one = [-1_700_000_001n, 1_000_000_000n].map((b) => b / 1000n)
      const first = resolve(one, { marks: fast, minLiability: 0n })
      assert.equal(first.resolutions[0]!.liquidation!.multiplier, 1n)
      await accepts(circuit, first.input)

      const last = inLastPlace()
      assert.equal(last.resolutions[0]!.liquidation!.multiplier, (1n << 48n) - 1n)
      await accepts(circuit, last.input)
    })
  })

  describe('in part or in full as the position demands', () => {
    const partial = liquidate(account(0, PARTIAL).balances, NEUTRAL_WEIGHTS, MARKS, MIN_LIABILITY)

    it('refuses a full close that is not due', async () => {
      const closed = written(traded(PARTIAL, [1_000_000_000n]))
      await rejects(
        circuit,
        forced(PARTIAL, { insufficient: 1n }, closed),
        'Liquidation',
        'AssertRange(134)(missedGap)',
      )
      await rejects(circuit, forced(PARTIAL, {}, closed), 'Liquidation', 'NonZeroIff()(multiplier, partial)')
      await rejects(
        circuit,
        forced(PARTIAL, { insufficient: 1n, multiplier: partial.multiplier }, closed),
        'Liquidation',
        'NonZeroIff()(multiplier, partial)',
      )
    })

    it('refuses a flag that is not a bit', async () => {
      await rejects(
        circuit,
        forced(PARTIAL, { insufficient: 2n }),
        'Liquidation',
        'signal {binary} insufficientBit <== AssertBit()(insufficient)',
      )
    })

    it('refuses a partial of dust', async () => {
      const { multiplier, traded: amounts } = aimed(DUST)
      await rejects(
        circuit,
        forced(DUST, { multiplier }, written(traded(DUST, amounts.slice(1)))),
        'Liquidation',
        'NonZeroIff()(multiplier, partial)',
      )
      await rejects(
        circuit,
        forced(DUST, { insufficient: 1n }),
        'Liquidation',
        'insufficientBit * (1 - liquidate + dust) === 0',
      )
    })

    it('refuses a partial of what cannot reach the target', async () => {
      await rejects(
        circuit,
        forced(BANKRUPT, { multiplier: (1n << 48n) - 1n }),
        'Liquidation',
        'AssertRange(134)(reachedGap)',
      )
      await rejects(circuit, forced(BANKRUPT, { multiplier: 1n }), 'Liquidation', 'AssertRange(134)(reachedGap)')
    })

    it('draws the lines of dust exactly', async () => {
      // Liabilities of 17.5 and collateral of 20 cash units, times 10^6.
      for (const [minLiability, dust] of [
        [17_500_000n, false],
        [17_500_001n, true],
      ] as const) {
        const {
          input,
          resolutions: [step],
        } = resolve(DUST, { minLiability })
        assert.equal(step!.liquidation!.status, dust ? 'closed' : 'partial')
        await accepts(circuit, input)
        const other = dust ? { multiplier: aimed(DUST).multiplier } : {}
        await rejects(
          circuit,
          forced(DUST, other, {}, { minLiability }),
          'Liquidation',
          'NonZeroIff()(multiplier, partial)',
        )
      }
      // Collateral decides: 4 times 5 million is the line. At this u the account is breached.
      const marks: Marks = MARKS.map((asset, a) =>
        a === 1 ? { ...asset, collateralValue: 1n, targetCollateralValue: 1n } : asset,
      )
      for (const [collateral, dust] of [
        [10_000_000n, false],
        [9_999_999n, true],
      ] as const) {
        const setting = { marks, minLiability: 5_000_000n }
        const {
          input,
          resolutions: [step],
        } = resolve([-4_000_000n, collateral], setting)
        assert.equal(step!.liquidation!.status, dust ? 'closed' : 'partial')
        await accepts(circuit, input)
      }
    })

    it('refuses bad debt off by one, hidden, or left with the account', async () => {
      const {
        input,
        resolutions: [step],
      } = resolve(BANKRUPT)
      const { after: closed, badDebt } = step!.liquidation!
      assert.ok(badDebt > 0n)
      for (const lie of [badDebt + 1n, badDebt - 1n, 0n]) {
        await rejects(circuit, forgeResolve(input, [{ ...written(closed), badDebt: lie }]), 'PublicVector', DIGEST)
      }
      await rejects(circuit, forgeResolve(input, [written(closed.with(0, -badDebt))]), 'PublicVector', DIGEST)
      await rejects(
        circuit,
        forgeResolve(input, [{ ...written(closed.with(0, 1n)), badDebt: badDebt + 1n }]),
        'PublicVector',
        DIGEST,
      )
    })
  })

  describe('within the ranges', () => {
    it('refuses an oversize account, and takes one a 2^-32 cash unit smaller', async () => {
      // 2^62 of cash and of asset 1, which is worth as much, come to 2^95; a unit of asset 2 is worth 2^-32.
      const marks: Marks = MARKS.map((asset, a) =>
        a === 1
          ? {
              ...asset,
              price: 1n << 32n,
              collateralValue: 1n << 31n,
              targetCollateralValue: 1n << 31n,
              sell: 1n << 31n,
              kSell: MAX,
            }
          : a === 2
            ? { ...asset, price: 1n }
            : asset,
      )
      const cash = -(1n << 62n)
      const below = [cash, (1n << 62n) - 1n, (1n << 32n) - 1n]
      const total = (b: Balances) => b.reduce((sum, x, a) => sum + (x < 0n ? -x : x) * marks[a]!.price, 0n)
      assert.equal(total(below), (1n << 95n) - 1n)
      await accepts(circuit, resolve(below, { marks }).input)

      const over = below.with(2, 1n << 32n)
      assert.equal(total(over), 1n << 95n)
      // The reference refuses it, so the input is that of the smaller account at a price a unit lower.
      const { input } = resolve(over, { marks: marks.with(2, { ...marks[2]!, price: 0n }) })
      const claim = liquidate(
        account(0, over).balances,
        NEUTRAL_WEIGHTS,
        marks.with(2, { ...marks[2]!, price: 0n }),
        MIN_LIABILITY,
      )
      const lie = forgeResolve(put(input, 'marks', [1, 0], 1n), [{ ...written(claim.after), badDebt: claim.badDebt }])
      await rejects(circuit, lie, 'Liquidation', 'AssertRange(95)(total)')
    })

    it('refuses cash that outgrows 64 bits', async () => {
      // No contract posts such marks: sell is 16 times the price.
      const marks: Marks = MARKS.map((asset, a) =>
        a === 1
          ? { ...asset, price: 1n << 32n, sell: 16n << 32n }
          : a === 2
            ? { ...asset, collateralValue: 0n, liabilityValue: MAX, buy: MAX, targetLiabilityValue: MAX }
            : asset,
      )
      const balances = [-1n, 1n << 62n, -(1n << 31n)]
      const closed = liquidate(account(0, balances).balances, NEUTRAL_WEIGHTS, marks, 0n)
      assert.ok(closed.after[0]! >= 1n << 64n || closed.status === 'healthy')
      const { input } = resolve(balances, { marks, minLiability: 0n })
      await rejects(circuit, input, 'Liquidation', '(1 - shortfall) * (amount - low) === 0')
    })
  })

  describe('a refresh', () => {
    it('refuses a change of any balance', async () => {
      const { input } = resolve(HEALTHY)
      const whole = account(0, HEALTHY).balances
      for (let a = 0; a < 8; a++) {
        await rejects(circuit, forgeResolve(input, [written(whole.with(a, whole[a]! + 1n))]), 'PublicVector', DIGEST)
      }
    })

    it('refuses a decoy in the padding that takes on, or gives up, what the liquidation beside it trades', async () => {
      const pair = [account(0, HEALTHY), account(1, PARTIAL)]
      const system = inDistress(pair)
      const { input, resolutions, batch } = system.resolve(2)
      assert.deepEqual(resolutions.map(({ action }) => action).sort(), ['liquidate', 'refresh'])
      await accepts(circuit, input)
      const decoy = resolutions.findIndex(({ action }) => action === 'refresh')
      const after = resolutions.map((resolution) => resolution.account.balances)
      // The totals stay what they are, as one account gets what the other loses.
      for (let a = 0; a < 8; a++) {
        if (batch.backstopDelta[a] === 0n) continue
        for (const unit of [1n, -1n, batch.backstopDelta[a]!]) {
          const moved = after.map((balances, i) => balances.with(a, balances[a]! + (i === decoy ? unit : -unit)))
          await rejects(circuit, forgeResolve(input, moved.map(split)), 'PublicVector', DIGEST)
        }
      }
      // Nor may it go to the backstop.
      const given = after.map((balances, i) => balances.with(1, balances[1]! - (i === decoy ? 1n : 0n)))
      await rejects(circuit, forgeResolve(input, given.map(split)), 'PublicVector', DIGEST)
    })

    it('refuses a multiplier, and a flag of a close', async () => {
      const { input } = resolve(HEALTHY)
      await rejects(
        circuit,
        forgeResolve(put(input, 'multiplier', [0], 1n)),
        'Liquidation',
        'NonZeroIff()(multiplier, partial)',
      )
      await rejects(
        circuit,
        forgeResolve(put(input, 'insufficient', [0], 1n)),
        'Liquidation',
        'insufficientBit * (1 - liquidate + dust) === 0',
      )
    })

    it('may be of a breached account: it stays in the inbox, so the round stays incomplete', async () => {
      const { input } = resolve(PARTIAL)
      await accepts(circuit, forgeResolve(putStep(input, 0, { liquidate: 0n, refresh: 1n, multiplier: 0n })))
    })
  })

  /**
   * What an overzealous prover would do to an account that is not breached, or not to be liquidated in part: the
   * multiplier that meets the target.
   */
  function aimed(balances: Balances) {
    const marks: Marks = MARKS.map((asset, a) => (a === 1 ? { ...asset, collateralValue: 0n } : asset))
    return liquidate(account(0, balances).balances, NEUTRAL_WEIGHTS, marks, 0n)
  }

  /** An account that only the last multiplier saves. */
  function inLastPlace() {
    // k w = 2^43: q(m) = m.
    const marks: Marks = MARKS.map((asset, a) =>
      a === 1
        ? { ...asset, kSell: 1n << 40n, sell: 2n << 32n, targetCollateralValue: 1n << 32n, collateralValue: 1n << 32n }
        : asset,
    )
    const q = (1n << 48n) - 1n
    // T(m) = 2^49 - |cash| + m, in cash units: 1 at the last m, 0 one before.
    const balances = [-(1n << 49n) - q + 1n, 1n << 49n]
    return resolve(balances, { marks, minLiability: 0n })
  }
})
