import assert from 'node:assert/strict'
import { type Hex, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { FIELD } from '../../protocol/constants.ts'
import {
  addPoints,
  BASE8,
  BLINDS,
  hashToSubgroup,
  IDENTITY,
  isCanonical,
  isOnCurve,
  isSmallOrder,
  multiply,
  type Point,
  SUBGROUP_ORDER,
} from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import {
  accountKeyTypedData,
  ownerKeyFromSeed,
  ownerKeyFromSignature,
  sequencerKey,
  sharedViewKey,
} from '../../protocol/keys.ts'
import { type Message, messageHash, messageHead } from '../../protocol/messages.ts'
import { sign, verifySignature } from '../../protocol/signature.ts'

const SETTLEMENT = '0x00000000000000000000000000000000000000a1'
const DOMAIN = { chainId: 31337n, settlement: 0xa1n }
const MESSAGE: Message = {
  kind: 3,
  index: 5,
  nonce: 9n,
  expiry: 1_900_000_000n,
  asset: 2,
  direction: 0,
  x: 77n,
  y: 0n,
  extra: 0xbeefn,
}
const seed = (n: number): Hex => toHex(n, { size: 32 })

describe('the curve', () => {
  it('has the base point and its order', () => {
    assert.ok(isOnCurve(BASE8))
    assert.deepEqual(multiply(BASE8, SUBGROUP_ORDER), IDENTITY)
    assert.deepEqual(multiply(BASE8, SUBGROUP_ORDER + 3n), addPoints(BASE8, addPoints(BASE8, BASE8)))
    assert.deepEqual(multiply(BASE8, 0n), IDENTITY)
  })

  it('has blinds of the subgroup that come from their seeds', () => {
    assert.deepEqual(BLINDS, ['plimsoll.blind.0', 'plimsoll.blind.1'].map(hashToSubgroup))
    for (const blind of BLINDS) assert.deepEqual(multiply(blind, SUBGROUP_ORDER), IDENTITY)
  })

  it('knows the eight points of small order and no other', () => {
    // Eight-torsion: l times a generator of the whole curve.
    const generator: Point = [
      995203441582195749578291179787384436505546430278305826713579947235728471134n,
      5472060717959818805561601436314318772137091100104008585924551046643952123905n,
    ]
    const torsion = Array.from({ length: 8 }, (_, i) => multiply(multiply(generator, SUBGROUP_ORDER), BigInt(i)))
    assert.equal(new Set(torsion.map(String)).size, 8)
    for (const point of torsion) assert.ok(isOnCurve(point) && isSmallOrder(point))
    assert.ok(!isSmallOrder(BASE8) && !isSmallOrder(addPoints(BASE8, torsion[1]!)))
    assert.ok(!isOnCurve([1n, 1n]) && !isCanonical([BASE8[0] + FIELD, BASE8[1]]))
  })
})

describe('keys', () => {
  it('come from an EIP-712 signature of the Ethereum key, whatever its recovery byte and its half of s', async () => {
    const ethereum = privateKeyToAccount(seed(7))
    const signature = await ethereum.signTypedData(accountKeyTypedData(31337, SETTLEMENT))
    const key = ownerKeyFromSignature(signature)
    assert.deepEqual(key.publicKey, multiply(BASE8, key.secret))
    assert.deepEqual(key, ownerKeyFromSignature(await ethereum.signTypedData(accountKeyTypedData(31337, SETTLEMENT))))
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
    const s = BigInt(`0x${signature.slice(66, 130)}`)
    const malleated: Hex = `0x${signature.slice(2, 66)}${(order - s).toString(16).padStart(64, '0')}00`
    assert.deepEqual(ownerKeyFromSignature(malleated), key)
    for (const typed of [
      accountKeyTypedData(31337, SETTLEMENT, 1),
      accountKeyTypedData(1, SETTLEMENT),
      accountKeyTypedData(31337, '0x00000000000000000000000000000000000000a2'),
    ]) {
      assert.notEqual(ownerKeyFromSignature(await ethereum.signTypedData(typed)).secret, key.secret)
    }
    assert.throws(() => ownerKeyFromSignature('0x1234'), PlimsollError)
  })

  it('share a view key with the sequencer', () => {
    const owner = ownerKeyFromSeed(seed(1))
    const sequencer = sequencerKey(123456789n)
    assert.equal(sharedViewKey(owner.secret, sequencer.publicKey), sharedViewKey(sequencer.secret, owner.publicKey))
    assert.notEqual(
      sharedViewKey(owner.secret, sequencer.publicKey),
      sharedViewKey(owner.secret + 1n, sequencer.publicKey),
    )
    assert.throws(() => sequencerKey(0n), PlimsollError)
    assert.throws(() => sequencerKey(SUBGROUP_ORDER), PlimsollError)
  })
})

describe('signatures', () => {
  const key = ownerKeyFromSeed(seed(1))
  const other = ownerKeyFromSeed(seed(2))
  const message = messageHash(DOMAIN, MESSAGE)
  const signature = sign(key, message)

  it('are valid for their message and key only', () => {
    assert.ok(verifySignature(key.publicKey, message, signature))
    assert.deepEqual(sign(key, message), signature)
    assert.ok(!verifySignature(other.publicKey, message, signature))
    assert.ok(!verifySignature(key.publicKey, message + 1n, signature))
    assert.ok(!verifySignature(key.publicKey, message, { ...signature, s: signature.s + 1n }))
    assert.ok(!verifySignature(key.publicKey, message, { ...signature, r8: BASE8 }))
  })

  it('have one form', () => {
    assert.ok(!verifySignature(key.publicKey, message, { ...signature, s: signature.s + SUBGROUP_ORDER }))
    assert.ok(
      !verifySignature(key.publicKey, message, { ...signature, r8: [signature.r8[0] + FIELD, signature.r8[1]] }),
    )
  })

  it('are of a message that differs with every one of its fields, and with chain and contract', () => {
    const changes: Partial<Message>[] = [
      { kind: 7 },
      { index: 6 },
      { nonce: 10n },
      { expiry: 1_900_000_001n },
      { asset: 3 },
      { direction: 1 },
      { x: 78n },
      { y: 1n },
      { extra: 1n },
    ]
    const hashes = [message, ...changes.map((change) => messageHash(DOMAIN, { ...MESSAGE, ...change }))]
    hashes.push(
      messageHash({ ...DOMAIN, chainId: 1n }, MESSAGE),
      messageHash({ ...DOMAIN, settlement: 0xa2n }, MESSAGE),
    )
    assert.equal(new Set(hashes).size, hashes.length)
  })

  it('pack the head without overlap', () => {
    const full: Message = {
      kind: 255,
      index: 2 ** 32 - 1,
      nonce: (1n << 64n) - 1n,
      expiry: (1n << 40n) - 1n,
      asset: 15,
      direction: 1,
      x: 0n,
      y: 0n,
      extra: 0n,
    }
    assert.equal(messageHead(full), (1n << 149n) - 1n)
  })
})
