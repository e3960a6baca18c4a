import assert from 'node:assert/strict'
import { chooseBlind } from '../../protocol/blind.ts'
import { FIELD } from '../../protocol/constants.ts'
import { addPoints, BASE8, BLINDS, multiply, type Point, SUBGROUP_ORDER } from '../../protocol/curve.ts'
import { ownerHash, sharedViewKey } from '../../protocol/keys.ts'
import type { Forced } from '../../protocol/operation.ts'
import { Random } from '../protocol/random.ts'
import { Circuit, openCircuit } from '../support/circuit.ts'
import { violations } from '../support/circuit-constraints.ts'
import { at, put } from '../support/circuit-forgery.ts'
import { HEALTHY } from '../support/circuit-market.ts'
import { EXPIRY, forced, owned, ownedAccount, RECIPIENT, SEQUENCER, VALID_UNTIL } from '../support/circuit-owners.ts'
import { accepts } from '../support/circuit-rejection.ts'

const WRAPPED = (file: string, body: string) => `pragma circom 2.2.0;
include "gadgets/${file}.circom";
include "gadgets/canonical_bits.circom";
include "gadgets/assert_bit.circom";
include "bitify.circom";
template Main() {
${body}
}
component main = Main();
`
const ANY = WRAPPED(
  'scalar_mul_any',
  `    signal input k;
    signal input point[2];
    signal input blind;
    signal output out[2];
    component any = ScalarMulAny();
    any.bits <== CanonicalBits()(k);
    any.point <== point;
    any.blind <== AssertBit()(blind);
    out <== any.out;`,
)
const FIX = WRAPPED(
  'scalar_mul_fix',
  `    signal input k;
    signal output out[2];
    component bits = Num2Bits(253);
    bits.in <== k;
    signal {binary} bit[253];
    bit <== bits.out;
    out <== ScalarMulFix()(bit);`,
)
const BITS = WRAPPED(
  'canonical_bits',
  `    signal input in;
    signal output out[254];
    out <== CanonicalBits()(in);`,
)

/** `1 / k` modulo the subgroup's order. */
function inverse(k: bigint): bigint {
  let result = 1n
  for (
    let exponent = SUBGROUP_ORDER - 2n, power = k;
    exponent > 0n;
    exponent >>= 1n, power = (power * power) % SUBGROUP_ORDER
  ) {
    if (exponent & 1n) result = (result * power) % SUBGROUP_ORDER
  }
  return result
}

// Keys that their makers chose so that `blind + 8 A = -8 A`, where the first addition of the ladder breaks down.
const HOSTILE = BLINDS.map((blind) => multiply(blind, SUBGROUP_ORDER - inverse(16n)))

