import assert from 'node:assert/strict'
import { type Hex, keccak256 } from 'viem'
import { FIELD } from '../../protocol/constants.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { fromField, toField, vectorSignals } from '../../protocol/public-vector.ts'
import { Random } from './random.ts'

const word = (value: bigint) => value.toString(16).padStart(64, '0')

describe('the public vector', () => {
  const random = new Random(8)
  const vectors = [1, 2, 14, 15, 16, 30, 31, 52, 90].map((length) => Array.from({ length }, () => random.bits(253)))

  it('is digested 15 elements a link, zero-padded', () => {
    const [first, second] = [vectors[3]!, vectors[4]!]
    assert.equal(vectorSignals(first).digest, poseidon([0n, ...first]))
    const rest = [second[15]!, ...Array<bigint>(14).fill(0n)]
    assert.equal(vectorSignals(second).digest, poseidon([poseidon([0n, ...second.slice(0, 15)]), ...rest]))
  })

  it('has the challenge of 32-byte big-endian words, the digest and the era last', () => {
    for (const vector of vectors) {
      const { digest, z } = vectorSignals(vector)
      const bytes: Hex = `0x${[...vector, digest].map(word).join('')}`
      assert.equal(z, BigInt(keccak256(bytes)) % FIELD)
      const bound = vectorSignals(vector, 3)
      assert.equal(bound.z, BigInt(keccak256(`${bytes}${word(3n)}`)) % FIELD)
      assert.equal(bound.digest, digest)
    }
  })

  it('is evaluated at it as a sum of powers', () => {
    for (const vector of vectors) {
      const { z, y } = vectorSignals(vector)
      let power = 1n
      let sum = 0n
      for (const element of vector) {
        sum = (sum + element * power) % FIELD
        power = (power * z) % FIELD
      }
      assert.equal(y, sum)
    }
  })

  it('carries signed integers as field elements', () => {
    for (const value of [0n, 1n, -1n, (1n << 127n) - 1n, -(1n << 127n) + 1n]) {
      const element = toField(value)
      assert.ok(element >= 0n && element < FIELD)
      assert.equal(fromField(element), value)
    }
    assert.equal(toField(-1n), FIELD - 1n)
  })
})
