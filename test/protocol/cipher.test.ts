import assert from 'node:assert/strict'
import { type Account, accountLeaf } from '../../protocol/account.ts'
import { decryptAccount, encryptAccount } from '../../protocol/cipher.ts'
import { FIELD } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { Random } from './random.ts'

const random = new Random(7)

function randomAccount(): Account {
  return {
    owner: random.bits(250),
    viewKey: random.bits(250),
    index: random.integer(0, 63),
    version: random.magnitude(31),
    weights: Array.from({ length: 8 }, () => random.integer(1, 15)),
    balances: Array.from(
      { length: 8 },
      () => (random.chance(0.2) ? (1n << 64n) - 1n : random.magnitude(64)) * (random.chance(0.5) ? -1n : 1n),
    ),
  }
}

describe('the cipher', () => {
  it('gives the owner balances and weights back', () => {
    for (let i = 0; i < 50; i++) {
      const account = randomAccount()
      const leaf = accountLeaf(account)
      const { balances, weights } = account
      assert.deepEqual(decryptAccount(encryptAccount(account, leaf), leaf, account.viewKey), { balances, weights })
    }
  })

  it('is the packing plus a pad of the view key and the leaf', () => {
    const account: Account = {
      ...randomAccount(),
      viewKey: 11n,
      balances: [1n, -2n, 3n, 4n, 5n, -6n, 7n, -8n],
      weights: [1, 2, 3, 4, 5, 6, 7, 15],
    }
    const packed = [
      1n + (2n << 64n) + (3n << 128n),
      4n + (5n << 64n) + (6n << 128n),
      7n + (8n << 64n) + (0b10100010n << 128n) + (0xf7654321n << 136n),
    ]
    assert.deepEqual(
      encryptAccount(account, 22n),
      packed.map((plain, i) => (plain + poseidon([11n, 22n, BigInt(i)])) % FIELD),
    )
  })

  it('does not open under another view key, nor as that of another leaf', () => {
    const account = randomAccount()
    const leaf = accountLeaf(account)
    const cipher = encryptAccount(account, leaf)
    const fails = (error: unknown) =>
      error instanceof PlimsollError && /does not open under this view key/.test(error.message)
    assert.throws(() => decryptAccount(cipher, leaf, account.viewKey + 1n), fails)
    assert.throws(() => decryptAccount(cipher, leaf + 1n, account.viewKey), fails)
  })

  it('never uses a pad twice: the next version has another', () => {
    const account = randomAccount()
    const next = { ...account, version: account.version + 1n }
    const [one, two] = [encryptAccount(account, accountLeaf(account)), encryptAccount(next, accountLeaf(next))]
    one.forEach((c, i) => assert.notEqual(c, two[i]))
  })
})
