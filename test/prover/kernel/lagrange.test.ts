import assert from 'node:assert/strict'
import { inverse, modulo, power, SCALAR_FIELD as R } from '../../../prover/kernel/bigint-field.ts'
import { hasFusedMultiplyAdd } from '../../../prover/kernel/fused.ts'
import { Kernel } from '../../../prover/kernel/kernel.ts'
import { lagrangeValues } from '../../../prover/kernel/lagrange.ts'
import type { FieldVariant } from '../../../prover/kernel/module.ts'
import { rootOfUnity } from '../../../prover/kernel/proving-key.ts'
import type { Scalars } from '../../../prover/kernel/scalars.ts'
import { littleEndian } from '../../../prover/kernel/section-file.ts'

const VARIANTS: readonly FieldVariant[] = hasFusedMultiplyAdd() ? ['fma', 'integer'] : ['integer']
const X = 0x1234_5678_9abc_def0n ** 3n % R
const FACTOR = R - 77n

for (const variant of VARIANTS) {
  describe(`Lagrange polynomials, ${variant}`, () => {
    let kernel: Kernel
    before(() => (kernel = new Kernel({ variant, threads: 1 })))
    after(() => kernel.close())

    // Below, at and above the size of the transform's rows, with an odd level and without.
    for (const log of [1, 2, 3, 8, 9, 10]) {
      it(`have the values of their product formula for 2^${log} points`, () => {
        const size = 2 ** log
        const { basis, odd } = lagrangeValues(kernel, log, X, FACTOR)
        const root = rootOfUnity(2 * size)
        // Of the points root^0, root^1, ...: (x^n - 1) p / (n (x - p)).
        const expected = (domain: number, point: bigint) =>
          modulo((power(X, BigInt(domain), R) - 1n) * point * inverse(BigInt(domain) * (X - point), R), R)
        assert.deepEqual(
          values(basis),
          Array.from({ length: size }, (_, i) => expected(size, power(root, BigInt(2 * i), R))),
        )
        assert.deepEqual(
          values(odd),
          Array.from({ length: size }, (_, i) => (expected(2 * size, power(root, BigInt(2 * i + 1), R)) * FACTOR) % R),
        )
      })
    }

    it('at a point of the domain are 1 there and 0 elsewhere', () => {
      const { basis } = lagrangeValues(kernel, 4, power(rootOfUnity(16), 5n, R), 1n)
      assert.deepEqual(
        values(basis),
        Array.from({ length: 16 }, (_, i) => (i === 5 ? 1n : 0n)),
      )
    })

    function values({ pointer, count }: Scalars): bigint[] {
      return Array.from({ length: count }, (_, i) => littleEndian(kernel.machine.bytes(pointer + 32 * i, 32)))
    }
  })
}
