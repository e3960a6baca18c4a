import assert from 'node:assert/strict'
import { type Account, accountLeaf } from '../../protocol/account.ts'
import { encryptAccount } from '../../protocol/cipher.ts'
import { ownerKeyFromSeed, sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import { newAccount } from '../../protocol/operation.ts'
import { NodeRefusal, type PlimsollClient } from '../../sdk/client.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { OperationRequest, OperationState } from '../../sdk/schemas.ts'

const SETTLEMENT = `0x${'5e'.repeat(20)}` as const
const key = ownerKeyFromSeed(`0x${'07'.repeat(32)}`)
const sequencer = sequencerKey(12345n)
const OPENED: Account = {
  ...newAccount(key.publicKey, sharedViewKey(key.secret, sequencer.publicKey), 0),
  balances: [5_000n, 0n, 0n, 0n, 0n, 0n, 0n, 0n],
}

/** A node with one account, at which operations end as `ends` says, in the order in which they come. */
function nodeOf(ends: readonly OperationState['code'][], change: (held: Account, times: number) => Account) {
  let held = OPENED
  let now = 100
  const taken: { id: string; operation: OperationRequest }[] = []
  const client = {
    accounts: async () => [0],
    account: async () => {
      const leaf = accountLeaf(held)
      const version = Number(held.version)
      return {
        index: 0,
        publicKey: key.publicKey,
        version,
        leaf,
        cipher: encryptAccount(held, leaf),
        pendingVersion: version,
        traded: false,
      }
    },
    round: async () => ({ now }),
    submit: async (operation: OperationRequest) => {
      if (operation.expiry <= now) throw new NodeRefusal('EXPIRED', 'too late', 422)
      const id = `0x${taken.length}`
      taken.push({ id, operation })
      return { id, status: 'accepted' as const }
    },
    settled: async (id: string) => {
      const place = taken.findIndex((each) => each.id === id)
      const code = ends[place]
      if (code !== undefined) held = change(held, place)
      return code === undefined ? { id, status: 'settled' as const } : { id, status: 'failed' as const, code }
    },
  }
  const wallet = OwnerWallet.open(
    client as unknown as PlimsollClient,
    { chainId: 31337, settlement: SETTLEMENT, sequencerKeys: [sequencer.publicKey] } as never,
    key,
  )
  const later = (seconds: number) => {
    now += seconds
  }
  return { wallet, taken, later }
}

const rewritten = (held: Account): Account => ({ ...held, version: held.version + 1n })
const to = `0x${'11'.repeat(20)}` as const

describe('an operation that a decoy voids', () => {
  it('is signed again on the same terms, for the new version and until the same time', async () => {
    const { wallet, taken, later } = nodeOf(['STALE_VERSION', 'STALE_VERSION', undefined], rewritten)
    const told: string[] = []
    const { id } = await wallet.withdraw(0, 70n, to, { expiresIn: 1_000 })
    later(300)
    assert.deepEqual(await wallet.settled(id, { onAgain: (again) => told.push(again) }), {
      id: '0x2',
      status: 'settled',
    })
    assert.deepEqual(told, ['0x1', '0x2'])
    assert.deepEqual(
      taken.map(({ operation }) => [operation.version, operation.expiry]),
      [
        [0, 1_100],
        [1, 1_100],
        [2, 1_100],
      ],
    )
    const [first, ...others] = taken.map(({ operation: { version: _, signature: __, ...terms } }) => terms)
    for (const terms of others) assert.deepEqual(terms, first)
    assert.equal(new Set(taken.map(({ operation }) => operation.signature.s)).size, 3)
  })

  it('is not where anything of the account changed or it was not written, it failed otherwise, or its time is over', async () => {
    const spent = (held: Account): Account => ({ ...rewritten(held), balances: held.balances.with(0, 4_999n) })
    const weighed = (held: Account): Account => ({ ...rewritten(held), weights: held.weights.with(1, 9) })
    for (const [code, change, wait] of [
      ['STALE_VERSION', spent, 0],
      ['STALE_VERSION', weighed, 0],
      // What the node calls void is not: its version is the account's.
      ['STALE_VERSION', (held: Account) => held, 0],
      ['TARGET_TOO_LOW', rewritten, 0],
      ['STALE_VERSION', rewritten, 1_000],
    ] as const) {
      const { wallet, taken, later } = nodeOf([code], change)
      const { id } = await wallet.withdraw(0, 70n, to, { expiresIn: 1_000 })
      later(wait)
      assert.deepEqual(await wallet.settled(id), { id, status: 'failed', code })
      assert.equal(taken.length, 1)
    }
  })

  it('is given up after the third time', async () => {
    const { wallet, taken } = nodeOf(Array(9).fill('STALE_VERSION'), rewritten)
    const { id } = await wallet.withdraw(0, 70n, to, { expiresIn: 1_000 })
    assert.equal((await wallet.settled(id)).code, 'STALE_VERSION')
    assert.equal(taken.length, 4)
  })
})