describe('curve gadgets', () => {
  const random = new Random(7)

  describe('ScalarMulAny', () => {
    let circuit: Circuit
    before(async () => {
      circuit = await Circuit.compile('scalar-mul-any', ANY)
    })
    const run = (k: bigint, point: Point, blind: number) => circuit.run({ k, point, blind: BigInt(blind) })
    const result = async (k: bigint, point: Point, blind: number) =>
      (await accepts(circuit, { k, point, blind: BigInt(blind) })).slice(1, 3)

    it('multiplies by every scalar', async () => {
      const l = SUBGROUP_ORDER
      const point = multiply(BASE8, random.bits(250))
      for (const k of [
        0n,
        1n,
        2n,
        3n,
        l - 1n,
        l,
        l + 1n,
        2n * l,
        7n * l + 5n,
        FIELD - 1n,
        FIELD - 2n,
        1n << 253n,
        (1n << 253n) - 1n,
        random.bits(253),
        random.bits(252),
      ]) {
        for (const blind of [0, 1]) assert.deepEqual(await result(k, point, blind), [...multiply(point, k)])
      }
    })

    it('multiplies keys made from either blind, with the other', async () => {
      for (const [blind, key] of HOSTILE.entries()) {
        const point = multiply(key, 8n)
        assert.deepEqual(addPoints(addPoints(BLINDS[blind]!, point), point), [0n, 1n])
        for (const k of [0n, 1n, random.bits(253)]) {
          assert.equal(chooseBlind(key, k), 1 - blind)
          // A slope that does not exist, or a free one, which the witness program sets to nothing in particular.
          const outcome = await run(k, point, blind)
          assert.ok('message' in outcome || String(outcome.witness().slice(1, 3)) !== String(multiply(point, k)))
          assert.deepEqual(await result(k, point, 1 - blind), [...multiply(point, k)])
        }
      }
    })

    it('gets stuck later on too, where the reference machine says so', async () => {
      // The sum after i doublings is 2^i C + (a known multiple of) P: here it is P after 3 of them, for the scalar 0.
      // After i steps of zeros the sum is 2^i C + P. It is -P for this key.
      for (const i of [1n, 3n, 200n]) {
        const key = multiply(BLINDS[0], SUBGROUP_ORDER - ((inverse(16n) * (1n << i)) % SUBGROUP_ORDER))
        assert.equal(chooseBlind(key, 0n), 1)
        assert.deepEqual(await result(0n, multiply(key, 8n), 1), [0n, 1n])
      }
      assert.equal(chooseBlind(multiply(BASE8, 5n), 0n), 0)
    })
  })

  it("ScalarMulFix multiplies by every scalar, circomlib's weak ones too", async () => {
    const circuit = await Circuit.compile('scalar-mul-fix', FIX)
    const l = SUBGROUP_ORDER
    const weak = l - (1n << 250n) - ((1n << 249n) - 1n) / 7n
    for (const k of [
      0n,
      1n,
      7n,
      8n,
      l - 1n,
      l,
      l + 1n,
      weak,
      weak + l,
      (1n << 253n) - 1n,
      1n << 252n,
      random.bits(253),
      random.bits(253),
    ]) {
      if (k >= 1n << 253n) continue
      assert.deepEqual((await accepts(circuit, { k })).slice(1, 3), [...multiply(BASE8, k)], String(k))
    }
  })

  it('CanonicalBits has no second decomposition', async () => {
    const circuit = await Circuit.compile('canonical-bits', BITS)
    const names = await circuit.wireNames()
    const outputs = new Map(
      [...names].flatMap(([wire, list]) =>
        list.flatMap((name) =>
          /^main\.out\[(\d+)\]$/.exec(name) ? [[Number(/\[(\d+)\]/.exec(name)![1]), wire] as const] : [],
        ),
      ),
    )
    const other = (1n << 254n) - FIELD
    for (const value of [0n, 1n, 12345n, other - 1n, random.bits(240)]) {
      const witness = await accepts(circuit, { in: value })
      assert.deepEqual(
        Array.from({ length: 254 }, (_, i) => witness[outputs.get(i)!]),
        Array.from({ length: 254 }, (_, i) => (value >> BigInt(i)) & 1n),
      )
      const alias = [...witness]
      for (let i = 0; i < 254; i++) alias[outputs.get(i)!] = ((value + FIELD) >> BigInt(i)) & 1n
      assert.ok(violations(circuit.constraints, alias).length > 0)
    }
    for (const value of [FIELD - 1n, FIELD - 2n, (FIELD >> 127n) << 127n, ((FIELD >> 127n) << 127n) - 1n])
      await accepts(circuit, { in: value })
  })
})

describe('transact circuit: keys and signatures that were chosen to have no proof', () => {
  let circuit: Circuit
  before(async () => {
    circuit = await openCircuit('transact')
  })

  for (const [blind, key] of HOSTILE.entries()) {
    it(`opens an account of a key made from blind ${blind}, and discharges a request of it`, async () => {
      const system = owned([])
      const opened = system.transact(
        [{ kind: 'open', depositId: 0, index: 0, publicKey: key, asset: 0, amount: 5n }],
        VALID_UNTIL,
      )
      assert.equal(opened.results[0]!.account.viewKey, sharedViewKey(SEQUENCER.secret, key))
      assert.equal(opened.results[0]!.account.owner, ownerHash(key))
      assert.equal(at(opened.input, 'blind', 0), BigInt(1 - blind))
      await accepts(circuit, opened.input)
      assert.ok('message' in (await circuit.run(put(opened.input, 'blind', [0], BigInt(blind)))))
      const request: Forced = {
        kind: 'forced',
        queueNumber: 1n,
        index: 0,
        asset: 0,
        amount: 1n,
        recipient: RECIPIENT,
        expiry: EXPIRY,
        signature: { r8: BASE8, s: 0n },
      }
      const discharged = system.transact([request], VALID_UNTIL)
      assert.equal(discharged.results[0]!.outcome, 'discharged')
      await accepts(circuit, discharged.input)
    })
  }

  it("discharges a request whose S circomlib's fixed-base multiplication cannot take", async () => {
    const s = SUBGROUP_ORDER - (1n << 250n) - ((1n << 249n) - 1n) / 7n
    const { input, results } = owned([ownedAccount(0, HEALTHY)]).transact(
      [{ ...forced({ index: 0, amount: 1n }), signature: { r8: BASE8, s } }],
      VALID_UNTIL,
    )
    assert.equal(results[0]!.outcome, 'discharged')
    await accepts(circuit, input)
  })

  it('discharges a request whose R8 is of small order', async () => {
    const { input, results } = owned([ownedAccount(0, HEALTHY)]).transact(
      [{ ...forced({ index: 0, amount: 1n }), signature: { r8: [0n, FIELD - 1n], s: 0n } }],
      VALID_UNTIL,
    )
    assert.equal(results[0]!.outcome, 'discharged')
    await accepts(circuit, input)
  })
})
