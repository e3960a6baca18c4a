import assert from 'node:assert/strict'
import { BASE_FIELD, inverse, modulo, power, SCALAR_FIELD } from '../../../prover/kernel/bigint-field.ts'
import { ConstantPool, type Frame, kernel } from '../../../prover/kernel/emit.ts'
import { assignElement, type Bound, type Element, type Field, multiply, TIGHT } from '../../../prover/kernel/field.ts'
import { INVERSION_SCRATCH } from '../../../prover/kernel/inversion-kernels.ts'
import { TASKS } from '../../../prover/kernel/tasks.ts'
import { local } from '../../../prover/kernel/wasm.ts'
import { FieldLab, type Limbs, type Operation } from './field-lab.ts'
import { decodeIntegers, encodeIntegers, sharedKernel, VARIANTS, withMemory } from './support.ts'

const FIELDS = [
  ['fp', BASE_FIELD],
  ['fr', SCALAR_FIELD],
] as const

// Bounds of sums and differences of 2 to 4 tight elements.
const TWICE: Bound = { limb: 2, value: 1.02 }
const FOURFOLD: Bound = { limb: 4, value: 2.04 }
const LAZY: Bound = { limb: 1.5, value: 1.9 }

for (const variant of VARIANTS) {
  for (const [name, modulus] of FIELDS) {
    describe(`kernel field ${name}, variant ${variant}`, function () {
      this.timeout(20_000)
      const lab = new FieldLab(variant, modulus)
      const { field } = lab
      const inverseRadix = inverse(field.radix, modulus)

      /** Runs an operation on elements at and within its bounds, and compares with integers. */
      const check = (operation: Operation, bounds: readonly Bound[], expected: (inputs: bigint[]) => bigint): void => {
        const { claimed, apply } = operation
        const cases: Limbs[][] = []
        const extremes = bounds.map((bound) => lab.extremes(bound))
        // Each extreme with each of the next element's, the others at one of theirs.
        for (const [i, first] of extremes[0]!.entries()) {
          for (const second of extremes[1] ?? [undefined]) {
            cases.push(
              bounds.map((_, k) => (k === 0 ? first : k === 1 ? second! : extremes[k]![i % extremes[k]!.length]!)),
            )
          }
        }
        for (let i = 0; i < 100; i++)
          cases.push(extremes.map((list, k) => (lab.random.chance(0.5) ? lab.random.pick(list) : lab.any(bounds[k]!))))
        cases.forEach((first, i) => {
          const second = cases[(i + 1) % cases.length]!
          const results = apply(first, second)
          for (const [lane, inputs] of [first, second].entries()) {
            const result = results[lane]!
            assert.equal(
              modulo(lab.value(result), modulus),
              modulo(expected(inputs.map((limbs) => lab.value(limbs))), modulus),
              `case ${i}, lane ${lane}`,
            )
            assert.ok(
              lab.fits(result, claimed),
              `case ${i}, lane ${lane}: ${result} exceeds ${JSON.stringify(claimed)}`,
            )
          }
        })
      }

      const products: [string, Bound, Bound][] = [
        ['tight elements', TIGHT, TIGHT],
        ['sums of two', TWICE, TWICE],
        ['a sum of four and a tight one', FOURFOLD, TIGHT],
        ['a lazy result and a difference', LAZY, TWICE],
        ['lazy results', LAZY, LAZY],
      ]
      for (const [what, a, b] of products) {
        for (const lazy of [false, true]) {
          it(`multiplies ${what}${lazy ? ' lazily' : ''}, all limbs at their bounds`, () => {
            const operation = lab.operation([a, b], (_, frame, [x, y]) =>
              multiply(field, frame, x!, y!, undefined, lazy),
            )
            if (!lazy) assert.ok(operation.claimed.limb <= TIGHT.limb && operation.claimed.value <= TIGHT.value)
            check(operation, [a, b], ([x, y]) => x! * y! * inverseRadix)
          })
        }
      }

      it('multiplies with an addend of two tight elements, also lazily', () => {
        for (const lazy of [false, true]) {
          const operation = lab.operation([TWICE, TIGHT, TWICE], (_, frame, [x, y, z]) =>
            multiply(field, frame, x!, y!, z!, lazy),
          )
          check(operation, [TWICE, TIGHT, TWICE], ([x, y, z]) => x! * y! * inverseRadix + z!)
        }
      })

      it('squares, also with an addend, also loose and lazily', () => {
        for (const bound of [TIGHT, { limb: Math.SQRT2, value: 0.7 }, TWICE]) {
          for (const lazy of [false, true]) {
            const plain = lab.operation([bound], (_, frame, [x]) => field.square(frame, x!, undefined, lazy))
            check(plain, [bound], ([x]) => x! * x! * inverseRadix)
            const added = lab.operation([bound, TIGHT], (_, frame, [x, y]) => field.square(frame, x!, y!, lazy))
            check(added, [bound, TIGHT], ([x, y]) => x! * x! * inverseRadix + y!)
          }
        }
      })

      it('adds up as many products as the builder permits, all limbs at their bounds', () => {
        for (const [a, b] of [
          [FOURFOLD, TIGHT],
          [TWICE, TWICE],
          [TIGHT, TIGHT],
        ] as const) {
          const build = (count: number) => {
            const bounds = Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? a : b))
            const operation = lab.operation(bounds, (_, frame, inputs) =>
              field.sumOfProducts(
                frame,
                Array.from({ length: count }, (_, i) => [inputs[2 * i]!, inputs[2 * i + 1]!] as const),
              ),
            )
            return { bounds, operation }
          }
          let most: ReturnType<typeof build> | undefined
          let count = 1
          for (; count < 40; count++) {
            try {
              most = build(count)
            } catch {
              break
            }
          }
          assert.ok(count > 1 && count < 40)
          const sum = (inputs: bigint[]) =>
            inputs.reduce((total, x, i) => (i % 2 === 0 ? total + x * inputs[i + 1]! * inverseRadix : total), 0n)
          check(most!.operation, most!.bounds, sum)
          // All products at their largest, of one sign and of the other.
          const extremes = [lab.extremes(a), lab.extremes(b)]
          for (const [i, j] of [
            [0, 0],
            [0, 1],
            [1, 0],
            [2, 3],
            [2, 2],
          ] as const) {
            const inputs = most!.bounds.map((_, k) => extremes[k % 2]![k % 2 === 0 ? i : j]!)
            const [result] = most!.operation.apply(inputs, inputs)
            assert.equal(
              modulo(lab.value(result), modulus),
              modulo(sum(inputs.map((limbs) => lab.value(limbs))), modulus),
            )
            assert.ok(lab.fits(result, most!.operation.claimed))
          }
        }
      })

      it('adds, subtracts and negates without a carry', () => {
        check(
          lab.operation([TWICE, TWICE], (_, frame, [x, y]) => field.add(frame, x!, y!)),
          [TWICE, TWICE],
          ([x, y]) => x! + y!,
        )
        check(
          lab.operation([TWICE, TWICE], (_, frame, [x, y]) => field.sub(frame, x!, y!)),
          [TWICE, TWICE],
          ([x, y]) => x! - y!,
        )
        const seven: Bound[] = [FOURFOLD, { limb: 3.999, value: 2 }]
        check(
          lab.operation(seven, (_, frame, [x, y]) => field.add(frame, x!, y!)),
          seven,
          ([x, y]) => x! + y!,
        )
        check(
          lab.operation(seven, (_, frame, [x, y]) => field.sub(frame, x!, y!)),
          seven,
          ([x, y]) => x! - y!,
        )
        check(
          lab.operation([FOURFOLD], (_, frame, [x]) => field.neg(frame, x!)),
          [FOURFOLD],
          ([x]) => -x!,
        )
      })

      const maximum: Bound = { limb: 4, value: 2.499 }
      const tighten = () => lab.operation([maximum], (_, frame, [x]) => field.tighten(frame, x!))

      it('tightens up to its bounds', () => check(tighten(), [maximum], ([x]) => x!))

      it('tightens next to every half and whole multiple of the modulus, with limbs carried or not', () => {
        const { apply, claimed } = tighten()
        const carry = 1n << BigInt(field.limbBits)
        for (let halves = -4n; halves <= 4n; halves++) {
          for (const offset of [-(1n << 200n), -carry, -2n, -1n, 0n, 1n, 2n, carry, 1n << 200n]) {
            const value = (halves * modulus + offset) / 2n
            const limbs = lab.limbs(value)
            // The same value, each limb but the top one larger by half a base times 1 and smaller by the carry for it.
            const loose = limbs.map((limb, i) => limb + (i < limbs.length - 1 ? carry : 0n) - (i > 0 ? 1n : 0n))
            for (const results of [apply([limbs], [loose]), apply([loose], [limbs])]) {
              for (const result of results) {
                assert.equal(modulo(lab.value(result) - value, modulus), 0n)
                assert.ok(lab.fits(result, claimed), `${halves} halves and ${offset}: ${result}`)
              }
            }
          }
        }
      })

      it('finds zero in any form once it is tight, and nothing else', () => {
        const isZero = lab.mask([maximum], (_, frame, [x]) => field.isZero(frame, field.tighten(frame, x!)))
        const base = 1n << BigInt(field.limbBits)
        const zeros = [-2n, -1n, 0n, 1n, 2n].map((multiple) => multiple * modulus)
        const single = Array.from({ length: field.limbCount - 1 }, (_, i) => base ** BigInt(i))
        const others = [
          ...single,
          ...zeros.slice(0, -1).map((zero) => zero + 1n),
          ...zeros.slice(1).map((zero) => zero - 1n),
          (modulus - 1n) / 2n,
          (modulus + 1n) / 2n,
        ]
        const uncarried = lab
          .limbs(modulus)
          .map((limb, i) => limb + (i < field.limbCount - 1 ? base : 0n) - (i > 0 ? 1n : 0n))
        const zeroLimbs = [...zeros.map((zero) => lab.limbs(zero)), uncarried, uncarried.map((limb) => -limb)]
        for (const zero of zeroLimbs) {
          for (const other of others) {
            assert.deepEqual(isZero([zero], [lab.limbs(other)]), [-1n, 0n])
            assert.deepEqual(isZero([lab.limbs(-other)], [zero]), [0n, -1n])
          }
          assert.deepEqual(isZero([zero], [zero]), [-1n, -1n])
        }
      })

      it('finds a zero that is the negative of one', () => {
        const isZero = lab.mask([TIGHT], (_, frame, [x]) => {
          const ones = frame.v128()
          local.set(ones, field.isZero(frame, field.constant(frame, 0n)))
          return field.isZero(frame, field.negateWhere(frame, x!, ones))
        })
        assert.deepEqual(isZero([lab.limbs(0n)], [lab.limbs(1n)]), [-1n, 0n])
        assert.deepEqual(isZero([lab.limbs(-1n)], [lab.limbs(0n)]), [0n, -1n])
      })

      it('finds no zero in a sum that is one only modulo the modulus, but in a product', () => {
        const isZero = lab.mask([TIGHT, TIGHT], (_, frame, [x, y]) =>
          field.isZero(frame, multiply(field, frame, x!, y!)),
        )
        const values = [0n, 1n, -1n, (modulus - 1n) / 2n, (1n - modulus) / 2n, 1n << 150n]
        for (const x of values) {
          for (const y of values) {
            const expected = x === 0n || y === 0n ? -1n : 0n
            assert.deepEqual(isZero([lab.limbs(x), lab.limbs(1n)], [lab.limbs(y), lab.limbs(x)]), [
              x === 0n ? -1n : 0n,
              expected,
            ])
          }
        }
      })

      it('selects and negates lanes by a mask', () => {
        const build = (choose: (frame: Frame, mask: ReturnType<Field['isZero']>, x: Element, y: Element) => Element) =>
          lab.operation([TIGHT, TWICE, TIGHT], (_, frame, [flag, x, y]) =>
            choose(frame, field.isZero(frame, flag!), x!, y!),
          )
        const select = build((frame, mask, x, y) => field.select(frame, mask, x, y))
        const negate = build((frame, mask, x) => field.negateWhere(frame, x, mask))
        assert.ok(select.claimed.limb === TWICE.limb && select.claimed.value === TWICE.value)
        const [x0, x1] = [lab.any(TWICE), lab.any(TWICE)]
        const [y0, y1] = [lab.any(TIGHT), lab.any(TIGHT)]
        const minus = (limbs: Limbs) => limbs.map((limb) => -limb)
        for (const first of [0n, 1n]) {
          for (const second of [0n, 1n]) {
            const [one, two] = [
              [lab.limbs(first), x0, y0],
              [lab.limbs(second), x1, y1],
            ]
            assert.deepEqual(select.apply(one, two), [first === 0n ? x0 : y0, second === 0n ? x1 : y1])
            assert.deepEqual(negate.apply(one, two), [first === 0n ? minus(x0) : x0, second === 0n ? minus(x1) : x1])
          }
        }
      })

      it('swaps and zips lanes', () => {
        const [a, b, c, d] = Array.from({ length: 4 }, () => lab.any(TIGHT)) as [Limbs, Limbs, Limbs, Limbs]
        assert.deepEqual(lab.operation([TIGHT], (_, frame, [x]) => field.swap(frame, x!)).apply([a], [b]), [b, a])
        const zipped = [0, 1].map((part) =>
          lab.operation([TIGHT, TIGHT], (_, frame, [x, y]) => field.zip(frame, x!, y!)[part]!),
        )
        assert.deepEqual(zipped[0]!.apply([a, c], [b, d]), [a, c])
        assert.deepEqual(zipped[1]!.apply([a, c], [b, d]), [b, d])
      })

      it('packs tight elements as canonical integers, all limbs at their bounds', () => {
        const packed = lab.packed(TIGHT)
        const elements = [
          ...lab.extremes(TIGHT),
          ...[
            0n,
            1n,
            -1n,
            (modulus - 1n) / 2n,
            (1n - modulus) / 2n,
            1n << 64n,
            -(1n << 64n),
            1n << 192n,
            -(1n << 192n),
          ].map((value) => lab.limbs(value)),
          ...Array.from({ length: 100 }, () => lab.any(TIGHT)),
        ]
        elements.forEach((first, i) => {
          const second = elements[(i + 1) % elements.length]!
          assert.deepEqual(
            packed(first, second),
            [first, second].map((limbs) => modulo(lab.value(limbs), modulus)),
          )
        })
      })

      it('is not built where it may overflow', () => {
        const refuses = (bounds: Bound[], build: (frame: Frame, inputs: Element[]) => unknown, message: RegExp) => {
          const body = (frame: Frame) =>
            void build(
              frame,
              bounds.map((bound) => ({ ...field.constant(frame, 1n), ...bound })),
            )
          assert.throws(() => kernel(0, (_, frame) => body(frame)), message)
        }
        const bound = (limb: number, value = 0.5): Bound => ({ limb, value })
        refuses([bound(4.1), TIGHT], (frame, [x, y]) => multiply(field, frame, x!, y!), /may overflow/)
        refuses([bound(2.1), bound(2)], (frame, [x, y]) => multiply(field, frame, x!, y!), /may overflow/)
        refuses([bound(2.1)], (frame, [x]) => field.square(frame, x!), /may overflow/)
        refuses([TIGHT, bound(2.1)], (frame, [x, y]) => multiply(field, frame, x!, x!, y!), /may overflow/)
        refuses(
          [TIGHT, bound(2, 2.5)],
          (frame, [x, y]) => multiply(field, frame, x!, x!, y!),
          /times the modulus|too large/,
        )
        refuses([bound(4.1)], (frame, [x]) => field.tighten(frame, x!), /too large/)
        refuses([bound(1, 2.5)], (frame, [x]) => field.tighten(frame, x!), /too large/)
        refuses([bound(1.1)], (frame, [x]) => field.isZero(frame, x!), /Only a tight/)
        refuses([bound(1, 0.6)], (frame, [x]) => field.isZero(frame, x!), /Only a tight/)
        refuses(
          [bound(1, 0.6)],
          (frame, [x]) =>
            field.pack(frame, { pointer: frame.i32(), offset: 0 }, { pointer: frame.i32(), offset: 0 }, x!),
          /Only a tight/,
        )
        if (variant === 'integer') refuses([FOURFOLD], (frame, [x]) => field.add(frame, x!, x!), /may overflow/)
        refuses([bound(1.1), TIGHT], (_, [x, y]) => assignElement(y!, x!), /exceeds the bounds/)
        refuses([bound(1, 0.6), TIGHT], (_, [x, y]) => assignElement(y!, x!), /exceeds the bounds/)
      })

      describe('arrays', () => {
        const special = [
          0n,
          1n,
          2n,
          modulus - 1n,
          modulus - 2n,
          (modulus - 1n) / 2n,
          (modulus + 1n) / 2n,
          (1n << 253n) - 1n,
          ...[29n, 51n, 64n, 128n, 192n, 204n, 232n].flatMap((bits) => [(1n << bits) - 1n, 1n << bits]),
        ]
        const values = [...special, ...Array.from({ length: 40 }, () => lab.random.bits(260) % modulus)]

        it('are brought into Montgomery form and back', () => {
          const kernel = sharedKernel(variant)
          const { arena, machine } = kernel
          withMemory(kernel, () => {
            const count = values.length + (values.length % 2)
            const padded = [...values, ...Array.from({ length: count - values.length }, () => 0n)]
            const [words, elements, factor] = [32 * count, machine.elementBytes * count, machine.elementBytes].map(
              (bytes) => arena.allocate(bytes),
            ) as [number, number, number]
            const codec = name === 'fp' ? machine.base : machine.scalar
            codec.write(machine.view, factor, codec.radix)
            machine.bytes(words, 32 * count).set(encodeIntegers(padded))
            assert.equal(
              TASKS.importElements(machine, { pointer: 0, bytes: 0 }, { field: name, words, elements, count, factor }),
              true,
            )
            padded.forEach((value, i) =>
              assert.equal(codec.read(machine.view, elements + i * machine.elementBytes), value),
            )
            machine.bytes(words, 32 * count).fill(0xff)
            machine.call[`${name}_export`]!(elements, words, count / 2)
            assert.deepEqual(decodeIntegers(machine.bytes(words, 32 * count)), padded)
          })
        })

        it('are refused with an integer that is not canonical', () => {
          const kernel = sharedKernel(variant)
          const { arena, machine } = kernel
          const wrong = [
            modulus,
            modulus + 1n,
            modulus + (1n << 32n),
            modulus + (1n << 224n),
            (1n << 256n) - 1n,
            2n * modulus,
            1n << 255n,
          ]
          const right = [modulus - 1n, modulus - (1n << 32n), modulus - (1n << 224n), 0n]
          withMemory(kernel, () => {
            const [words, elements] = [arena.allocate(128), arena.allocate(4 * machine.elementBytes)]
            const factor = arena.allocate(machine.elementBytes)
            const run = (integers: bigint[]): boolean => {
              machine.bytes(words, 128).set(encodeIntegers(integers))
              return TASKS.importElements(
                machine,
                { pointer: 0, bytes: 0 },
                { field: name, words, elements, count: 4, factor },
              )
            }
            assert.equal(run(right), true)
            for (const value of wrong)
              for (let at = 0; at < 4; at++) assert.equal(run(right.with(at, value)), false, `${value} at ${at}`)
          })
        })

        it('are multiplied, squared, added, subtracted and inverted', () => {
          const kernel = sharedKernel(variant)
          const { arena, machine } = kernel
          const codec = name === 'fp' ? machine.base : machine.scalar
          const slotBytes = 2 * machine.elementBytes
          const partners = [...values.slice(3), ...values.slice(0, 3)]
          const count = Math.floor(values.length / 2)
          withMemory(kernel, () => {
            const slots = Array.from({ length: 3 }, () => arena.allocate(count * slotBytes)) as [number, number, number]
            const scratch = arena.allocate(INVERSION_SCRATCH)
            const [lane, limb] = variant === 'fma' ? [8, 16] : [4, 8]
            const single = arena.allocate(machine.elementBytes)
            // A slot has the lanes of two elements in turn.
            const move = (slot: number, which: number, toSlot: boolean) => {
              for (let i = 0; i < field.limbCount; i++) {
                const [inSlot, alone] = [
                  machine.bytes(slot + i * limb + which * lane, lane),
                  machine.bytes(single + i * lane, lane),
                ]
                if (toSlot) inSlot.set(alone)
                else alone.set(inSlot)
              }
            }
            const write = (array: number, list: readonly bigint[]) => {
              for (let i = 0; i < 2 * count; i++) {
                codec.write(machine.view, single, list[i]!)
                move(array + (i >> 1) * slotBytes, i % 2, true)
              }
            }
            const read = (array: number) =>
              Array.from({ length: 2 * count }, (_, i) => {
                move(array + (i >> 1) * slotBytes, i % 2, false)
                return codec.read(machine.view, single)
              })
            write(slots[0], values)
            write(slots[1], partners)
            const operations: [string, (x: bigint, y: bigint) => bigint][] = [
              ['multiply', (x, y) => x * y],
              ['square', (x) => x * x],
              ['add', (x, y) => x + y],
              ['sub', (x, y) => x - y],
            ]
            for (const [operation, expected] of operations) {
              machine.call[`${name}_${operation}`]!(slots[0], slots[1], slots[2], count)
              assert.deepEqual(
                read(slots[2]),
                Array.from({ length: 2 * count }, (_, i) => modulo(expected(values[i]!, partners[i]!), modulus)),
                operation,
              )
            }
            for (let i = 0; i < count; i++) machine.call[`${name}_invert`]!(slots[0] + i * slotBytes, scratch)
            assert.deepEqual(
              read(slots[0]),
              values.slice(0, 2 * count).map((x) => power(x, modulus - 2n, modulus)),
            )
          })
        })
      })
    })
  }
}

describe('kernel constants', () => {
  it('are refused beyond the memory that is kept for them', () => {
    const pool = new ConstantPool()
    pool.raw(new Uint8Array(1 << 16))
    pool.bytes()
    pool.splat(1n)
    assert.throws(() => pool.bytes(), /too many constants/)
  })
})
