import assert from 'node:assert/strict'
import { zeroAddress } from 'viem'
import { FIELD } from '../../protocol/constants.ts'
import { inverse, modulo } from '../../prover/kernel/bigint-field.ts'
import { Random } from '../protocol/random.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import {
  deployKey,
  excess,
  type KnownKey,
  type KnownProof,
  knownClaim,
  knownKey,
  knownProof,
  scalar,
} from './known-keys.ts'

const random = new Random(1706)
const [alpha, beta, gamma, delta] = [scalar(random), scalar(random), scalar(random), scalar(random)]
const other = { alpha: scalar(random), beta: scalar(random) }

/** Keys by what they have in common. */
const SETS: Readonly<Record<string, readonly KnownKey[]>> = {
  'alpha and beta, as of one ceremony': [1, 2, 3, 4].map(() => knownKey(random, { alpha, beta })),
  'beta, not alpha': [1, 2, 3].map(() => knownKey(random, { beta })),
  'alpha, not beta': [1, 2, 3].map(() => knownKey(random, { alpha })),
  'alpha and beta, not gamma': [1, 2, 3].map((k) => knownKey(random, { alpha, beta, gamma: BigInt(k) })),
  'alpha and beta in turn, as of two ceremonies': [
    knownKey(random, { alpha, beta }),
    knownKey(random, other),
    knownKey(random, { alpha, beta }),
    knownKey(random, other),
  ],
  'alpha and beta, and others only the beta': [
    knownKey(random, { alpha, beta }),
    knownKey(random, { beta }),
    knownKey(random, { alpha, beta }),
  ],
  'one point as beta and as gamma': [knownKey(random, { beta: gamma }), knownKey(random, { gamma })],
  'one point as delta and then as beta': [knownKey(random, { delta }), knownKey(random, { beta: delta })],
  'one point as delta and then as gamma': [knownKey(random, { delta }), knownKey(random, { gamma: delta })],
  nothing: [1, 2, 3].map(() => knownKey(random, { gamma: scalar(random) })),
}

