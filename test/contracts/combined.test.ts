import assert from 'node:assert/strict'
import { type Address, encodePacked, type Hex, keccak256, toHex } from 'viem'
import { FIELD } from '../../protocol/constants.ts'
import { Random } from '../protocol/random.ts'
import { tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import { CLAIMED, type Claim, claimsOf, type SettledCircuit, tinyVerifiers } from './combined-claims.ts'

const BASE_FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n
/** A point of the twisted curve that is not in the subgroup. */
const OUTSIDE = [
  [0n, 1n],
  [
    5912654199736721486680175016176231956195085055698687135131307249486702594212n,
    18278151005453108793778860132295291098363647455926340152056652516292830556603n,
  ],
]

describe('proofs of a transaction, checked as one', () => {
  let chain: Chain
  let harness: Contract
  let verifiers: Map<SettledCircuit, Contract>
  let claims: Claim[]

  const hold = (list: readonly Claim[]) => harness.read<boolean>('hold', list)
  const holdAt = (list: readonly Claim[], powers: readonly bigint[]) => harness.read<boolean>('holdAt', list, powers)
  const each = (list: readonly Claim[]) => harness.read<boolean[]>('each', list)
  const powersOf = (list: readonly Claim[]) => harness.read<bigint[]>('powers', list)
  const changed = (list: readonly Claim[], i: number, change: (claim: Claim) => void): Claim[] => {
    const copy = structuredClone([...list])
    change(copy[i]!)
    return copy
  }
  /** A sum of points of G1, and a multiple: by the chain's own arithmetic. */
  const precompile = async (to: Address, words: readonly bigint[]): Promise<bigint[]> => {
    const data = `0x${words.map((word) => toHex(word, { size: 32 }).slice(2)).join('')}` as Hex
    const { data: out } = await chain.client.call({ to, data })
    return [BigInt(out!.slice(0, 66)), BigInt(`0x${out!.slice(66)}`)]
  }
  const plus = (p: readonly bigint[], q: readonly bigint[]) => precompile(toHex(6, { size: 20 }), [...p, ...q])
  const times = (p: readonly bigint[], k: bigint) => precompile(toHex(7, { size: 20 }), [...p, k])

  before(async () => {
    const keys = await tinyKeysWithVerifiers()
    chain = await startChain()
    harness = await chain.contract('CombinedHarness')
    verifiers = await tinyVerifiers(chain)
    claims = await claimsOf(keys, verifiers)
  })
  after(() => proofs.close())

  it('hold where each of them does: one, all, twelve of one circuit, twelve of all', async () => {
    const [first] = claims
    assert.deepEqual(await each(claims), Array(6).fill(true))
    for (const list of [
      claims.slice(0, 1),
      claims.slice(4),
      claims,
      [...claims].reverse(),
      Array.from({ length: 12 }, () => first!),
      Array.from({ length: 12 }, (_, i) => claims[i % 6]!),
    ])
      assert.equal(await hold(list), true)
  })

  it('are by keys that the verifiers tell, whose hash is theirs', async () => {
    for (const verifier of verifiers.values()) {
      const words = await verifier.read<bigint[]>('verificationKey')
      assert.equal(
        await verifier.read('keyHash'),
        keccak256(
          encodePacked(
            words.map(() => 'uint256'),
            words,
          ),
        ),
      )
    }
  })

  it('do not hold where one is false, at whatever place, in whatever point or signal', async () => {
    const double = async (point: bigint[]) => plus(point, point)
    for (let i = 0; i < claims.length; i++) {
      const { proof } = claims[i]!
      const [a, c] = [await double(proof.a), await double(proof.c)]
      const other = claims[(i + 1) % claims.length]!
      const changes: ((claim: Claim) => void)[] = [
        ...[0, 1, 2].map((k) => (claim: Claim) => (claim.signals[k] = (claim.signals[k]! + 1n) % FIELD)),
        (claim) => (claim.proof.a = a),
        (claim) => (claim.proof.c = c),
        (claim) => (claim.proof.b = structuredClone(other.proof.b)),
        (claim) => (claim.proof = structuredClone(other.proof)),
        (claim) => (claim.proof.a[1] = BASE_FIELD - claim.proof.a[1]!),
      ]
      for (const change of changes) assert.equal(await hold(changed(claims, i, change)), false)
    }
  })

  it('do not hold by the key of another circuit or rung, or exchanged', async () => {
    for (const [i, own] of CLAIMED.entries())
      for (const [circuit, { address }] of verifiers)
        assert.equal(await hold(changed(claims, i, (claim) => (claim.verifier = address))), circuit === own)
    for (const [i, j] of [
      [0, 1],
      [0, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ] as const) {
      const copy = structuredClone(claims)
      ;[copy[i]!.proof, copy[j]!.proof] = [copy[j]!.proof, copy[i]!.proof]
      assert.equal(await hold(copy), false)
      const swapped = structuredClone(claims)
      ;[swapped[i]!.signals, swapped[j]!.signals] = [swapped[j]!.signals, swapped[i]!.signals]
      assert.equal(await hold(swapped), false)
    }
  })

  it('do not hold where two false ones cancel under equal powers, of one circuit or two', async () => {
    const t = await times([1n, 2n], 12_345n)
    const minus = [t[0]!, BASE_FIELD - t[1]!]
    const copy = structuredClone(claims)
    copy[0]!.proof.c = await plus(copy[0]!.proof.c, t)
    copy[1]!.proof.c = await plus(copy[1]!.proof.c, minus)
    const ones = Array<bigint>(6).fill(1n)
    assert.equal(await holdAt(copy, ones), true)
    assert.equal(await hold(copy), false)
    assert.deepEqual(await each(copy), [false, false, true, true, true, true])
    // Of two circuits: each with the other's pair.
    const pairs = structuredClone(claims)
    const [p, q] = [claims[2]!.proof, claims[4]!.proof]
    pairs[2]!.proof = { ...p, a: q.a, b: q.b }
    pairs[4]!.proof = { ...q, a: p.a, b: p.b }
    assert.equal(await holdAt(pairs, ones), true)
    assert.equal(await hold(pairs), false)
  })

  it('do not hold by a power that was known before the points were', async () => {
    const powers = await powersOf(claims)
    assert.equal(powers[0], 1n)
    assert.equal(new Set(powers).size, 6)
    const t = await times([1n, 2n], 777n)
    const copy = structuredClone(claims)
    copy[0]!.proof.c = await plus(copy[0]!.proof.c, await times(t, powers[1]!))
    copy[1]!.proof.c = await plus(copy[1]!.proof.c, [t[0]!, BASE_FIELD - t[1]!])
    assert.equal(await holdAt(copy, powers), true)
    assert.equal(await hold(copy), false)
    // Whatever changes changes them all but the first: each word of a claim goes into them.
    const changes: ((claim: Claim) => void)[] = [
      (claim) => (claim.verifier = harness.address),
      ...[0, 1, 2].map((k) => (claim: Claim) => claim.signals[k]!++),
      ...[0, 1].flatMap((k) => [(claim: Claim) => claim.proof.a[k]!++, (claim: Claim) => claim.proof.c[k]!++]),
      ...[0, 1].flatMap((k) => [0, 1].map((l) => (claim: Claim) => claim.proof.b[k]![l]!++)),
    ]
    for (let i = 0; i < claims.length; i++)
      for (const change of changes) {
        const others = await powersOf(changed(claims, i, change))
        assert.ok(others.every((power, j) => (j === 0 ? power === 1n : !powers.includes(power) && power < FIELD)))
      }
  })

  it('do not hold with words that a verifier refuses: the chain takes nothing that an auditor does not', async () => {
    const changes: ((claim: Claim) => void)[] = [
      ({ proof }) => (proof.a[0]! += BASE_FIELD),
      ({ proof }) => (proof.a[1]! += BASE_FIELD),
      ({ proof }) => (proof.b[0]![0]! += BASE_FIELD),
      ({ proof }) => (proof.b[1]![1]! += BASE_FIELD),
      ({ proof }) => (proof.c[0]! += BASE_FIELD),
      ({ proof }) => (proof.c[1]! += BASE_FIELD),
      ({ proof }) => (proof.a = [1n, 1n]),
      ({ proof }) => (proof.c = [0n, BASE_FIELD]),
      ({ proof }) => (proof.c = [0n, 0n]),
      ({ proof }) => (proof.a = [0n, 0n]),
      ({ proof }) =>
        Object.assign(proof, {
          a: [0n, 0n],
          b: [
            [0n, 0n],
            [0n, 0n],
          ],
          c: [0n, 0n],
        }),
      ({ proof }) => proof.b.forEach((row) => row.reverse()),
      // On the twisted curve, outside the subgroup.
      ({ proof }) => (proof.b = OUTSIDE),
    ]
    for (const i of [0, 1, 4, 5])
      for (const change of changes) {
        const list = changed(claims, i, change)
        assert.equal(await hold(list), false)
        assert.equal((await each(list))[i], false)
      }
  })

  it('hold exactly where each does, whatever is false', async () => {
    const random = new Random(17)
    let [good, bad] = [0, 0]
    for (let run = 0; run < 60; run++) {
      const list = Array.from({ length: random.integer(1, 6) }, () => structuredClone(random.pick(claims)))
      for (const claim of list) {
        if (random.chance(0.75)) continue
        const other = random.pick(list)
        const k = random.integer(0, 3)
        if (k === 0) claim.signals[random.integer(0, 2)] = random.bits(253)
        else if (k === 1) claim.proof = structuredClone(other.proof)
        else if (k === 2) claim.verifier = other.verifier
        else claim.proof.c = await times(claim.proof.c, random.bits(200))
      }
      const all = (await each(list)).every((one) => one)
      assert.equal(await hold(list), all)
      if (all) good++
      else bad++
    }
    assert.ok(good >= 10 && bad >= 10, `${good} and ${bad}`)
  })

  it('are by keys of one alpha and one beta, and each of its own delta', async () => {
    const words = await Promise.all([...verifiers.values()].map((one) => one.read<bigint[]>('verificationKey')))
    const distinct = (from: number, to: number) => new Set(words.map((key) => key.slice(from, to).join())).size
    assert.deepEqual([distinct(0, 6), distinct(6, 10), distinct(10, 14)], [1, 1, 5])
  })

  it('cost at most 70,000 gas for each further one of a circuit, or on average of four; twelve half of one by one', async () => {
    const gasOf = (list: readonly Claim[]) => harness.read<[bigint, bigint]>('gasOf', list)
    const same = (n: number) => gasOf(Array.from({ length: n }, () => claims[0]!))
    const [, alone] = await same(1)
    let before = alone
    for (let n = 2; n <= 12; n++) {
      const [together] = await same(n)
      assert.ok(together - before <= 70_000n, `proof ${n}: ${together - before}`)
      before = together
    }
    const circuits = [claims[0]!, ...claims.slice(2)]
    for (const [count, most] of [
      [4, 70_000n],
      [5, 74_000n],
    ] as const) {
      const [together, apart] = await gasOf(Array.from({ length: 12 }, (_, i) => circuits[i % count]!))
      assert.ok((together - alone) / 11n <= most, `${count} circuits: ${together}`)
      assert.ok(2n * together <= apart, `${together} and ${apart}`)
    }
  })
})
