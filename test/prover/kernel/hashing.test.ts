import assert from 'node:assert/strict'
import { buildEddsa, type Eddsa } from 'circomlibjs'
import { importAccounts } from '../../../book/import-accounts.ts'
import { accountLeaf, accountLeaves } from '../../../protocol/account.ts'
import { FIELD } from '../../../protocol/constants.ts'
import { addPoints, BASE8, isOnCurve, multiply, type Point, SUBGROUP_ORDER } from '../../../protocol/curve.ts'
import { PlimsollError } from '../../../protocol/errors.ts'
import { computePoseidonBy, libraryPoseidon, poseidon } from '../../../protocol/poseidon.ts'
import { stackHead } from '../../../protocol/stack.ts'
import { AccountTree } from '../../../protocol/tree.ts'
import { BatchHasher } from '../../../prover/kernel/batch-hasher.ts'
import { SCALAR_FIELD as R, squareRoot } from '../../../prover/kernel/bigint-field.ts'
import { hasFusedMultiplyAdd } from '../../../prover/kernel/fused.ts'
import { KERNEL_ARITIES } from '../../../prover/kernel/hash-module.ts'
import { hashBatch, hashByKernel, verifyBatch } from '../../../prover/kernel/hashing.ts'
import type { FieldVariant } from '../../../prover/kernel/module.ts'
import { type Signature, verifySignature } from '../../../prover/kernel/signature.ts'
import { mulberry32, sampleAccounts } from '../../../risk/paths/sample-accounts.ts'

const random = mulberry32(11)
const VARIANTS: readonly FieldVariant[] = hasFusedMultiplyAdd() ? ['fma', 'integer'] : ['integer']
/** Around the kernel's batches of 64, and odd ones. */
const SIZES = [0, 1, 2, 3, 63, 64, 65, 131]

function element(): bigint {
  let value = 0n
  for (let i = 0; i < 16; i++) value = (value << 16n) | BigInt(Math.floor(random() * 65536))
  return value % R
}

function list<T>(length: number, make: (i: number) => T): T[] {
  return Array.from({ length }, (_, i) => make(i))
}