describe('proofs checked as one, under keys that have in common', () => {
  let chain: Chain
  let harness: Contract
  const verifiers = new Map<KnownKey, Contract>()

  const claimsOf = (list: readonly KnownProof[]) =>
    list.map((proof) => knownClaim(proof, verifiers.get(proof.key)!.address))
  const hold = (list: readonly KnownProof[]) => harness.read<boolean>('hold', claimsOf(list))
  const holdAt = (list: readonly KnownProof[], powers: readonly bigint[]) =>
    harness.read<boolean>('holdAt', claimsOf(list), powers)
  /** Two proofs of each key, in the keys' order and then again. */
  const proofsOf = (keys: readonly KnownKey[]) => [...keys, ...keys].map((key) => knownProof(random, key))
  /** Takes `t` out of one proof's equation, and puts it into another's. */
  const shifted = (list: readonly KnownProof[], from: number, to: number, t: bigint, back: bigint): KnownProof[] =>
    list.map((proof, i) => {
      const by = i === from ? t : i === to ? -back : 0n
      return { ...proof, c: modulo(proof.c + by * inverse(proof.key.delta, FIELD), FIELD) }
    })

  before(async () => {
    chain = await startChain()
    harness = await chain.contract('CombinedHarness')
    for (const key of Object.values(SETS).flat()) verifiers.set(key, await deployKey(chain, key))
  })

  for (const [common, keys] of Object.entries(SETS))
    describe(common, () => {
      it('hold where each does', async () => {
        const proofs = proofsOf(keys)
        assert.ok(proofs.every((proof) => excess(proof) === 0n))
        for (const list of [proofs, [...proofs].reverse(), proofs.slice(0, keys.length), proofs.slice(0, 1)])
          assert.equal(await hold(list), true)
      })

      it('do not hold where one is false, at whatever place, in whatever it has', async () => {
        const proofs = proofsOf(keys)
        const changes: ((proof: KnownProof) => void)[] = [
          ...[0, 1, 2].map((k) => (proof: KnownProof) => (proof.signals[k] = (proof.signals[k]! + 1n) % FIELD)),
          (proof) => (proof.a = (proof.a + 1n) % FIELD),
          (proof) => (proof.b = (proof.b + 1n) % FIELD),
          (proof) => (proof.c = (proof.c + 1n) % FIELD),
        ]
        for (let i = 0; i < proofs.length; i++)
          for (const change of changes) {
            const list = structuredClone(proofs).map((proof, j) => ({ ...proof, key: proofs[j]!.key }))
            change(list[i]!)
            assert.notEqual(excess(list[i]!), 0n)
            assert.equal(await hold(list), false)
          }
      })

      it('do not hold exchanged between two keys, whole or by points', async () => {
        const proofs = proofsOf(keys)
        for (let i = 1; i < keys.length; i++) {
          const [p, q] = [proofs[i - 1]!, proofs[i]!]
          const swap = (one: Partial<KnownProof>, two: Partial<KnownProof>) =>
            proofs.map((proof) => (proof === p ? { ...p, ...one } : proof === q ? { ...q, ...two } : proof))
          assert.equal(await hold(swap({ key: q.key }, { key: p.key })), false)
          assert.equal(await hold(swap({ signals: q.signals }, { signals: p.signals })), false)
          const pairs = swap({ a: q.a, b: q.b }, { a: p.a, b: p.b })
          assert.equal(await holdAt(pairs, Array<bigint>(pairs.length).fill(1n)), true)
          assert.equal(await hold(pairs), false)
        }
      })

      it('do not hold where false ones would cancel under equal powers, or under powers known in advance', async () => {
        const proofs = proofsOf(keys)
        const powers = await harness.read<bigint[]>('powers', claimsOf(proofs))
        const t = scalar(random)
        for (let i = 0; i < proofs.length; i++) {
          const j = (i + 1) % proofs.length
          const equal = shifted(proofs, i, j, t, t)
          assert.equal(await holdAt(equal, Array<bigint>(proofs.length).fill(1n)), true)
          assert.equal(await hold(equal), false)
          const known = shifted(proofs, i, j, t * powers[j]!, t * powers[i]!)
          assert.equal(await holdAt(known, powers), true)
          assert.equal(await hold(known), false)
        }
      })
    })

  it('hold by any powers exactly where the equations say so', async () => {
    const keys = Object.values(SETS).flat()
    let good = 0
    for (let run = 0; run < 60; run++) {
      const list = Array.from({ length: random.integer(1, 8) }, () => knownProof(random, random.pick(keys)))
      const powers = list.map(() => random.pick([0n, 1n, FIELD - 1n, scalar(random)]))
      // Some wrong by nothing, some by what one or two powers take out again, some by more.
      if (random.chance(0.7)) {
        const [i, j] = [random.integer(0, list.length - 1), random.integer(0, list.length - 1)]
        const t = scalar(random)
        const back = powers[j] === 0n || random.chance(0.5) ? t : t * powers[i]! * inverse(powers[j]!, FIELD)
        list.splice(0, list.length, ...shifted(list, i, j, t, back))
      }
      const sum = list.reduce((total, proof, i) => total + powers[i]! * excess(proof), 0n) % FIELD
      assert.equal(await holdAt(list, powers), sum === 0n)
      if (sum === 0n) good++
    }
    assert.ok(good >= 10 && good <= 50, String(good))
  })

  it('hold where two verifiers tell one key', async () => {
    const proofs = proofsOf(SETS.nothing!)
    const [key] = SETS.nothing!
    const again = (await deployKey(chain, key!)).address
    const list = claimsOf(proofs).map((claim, i) => (i === 0 ? { ...claim, verifier: again } : claim))
    assert.equal(await harness.read('hold', list), true)
    list[0] = { ...list[0]!, signals: list[1]!.signals }
    assert.equal(await harness.read('hold', list), false)
  })

  it('do not hold where a key has no points, or a verifier has no key', async () => {
    const [key] = SETS.nothing!
    const verifier = verifiers.get(key!)!
    const good = knownClaim(knownProof(random, key!), verifier.address)
    const words = await verifier.read<bigint[]>('verificationKey')
    assert.equal(await harness.read('hold', [good, good]), true)
    for (let i = 0; i < 22; i++) {
      const { address } = await chain.contract('KeyVerifier', [words.map((word, k) => (k === i ? word + 1n : word))])
      assert.equal(await harness.read('hold', [good, { ...good, verifier: address }]), false)
    }
    for (const address of [harness.address, chain.accounts[0]!, zeroAddress])
      for (const list of [[{ ...good, verifier: address }], [good, { ...good, verifier: address }]])
        assert.equal(await harness.read('hold', list), false)
  })
})
