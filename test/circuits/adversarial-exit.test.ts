import assert from 'node:assert/strict'
import { type Account, accountKey, packBits } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { bits } from '../../protocol/circuit-input.ts'
import { BASE8 } from '../../protocol/curve.ts'
import { exitEquity, exitMessage, exitTransition } from '../../protocol/exit.ts'
import type { OwnerKey } from '../../protocol/keys.ts'
import { messageHash } from '../../protocol/messages.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { sign } from '../../protocol/signature.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { put, rootWith, withVector } from '../support/circuit-forgery.ts'
import { DUST, HEALTHY, MARKS } from '../support/circuit-market.ts'
import { divide } from '../support/circuit-mutation.ts'
import { owned, ownedAccount, ownerKey, RECIPIENT, SIGNING } from '../support/circuit-owners.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'

const DIGEST = 'digest === link[links - 1].out'
const VALID = 'signature.valid === 1'
const TREE = 'chosenSum === node[level]'

const PRICES = MARKS.slice(1).map(({ price }) => price)

describe('exit circuit', () => {
  let circuit: Circuit
  const accounts: Account[] = [ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY), ownedAccount(2, DUST)]
  const system = owned(accounts)
  const word = (key: OwnerKey, index: number, domain = SIGNING, recipient = RECIPIENT) =>
    sign(key, messageHash(domain, exitMessage(index, recipient)))
  const exit = (index: number) =>
    exitTransition({
      domain: SIGNING,
      account: system.accounts.at(index)!,
      path: system.tree.path(index),
      publicKey: ownerKey(index).publicKey,
      recipient: RECIPIENT,
      signature: word(ownerKey(index), index),
      prices: PRICES,
    })
  const { input: honest, vector } = exit(1)

  before(async () => {
    circuit = await openCircuit('exit')
  })

  /** The lie with its public part, which follows from the private one but for what is claimed. */
  function forge(input: CircuitInput, claims: Readonly<Record<number, bigint>> = {}): CircuitInput {
    const list = (name: string) => input[name] as readonly bigint[]
    const balances = list('magnitude').map((m, a) => (list('sign')[a] ? -m : m))
    const equity = list('price').reduce((sum, price, i) => sum + price * balances[i + 1]!, balances[0]! << 32n)
    const lie = [
      input.root as bigint,
      input.chainId as bigint,
      input.settlement as bigint,
      packBits(list('indexBits')),
      input.recipient as bigint,
      equity,
      ...list('price'),
    ]
    return withVector(
      input,
      lie.map((element, i) => mod(claims[i] ?? element)),
    )
  }

  /** The lie about what the leaf is, under the root as if it were true. */
  function planted(opening: Readonly<Record<string, Signal>>): CircuitInput {
    const input: CircuitInput = { ...honest, ...opening }
    const list = (name: string) => input[name] as readonly bigint[]
    const meta = (input.version as bigint) + (packBits(list('indexBits')) << 32n) + ((input.weights as bigint) << 64n)
    const leaf = poseidon(
      [
        accountKey({ owner: input.owner as bigint, viewKey: input.viewKey as bigint }),
        meta,
        packBits(list('sign')),
        ...list('magnitude'),
      ].map(mod),
    )
    let node = leaf
    const children = (input.children as readonly (readonly bigint[])[]).map((siblings, level) => {
      const replaced = siblings.with(
        Number(list('indexBits')[2 * level]! + 2n * list('indexBits')[2 * level + 1]!),
        node,
      )
      node = poseidon([...replaced])
      return replaced
    })
    return { ...input, children, root: rootWith(leaf, children, list('indexBits')) }
  }

  it('takes an honest one, and the model of it agrees', async () => {
    await accepts(circuit, honest)
    await accepts(circuit, forge(honest))
    assert.deepEqual(vector.slice(0, 6), [
      system.ledger.root,
      SIGNING.chainId,
      SIGNING.settlement,
      1n,
      BigInt(RECIPIENT),
      exitEquity(system.accounts.at(1)!.balances, PRICES),
    ])
  })

  it('refuses an equity that is inflated, of one balance or another or of the sum', async () => {
    await rejects(circuit, forge(honest, { 5: vector[5]! + 1n }), 'PublicVector', DIGEST)
    await rejects(circuit, forge(honest, { 5: vector[5]! - 1n }), 'PublicVector', DIGEST)
    for (let a = 0; a < 8; a++) {
      await rejects(circuit, forge(put(honest, 'magnitude', [a], 1n << 60n)), 'TreeMember', TREE)
      await rejects(
        circuit,
        forge(put(honest, 'sign', [a], 1n - (honest.sign as readonly bigint[])[a]!)),
        'TreeMember',
        TREE,
      )
    }
    // A debt that counts three times, in the leaf as in the equity.
    const [price, debt] = [(honest.price as readonly bigint[])[1]!, (honest.magnitude as readonly bigint[])[2]!]
    await rejects(
      circuit,
      forge(planted({ sign: (honest.sign as readonly bigint[]).with(2, 2n) }), { 5: vector[5]! - 2n * price * debt }),
      'Exit',
      'balances.sign[a] <== AssertBit()(sign[a])',
    )
  })

  it('refuses other prices than those of its public vector', async () => {
    await rejects(circuit, forge(put(honest, 'price', [0], 3n << 32n), { 6: vector[6]! }), 'PublicVector', DIGEST)
  })

  it('refuses an equity below zero, and takes one of zero', async () => {
    const opened = (magnitude: readonly bigint[], sign: readonly bigint[]) => forge(planted({ magnitude, sign }))
    const rest = Array<bigint>(6).fill(0n)
    await accepts(circuit, opened([2n, 1n, ...rest], [1n, 0n, ...rest]))
    await rejects(circuit, opened([3n, 1n, ...rest], [1n, 0n, ...rest]), 'Exit', 'AssertRange(133)(equity)')
  })

  it('refuses another root, and another leaf, index, version or weights under it', async () => {
    await rejects(circuit, forge({ ...honest, root: 1n }), 'Exit', 'root === tree.root')
    for (const [name, value] of [
      ['owner', 1n],
      ['viewKey', 1n],
      ['version', 6n],
      ['weights', 1n],
      ['indexBits', bits(0n, 6)],
    ] as const) {
      await rejects(circuit, forge({ ...honest, [name]: value }), 'TreeMember', TREE)
    }
    // version + weights 2^64 is the same with version + 2^64 and weights - 1, and with version - 1 and weights + 2^-64.
    const [version, weights] = [honest.version as bigint, honest.weights as bigint]
    await rejects(
      circuit,
      forge({ ...honest, version: version + (1n << 64n), weights: weights - 1n }),
      'Exit',
      'AssertRange(32)(version)',
    )
    await rejects(
      circuit,
      forge({ ...honest, version: version - 1n, weights: mod(weights + divide(1n, 1n << 64n)) }),
      'Exit',
      'AssertRange(32)(weights)',
    )
    await rejects(
      circuit,
      forge(put(honest, 'indexBits', [0], 2n)),
      'TreeMember',
      'bit[2 * level] <== AssertBit()(indexBits[2 * level])',
    )
  })

  it("refuses all but the owner's signature for this recipient, index, chain and contract", async () => {
    const signature = (key: OwnerKey, ...rest: [number, typeof SIGNING?, typeof RECIPIENT?]) =>
      forge({ ...honest, ...(word(key, ...rest) as unknown as Record<string, Signal>) })
    await accepts(circuit, signature(ownerKey(1), 1))
    await rejects(circuit, signature(ownerKey(0), 1), 'Exit', VALID)
    await rejects(circuit, signature(ownerKey(1), 0), 'Exit', VALID)
    await rejects(circuit, signature(ownerKey(1), 1, { ...SIGNING, chainId: 1n }), 'Exit', VALID)
    await rejects(circuit, signature(ownerKey(1), 1, { ...SIGNING, settlement: 1n }), 'Exit', VALID)
    await rejects(
      circuit,
      signature(ownerKey(1), 1, SIGNING, '0x00000000000000000000000000000000000000aa'),
      'Exit',
      VALID,
    )
    await rejects(circuit, forge({ ...honest, s: 0n, r8: BASE8 }), 'Exit', VALID)
    await rejects(circuit, forge({ ...honest, recipient: 1n }), 'Exit', VALID)
    await rejects(
      circuit,
      forge({
        ...honest,
        publicKey: ownerKey(0).publicKey,
        ...(word(ownerKey(0), 1) as unknown as Record<string, Signal>),
      }),
      'Exit',
      'owner === signer',
    )
    for (const i of [1, 2, 3, 4]) await rejects(circuit, forge(honest, { [i]: 99n }), 'PublicVector', DIGEST)
  })

  it('is refused by the reference machine too where it cannot be proven', () => {
    const parameters = {
      domain: SIGNING,
      account: system.accounts.at(1)!,
      path: system.tree.path(1),
      publicKey: ownerKey(1).publicKey,
      recipient: RECIPIENT,
      signature: word(ownerKey(1), 1),
      prices: PRICES,
    }
    assert.throws(() => exitTransition({ ...parameters, signature: word(ownerKey(0), 1) }), /not signed by the owner/)
    assert.throws(
      () =>
        exitTransition({
          ...parameters,
          account: { ...parameters.account, balances: parameters.account.balances.with(0, -(1n << 60n)) },
        }),
      /nothing to leave with/,
    )
  })
})
