import assert from 'node:assert/strict'
import { type Account, accountLeaf, accountMeta, rewriteAccount } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { vectorChallenge, vectorDigest, vectorEvaluation } from '../../protocol/public-vector.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { BLINDING_LIES, refusesBlinding } from '../support/circuit-blinding.ts'
import { at, forgeResolve, put, putStep, resolveVectorOf, split, withLeaf } from '../support/circuit-forgery.ts'
import { account, HEALTHY, inDistress, MARKS, MIN_LIABILITY, PARTIAL, TINY } from '../support/circuit-market.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'

const DIGEST = 'digest === link[links - 1].out'
const MAX = (1n << 64n) - 1n

describe('resolve circuit: leaves, stacks and writes', () => {
  let circuit: Circuit
  /** One healthy account, refreshed; the other step is inactive. */
  let refresh: CircuitInput
  /** A stale leaf of account 1, dropped. */
  let drop: CircuitInput
  /** Two refreshes. */
  let both: CircuitInput
  const accounts = [account(0, HEALTHY), account(1, HEALTHY), account(2, PARTIAL)]
  const ghost: Account = { ...accounts[1]!, version: 3n }

  before(async () => {
    circuit = await openCircuit('resolve')
    refresh = inDistress(accounts).resolve(1).input
    both = inDistress(accounts).resolve(2).input
    const system = inDistress([...accounts], { ghosts: [ghost] })
    const transition = system.resolve(1)
    assert.equal(transition.resolutions[0]!.action, 'drop')
    drop = transition.input
  })

  const step = (input: CircuitInput, s: number) =>
    Object.fromEntries(
      Object.entries(input).flatMap(([name, value]) =>
        !['marks', 'saltsBefore', 'saltsAfter'].includes(name) && Array.isArray(value)
          ? [[name, (value as readonly Signal[])[s]!]]
          : [],
      ),
    )

  it('takes what an honest sequencer does', async () => {
    for (const input of [refresh, drop, both]) {
      await accepts(circuit, input)
      await accepts(circuit, forgeResolve(input))
    }
  })

  describe('one action a step', () => {
    const ACTION = 'liquidateBit + refreshBit + dropBit === active'
    const lies: [string, () => CircuitInput][] = [
      ['none', () => putStep(refresh, 0, { refresh: 0n })],
      ['two', () => putStep(refresh, 0, { liquidate: 1n })],
      ['one of an inactive step', () => putStep(refresh, 1, { refresh: 1n })],
      ['a drop by an inactive step', () => putStep(drop, 1, { drop: 1n })],
    ]
    for (const [what, lie] of lies)
      it(`refuses ${what}`, () => rejects(circuit, forgeResolve(lie()), 'ResolveStep', ACTION))

    it('refuses what is not a bit', async () => {
      await rejects(
        circuit,
        forgeResolve(putStep(refresh, 0, { refresh: 2n, drop: mod(-1n) })),
        'ResolveStep',
        'signal {binary} refreshBit <== AssertBit()(refresh)',
      )
      await rejects(
        circuit,
        forgeResolve(putStep(refresh, 0, { refresh: 0n, liquidate: mod(-1n), drop: 2n })),
        'ResolveStep',
        'signal {binary} liquidateBit <== AssertBit()(liquidate)',
      )
      await rejects(
        circuit,
        forgeResolve(putStep(drop, 0, { drop: 2n, refresh: mod(-1n) })),
        'ResolveStep',
        'signal {binary} refreshBit <== AssertBit()(refresh)',
      )
      await rejects(
        circuit,
        forgeResolve(putStep(refresh, 0, { active: 2n, refresh: 1n, drop: 1n })),
        'Resolve',
        'activeBit[s] <== AssertBit()(active[s])',
      )
    })

    it('refuses active steps that do not come first', async () => {
      const [first, second] = [step(refresh, 0), step(refresh, 1)]
      await rejects(
        circuit,
        forgeResolve(putStep(putStep(refresh, 0, second), 1, first)),
        'Resolve',
        'activeBit[s] * (1 - activeBit[s - 1]) === 0',
      )
    })

    it('refuses a count that is not that of the active steps', async () => {
      for (const active of [0n, 2n])
        await rejects(circuit, forgeResolve(refresh, [], { active }), 'PublicVector', DIGEST)
    })
  })

  describe('only the leaf on top of distress', () => {
    const POPPED = 'active * (distressBefore - popped) === 0'
    const lies: [string, () => CircuitInput][] = [
      ['a leaf that is not on top', () => putStep(refresh, 0, step(both, 1))],
      ['a leaf twice', () => putStep(both, 1, step(both, 0))],
      ['another stack below', () => putStep(refresh, 0, { below: 1n })],
      ['a leaf of the inbox', () => ({ ...refresh, distressBefore: at(refresh, 'inboxBefore') })],
      ['other balances', () => put(refresh, 'magnitude', [0, 1], 1n)],
      ['another sign', () => put(refresh, 'sign', [0, 1], 1n)],
      ['another owner', () => putStep(refresh, 0, { owner: 1n })],
      ['another view key', () => putStep(refresh, 0, { viewKey: 1n })],
      ['another version', () => putStep(refresh, 0, { version: 8n })],
      ['other weights', () => put(refresh, 'weightBits', [0, 1], [1n, 0n, 0n, 1n])],
      [
        'the index of another account, and its path',
        () =>
          putStep(refresh, 0, {
            indexBits: step(both, 1).indexBits!,
            children: step(both, 1).children!,
            current: at(both, 'current', 1),
          }),
      ],
    ]
    for (const [what, lie] of lies)
      it(`refuses ${what}`, () => rejects(circuit, forgeResolve(lie()), 'ResolveStep', POPPED))

    it('refuses a leaf that stays in distress, or takes one more with it', async () => {
      await rejects(
        circuit,
        forgeResolve(refresh, [], { distressAfter: at(refresh, 'distressBefore') }),
        'PublicVector',
        DIGEST,
      )
      await rejects(circuit, forgeResolve(refresh, [], { distressAfter: at(both, 'below', 1) }), 'PublicVector', DIGEST)
    })
  })

  describe('stale leaves are dropped, and no other', () => {
    const STALE = 'active * (stale - dropBit) === 0'

    it('refuses to drop a current leaf', async () => {
      await rejects(circuit, forgeResolve(putStep(refresh, 0, { refresh: 0n, drop: 1n })), 'ResolveStep', STALE)
    })

    it('refuses to drop a current leaf behind a false leaf of the tree', async () => {
      const lie = forgeResolve(putStep(refresh, 0, { refresh: 0n, drop: 1n, current: 1n }))
      await rejects(circuit, lie, 'TreeUpdate', 'chosenSum === oldNode[level]')
      const digit = Number(at(refresh, 'indexBits', 0, 0) + 2n * at(refresh, 'indexBits', 0, 1))
      const path = put(putStep(refresh, 0, { refresh: 0n, drop: 1n, current: 1n }), 'children', [0, 0, digit], 1n)
      await rejects(circuit, forgeResolve(path), 'TreeUpdate', 'chosenSum === oldNode[level]')
    })

    it('refuses to drop a current leaf as of another tree', async () => {
      const empty = Array.from({ length: TINY.depth }, () => [0n, 0n, 0n, 0n])
      let node = 0n
      const children = empty.map((row) => {
        const siblings = row.fill(node)
        node = poseidon([...siblings])
        return siblings
      })
      await rejects(
        circuit,
        forgeResolve(putStep(refresh, 0, { refresh: 0n, drop: 1n, current: 0n, children })),
        'ResolveStep',
        'active * (rootBefore - tree.rootBefore) === 0',
      )
    })

    it('refuses to refresh a stale leaf', async () => {
      await rejects(circuit, forgeResolve(putStep(drop, 0, { drop: 0n, refresh: 1n })), 'ResolveStep', STALE)
    })

    it('refuses to liquidate a stale leaf of an account that is breached', async () => {
      // The leaf is breached; what the account has become is not.
      const stale: Account = { ...accounts[1]!, version: 3n, balances: account(1, PARTIAL).balances }
      const system = inDistress(accounts, { ghosts: [stale] })
      const dropped = system.resolve(1).input
      await accepts(circuit, dropped)
      const { multiplier, after } = liquidate(stale.balances, stale.weights, MARKS, MIN_LIABILITY)
      const lie = forgeResolve(putStep(dropped, 0, { drop: 0n, liquidate: 1n, multiplier }), [split(after)])
      await rejects(circuit, lie, 'ResolveStep', STALE)
    })

    it('refuses a stale leaf as the current one', async () => {
      const lie = putStep(drop, 0, { drop: 0n, refresh: 1n, current: accountLeaf(ghost) })
      await rejects(circuit, forgeResolve(lie), 'TreeUpdate', 'chosenSum === oldNode[level]')
    })

    it('refuses a drop that pushes, writes or changes the tree', async () => {
      const root = at(refresh, 'rootBefore')
      await rejects(
        circuit,
        forgeResolve(drop, [], { inboxAfter: poseidon([at(drop, 'inboxBefore'), accountLeaf(ghost)]) }),
        'PublicVector',
        DIGEST,
      )
      await rejects(circuit, forgeResolve(drop, [], { rootAfter: root + 1n }), 'PublicVector', DIGEST)
      await rejects(circuit, forgeResolve(drop, [{ write: [1n, 0n, 0n, 0n, 0n] }]), 'PublicVector', DIGEST)
    })
  })

  describe('the new leaf', () => {
    it('refuses another key, version, index or weights in it', async () => {
      const meta = accountMeta(accounts[0]!)
      const lies = [
        { key: 1n },
        { meta },
        { meta: meta + 2n },
        { meta: meta + 1n + (1n << 32n) },
        { meta: meta + 1n + (1n << 64n) },
      ]
      for (const lie of lies) await rejects(circuit, forgeResolve(refresh, [lie]), 'PublicVector', DIGEST)
    })

    it('refuses a sign that is not canonical in it, and makes that of an old zero canonical', async () => {
      const { sign } = split(accounts[0]!.balances)
      await rejects(circuit, forgeResolve(refresh, [{ sign: sign.with(5, 1n) }]), 'PublicVector', DIGEST)
      for (const a of [0, 5]) {
        const old = withLeaf(inDistress([account(0, a === 0 ? [0n, ...HEALTHY.slice(1)] : HEALTHY)]).resolve(1).input, {
          sign: sign.with(a, 1n),
        })
        await accepts(circuit, forgeResolve(old, [{ sign }]))
        await rejects(circuit, forgeResolve(old), 'PublicVector', DIGEST)
      }
    })

    it('refuses a magnitude of 2^64 of any asset, and takes 2^64 - 1', async () => {
      const { magnitude } = split(accounts[0]!.balances)
      for (let a = 0; a < 8; a++) {
        await accepts(circuit, forgeResolve(withLeaf(refresh, { magnitude: magnitude.with(a, MAX) })))
        const old = forgeResolve(withLeaf(refresh, { magnitude: magnitude.with(a, MAX + 1n) }))
        await rejects(circuit, old, 'Liquidation', 'AssertRange(64)(before.magnitude[a])')
      }
    })

    it('refuses the last version, and one that borrows from the index', async () => {
      await accepts(circuit, forgeResolve(withLeaf(refresh, { version: (1n << 32n) - 2n })))
      await rejects(
        circuit,
        forgeResolve(withLeaf(refresh, { version: (1n << 32n) - 1n })),
        'ResolveStep',
        'NonZeroIff()(identity.version - ((1 << 32) - 1), always)',
      )
      // The same meta as of index 1, version 7; with the path of index 0.
      const lie = putStep(refresh, 0, {
        ...step(both, 1),
        indexBits: step(both, 0).indexBits!,
        version: (1n << 32n) + 7n,
      })
      await rejects(circuit, forgeResolve(lie), 'ResolveStep', 'AssertRange(32)(identity.version)')
    })

    it('refuses a weight of 0, and takes 1 and 15', async () => {
      const bits = (weight: bigint) => Array.from({ length: 4 }, (_, i) => (weight >> BigInt(i)) & 1n)
      const weightBits = step(refresh, 0).weightBits as readonly Signal[]
      for (let a = 0; a < 8; a++) {
        await rejects(
          circuit,
          forgeResolve(withLeaf(refresh, { weightBits: weightBits.with(a, bits(0n)) })),
          'ResolveStep',
          'NonZeroIff()(weight[a], always)',
        )
      }
      for (const weight of [1n, 15n])
        await accepts(circuit, forgeResolve(withLeaf(refresh, { weightBits: weightBits.map(() => bits(weight)) })))
      await rejects(
        circuit,
        forgeResolve(put(refresh, 'weightBits', [0, 2], [4n, 2n, 0n, 0n])),
        'ResolveStep',
        'weightBit[a][i] <== AssertBit()(weightBits[a][i])',
      )
    })

    it('refuses an index whose digits are not bits', async () => {
      // Index 1 as 1 and as -1 + 2 1: the same meta.
      const lie = put(both, 'indexBits', [1], [mod(-1n), 1n, ...Array<bigint>(2 * TINY.depth - 2).fill(0n)])
      await rejects(circuit, lie, 'TreeUpdate', 'bit[2 * level] <== AssertBit()(indexBits[2 * level])')
    })

    it('refuses a tree, an inbox or a write without it', async () => {
      await rejects(
        circuit,
        forgeResolve(refresh, [], { rootAfter: at(refresh, 'rootBefore') }),
        'PublicVector',
        DIGEST,
      )
      await rejects(
        circuit,
        forgeResolve(refresh, [], { inboxAfter: at(refresh, 'inboxBefore') }),
        'PublicVector',
        DIGEST,
      )
      await rejects(circuit, forgeResolve(refresh, [{ write: [0n, 0n, 0n, 0n, 0n] }]), 'PublicVector', DIGEST)
    })

    it('refuses a leaf pushed twice', async () => {
      const leaf = accountLeaf(rewriteAccount(accounts[0]!, accounts[0]!.balances))
      const once = poseidon([at(refresh, 'inboxBefore'), leaf])
      await accepts(circuit, forgeResolve(refresh, [], { inboxAfter: once }))
      await rejects(circuit, forgeResolve(refresh, [], { inboxAfter: poseidon([once, leaf]) }), 'PublicVector', DIGEST)
    })

    it('refuses any other ciphertext', async () => {
      const vector = resolveVectorOf(refresh)
      const cipher = vector.slice(82, 85)
      for (let i = 0; i < 3; i++) {
        await rejects(
          circuit,
          forgeResolve(refresh, [{ cipher: cipher.with(i, mod(cipher[i]! + 1n)) }]),
          'PublicVector',
          DIGEST,
        )
      }
      await rejects(circuit, forgeResolve(refresh, [{ cipher: [0n, 0n, 0n] }]), 'PublicVector', DIGEST)
    })
  })

  describe('of blinded heads', () => {
    for (const lie of BLINDING_LIES)
      it(`refuses ${lie}, of distress and inbox, before and after`, async () => {
        const pushed = accountLeaf(rewriteAccount(accounts[0]!, accounts[0]!.balances))
        const [distress, inbox] = [at(refresh, 'distressBefore'), at(refresh, 'inboxBefore')]
        const salt = (when: 'saltsBefore' | 'saltsAfter', stack: number) => at(refresh, when, stack)
        const ends = [
          { at: 3, head: distress, salt: salt('saltsBefore', 0) },
          { at: 4, head: at(refresh, 'below', 0), salt: salt('saltsAfter', 0) },
          { at: 5, head: inbox, salt: salt('saltsBefore', 1) },
          { at: 6, head: poseidon([inbox, pushed]), salt: salt('saltsAfter', 1) },
        ]
        await refusesBlinding(circuit, refresh, resolveVectorOf(refresh), ends, lie)
      })

    it('takes whatever salts the sequencer chooses for the heads after', async () => {
      await accepts(circuit, forgeResolve({ ...refresh, saltsAfter: [0n, mod(-1n)] }))
    })
  })

  it('refuses a public vector that differs from the digest in one element, whichever', async () => {
    const vector = resolveVectorOf(refresh)
    const digest = vectorDigest(vector)
    for (let i = 0; i < vector.length; i++) {
      // The contract's own vector gives z and y; the digest is the prover's.
      const other = vector.with(i, mod(vector[i]! + 1n))
      const z = vectorChallenge(other, digest)
      await rejects(
        circuit,
        { ...refresh, digest, z, y: vectorEvaluation(other, z) },
        'PublicVector',
        'y === horner[0]',
      )
    }
  })
})
