import assert from 'node:assert/strict'
import { exitMessage, exitTransition } from '../../protocol/exit.ts'
import { messageHash } from '../../protocol/messages.ts'
import { sign } from '../../protocol/signature.ts'
import { ensureKeys, type KeySet } from '../../prover/keys.ts'
import { verifyProof } from '../../prover/verify-proof.ts'
import { HEALTHY, MARKS } from '../support/circuit-market.ts'
import { half, owned, ownedAccount, ownerKey, RECIPIENT, SIGNING, VALID_UNTIL } from '../support/circuit-owners.ts'
import { proofs } from '../support/proofs.ts'

describe('proofs of accounts', () => {
  let keys: KeySet
  const system = owned([ownedAccount(0, HEALTHY), ownedAccount(1, HEALTHY)])

  before(async () => {
    keys = await ensureKeys('tiny')
  })
  after(() => proofs.close())

  it('of a trade is valid, and not of another', async () => {
    const { input } = system
      .clone()
      .transact(
        [half({ index: 0, direction: 1, x: 10n, y: 21n }), half({ index: 1, direction: 0, x: 10n, y: 21n })],
        VALID_UNTIL,
      )
    const { proof, signals } = await proofs.prove(keys, 'transact', input)
    assert.deepEqual(signals, [input.digest, input.z, input.y])
    assert.ok(await verifyProof(keys, 'transact', signals, proof))
    assert.ok(!(await verifyProof(keys, 'transact', signals.with(0, signals[0]! + 1n), proof)))
  })

  it('of an exit is valid, and not of another', async () => {
    const key = ownerKey(1)
    const signature = sign(key, messageHash(SIGNING, exitMessage(1, RECIPIENT)))
    const { input } = exitTransition({
      domain: SIGNING,
      account: system.accounts.at(1)!,
      path: system.tree.path(1),
      publicKey: key.publicKey,
      recipient: RECIPIENT,
      signature,
      prices: MARKS.slice(1).map(({ price }) => price),
    })
    const { proof, signals } = await proofs.prove(keys, 'exit', input)
    assert.ok(await verifyProof(keys, 'exit', signals, proof))
    assert.ok(!(await verifyProof(keys, 'exit', signals.with(2, signals[2]! + 1n), proof)))
  })
})
