import assert from 'node:assert/strict'
import { type Account, accountLeaf, packWeights } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { bits } from '../../protocol/circuit-input.ts'
import { addPoints, BASE8, multiply, SUBGROUP_ORDER } from '../../protocol/curve.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import type { Operation } from '../../protocol/operation.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { vectorChallenge, vectorDigest, vectorEvaluation } from '../../protocol/public-vector.ts'
import { signatureChallenge } from '../../protocol/signature.ts'
import { headOf } from '../../protocol/stacks.ts'
import type { System } from '../../protocol/system.ts'
import { OP } from '../../protocol/transact.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { FULL_LIES, refusesBlinding } from '../support/circuit-blinding.ts'
import { at, put, putStep } from '../support/circuit-forgery.ts'
import { BELOW_TARGET, HEALTHY } from '../support/circuit-market.ts'
import {
  EXPIRY,
  forced,
  half,
  LINK,
  oneOfEach,
  owned,
  ownedAccount,
  ownerKey,
  preferences,
  SEQUENCER,
  topUp,
  unwind,
  VALID_UNTIL,
  withdrawal,
} from '../support/circuit-owners.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'
import {
  forgeTransact,
  opBits,
  signedLie,
  stepMessage,
  transactVectorOf,
  withOpening,
} from '../support/circuit-transact-forgery.ts'

const DIGEST = 'digest === link[links - 1].out'
const MAX = (1n << 64n) - 1n
const TREE = 'chosenSum === oldNode[level]'
const ROOT = 'active * (rootBefore - tree.rootBefore) === 0'
const SIGNED = 'signed * (1 - curve.valid) === 0'
const ENOUGH = '(withdraw + exchange + forced) * (1 - margin.enough) === 0'
const SMALL = '(withdraw + exchange + forced) * (1 - margin.small) === 0'

const open = (index: number, amount = 500n): Operation => ({
  kind: 'open',
  depositId: index,
  index,
  publicKey: ownerKey(index).publicKey,
  asset: 0,
  amount,
})

/** 10 ETH at 200 against a debt of 1,690: healthy, and below its target. */
const DEBTOR = [-1_690_000_000n, 1_000_000_000n]
const SHORT = [2_300_000_000n, -1_000_000_000n]

