import assert from 'node:assert/strict'
import { packWeights } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { bits } from '../../protocol/circuit-input.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import type { Marks } from '../../protocol/marks.ts'
import type { Operation } from '../../protocol/operation.ts'
import type { System } from '../../protocol/system.ts'
import { OP } from '../../protocol/transact.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { at, put, putStep } from '../support/circuit-forgery.ts'
import { BELOW_TARGET, HEALTHY, MARKS, TINY } from '../support/circuit-market.ts'
import { divide } from '../support/circuit-mutation.ts'
import {
  forced,
  half,
  LINK,
  oneOfEach,
  owned,
  ownedAccount,
  ownerKey,
  SEQUENCER,
  topUp,
  unwind,
  VALID_UNTIL,
  withdrawal,
} from '../support/circuit-owners.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'
import { forgeTransact, opBits, signedLie, withPaths } from '../support/circuit-transact-forgery.ts'

const MAX = (1n << 64n) - 1n
const OWNER = '(active - topUp - bounce) * (identity.owner - owner) === 0'
const ROOT = 'active * (rootBefore - tree.rootBefore) === 0'
const CASH = '(1 - exchange - closing) * cash === 0'
const FITS = 'write * (1 - change.fits) === 0'
const SMALL = '(withdraw + exchange + forced) * (1 - margin.small) === 0'
const ENOUGH = '(withdraw + exchange + forced) * (1 - margin.enough) === 0'
const GIVES = '(open + topUp + bounce) * (1 - directionBit) === 0'
const PRICED = 'price * priceInverse === exchange'
const TAKES = '(withdraw + queued + preferences + rekey) * directionBit === 0'
const DISCHARGE = 'discharge * serveable === 0'
const SAME_WEIGHTS = '(1 - preferences) * (weights - oldWeights) === 0'

const oneHot = (a: number): bigint[] => Array.from({ length: 8 }, (_, i) => (i === a ? 1n : 0n))

/** Asset 2 at the least price there is: much of it fits the size of an account. */
const CHEAP: Marks = MARKS.map((asset, a) =>
  a === 2
    ? {
        ...asset,
        price: 1n,
        collateralValue: 0n,
        initialCollateralValue: 0n,
        sell: 0n,
        liabilityValue: 1n,
        initialLiabilityValue: 1n,
        buy: 1n,
      }
    : asset,
)

/**
 * Lies of which one rule alone stands in the way, for each operation that the rule is about. All else is right: the signature is
 * the owner's over what the lie says, the tree is the one that the lie leads to, and so is the public vector.
 */