describe('batched Poseidon', () => {
  for (const variant of VARIANTS) {
    describe(variant, () => {
      let hasher: BatchHasher
      before(() => (hasher = new BatchHasher(variant)))

      it('agrees with poseidon-lite for all numbers of inputs and odd sizes of batches', () => {
        for (const inputs of KERNEL_ARITIES) {
          for (const size of SIZES) {
            const lists = list(size, () => list(inputs, element))
            assert.deepEqual(hasher.hashBatch(lists), lists.map(poseidon), `${size} lists of ${inputs}`)
          }
        }
      })

      it("agrees for inputs of 0, 1, r - 1, the limbs' boundaries, and mixtures of them", () => {
        const edges = [
          0n,
          1n,
          2n,
          R - 1n,
          R - 2n,
          (R - 1n) / 2n,
          (R + 1n) / 2n,
          ...[29n, 51n, 58n, 102n, 204n, 232n, 253n].flatMap((bit) => [(1n << bit) - 1n, 1n << bit, R - (1n << bit)]),
        ]
        for (const inputs of KERNEL_ARITIES) {
          const lists = [
            ...edges.map((edge) => list(inputs, () => edge)),
            ...list(100, () => list(inputs, () => edges[Math.floor(random() * edges.length)]!)),
          ]
          assert.deepEqual(hasher.hashBatch(lists), lists.map(poseidon), `${inputs} inputs`)
        }
      })

      it('refuses inputs of r or more and negative ones, wherever they are', () => {
        const refused = (error: unknown) =>
          error instanceof PlimsollError && /not below the scalar field/.test(error.message)
        for (const alias of [R, R + 1n, (1n << 256n) - 1n, 1n << 256n, -1n]) {
          const lists = list(3, () => [1n, 2n])
          lists[2]![1] = alias
          assert.throws(() => hasher.hashBatch(lists), refused)
          assert.throws(() => hashBatch(lists), refused)
        }
        for (const position of [0, 1, 129, 257]) {
          const words = new Uint8Array(129 * 64)
          words.set(Buffer.from(R.toString(16), 'hex').reverse(), 32 * position)
          assert.throws(() => hasher.hashWords(2, words), refused, `word ${position}`)
        }
        assert.equal(hasher.hashBatch([[1n, 2n]])[0], poseidon([1n, 2n]), 'a refusal leaves nothing behind')
      })

      it('takes and gives little-endian words, and refuses odd lengths', () => {
        const words = new Uint8Array(64)
        words[0] = 1
        words[32] = 2
        const hash = BigInt(`0x${Buffer.from(hasher.hashWords(2, words)).reverse().toString('hex')}`)
        assert.equal(hash, 7853200120776062878684798364095072458815029376092732009249414926327459813530n)
        assert.throws(() => hasher.hashWords(2, new Uint8Array(96)), RangeError)
        assert.throws(() => hasher.hashWords(7 as 2, words), RangeError)
        assert.throws(
          () =>
            hasher.hashBatch([
              [1n, 2n],
              [1n, 2n, 3n],
            ]),
          RangeError,
        )
      })
    })
  }

  it('gives the same leaves, tree and stack as the library', () => {
    const hasher = new BatchHasher()
    const hash = (lists: readonly bigint[][]) => hasher.hashBatch(lists)
    const accounts = importAccounts(
      sampleAccounts(3, 150, [{ price: 200, decimals: 8 }]).map(({ balances }) => ({
        balances,
        weights: list(8, () => 8),
      })),
    )
    const leaves = accountLeaves(accounts, hash)
    assert.deepEqual(leaves, accounts.map(accountLeaf))
    const [tree, reference] = [new AccountTree(5, leaves, hash), new AccountTree(5, leaves)]
    assert.equal(tree.root, reference.root)
    assert.deepEqual(tree.path(149), reference.path(149))
    assert.equal(stackHead(leaves, hash), stackHead(leaves))
  })

  it('is chosen for many hashes and gives what the library does', () => {
    for (const [size, inputs] of SERVED) {
      const lists = list(size, (i) => list(inputs, (j) => BigInt(i * inputs + j)))
      assert.deepEqual(hashBatch(lists), lists.map(poseidon))
    }
    assert.deepEqual(hashBatch([]), [])
  })
})

// Few and many hashes, then few with the kernel running, and a number of inputs that it does not have.
const SERVED = [
  [2, 2],
  [1_250, 4],
  [3, 2],
  [2, 6],
] as const

describe('hashing one list at a time', () => {
  it('is left to the kernel once a process has hashed much, with the same results', () => {
    hashByKernel()
    try {
      for (let round = 0; round < 170; round++)
        for (const inputs of [2, 4, 11, 16, 6]) {
          const one = list(inputs, element)
          assert.equal(poseidon(one), libraryPoseidon(one), `${inputs} inputs`)
        }
      // The library would take it.
      assert.throws(() => poseidon([R, 1n]), PlimsollError)
    } finally {
      computePoseidonBy(libraryPoseidon)
    }
  })
})

describe('hashing without a kernel', () => {
  it('gives the same hashes and verdicts', async () => {
    const { Memory } = WebAssembly
    let refusals = 0
    // A machine that has no room for a shared memory, and a module that has not started its kernel yet.
    WebAssembly.Memory = class {
      constructor() {
        refusals++
        throw new RangeError('could not allocate memory')
      }
    } as unknown as typeof Memory
    try {
      const fresh = (await import(`${new URL('../../../prover/kernel/hashing.ts', import.meta.url).href}?alone`)) as {
        hashBatch: typeof hashBatch
        verifyBatch: typeof verifyBatch
      }
      for (const [size, inputs] of SERVED) {
        const lists = list(size, () => list(inputs, element))
        assert.deepEqual(fresh.hashBatch(lists), lists.map(poseidon))
      }
      const bad = { message: 1n, R8: BASE8, S: 2n, A: BASE8 }
      const good = { ...bad, S: (1n + 8n * poseidon([...BASE8, ...BASE8, 1n])) % SUBGROUP_ORDER }
      assert.deepEqual(
        fresh.verifyBatch(list(12, (i) => (i % 3 === 0 ? bad : good))),
        list(12, (i) => i % 3 !== 0),
      )
      assert.equal(refusals, 1, 'it is tried once')
    } finally {
      WebAssembly.Memory = Memory
    }
  })
})