describe('transact circuit', () => {
  let circuit: Circuit
  let system: System
  const inputs = new Map<string, CircuitInput>()
  const honest = (name: string) => inputs.get(name)!
  const run = (...operations: Operation[]) => system.clone().transact(operations, VALID_UNTIL).input

  before(async () => {
    circuit = await openCircuit('transact')
    system = owned([
      ownedAccount(0, HEALTHY),
      ownedAccount(1, HEALTHY),
      ownedAccount(2, BELOW_TARGET),
      ownedAccount(3, DEBTOR),
      ownedAccount(4, SHORT),
    ])
    for (const [name, operations] of Object.entries({
      open: [open(5)],
      ...oneOfEach(),
      sale: [unwind({ index: 3, direction: 0, x: 100_000_000n, y: 196_000_000n })],
      buyback: [unwind({ index: 4, direction: 1, x: 100_000_000n, y: 203_000_000n })],
    } satisfies Record<string, Operation[]>))
      inputs.set(name, run(...operations))
  })

  it('takes what an honest sequencer does, and the model of it agrees', async () => {
    for (const input of inputs.values()) {
      await accepts(circuit, input)
      await accepts(circuit, forgeTransact(input))
    }
  })

  describe('the operation', () => {
    it('is one of twelve, and of active steps only', async () => {
      await rejects(
        circuit,
        forgeTransact(put(honest('withdraw'), 'op', [0, 0], 1n)),
        'TransactStep',
        'active <== AssertBit()(ops)',
      )
      await rejects(
        circuit,
        forgeTransact(putStep(honest('withdraw'), 0, { op: opBits(0).with(0, 2n).with(1, mod(-1n)) })),
        'TransactStep',
        'is[i] <== AssertBit()(op[i])',
      )
      await rejects(
        circuit,
        forgeTransact(putStep(honest('withdraw'), 0, { op: opBits(0) })),
        'TransactStep',
        '(1 - active + preferences + rekey) * amount === 0',
      )
    })

    it('comes first where steps are active', async () => {
      const lie = Object.fromEntries(
        Object.entries(honest('withdraw')).map(([name, value]) => [
          name,
          isPerStep(name) ? [...(value as readonly Signal[])].reverse() : value,
        ]),
      )
      await rejects(circuit, forgeTransact(lie), 'Transact', 'step[i].active * (1 - step[i - 1].active) === 0')
    })

    it('is counted', async () => {
      for (const active of [0n, 2n])
        await rejects(circuit, forgeTransact(honest('withdraw'), [], { active }), 'PublicVector', DIGEST)
    })

    const terms: [string, string, Record<string, Signal>, string][] = [
      ['cash in a withdrawal', 'withdraw', { cash: 1n }, '(1 - exchange - closing) * cash === 0'],
      ['cash in a top-up', 'topup', { cash: 1n }, '(1 - exchange - closing) * cash === 0'],
      ['an amount in preferences', 'preferences', { amount: 1n }, '(1 - active + preferences + rekey) * amount === 0'],
      ['a trade of cash', 'trade', { assetBits: oneHot(0) }, '(exchange + closing) * assetBit[0] === 0'],
      [
        'preferences about an asset',
        'preferences',
        { assetBits: oneHot(1) },
        '(1 - active + preferences + rekey) * (1 - assetBit[0]) === 0',
      ],
      ['a top-up that takes', 'topup', { direction: 0n }, '(open + topUp + bounce) * (1 - directionBit) === 0'],
      ['an opening that takes', 'open', { direction: 0n }, '(open + topUp + bounce) * (1 - directionBit) === 0'],
      ['a bounce of a withdrawal', 'bounce', { direction: 0n }, '(open + topUp + bounce) * (1 - directionBit) === 0'],
      [
        'a withdrawal that gives',
        'withdraw',
        { direction: 1n },
        '(withdraw + queued + preferences + rekey) * directionBit === 0',
      ],
      [
        'a forced request that gives',
        'forced',
        { direction: 1n },
        '(withdraw + queued + preferences + rekey) * directionBit === 0',
      ],
      [
        'a discharge of one that gives',
        'discharge',
        { direction: 1n },
        '(withdraw + queued + preferences + rekey) * directionBit === 0',
      ],
      [
        'preferences with a direction',
        'preferences',
        { direction: 1n },
        '(withdraw + queued + preferences + rekey) * directionBit === 0',
      ],
      ['an exception for a withdrawal', 'withdraw', { exception: 1n }, 'exceptionBit * (1 - exchange) === 0'],
      ['an unwinding with a link', 'unwind', { extra: 1n }, '(unwind + closing) * extra === 0'],
      ['two assets', 'withdraw', { assetBits: [1n, 1n, 0n, 0n, 0n, 0n, 0n, 0n] }, 'chosen === 1'],
      ['no asset', 'withdraw', { assetBits: Array<bigint>(8).fill(0n) }, 'chosen === 1'],
      [
        'an asset that is no bit',
        'withdraw',
        { assetBits: [2n, mod(-1n), 0n, 0n, 0n, 0n, 0n, 0n] },
        'assetBit[a] <== AssertBit()(assetBits[a])',
      ],
      [
        'a direction that is no bit',
        'withdraw',
        { direction: 2n },
        'signal {binary} directionBit <== AssertBit()(direction)',
      ],
      [
        'an exception that is no bit',
        'unwind',
        { exception: 2n },
        'signal {binary} exceptionBit <== AssertBit()(exception)',
      ],
      ['an amount of 2^64', 'withdraw', { amount: 1n << 64n }, 'AssertRange(64)(amount)'],
      ['an amount below 0', 'withdraw', { amount: mod(-1n) }, 'AssertRange(64)(amount)'],
      ['cash of 2^64', 'unwind', { cash: 1n << 64n }, 'AssertRange(64)(cash)'],
      ['an expiry of 2^40', 'withdraw', { expiry: 1n << 40n }, 'AssertRange(40)(expiry)'],
    ]
    for (const [what, name, changes, statement] of terms) {
      const template = /chosen|AssertRange\(64\)/.test(statement) ? 'BalanceChange' : 'TransactStep'
      it(`is refused with ${what}`, () =>
        rejects(circuit, forgeTransact(putStep(honest(name), 0, changes)), template, statement))
    }
  })

  describe('the account before', () => {
    const lies: [string, Record<string, Signal>][] = [
      ['other balances', { magnitude: [1n, 0n, 0n, 0n, 0n, 0n, 0n, 0n] }],
      ['another sign', { sign: [0n, 1n, 1n, 0n, 0n, 0n, 0n, 0n] }],
      ['another view key', { viewKey: 1n }],
      ['an older version', { version: 6n }],
      ['the index of another', { indexBits: [1n, 0n, 0n, 0n, 0n, 0n] }],
    ]
    for (const [what, changes] of lies)
      it(`is refused with ${what}`, () =>
        rejects(circuit, forgeTransact(putStep(honest('topup'), 0, changes)), 'TreeUpdate', TREE))

    it('is refused with another owner or with other weights', async () => {
      await rejects(circuit, forgeTransact(putStep(honest('topup'), 0, { owner: 1n })), 'TreeUpdate', TREE)
      const weights = Array.from({ length: 8 }, () => bits(9n, 4))
      await rejects(
        circuit,
        forgeTransact(
          putStep(honest('topup'), 0, { oldWeights: packWeights(Array<number>(8).fill(9)), weightBits: weights }),
        ),
        'TreeUpdate',
        TREE,
      )
    })

    it('is refused from another tree', async () => {
      const other = { ...withOpening(honest('topup'), 0, { version: 6n }), rootBefore: honest('topup').rootBefore! }
      await rejects(circuit, forgeTransact(other), 'TransactStep', ROOT)
    })

    it('is refused with a packing that borrows', async () => {
      // Index 0 at version 2^32 + 7 is index 1 at version 7; weights of 2^32 more or less.
      await rejects(
        circuit,
        forgeTransact(putStep(honest('topup'), 0, { version: (1n << 32n) + 7n })),
        'TransactStep',
        'AssertRange(32)(identity.version)',
      )
      await rejects(
        circuit,
        forgeTransact(putStep(honest('preferences'), 0, { oldWeights: 1n << 32n })),
        'TransactStep',
        'AssertRange(32)(oldWeights)',
      )
      await rejects(
        circuit,
        forgeTransact(withOpening(honest('topup'), 0, { version: (1n << 32n) - 1n })),
        'TransactStep',
        'NonZeroIff()(identity.version - ((1 << 32) - 1), always)',
      )
      await accepts(circuit, forgeTransact(withOpening(honest('topup'), 0, { version: (1n << 32n) - 2n })))
    })
  })

  describe('an opening', () => {
    it('is refused over an account, and with anything in it beside the deposit', async () => {
      const owned0 = putStep(honest('open'), 0, {
        indexBits: bits(0n, 6),
        children: (run(topUp(0, 1n)).children as readonly Signal[])[0]!,
      })
      await rejects(circuit, forgeTransact(owned0), 'TreeUpdate', TREE)
      for (let a = 0; a < 8; a++) {
        await rejects(
          circuit,
          forgeTransact(put(honest('open'), 'magnitude', [0, a], 1n)),
          'TransactStep',
          'open * balances.magnitude[a] === 0',
        )
        await rejects(
          circuit,
          forgeTransact(put(honest('open'), 'sign', [0, a], 1n)),
          'TransactStep',
          'open * (oldWeights - 0x88888888 + signs * (1 << 32)) === 0',
        )
      }
      await rejects(
        circuit,
        forgeTransact(putStep(honest('open'), 0, { version: 1n })),
        'TransactStep',
        'open * identity.version === 0',
      )
      const weightBits = (honest('open').weightBits as readonly (readonly Signal[])[])[0]!.with(3, bits(9n, 4))
      await rejects(
        circuit,
        forgeTransact(putStep(honest('open'), 0, { weightBits, oldWeights: 0x88889888n })),
        'TransactStep',
        'open * (oldWeights - 0x88888888 + signs * (1 << 32)) === 0',
      )
    })

    it('is refused with another view key, by another sequencer, and for another key', async () => {
      await rejects(
        circuit,
        forgeTransact(putStep(honest('open'), 0, { viewKey: 1n })),
        'TransactStep',
        'open * (identity.viewKey - viewKey) === 0',
      )
      const secret = SEQUENCER.secret + 1n
      const other = putStep({ ...honest('open'), secret }, 0, { viewKey: sharedViewKey(secret, ownerKey(5).publicKey) })
      await rejects(circuit, forgeTransact(other), 'TransactStep', 'shares * (curve.fixed[0] - sequencer[0]) === 0')
      await rejects(
        circuit,
        forgeTransact(putStep(honest('open'), 0, { publicKey: ownerKey(6).publicKey })),
        'TransactStep',
        '(active - topUp - bounce) * (identity.owner - owner) === 0',
      )
      // The negative of the sequencer's key has the same y.
      const negative = {
        ...honest('open'),
        sequencer: [
          mod(-(honest('open').sequencer as readonly bigint[])[0]!),
          (honest('open').sequencer as readonly bigint[])[1]!,
        ],
      }
      await rejects(circuit, forgeTransact(negative), 'TransactStep', 'shares * (curve.fixed[0] - sequencer[0]) === 0')
    })

    it('has one view key whatever multiple of the order is in the secret', async () => {
      const secret = SEQUENCER.secret + SUBGROUP_ORDER
      await accepts(circuit, forgeTransact({ ...honest('open'), secret }))
    })
  })

  describe('the account after', () => {
    it('is refused with another key, version, index or weights', async () => {
      const meta = 7n + (0x88888888n << 64n)
      for (const lie of [
        { key: 1n },
        { meta },
        { meta: meta + 2n },
        { meta: meta + 1n + (1n << 32n) },
        { meta: meta + 1n + (1n << 64n) },
      ]) {
        await rejects(circuit, forgeTransact(honest('withdraw'), [lie]), 'PublicVector', DIGEST)
      }
      await accepts(circuit, forgeTransact(honest('withdraw'), [{ meta: meta + 1n }]))
      await rejects(
        circuit,
        forgeTransact(honest('open'), [{ meta: 1n + (5n << 32n) + (0x88888888n << 64n) }]),
        'PublicVector',
        DIGEST,
      )
    })

    it('is refused with one unit more or less of anything', async () => {
      for (const name of ['open', 'topup', 'withdraw', 'unwind', 'forced', 'preferences']) {
        const magnitude = name === 'open' ? [500n, 0n, 0n, 0n, 0n, 0n, 0n, 0n] : splitAfter(name)
        await accepts(circuit, forgeTransact(honest(name), [{ magnitude }]))
        for (const a of [0, 1, 2])
          await rejects(
            circuit,
            forgeTransact(honest(name), [{ magnitude: magnitude.with(a, magnitude[a]! + 1n) }]),
            'PublicVector',
            DIGEST,
          )
      }
    })

    it('is refused with a sign that is not canonical', async () => {
      await rejects(
        circuit,
        forgeTransact(run(withdrawal({ index: 0, amount: HEALTHY[0]! })), [{ sign: [1n, 0n, 1n, 0n, 0n, 0n, 0n, 0n] }]),
        'PublicVector',
        DIGEST,
      )
    })

    it("is refused with weights that did not change by their owner's word, and with a weight of 0", async () => {
      const weightBits = (honest('withdraw').weightBits as readonly (readonly Signal[])[])[0]!
      await rejects(
        circuit,
        forgeTransact(putStep(honest('withdraw'), 0, { weightBits: weightBits.with(1, bits(9n, 4)) })),
        'TransactStep',
        '(1 - preferences) * (weights - oldWeights) === 0',
      )
      const chosen = (honest('preferences').weightBits as readonly (readonly Signal[])[])[0]!
      await rejects(
        circuit,
        forgeTransact(putStep(honest('preferences'), 0, { weightBits: chosen.with(1, bits(9n, 4)) })),
        'TransactStep',
        'preferences * (extra - weights) === 0',
      )
      for (let a = 0; a < 8; a++)
        await rejects(
          circuit,
          forgeTransact(putStep(honest('preferences'), 0, { weightBits: chosen.with(a, bits(0n, 4)) })),
          'TransactStep',
          'NonZeroIff()(nibble, always)',
        )
      await rejects(
        circuit,
        forgeTransact(putStep(honest('preferences'), 0, { weightBits: chosen.with(2, [4n, 2n, 0n, 0n]) })),
        'TransactStep',
        'weightBit[a][i] <== AssertBit()(weightBits[a][i])',
      )
    })

    it('is refused with a balance of 2^64, and may have one of 2^64 - 1', async () => {
      const room = MAX - HEALTHY[1]!
      await accepts(circuit, run(topUp(0, room)))
      await rejects(
        circuit,
        forgeTransact(putStep(honest('topup'), 0, { amount: room + 1n })),
        'TransactStep',
        'write * (1 - change.fits) === 0',
      )
      // Of a negative one: 2^64 of debt.
      await rejects(
        circuit,
        signedLie(honest('sale'), 0, { amount: 0n, cash: MAX, direction: 1n, exception: 0n }),
        'TransactStep',
        'write * (1 - change.fits) === 0',
      )
    })

    it('is refused without its place in tree and inbox, and with another ciphertext', async () => {
      for (const name of ['open', 'topup', 'withdraw', 'trade', 'unwind', 'preferences', 'forced']) {
        const input = honest(name)
        await rejects(
          circuit,
          forgeTransact(input, [], { rootAfter: input.rootBefore as bigint }),
          'PublicVector',
          DIGEST,
        )
        await rejects(
          circuit,
          forgeTransact(input, [], { inboxAfter: input.inboxBefore as bigint }),
          'PublicVector',
          DIGEST,
        )
        const cipher = transactVectorOf(input).slice(48, 51)
        for (let i = 0; i < 3; i++)
          await rejects(
            circuit,
            forgeTransact(input, [{ cipher: cipher.with(i, mod(cipher[i]! + 1n)) }]),
            'PublicVector',
            DIGEST,
          )
      }
    })

    it('is not written by a discharge or a bounce', async () => {
      for (const name of ['discharge', 'bounce']) {
        const input = honest(name)
        await rejects(circuit, forgeTransact(input, [], { rootAfter: 1n }), 'PublicVector', DIGEST)
        await rejects(
          circuit,
          forgeTransact(input, [], {
            inboxAfter: poseidon([input.inboxBefore as bigint, accountLeaf(system.accounts.at(0)!)]),
          }),
          'PublicVector',
          DIGEST,
        )
      }
    })
  })

  describe('a signature', () => {
    const names = ['withdraw', 'trade', 'unwind', 'preferences', 'forced']

    it('is refused when it is forged, by another key, or over something else', async () => {
      for (const name of names) {
        const input = honest(name)
        const s = at(input, 's', 0)
        await rejects(circuit, forgeTransact(putStep(input, 0, { s: mod(s + 1n) })), 'TransactStep', SIGNED)
        await rejects(circuit, forgeTransact(putStep(input, 0, { r8: BASE8 })), 'TransactStep', SIGNED)
        await rejects(circuit, signedLie(input, 0, {}, ownerKey(9)), 'TransactStep', SIGNED)
        await rejects(circuit, forgeTransact(putStep(input, 0, { expiry: EXPIRY + 1n })), 'TransactStep', SIGNED)
        await accepts(circuit, signedLie(input, 0, { expiry: EXPIRY + 1n }))
      }
      for (const name of ['withdraw', 'forced']) {
        await rejects(circuit, forgeTransact(putStep(honest(name), 0, { amount: 1n })), 'TransactStep', SIGNED)
        await rejects(circuit, forgeTransact(putStep(honest(name), 0, { extra: 0xbadn })), 'TransactStep', SIGNED)
        await rejects(
          circuit,
          forgeTransact(putStep(honest(name), 0, { assetBits: oneHot(1) })),
          'TransactStep',
          SIGNED,
        )
      }
      for (const changes of [{ amount: 2n }, { cash: 7n }, { direction: 0n }, { assetBits: oneHot(2) }]) {
        await rejects(circuit, forgeTransact(putStep(honest('unwind'), 0, changes)), 'TransactStep', SIGNED)
      }
    })

    it('is refused by the key of another account that has none of its own', async () => {
      const thief = ownerKey(9)
      const lie = signedLie(putStep(honest('withdraw'), 0, { publicKey: thief.publicKey }), 0, {}, thief)
      await rejects(circuit, lie, 'TransactStep', '(active - topUp - bounce) * (identity.owner - owner) === 0')
    })

    it('is refused when it is replayed: for another account, version, number or operation', async () => {
      const { r8, s } = withdrawal({ index: 0, amount: 5n, version: 6n }).signature
      await rejects(circuit, forgeTransact(putStep(honest('withdraw'), 0, { r8, s })), 'TransactStep', SIGNED)
      const next = system.clone()
      next.transact([withdrawal({ index: 0, amount: 5n })], VALID_UNTIL)
      const again = next.transact([withdrawal({ index: 0, amount: 5n, version: 8n })], VALID_UNTIL).input
      const first = withdrawal({ index: 0, amount: 5n }).signature
      await accepts(circuit, again)
      await rejects(circuit, forgeTransact(putStep(again, 0, { r8: first.r8, s: first.s })), 'TransactStep', SIGNED)
      await rejects(circuit, forgeTransact(putStep(honest('forced'), 0, { queueNumber: 13n })), 'TransactStep', SIGNED)
      const asForced = putStep(
        honest('forced'),
        0,
        withdrawal({ index: 1, amount: 11n, version: 12n }).signature as unknown as Record<string, Signal>,
      )
      await rejects(circuit, forgeTransact(asForced), 'TransactStep', SIGNED)
      const other = withdrawal({ index: 1, amount: 5n }).signature
      await rejects(
        circuit,
        forgeTransact(putStep(honest('withdraw'), 0, { r8: other.r8, s: other.s })),
        'TransactStep',
        SIGNED,
      )
    })

    it('is refused from another chain or contract', async () => {
      for (const name of names) {
        for (const part of ['chainId', 'settlement']) {
          await rejects(circuit, forgeTransact({ ...honest(name), [part]: 1n }), 'TransactStep', SIGNED)
          await rejects(circuit, forgeTransact(honest(name), [], { [part]: 1n }), 'PublicVector', DIGEST)
        }
      }
    })

    it('is refused when it has expired, but for a discharge', async () => {
      const SPARE = 'AssertRange(40)(spare)'
      for (const name of names) {
        await accepts(circuit, signedLie(honest(name), 0, { expiry: VALID_UNTIL }))
        await rejects(circuit, signedLie(honest(name), 0, { expiry: VALID_UNTIL - 1n }), 'TransactStep', SPARE)
        await rejects(circuit, forgeTransact({ ...honest(name), validUntil: EXPIRY + 1n }), 'TransactStep', SPARE)
      }
      await accepts(circuit, signedLie(honest('discharge'), 0, { expiry: 5n }))
      // A request that would be served is not bad because it has expired.
      await rejects(
        circuit,
        signedLie(honest('forced'), 0, { op: opBits(OP.discharge), expiry: 5n }),
        'TransactStep',
        'discharge * serveable === 0',
      )
    })

    it('is refused where its two sides are points with the same y, or the same x', async () => {
      const input = honest('withdraw')
      const { publicKey, secret } = ownerKey(0)
      const nonce = 12345n
      // -S for S, and R8 with the point of order 2 added to it: only the owner can make these.
      for (const r8 of [multiply(BASE8, nonce), addPoints(multiply(BASE8, nonce), [0n, mod(-1n)])]) {
        const sum = (nonce + 8n * signatureChallenge(publicKey, stepMessage(input, 0), r8) * secret) % SUBGROUP_ORDER
        await rejects(
          circuit,
          forgeTransact(putStep(input, 0, { r8, s: SUBGROUP_ORDER - sum })),
          'TransactStep',
          SIGNED,
        )
      }
    })

    it('is refused with an R8 off the curve', async () => {
      await rejects(
        circuit,
        forgeTransact(putStep(honest('withdraw'), 0, { r8: [1n, 1n] })),
        'SignatureOrSecret',
        'BabyCheck()(r8[0], r8[1])',
      )
    })

    it('is not needed for a deposit', async () => {
      await accepts(circuit, forgeTransact(putStep(honest('topup'), 0, { publicKey: ownerKey(9).publicKey, s: 77n })))
    })
  })

  describe('the margin', () => {
    it('is demanded of withdrawals, forced or not, to the unit', async () => {
      // T of HEALTHY is linear in cash: the most that may go leaves T at the threshold or just above.
      const { accounts, ledger } = system
      const most = largest(accounts.at(0)!)
      for (const name of ['withdraw', 'forced'] as const) {
        const make = name === 'withdraw' ? withdrawal : forced
        const index = name === 'withdraw' ? 0 : 1
        await accepts(circuit, run(make({ index, amount: most })))
        await rejects(circuit, signedLie(honest(name), 0, { amount: most + 1n }), 'TransactStep', ENOUGH)
      }
      assert.ok(ledger.marks !== undefined)
      // And to the 2^-32 of a unit: T = ut - 2^32.
      const marks = ledger.marks.map((asset, a) => (a === 1 ? { ...asset, initialCollateralValue: 2n << 32n } : asset))
      const input = owned([ownedAccount(0, [0n, 1n])], { marks }).transact(
        [withdrawal({ index: 0, amount: 1n })],
        VALID_UNTIL,
      ).input
      await accepts(circuit, input)
      await rejects(circuit, forgeTransact(put(input, 'marks', [0, 1], (2n << 32n) - 1n)), 'TransactStep', ENOUGH)
    })

    it('is demanded of trades and unwindings', async () => {
      await rejects(
        circuit,
        signedLie(honest('unwind'), 0, { amount: 3n, cash: 5_000_000_000n }),
        'TransactStep',
        ENOUGH,
      )
      await rejects(
        circuit,
        signedLie(signedLie(honest('trade'), 0, { cash: 5_000_000_000n }), 1, { cash: 5_000_000_000n }),
        'TransactStep',
        ENOUGH,
      )
    })

    it('is not demanded of an account without liabilities, of top-ups and of preferences', async () => {
      const free = owned([ownedAccount(0, [10n]), ownedAccount(1, DEBTOR)])
      await accepts(circuit, free.clone().transact([withdrawal({ index: 0, amount: 10n })], VALID_UNTIL).input)
      await accepts(
        circuit,
        free
          .clone()
          .transact(
            [topUp(1, 1n), preferences({ index: 1, version: 8n, weights: [8, 1, 1, 1, 1, 1, 1, 1] })],
            VALID_UNTIL,
          ).input,
      )
    })

    it('is refused an account of size 2^95, and given one a 2^-32 cash unit smaller', async () => {
      const marks = owned([]).ledger.marks!.map((asset, a) => (a === 2 ? { ...asset, price: 1n } : asset))
      const big = owned([ownedAccount(0, [(1n << 63n) - 1n, 0n, (1n << 32n) - 2n])], { marks })
      const input = big
        .clone()
        .transact([unwind({ index: 0, asset: 2, direction: 1, x: 1n, y: 0n })], VALID_UNTIL).input
      await accepts(circuit, input)
      await rejects(circuit, signedLie(input, 0, { amount: 2n }), 'TransactStep', SMALL)
    })
  })

  describe('below the target', () => {
    const PRICE = 'AssertRange(128)(priceGap)'
    const SHRINKS = 'exception * (shrunk - amount) === 0'

    it("takes a sale and a buy-back at the penalty's price, to the unit", async () => {
      assert.equal(at(honest('sale'), 'exception', 0), 1n)
      assert.equal(at(honest('buyback'), 'exception', 0), 1n)
      await rejects(circuit, signedLie(honest('sale'), 0, { cash: 195_999_999n }), 'Margin', PRICE)
      // buy is 2.04, rounded up.
      await accepts(circuit, signedLie(honest('buyback'), 0, { cash: 204_000_000n }))
      await rejects(circuit, signedLie(honest('buyback'), 0, { cash: 204_000_001n }), 'Margin', PRICE)
    })

    it('refuses 10 ETH at 200 against a debt of 1,690, sold to a friend for 1,600', async () => {
      const terms = { amount: 1_000_000_000n, cash: 1_600_000_000n }
      const fair = run(
        half({ index: 3, direction: 0, x: terms.amount, y: 1_960_000_000n, version: 7n }),
        half({ index: 1, direction: 1, x: terms.amount, y: 1_960_000_000n }),
      )
      await accepts(circuit, fair)
      for (const exception of [0n, 1n]) {
        const friendly = signedLie(signedLie(fair, 0, { ...terms, exception }), 1, { ...terms })
        if (exception === 1n) await rejects(circuit, friendly, 'Margin', PRICE)
        else await rejects(circuit, friendly, 'TransactStep', ENOUGH)
      }
    })

    it('refuses what leaves it out', async () => {
      await rejects(circuit, signedLie(honest('sale'), 0, { exception: 0n }), 'TransactStep', ENOUGH)
    })

    it('refuses a flip of the position, and its growth', async () => {
      await accepts(circuit, signedLie(honest('sale'), 0, { amount: 1_000_000_000n, cash: 1_960_000_000n }))
      await rejects(
        circuit,
        signedLie(honest('sale'), 0, { amount: 1_000_000_001n, cash: 1_960_000_002n }),
        'Margin',
        SHRINKS,
      )
      await rejects(circuit, signedLie(honest('sale'), 0, { direction: 1n, amount: 1n, cash: 0n }), 'Margin', SHRINKS)
      await rejects(
        circuit,
        signedLie(honest('buyback'), 0, { direction: 0n, amount: 1n, cash: 10n }),
        'Margin',
        SHRINKS,
      )
      await rejects(
        circuit,
        signedLie(honest('buyback'), 0, { amount: 1_000_000_001n, cash: 2_030_000_000n }),
        'Margin',
        SHRINKS,
      )
      // Of an asset that it does not hold, at any price.
      await rejects(
        circuit,
        signedLie(honest('sale'), 0, { assetBits: oneHot(2), amount: 1n, cash: 1_000_000_000n }),
        'Margin',
        SHRINKS,
      )
    })

    it('refuses a trade by which T does not improve', async () => {
      const marks = system.ledger.marks!.map((asset, a) =>
        a === 1 ? { ...asset, sell: 1n << 32n, initialCollateralValue: 1n << 32n } : asset,
      )
      const level = owned(
        [ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY), ownedAccount(2, HEALTHY), ownedAccount(3, DEBTOR)],
        { marks },
      )
      const input = level.clone().transact([unwind({ index: 3, direction: 0, x: 1000n, y: 1001n })], VALID_UNTIL).input
      await accepts(circuit, input)
      await rejects(circuit, signedLie(input, 0, { cash: 1000n }), 'TransactStep', ENOUGH)
      // By 2^-32 of a unit of cash, the least that there is, it does.
      level.setMarks(
        marks.map((asset, a) => (a === 1 ? { ...asset, initialCollateralValue: (1n << 32n) - 1n } : asset)),
      )
      await accepts(
        circuit,
        level.clone().transact([unwind({ index: 3, direction: 0, x: 1n, y: 1n })], VALID_UNTIL).input,
      )
    })
  })

  describe('a trade', () => {
    const MIRROR = 'halfBefore * (common + directionBit * (1 << 132) - mirrorBefore) === 0'
    const second = (changes: Record<string, Signal>) => signedLie(honest('trade'), 1, changes)

    it('is refused when it creates value', async () => {
      await rejects(circuit, second({ cash: 22n }), 'TransactStep', MIRROR)
      await rejects(circuit, second({ cash: 20n }), 'TransactStep', MIRROR)
      await rejects(circuit, second({ amount: 9n }), 'TransactStep', MIRROR)
      await rejects(circuit, second({ direction: 1n }), 'TransactStep', MIRROR)
      await rejects(circuit, second({ assetBits: oneHot(2) }), 'TransactStep', MIRROR)
    })

    it('is refused with a half of another link', async () => {
      await rejects(circuit, second({ extra: LINK + 1n }), 'TransactStep', 'halfBefore * (extra - linkBefore) === 0')
    })

    it('is refused as a lone half, which would make a synthetic from nothing', async () => {
      const lone = putStep(honest('unwind'), 0, { op: opBits(OP.trade), extra: LINK })
      // Followed by nothing, followed by something else, and behind something else.
      await rejects(circuit, signedLie(lone, 0), 'TransactStep', '(1 - trade) * halfBefore === 0')
      const pair = run(
        unwind({ index: 0, direction: 1, x: 3n, y: 6n }),
        unwind({ index: 1, direction: 0, x: 3n, y: 6n }),
      )
      const first = signedLie(putStep(pair, 0, { op: opBits(OP.trade), extra: LINK }), 0)
      await rejects(circuit, first, 'TransactStep', '(1 - trade) * halfBefore === 0')
      const last = signedLie(putStep(pair, 1, { op: opBits(OP.trade), extra: LINK }), 1)
      await rejects(circuit, last, 'Transact', 'step[steps - 1].halfAfter === 0')
    })
  })

  describe('the forced queue', () => {
    const DISCHARGE = 'discharge * serveable === 0'
    const asDischarge = (input: CircuitInput) => forgeTransact(putStep(input, 0, { op: opBits(OP.discharge) }))
    const asForced = (input: CircuitInput) => forgeTransact(putStep(input, 0, { op: opBits(OP.forced) }))

    it('refuses to discharge what can be served', async () => {
      await rejects(circuit, asDischarge(honest('forced')), 'TransactStep', DISCHARGE)
      await rejects(
        circuit,
        asDischarge(run(forced({ index: 0, amount: largest(system.accounts.at(0)!) }))),
        'TransactStep',
        DISCHARGE,
      )
    })

    it('refuses to discharge by another signature, expiry, number or recipient than it publishes', async () => {
      const bad = asDischarge(putStep(honest('forced'), 0, { s: 1n }))
      await accepts(circuit, bad)
      const published = transactVectorOf(honest('forced'))
      for (const [k, value] of [
        [2, at(honest('forced'), 'r8', 0, 0)],
        [4, at(honest('forced'), 's', 0)],
        [5, EXPIRY + 1n],
        [8, 1n],
        [9, 13n],
      ] as const) {
        const lie = forgeTransact(
          putStep(honest('forced'), 0, {
            op: opBits(OP.discharge),
            s: 1n,
            ...(k === 2 ? { r8: BASE8 } : {}),
          }),
          [{ published: { [k]: value } }],
        )
        await rejects(circuit, lie, 'PublicVector', DIGEST)
      }
      assert.equal(published[52], 7n)
    })

    it('refuses to serve what is to be discharged', async () => {
      await rejects(circuit, asForced(honest('discharge')), 'TransactStep', ENOUGH)
      await rejects(circuit, forgeTransact(putStep(honest('forced'), 0, { s: 1n })), 'TransactStep', SIGNED)
    })

    it('is not defeated by refreshing the account: a request is good at any version', async () => {
      const request = forced({ index: 1, amount: 11n })
      const moved = system.clone()
      moved.transact(
        [topUp(1, 1n), preferences({ index: 1, version: 8n, weights: [8, 1, 1, 1, 1, 1, 1, 1] })],
        VALID_UNTIL,
      )
      const { input, results } = moved.transact([request], VALID_UNTIL)
      assert.equal(results[0]!.outcome, 'done')
      await accepts(circuit, input)
      await rejects(circuit, asDischarge(input), 'TransactStep', DISCHARGE)
    })

    it('discharges for each of the reasons', async () => {
      const huge = run(forced({ index: 4, asset: 1, amount: MAX }))
      assert.equal(at(huge, 'op', 0, 7), 1n)
      await accepts(circuit, huge)
      await accepts(circuit, run({ ...forced({ index: 0, amount: 1n }), queueNumber: 77n }))
      const marks = system.ledger.marks!.map((asset, a) => (a === 2 ? { ...asset, price: MAX } : asset))
      const big = owned([ownedAccount(0, [0n, 0n, 1n << 33n])], { marks })
      await accepts(circuit, big.transact([forced({ index: 0, amount: 1n })], VALID_UNTIL).input)
    })
  })

  describe('a bounce', () => {
    it('is refused of a deposit that fits, and its contrary', async () => {
      await rejects(
        circuit,
        forgeTransact(putStep(honest('topup'), 0, { op: opBits(OP.bounce) })),
        'TransactStep',
        'bounce * change.fits === 0',
      )
      await rejects(
        circuit,
        forgeTransact(putStep(honest('bounce'), 0, { op: opBits(OP.topup) })),
        'TransactStep',
        'write * (1 - change.fits) === 0',
      )
    })
  })

  it('publishes just what it is about', async () => {
    for (const [name, input] of inputs) {
      const vector = transactVectorOf(input)
      // The second step of all others is as inactive as that of `none`.
      for (let k = 0; k < (name === 'trade' || name === 'none' ? 20 : 10); k++) {
        const claim = { published: { [k % 10]: mod(vector[52 + k]! + 1n) } }
        await rejects(circuit, forgeTransact(input, k < 10 ? [claim] : [undefined, claim]), 'PublicVector', DIGEST)
      }
    }
  })

  it('refuses a public vector that differs from the digest in one element, whichever', async () => {
    const vector = transactVectorOf(honest('withdraw'))
    const digest = vectorDigest(vector)
    for (let i = 0; i < vector.length; i++) {
      const other = vector.with(i, mod(vector[i]! + 1n))
      const z = vectorChallenge(other, digest)
      await rejects(
        circuit,
        { ...honest('withdraw'), digest, z, y: vectorEvaluation(other, z) },
        'PublicVector',
        'y === horner[0]',
      )
    }
  })

  it('lets an inactive step hold any account, and nothing comes of it', async () => {
    const names = [
      'owner',
      'viewKey',
      'version',
      'indexBits',
      'sign',
      'magnitude',
      'publicKey',
      'r8',
      's',
      'queueNumber',
      'extra',
      'expiry',
    ]
    const other = honest('trade')
    await accepts(
      circuit,
      putStep(
        honest('withdraw'),
        1,
        Object.fromEntries(
          names.map((name) => [name, (other[name] as readonly Signal[])[1]!]).filter(([name]) => name !== 'indexBits'),
        ),
      ),
    )
    // Nor is its place published, which in a tree of nothing may be any.
    await accepts(circuit, put(honest('withdraw'), 'indexBits', [1], bits(5n, 6)))
    for (const claim of [{ rootAfter: 1n }, { inboxAfter: 1n }])
      await rejects(circuit, forgeTransact(honest('none'), [], claim), 'PublicVector', DIGEST)
  })

  describe('of the blinded head', () => {
    for (const lie of FULL_LIES)
      it(`refuses ${lie}, of the inbox, before and after`, async () => {
        const after = system.clone()
        const { input } = after.transact([topUp(2, 7n)], VALID_UNTIL)
        const ends = [
          { at: 3, head: at(input, 'inboxBefore'), salt: at(input, 'saltBefore') },
          { at: 4, head: headOf(after.stacks[1]!), salt: at(input, 'saltAfter') },
        ]
        await refusesBlinding(circuit, input, transactVectorOf(input), ends, lie)
      })

    it('refuses an empty inbox told as full', async () => {
      const { input } = owned([]).transact([], VALID_UNTIL)
      const ends = [3, 4].map((place) => ({
        at: place,
        head: 0n,
        salt: at(input, place === 3 ? 'saltBefore' : 'saltAfter'),
      }))
      await refusesBlinding(circuit, input, transactVectorOf(input), ends, 'an empty stack told as full')
    })

    it('takes whatever salt the sequencer chooses for the head after', async () => {
      await accepts(circuit, forgeTransact({ ...honest('topup'), saltAfter: 0n }))
    })
  })

  /** The most cash that may be withdrawn. */
  function largest(account: Account): bigint {
    const { marks } = system.ledger
    const target = account.balances.reduce(
      (sum, b, a) => sum + b * (b > 0n ? marks![a]!.initialCollateralValue : marks![a]!.initialLiabilityValue),
      0n,
    )
    return (target >> 32n) - 1n
  }

  function splitAfter(name: string): bigint[] {
    const [account] = [system.accounts.at(name === 'preferences' || name === 'forced' ? 1 : 0)!]
    const change = {
      topup: [0n, 7n],
      withdraw: [-5n, 0n],
      unwind: [-6n, 3n],
      forced: [-11n, 0n],
      preferences: [0n, 0n],
    }[name]!
    return account.balances.map((b, a) => b + (change[a] ?? 0n)).map((b) => (b < 0n ? -b : b))
  }
})

function oneHot(a: number): bigint[] {
  return Array.from({ length: 8 }, (_, i) => (i === a ? 1n : 0n))
}

function isPerStep(name: string): boolean {
  return ![
    'digest',
    'z',
    'y',
    'rootBefore',
    'inboxBefore',
    'saltBefore',
    'saltAfter',
    'chainId',
    'settlement',
    'sequencer',
    'validUntil',
    'marks',
    'kappas',
    'secret',
  ].includes(name)
}