describe('transact circuit, operation by operation', () => {
  let circuit: Circuit
  let system: System
  const inputs = new Map<string, CircuitInput>()
  const honest = (name: string) => inputs.get(name)!
  const run = (...operations: Operation[]) => system.clone().transact(operations, VALID_UNTIL).input
  const refuses = (lie: CircuitInput, statement: string) => rejects(circuit, lie, 'TransactStep', statement)

  /** The lie about the first step, and what the other half must then say; both signed, with the paths to match. */
  function pair(
    input: CircuitInput,
    first: Record<string, Signal>,
    second: Record<string, Signal> = first,
  ): CircuitInput {
    return forgeTransact(withPaths(signedLie(signedLie(input, 0, first), 1, second)))
  }

  const lie = (name: string, changes: Record<string, Signal>) =>
    name === 'trade' ? pair(honest(name), changes) : signedLie(honest(name), 0, changes)

  before(async () => {
    circuit = await openCircuit('transact')
    system = owned([ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY), ownedAccount(2, BELOW_TARGET)])
    for (const [name, operations] of Object.entries({
      open: [{ kind: 'open', depositId: 3, index: 3, publicKey: ownerKey(3).publicKey, asset: 0, amount: 500n }],
      ...oneOfEach(),
    } satisfies Record<string, Operation[]>))
      inputs.set(name, run(...operations))
  })

  it('takes what they are made from, signed and told anew', async () => {
    for (const name of inputs.keys()) await accepts(circuit, lie(name, {}))
  })

  it('proves deposits that were taken back, of which nothing is left, and withdrawals in full or not at all', async () => {
    const opening = { kind: 'open', depositId: 3, index: 3, publicKey: ownerKey(3).publicKey, asset: 0 } as const
    await accepts(circuit, run({ ...opening, amount: 0n }))
    await accepts(circuit, run(topUp(0, 0n)))
    for (const inFull of [
      withdrawal({ index: 0, amount: 5n, inFull: true }),
      forced({ index: 1, amount: 11n, inFull: true }),
    ]) {
      const input = run(inFull)
      assert.equal((input.extra as readonly bigint[])[0], BigInt(inFull.recipient) + (1n << 160n))
      await accepts(circuit, input)
      // It is signed: without it the signature is not the owner's.
      const without = putStep(input, 0, { extra: BigInt(inFull.recipient) })
      await refuses(forgeTransact(without), 'signed * (1 - curve.valid) === 0')
    }
  })

  it('prove what no price bears on at no marks, and would at any: a round changes nothing', async () => {
    const none = MARKS.slice(1).map(() => Array<bigint>(5).fill(0n))
    const some = none.map((marks, a) => marks.map((_, k) => BigInt(1 + a + 7 * k)))
    for (const name of ['open', 'topup', 'preferences', 'bounce']) {
      assert.deepEqual(honest(name).marks, none, name)
      await accepts(circuit, honest(name))
      await accepts(circuit, forgeTransact({ ...honest(name), marks: some }))
    }
    for (const name of ['withdraw', 'trade', 'unwind', 'forced', 'discharge'])
      assert.notDeepEqual(honest(name).marks, none, name)
  })

  describe("another key than the owner's", () => {
    for (const name of ['withdraw', 'trade', 'unwind', 'preferences', 'forced']) {
      it(`does not sign: ${name}`, async () => {
        const thief = ownerKey(9)
        await refuses(signedLie(putStep(honest(name), 0, { publicKey: thief.publicKey }), 0, {}, thief), OWNER)
      })
    }

    it('does not prove a good request bad', () =>
      refuses(
        forgeTransact(putStep(honest('forced'), 0, { op: opBits(OP.discharge), publicKey: ownerKey(9).publicKey })),
        OWNER,
      ))

    it('does not share the view key of an account that is opened', async () => {
      const { publicKey } = ownerKey(9)
      await refuses(
        forgeTransact(putStep(honest('open'), 0, { publicKey, viewKey: sharedViewKey(SEQUENCER.secret, publicKey) })),
        OWNER,
      )
    })

    it("is not the sequencer's, though it has the same x", async () => {
      const [x, y] = honest('open').sequencer as readonly bigint[]
      await refuses(
        forgeTransact({ ...honest('open'), sequencer: [x!, mod(-y!)] }),
        'shares * (curve.fixed[1] - sequencer[1]) === 0',
      )
    })
  })

  describe('another tree', () => {
    for (const name of [
      'open',
      'topup',
      'withdraw',
      'trade',
      'unwind',
      'preferences',
      'forced',
      'discharge',
      'bounce',
    ]) {
      it(`is refused to: ${name}`, async () => {
        let other = honest(name)
        for (let s = 0; s < TINY.transact.steps; s++) other = put(other, 'children', [s, TINY.depth - 1, 3], 1n)
        await refuses(forgeTransact(name === 'trade' ? withPaths(other) : other), ROOT)
      })
    }
  })

  describe('amounts, assets and directions', () => {
    for (const name of ['open', 'topup', 'withdraw', 'preferences', 'forced', 'none'])
      it(`no cash beside the amount: ${name}`, () => refuses(lie(name, { cash: 1n }), CASH))

    it('no cash by which a good request or deposit would not fit', async () => {
      await refuses(signedLie(honest('forced'), 0, { op: opBits(OP.discharge), cash: MAX }), CASH)
      await refuses(forgeTransact(putStep(run(topUp(2, 7n)), 0, { op: opBits(OP.bounce), cash: MAX })), CASH)
    })

    for (const name of ['preferences', 'none']) {
      it(`no amount and no asset: ${name}`, async () => {
        await refuses(lie(name, { amount: 1n }), '(1 - active + preferences + rekey) * amount === 0')
        await refuses(
          lie(name, { assetBits: oneHot(1) }),
          '(1 - active + preferences + rekey) * (1 - assetBit[0]) === 0',
        )
      })
    }

    it('no cash for cash', async () => {
      const terms = { assetBits: oneHot(0) }
      await refuses(pair(honest('trade'), terms), '(exchange + closing) * assetBit[0] === 0')
      await refuses(lie('unwind', terms), '(exchange + closing) * assetBit[0] === 0')
    })

    it('no trade of what has no price, in whatever amount', async () => {
      assert.equal(MARKS[7]!.price, 0n)
      for (const amount of [1n, MAX]) {
        const terms = { assetBits: oneHot(7), amount, cash: 0n }
        for (const direction of [0n, 1n]) {
          const first = { ...terms, direction }
          await refuses(pair(honest('trade'), first, { ...terms, direction: 1n - direction }), PRICED)
          await refuses(lie('unwind', first), PRICED)
        }
      }
      // Where nothing is traded, nothing is asked: marks may be 0.
      await accepts(circuit, lie('withdraw', {}))
    })

    for (const name of ['withdraw', 'forced', 'preferences'])
      it(`no gift by one's own signature: ${name}`, () => refuses(lie(name, { direction: 1n }), TAKES))

    it('no request that would not be served the other way round', async () => {
      const rich = owned([ownedAccount(0, [5n, MAX])]).transact(
        [forced({ index: 0, asset: 1, amount: 1n })],
        VALID_UNTIL,
      ).input
      await refuses(signedLie(rich, 0, { op: opBits(OP.discharge), direction: 1n }), TAKES)
    })

    it('no bounce of what would not fit the other way round, and no deposit that takes', async () => {
      await refuses(forgeTransact(putStep(run(topUp(2, MAX, 0)), 0, { op: opBits(OP.bounce), direction: 0n })), GIVES)
      for (const name of ['open', 'topup']) await refuses(lie(name, { direction: 0n }), GIVES)
    })

    it('no exception by which a good request would not be served', () =>
      refuses(
        signedLie(honest('forced'), 0, { op: opBits(OP.discharge), exception: 1n }),
        'exceptionBit * (1 - exchange) === 0',
      ))

    it('no withdrawal of nothing: the terms are those of one in cash, signed and published, but no balance changes', async () => {
      const lie = putStep(honest('withdraw'), 0, { assetBits: Array<bigint>(8).fill(0n) })
      await rejects(circuit, forgeTransact(lie, [{ published: { 6: 0n } }]), 'BalanceChange', 'chosen === 1')
    })

    it('no amount and no cash of 2^64, which would be signed as, and mirror, other terms', async () => {
      const input = owned([ownedAccount(0, [-(3n << 62n), 0n, 10n])], { marks: CHEAP }).transact(
        [unwind({ index: 0, asset: 2, direction: 0, x: 1n, y: MAX })],
        VALID_UNTIL,
      ).input
      await accepts(circuit, input)
      await rejects(circuit, signedLie(input, 0, { amount: 1n << 64n }), 'BalanceChange', 'AssertRange(64)(amount)')
      await rejects(circuit, signedLie(input, 0, { cash: 1n << 64n }), 'BalanceChange', 'AssertRange(64)(cash)')
    })

    it('no link where nothing is linked', () =>
      refuses(lie('unwind', { extra: LINK }), '(unwind + closing) * extra === 0'))

    it('no expiry beyond its bits', () => refuses(lie('forced', { expiry: 1n << 40n }), 'AssertRange(40)(expiry)'))
  })

  describe('weights and version', () => {
    const weightBits = (name: string) => at(honest(name), 'weightBits', 0) as unknown as readonly (readonly bigint[])[]

    for (const name of ['open', 'topup', 'withdraw', 'trade', 'unwind', 'forced']) {
      it(`no other weights by the way: ${name}`, async () => {
        const changes = { weightBits: weightBits(name).with(1, bits(9n, 4)) }
        await refuses(name === 'trade' ? pair(honest(name), changes, {}) : lie(name, changes), SAME_WEIGHTS)
      })
    }

    it('no weight of 0, whoever signs it', async () => {
      for (let a = 0; a < 8; a++) {
        const weights = [8, 1, 2, 3, 4, 5, 6, 15].with(a, 0)
        await refuses(
          lie('preferences', {
            weightBits: weightBits('preferences').with(a, bits(0n, 4)),
            extra: packWeights(weights),
          }),
          'NonZeroIff()(nibble, always)',
        )
      }
    })

    it('no older version, by weights or an expiry that make up for it', async () => {
      // version + weights 2^64 is the same with version - 1 and weights + 2^-64, and with version + 2^64 and weights - 1.
      const word = divide(1n, 1n << 64n)
      const oldWeights = at(honest('preferences'), 'oldWeights', 0)
      await refuses(
        lie('preferences', { version: 6n, oldWeights: mod(oldWeights + word) }),
        'AssertRange(32)(oldWeights)',
      )
      const lower = {
        version: 7n + (1n << 64n),
        oldWeights: oldWeights - 1n,
        weightBits: weightBits('withdraw').with(0, bits(7n, 4)),
      }
      await refuses(lie('withdraw', lower), 'AssertRange(32)(identity.version)')
    })
  })

  describe('the account after', () => {
    /** Short of nearly 2^64 of what is all but worthless, with enough cash: one more is too much, and nothing else is wrong. */
    const short = () => owned([ownedAccount(0, [1n << 50n, 0n, -1n]), ownedAccount(1, [1n << 50n])], { marks: CHEAP })
    /** Of size 2^95 - 2. */
    const large = () =>
      owned([ownedAccount(0, [(1n << 63n) - 1n, 0n, -((1n << 32n) - 2n)]), ownedAccount(1, [1n << 50n])], {
        marks: CHEAP,
      })
    const operations: [string, (amount: bigint) => Operation[]][] = [
      ['withdraw', (amount) => [withdrawal({ index: 0, asset: 2, amount })]],
      ['forced', (amount) => [forced({ index: 0, asset: 2, amount })]],
      ['unwind', (x) => [unwind({ index: 0, asset: 2, direction: 0, x, y: 0n })]],
      [
        'trade',
        (x) => [
          half({ index: 0, asset: 2, direction: 0, x, y: 0n }),
          half({ index: 1, asset: 2, direction: 1, x, y: 0n }),
        ],
      ],
    ]
    for (const [name, make] of operations) {
      const told = (input: CircuitInput, changes: Record<string, Signal>) =>
        name === 'trade' ? pair(input, changes) : signedLie(input, 0, changes)

      it(`is below 2^64 in all: ${name}`, async () => {
        const input = short().transact(make(MAX - 1n), VALID_UNTIL).input
        await accepts(circuit, told(input, {}))
        await refuses(told(input, { amount: MAX }), FITS)
      })

      it(`is not oversize: ${name}`, async () => {
        const input = large().transact(make(1n), VALID_UNTIL).input
        await accepts(circuit, told(input, {}))
        await refuses(told(input, { amount: 2n }), SMALL)
      })
    }

    it('decides on a discharge by each alone', async () => {
      for (const [from, least] of [
        [short, MAX],
        [large, 2n],
      ] as const) {
        const served = from().transact([forced({ index: 0, asset: 2, amount: least - 1n })], VALID_UNTIL).input
        await refuses(forgeTransact(putStep(served, 0, { op: opBits(OP.discharge) })), DISCHARGE)
        await accepts(circuit, signedLie(served, 0, { op: opBits(OP.discharge), amount: least }))
      }
    })

    it('meets the target after a trade', () => refuses(pair(honest('trade'), { cash: 5_000_000_000n }), ENOUGH))
  })
})
