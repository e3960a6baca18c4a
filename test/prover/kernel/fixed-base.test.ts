import assert from 'node:assert/strict'
import { BASE_FIELD, inverse, modulo, SCALAR_FIELD } from '../../../prover/kernel/bigint-field.ts'
import { CurveGroup, type GroupName, type Point } from '../../../prover/kernel/curve.ts'
import { FixedBase } from '../../../prover/kernel/fixed-base.ts'
import { hasFusedMultiplyAdd } from '../../../prover/kernel/fused.ts'
import { Kernel } from '../../../prover/kernel/kernel.ts'
import type { FieldVariant } from '../../../prover/kernel/module.ts'
import { allocateScalars } from '../../../prover/kernel/scalars.ts'
import { littleEndian } from '../../../prover/kernel/section-file.ts'
import { ENCODED_POINT_BYTES } from '../../../prover/kernel/zkey.ts'

const VARIANTS: readonly FieldVariant[] = hasFusedMultiplyAdd() ? ['fma', 'integer'] : ['integer']
const R = SCALAR_FIELD
const FROM_MONTGOMERY = inverse(1n << 256n, BASE_FIELD)
// Numbers of scalars that tables are made for: the smallest table, one in between, the largest.
const TABLES = [0, 1_000, 200_000]

for (const variant of VARIANTS) {
  describe(`multiples of a generator, ${variant}`, () => {
    let kernel: Kernel
    before(() => (kernel = new Kernel({ variant, threads: 2 })))
    after(() => kernel.close())

    for (const group of ['g1', 'g2'] as const) {
      const check = async (scalars: readonly bigint[], table = 0): Promise<void> => {
        const base = await FixedBase.make(kernel, group, table)
        const input = allocateScalars(kernel, scalars.length)
        kernel.machine.bytes(input.pointer, 32 * scalars.length).set(Buffer.concat(scalars.map(word)))
        let done = 0
        const encoded = await base.multiply(input, (points) => (done += points))
        assert.equal(done, scalars.length)
        assert.equal(encoded.length, scalars.length * ENCODED_POINT_BYTES[group])
        const curve = new CurveGroup(group)
        const expected = new Map<bigint, Point>()
        for (const [i, scalar] of scalars.entries()) {
          if (!expected.has(scalar)) expected.set(scalar, curve.multiply(curve.generator, scalar))
          assert.deepEqual(decode(encoded, i, group), expected.get(scalar), `${group}, scalar ${scalar}`)
        }
      }

      for (const table of TABLES) {
        it(`of ${group} are right for scalars at the edges, with a table for ${table}`, async () => {
          const powers = [1n, 4n, 11n, 14n, 15n, 32n, 64n, 128n, 253n].map((bit) => 2n ** bit)
          await check(
            [
              0n,
              1n,
              2n,
              3n,
              R - 1n,
              R - 2n,
              (R - 1n) / 2n,
              ...powers.flatMap((power) => [power - 1n, power, power + 1n, R - power]),
            ],
            table,
          )
        })
      }

      it(`of ${group} are right for no scalar, one and an odd number of them`, async () => {
        await check([])
        await check([5n])
        await check([7n, 0n, R - 7n])
      })

      it(`of ${group} are right for equal scalars, and for none but zeros`, async () => {
        await check(Array.from({ length: 3_001 }, () => R - 12_345n))
        await check([0n, 0n, 0n])
      })

      it(`of ${group} are right for scalars of any size`, async () => {
        const scalars = Array.from(
          { length: 254 },
          (_, i) => modulo(0x9e3779b97f4a7c15n ** 5n, 2n ** BigInt(i + 1)) % R,
        )
        await check(scalars, 1_000)
      })
    }
  })
}

function word(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse()
}

/** A point of a `.zkey` file. */
function decode(encoded: Uint8Array, index: number, group: GroupName): Point {
  const size = ENCODED_POINT_BYTES[group]
  const words = Array.from({ length: size / 32 }, (_, i) =>
    littleEndian(encoded.slice(index * size + 32 * i, index * size + 32 * (i + 1))),
  )
  if (words.every((value) => value === 0n)) return undefined
  const parts = words.map((value) => {
    assert.ok(value < BASE_FIELD)
    return (value * FROM_MONTGOMERY) % BASE_FIELD
  })
  return { x: parts.slice(0, parts.length / 2), y: parts.slice(parts.length / 2) }
}