describe('batched EdDSA-Poseidon', () => {
  let eddsa: Eddsa
  let signatures: readonly Signature[]
  const messages = [0n, 1n, R - 1n, ...list(6, element)]

  before(async () => {
    eddsa = await buildEddsa()
    const point = (values: readonly Uint8Array[]) => values.map((value) => eddsa.F.toObject(value)) as unknown as Point
    signatures = messages.map((message, i) => {
      const key = Buffer.alloc(32, i + 1)
      const { R8, S } = eddsa.signPoseidon(key, eddsa.F.e(message))
      return { message, R8: point(R8), S, A: point(eddsa.prv2pub(key)) }
    })
  })

  const circomlibs = ({ message, R8, S, A }: Signature): boolean =>
    eddsa.verifyPoseidon(
      eddsa.F.e(message),
      { R8: R8.map((value) => eddsa.F.e(value)), S },
      A.map((value) => eddsa.F.e(value)),
    )

  /** A point of order 8: circomlib's generator, less its part in the subgroup. */
  const negatePoint = ([x, y]: Point): Point => [(FIELD - x) % FIELD, y]

  const smallOrder = (): Point[] => {
    const generator: Point = [
      995203441582195749578291179787384436505546430278305826713579947235728471134n,
      5472060717959818805561601436314318772137091100104008585924551046643952123905n,
    ]
    const order8 = multiply(generator, SUBGROUP_ORDER)
    return list(8, (i) => multiply(order8, BigInt(i)))
  }

  /** What is signed with the secret s and the nonce r, whatever A and R8 have besides. */
  const forge = (message: bigint, r: bigint, s: bigint, extraR: Point, extraA: Point): Signature => {
    const R8 = addPoints(multiply(BASE8, r), extraR)
    const A = addPoints(multiply(BASE8, s), extraA)
    return { message, R8, A, S: (r + 8n * poseidon([...R8, ...A, message]) * s) % SUBGROUP_ORDER }
  }

  interface Case {
    readonly name: string
    readonly signature: Signature
    /** Whether circomlibjs can be asked: it reduces what is out of range. */
    readonly canonical: boolean
  }

  const cases = (): Case[] => {
    const [first, second] = signatures as [Signature, Signature]
    const identity: Point = [0n, 1n]
    const torsion = smallOrder()
    const changed = (name: string, change: Partial<Signature>, canonical = true): Case => ({
      name,
      signature: { ...first, ...change },
      canonical,
    })
    const made = (name: string, signature: Signature): Case => ({ name, signature, canonical: true })
    return [
      ...signatures.map((signature, i) => made(`valid ${i}`, signature)),
      changed('another message', { message: second.message }),
      changed('S of another', { S: second.S }),
      changed('S + 1', { S: first.S + 1n }),
      changed('S of 0', { S: 0n }),
      changed('S of l - 1', { S: SUBGROUP_ORDER - 1n }),
      changed('S + l', { S: first.S + SUBGROUP_ORDER }),
      changed('S of l', { S: SUBGROUP_ORDER }),
      changed('R8 of another', { R8: second.R8 }),
      changed('R8 negated', { R8: negatePoint(first.R8) }),
      changed('R8 off the curve', { R8: [first.R8[0], (first.R8[1] + 1n) % R] }),
      changed('R8 of zeros', { R8: [0n, 0n] }),
      changed('A of another', { A: second.A }),
      changed('A negated', { A: negatePoint(first.A) }),
      changed('A off the curve', { A: [(first.A[0] + 1n) % R, first.A[1]] }),
      changed('A of zeros', { A: [0n, 0n] }),
      changed('S negative', { S: first.S - SUBGROUP_ORDER }, false),
      changed('message + r', { message: first.message + R }, false),
      changed('message negative', { message: -1n }, false),
      changed('x of R8 + r', { R8: [first.R8[0] + R, first.R8[1]] }, false),
      changed('y of R8 + r', { R8: [first.R8[0], first.R8[1] + R] }, false),
      changed('x of A + r', { A: [first.A[0] + R, first.A[1]] }, false),
      changed('y of A + r', { A: [first.A[0], first.A[1] + R] }, false),
      made('all identity, S of 0', { message: 5n, R8: identity, A: identity, S: 0n }),
      made('R8 at the identity', forge(5n, 0n, 77n, identity, identity)),
      made('A at the identity', forge(5n, 77n, 0n, identity, identity)),
      made('R8 and A at the base point', forge(5n, 1n, 1n, identity, identity)),
      made('R8 opposite to A', forge(5n, SUBGROUP_ORDER - 1n, 1n, identity, identity)),
      ...torsion.flatMap((point, i) => [
        made(`R8 of small order, ${i}`, forge(5n, 0n, 77n, point, identity)),
        made(`A of small order, ${i}`, forge(5n, 77n, 0n, identity, point)),
        made(`both of small order, ${i}`, { message: 5n, R8: point, A: torsion[(3 * i) % 8]!, S: 0n }),
        made(`R8 with a part of small order, ${i}`, forge(5n, 78n, 77n, point, identity)),
        made(`A with a part of small order, ${i}`, forge(5n, 78n, 77n, identity, point)),
      ]),
    ]
  }

  it('has cases on the curve where it should, and of every verdict', () => {
    assert.ok(smallOrder().every(isOnCurve))
    assert.equal(new Set(smallOrder().map(String)).size, 8)
    const verdicts = cases().map(({ signature }) => verifySignature(signature))
    assert.ok(
      verdicts.filter(Boolean).length > messages.length + 16 && verdicts.filter((verdict) => !verdict).length > 30,
    )
  })

  it("has circomlibjs's verdict by plain integers", () => {
    for (const { name, signature, canonical } of cases())
      assert.equal(verifySignature(signature), canonical && circomlibs(signature), name)
  })

  for (const variant of VARIANTS) {
    describe(variant, () => {
      let hasher: BatchHasher
      before(() => (hasher = new BatchHasher(variant)))

      it("has circomlibjs's verdict in all cases, each in both lanes", () => {
        const all = cases()
        const expected = all.map(({ signature, canonical }) => canonical && circomlibs(signature))
        for (const shift of [0, 1]) {
          const batch = [...signatures.slice(0, shift), ...all.map(({ signature }) => signature)]
          const verdicts = hasher.verifyBatch(batch).slice(shift)
          all.forEach(({ name }, i) => assert.equal(verdicts[i], expected[i], name))
        }
      })

      it('takes batches of 0, 1, 2, 3 and around its own size, with bad ones anywhere', () => {
        for (const size of SIZES) {
          for (const bad of [-1, 0, size - 1]) {
            const batch = list(size, (i) => ({
              ...signatures[i % signatures.length]!,
              ...(i === bad ? { S: 3n } : {}),
            }))
            assert.deepEqual(
              hasher.verifyBatch(batch),
              batch.map((_, i) => i !== bad),
              `${size}, ${bad}`,
            )
          }
        }
      })

      it("has circomlibjs's verdict for random scalars and messages", () => {
        const batch = list(40, () =>
          forge(element(), element() % SUBGROUP_ORDER, element() % SUBGROUP_ORDER, [0n, 1n], [0n, 1n]),
        )
        assert.deepEqual(
          hasher.verifyBatch(batch),
          batch.map(() => true),
        )
      })
    })
  }

  it('is chosen for many signatures and gives the same verdicts', () => {
    const all = cases().map(({ signature }) => signature)
    for (const batch of [all.slice(0, 2), all, []]) assert.deepEqual(verifyBatch(batch), batch.map(verifySignature))
  })

  it('finds square roots, and that there are none', () => {
    for (let i = 0; i < 20; i++) {
      const value = 1n + element()
      assert.equal(squareRoot((value * value) % R, R) ** 2n % R, (value * value) % R)
    }
    assert.throws(() => squareRoot(5n, R), RangeError)
  })
})
