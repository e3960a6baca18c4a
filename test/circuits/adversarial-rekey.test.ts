import assert from 'node:assert/strict'
import { accountLeaf } from '../../protocol/account.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { bits, type CircuitInput, type Signal } from '../../protocol/circuit-input.ts'
import { INBOX } from '../../protocol/constants.ts'
import { multiply, SUBGROUP_ORDER } from '../../protocol/curve.ts'
import { sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import type { Operation } from '../../protocol/operation.ts'
import { headOf } from '../../protocol/stacks.ts'
import { System } from '../../protocol/system.ts'
import { type Circuit, mod, openCircuit } from '../support/circuit.ts'
import { at, putStep } from '../support/circuit-forgery.ts'
import { account, HEALTHY, MIN_LIABILITY, SLOTS, TINY } from '../support/circuit-market.ts'
import { owned, ownedAccount, ownerKey, SEQUENCER, SIGNING, topUp, VALID_UNTIL } from '../support/circuit-owners.ts'
import { accepts, rejects } from '../support/circuit-rejection.ts'
import { forgeTransact, type OperationClaim, withOpening } from '../support/circuit-transact-forgery.ts'

const FORMER = sequencerKey(0xf0e3e4n)
const KEY = 'shares * (curve.fixed[0] - sequencer[0]) === 0'
const DIGEST = 'digest === link[links - 1].out'
const LEAF = 'chosenSum === oldNode[level]'
const OWNER = '(active - topUp - bounce) * (identity.owner - owner) === 0'

/** Rekeys of accounts that were opened before a handover: only the view key changes, to what owner and sequencer share now. */
describe('transact circuit: rekey', () => {
  let circuit: Circuit
  let system: System
  let honest: CircuitInput
  const run = (...operations: Operation[]) => system.clone().transact(operations, VALID_UNTIL)
  const refuses = (input: CircuitInput, statement: string) => rejects(circuit, input, 'TransactStep', statement)
  /** The lie about what is published: the witness leads elsewhere, so that the vector is not its own. */
  const claims = (claim: OperationClaim) => rejects(circuit, forgeTransact(honest, [claim]), 'PublicVector', DIGEST)
  const lie = (changes: Record<string, Signal>) => forgeTransact(putStep(honest, 0, changes))

  before(async () => {
    circuit = await openCircuit('transact')
    const former = (index: number) => ({ viewKey: sharedViewKey(FORMER.secret, ownerKey(index).publicKey) })
    system = owned([ownedAccount(0, HEALTHY, former(0)), ownedAccount(1, HEALTHY, former(1)), ownedAccount(2, HEALTHY)])
    honest = run({ kind: 'rekey', index: 0 }).input
  })

  it('gives the account the view key of the sequencer in force, one version on, and nothing else', async () => {
    const [before] = system.accounts
    const { batch, results, input } = run({ kind: 'rekey', index: 0 })
    const viewKey = sharedViewKey(ownerKey(0).secret, SEQUENCER.publicKey)
    assert.notEqual(viewKey, before!.viewKey)
    assert.deepEqual(results[0]!.account, { ...before!, viewKey, version: before!.version + 1n })
    const [step] = batch.steps
    assert.deepEqual(
      [step!.op, step!.index, step!.leaf, step!.asset, step!.amount, step!.u, step!.v],
      [11, 0, accountLeaf(results[0]!.account), 0, 0n, 0n, 0n],
    )
    assert.deepEqual(decryptAccount(step!.cipher, step!.leaf, viewKey).balances, before!.balances)
    await accepts(circuit, input)
    await accepts(circuit, forgeTransact(input))
  })

  it('needs no round and no signature, and may be of an account that has the key already, or is written in the same batch', async () => {
    for (const operations of [
      [{ kind: 'rekey', index: 2 }] as const,
      [topUp(0, 5n), { kind: 'rekey', index: 0 }] as const,
      [
        { kind: 'rekey', index: 1 },
        { kind: 'rekey', index: 1 },
      ] as const,
    ])
      await accepts(circuit, run(...operations).input)
    const bare = System.genesis(TINY, SLOTS, MIN_LIABILITY, [...system.accounts], [], {
      domain: SIGNING,
      secret: SEQUENCER.secret,
      publicKeys: [...system.publicKeys],
    })
    await accepts(circuit, bare.transact([{ kind: 'rekey', index: 0 }], VALID_UNTIL).input)
  })

  it('is not to a key that nobody can read by: none that is drawn, kept, or shared with anybody else', async () => {
    for (const viewKey of [0n, 12_345n, system.accounts.at(0)!.viewKey, sharedViewKey(99n, ownerKey(0).publicKey)])
      await claims({ viewKey })
    // The leaf under one key and its ciphertext under another.
    await claims({ key: 5n })
    await claims({ cipher: [1n, 2n, 3n] })
  })

  it('is by the secret of the key in force, not of the one before or any other', async () => {
    for (const secret of [FORMER.secret, SEQUENCER.secret + 1n, 0n])
      await refuses(forgeTransact({ ...honest, secret }), KEY)
    // The vector's key is the contract's: a proof for the former one is of no use after the handover.
    const old = forgeTransact({ ...honest, secret: FORMER.secret, sequencer: FORMER.publicKey })
    await accepts(circuit, old)
    await rejects(circuit, { ...old, digest: forgeTransact({ ...honest }).digest! }, 'PublicVector', DIGEST)
    // As good as the secret is what differs from it by the order of the subgroup: the same point.
    await accepts(circuit, forgeTransact({ ...honest, secret: SEQUENCER.secret + SUBGROUP_ORDER }))
  })

  it('is shared with the owner, not with a stranger', async () => {
    await refuses(lie({ publicKey: ownerKey(1).publicKey }), OWNER)
    await refuses(lie({ publicKey: multiply(ownerKey(0).publicKey, 2n) }), OWNER)
    // Nor may it become a stranger's account: the leaf in the tree has the owner.
    const stranger = { publicKey: ownerKey(1).publicKey, owner: system.accounts.at(1)!.owner }
    await rejects(circuit, lie(stranger), 'TreeUpdate', LEAF)
  })

  it('changes no balance', async () => {
    const magnitude = at(honest, 'magnitude', 0) as unknown as readonly bigint[]
    await refuses(lie({ amount: 1n }), '(1 - active + preferences + rekey) * amount === 0')
    await refuses(lie({ assetBits: bits(2n, 8) }), '(1 - active + preferences + rekey) * (1 - assetBit[0]) === 0')
    await refuses(lie({ direction: 1n }), '(withdraw + queued + preferences + rekey) * directionBit === 0')
    await refuses(lie({ cash: 1n }), '(1 - exchange - closing) * cash === 0')
    await refuses(lie({ exception: 1n }), 'exceptionBit * (1 - exchange) === 0')
    await claims({ magnitude: magnitude.with(0, magnitude[0]! + 1n) })
    await claims({ sign: (at(honest, 'sign', 0) as unknown as readonly bigint[]).with(0, 1n) })
    await claims({ published: { 6: 1n } })
    await claims({ published: { 7: 1n } })
    await claims({ published: { 8: 1n } })
    await claims({ published: { 9: 1n } })
  })

  it('changes no weight, and moves the version by one', async () => {
    const weights = at(honest, 'weightBits', 0) as unknown as readonly (readonly bigint[])[]
    await refuses(lie({ weightBits: weights.with(1, bits(9n, 4)) }), '(1 - preferences) * (weights - oldWeights) === 0')
    const { version, index } = system.accounts.at(0)!
    const packed = 0x88888888n << 64n
    for (const next of [0n, version, version + 2n]) await claims({ meta: next + (BigInt(index) << 32n) + packed })
    await claims({ meta: version + 1n + (1n << 32n) + packed })
    const last = withOpening(honest, 0, { version: (1n << 32n) - 1n })
    await rejects(circuit, forgeTransact(last), 'NonZeroIff', 'in * inverse === enabled')
  })

  it('is of the leaf that the tree holds, and of no place where it holds none', async () => {
    for (const changes of [
      { version: system.accounts.at(0)!.version - 1n },
      { viewKey: 7n },
      { indexBits: bits(1n, 6) },
    ])
      await rejects(circuit, lie(changes), 'TreeUpdate', LEAF)
  })

  it('moves the root and the inbox, which cannot be left as they were', async () => {
    const root = honest.rootBefore as bigint
    await rejects(circuit, forgeTransact(honest, [], { rootAfter: root }), 'PublicVector', DIGEST)
    const inboxAfter = headOf(system.stacks[INBOX]!)
    await rejects(circuit, forgeTransact(honest, [], { inboxAfter }), 'PublicVector', DIGEST)
  })

  it('is refused of an import by the reference machine, and by the circuit: no point has the hash of its owner', async () => {
    const imported = System.genesis(TINY, SLOTS, MIN_LIABILITY, [account(0, HEALTHY)], [], {
      domain: SIGNING,
      secret: SEQUENCER.secret,
    })
    assert.throws(
      () => imported.transact([{ kind: 'rekey', index: 0 }], VALID_UNTIL),
      /Account 0 was imported: there is no owner to share a key with/,
    )
    await refuses(withOwner(mod(-5n)), OWNER)

    function withOwner(owner: bigint): CircuitInput {
      return forgeTransact(withOpening(honest, 0, { owner }))
    }
  })
})

describe('transact circuit: an opening after a handover', () => {
  it('is by the key in force: with the old secret, or a view key of the old one, there is no witness', async () => {
    const circuit = await openCircuit('transact')
    const system = owned([ownedAccount(0, HEALTHY)])
    const open = {
      kind: 'open',
      depositId: 1,
      index: 1,
      publicKey: ownerKey(1).publicKey,
      asset: 0,
      amount: 5n,
    } as const
    const { input } = system.transact([open], VALID_UNTIL)
    await accepts(circuit, input)
    await rejects(circuit, forgeTransact({ ...input, secret: FORMER.secret }), 'TransactStep', KEY)
    const viewKey = sharedViewKey(FORMER.secret, ownerKey(1).publicKey)
    await rejects(
      circuit,
      forgeTransact(putStep(input, 0, { viewKey })),
      'TransactStep',
      'open * (identity.viewKey - viewKey) === 0',
    )
  })
})
