import assert from 'node:assert/strict'
import { groth16 } from 'snarkjs'
import { PlimsollError } from '../../../protocol/errors.ts'
import { closeCurve } from '../../../prover/curve.ts'
import { BASE_FIELD, SCALAR_FIELD as R } from '../../../prover/kernel/bigint-field.ts'
import { Groth16, type ProofPoints } from '../../../prover/kernel/groth16.ts'
import { parseWtns } from '../../../prover/kernel/wtns.ts'
import { parseZkey } from '../../../prover/kernel/zkey.ts'
import { encodeWitness, type Witness } from '../../../prover/witness.ts'
import { Random } from '../../protocol/random.ts'
import { bitsCircuit, chainCircuit, makeSmallKey, type SmallKey } from './small-keys.ts'
import { decodeIntegers, encodeIntegers, sharedKernel, VARIANTS } from './support.ts'

const random = new Random(9)

function verify({ verificationKey }: SmallKey, signals: readonly bigint[], { a, b, c }: ProofPoints): Promise<boolean> {
  const words = (values: readonly bigint[]) => values.map(String)
  return groth16.verify(verificationKey, words(signals), {
    pi_a: [...words([...a.x, ...a.y]), '1'],
    pi_b: [words(b.x), words(b.y), ['1', '0']],
    pi_c: [...words([...c.x, ...c.y]), '1'],
    protocol: 'groth16',
    curve: 'bn128',
  })
}

/** A section's place in a file. */
interface Section {
  readonly start: number
  readonly content: number
  readonly end: number
}

function sectionsOf(file: Uint8Array): Map<number, Section> {
  const view = new DataView(file.buffer, file.byteOffset)
  const sections = new Map<number, Section>()
  for (let start = 12; start < file.length; ) {
    const end = start + 12 + Number(view.getBigUint64(start + 4, true))
    sections.set(view.getUint32(start, true), { start, content: start + 12, end })
    start = end
  }
  return sections
}

/** A copy with some bytes changed. */
function changed(file: Uint8Array, at: number, bytes: Uint8Array | readonly number[]): Uint8Array {
  const copy = file.slice()
  copy.set(bytes, at)
  return copy
}

const word = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer)

/** One sentence that names the file. */
function isRefusal(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PlimsollError, String((error as Error).stack))
    assert.match(error.message, message)
    assert.match(error.message, /^[^\n]+\.$/)
    assert.match(error.message, /some\.file|witness/)
    return true
  }
}

describe('kernel proofs', function () {
  this.timeout(60_000)
  const keys = new Map<string, SmallKey>()

  before(async () => {
    // Rows are constraints, the public signals and the constant one.
    for (const [constraints, publicSignals, start] of [
      [1, 0, 7n],
      [2, 1, R / 3n],
      [5, 2, R - 1n],
      [500, 3, random.bits(253)],
    ] as const) {
      const key = await makeSmallKey(chainCircuit(constraints, publicSignals, start))
      keys.set(`chain of ${constraints}, domain ${parseZkey(key.zkey, '').domainSize}`, key)
    }
    // Half of them zeros, as a witness has them, and rows of no terms.
    keys.set(
      'bits',
      await makeSmallKey(bitsCircuit(Array.from({ length: 100 }, (_, i) => i % 2 === 0 && random.chance(0.9)))),
    )
  })

  after(closeCurve)

  it('are over domains of 2, 4, 8 and 512', () => {
    assert.deepEqual(
      [...keys.keys()].flatMap((name) => /domain (\d+)/.exec(name)?.[1] ?? []).map(Number),
      [2, 4, 8, 512],
    )
  })

  for (const variant of VARIANTS) {
    it(`verify, for their signals only, and never are the same: variant ${variant}`, async () => {
      for (const [name, key] of keys) {
        const prover = await Groth16.load(sharedKernel(variant), key.zkey, 'some.file')
        const proofs = [await prover.prove(key.witness), await prover.prove(key.witness)] as const
        for (const proof of proofs) assert.equal(await verify(key, key.signals, proof), true, name)
        for (const part of ['a', 'b', 'c'] as const) assert.notDeepEqual(proofs[0][part], proofs[1][part], name)
        if (key.signals.length > 0)
          assert.equal(await verify(key, key.signals.with(0, key.signals[0]! + 1n), proofs[0]), false, name)
        const wire = 32 * (key.signals.length + 1)
        const [value] = decodeIntegers(key.witness.subarray(wire, wire + 32))
        const wrong = changed(key.witness, wire, encodeIntegers([(value! + 1n) % R]))
        assert.equal(await verify(key, key.signals, await prover.prove(wrong)), false, name)
      }
    })

    describe(`variant ${variant}`, () => {
      let key: SmallKey
      let sections: Map<number, Section>
      const load = (file: Uint8Array) => Groth16.load(sharedKernel(variant), file, 'some.file')

      before(() => {
        key = [...keys.values()][2]!
        sections = sectionsOf(key.zkey)
      })

      it('refuse a coordinate that is not below the modulus, in every section that is used', async () => {
        const point = { 5: 64, 7: 128, 8: 64, 9: 64 }
        for (const [section, size] of Object.entries(point)) {
          const { content, end } = sections.get(Number(section))!
          for (const at of [content, content + 32, end - size, end - 32]) {
            for (const value of [BASE_FIELD, (1n << 256n) - 1n]) {
              await assert.rejects(
                load(changed(key.zkey, at, encodeIntegers([value]))),
                isRefusal(/coordinate that is not below/),
                `section ${section} at ${at - content}`,
              )
            }
          }
        }
      })

      it('refuse a point off the curve, in every section that is used', async () => {
        for (const section of [5, 7, 8, 9]) {
          const { content, end } = sections.get(section)!
          // The last point with all its coordinates, and one coordinate of the first that is finite.
          const finite = key.zkey.subarray(content, end).findIndex((byte) => byte !== 0)
          for (const at of [
            content + finite,
            ...(section === 7 ? [128, 96, 64, 32] : [64, 32]).map((back) => end - back),
          ]) {
            await assert.rejects(
              load(changed(key.zkey, at, [key.zkey[at]! ^ 1])),
              isRefusal(/point that is not on the curve/),
              `section ${section} at ${at - content}`,
            )
          }
        }
      })

      it('do without the points of B in G1', async () => {
        const { content, end } = sections.get(6)!
        const prover = await load(changed(key.zkey, content, new Uint8Array(end - content).fill(0xff)))
        assert.equal(await verify(key, key.signals, await prover.prove(key.witness)), true)
      })

      it('refuse a coefficient that is not below the modulus', async () => {
        const { content, end } = sections.get(4)!
        for (const at of [content + 4 + 12, end - 32])
          await assert.rejects(
            load(changed(key.zkey, at, encodeIntegers([R]))),
            isRefusal(/coefficient that is not below/),
          )
      })

      it('give back the memory of a key that is refused, and go on', async () => {
        const { arena } = sharedKernel(variant)
        const used = arena.used
        for (const section of [5, 9]) {
          await assert.rejects(
            load(changed(key.zkey, sections.get(section)!.end - 32, encodeIntegers([BASE_FIELD]))),
            PlimsollError,
          )
          assert.equal(arena.used, used)
        }
        await assert.rejects(load(changed(key.zkey, sections.get(4)!.end - 32, encodeIntegers([R]))), PlimsollError)
        assert.equal(arena.used, used)
        assert.equal(await verify(key, key.signals, await (await load(key.zkey)).prove(key.witness)), true)
      })

      it('refuse a witness of another circuit, and one with a value that is not below the modulus', async () => {
        const prover = await load(key.zkey)
        for (const other of [
          key.witness.subarray(32),
          key.witness.subarray(0, 0),
          encodeIntegers(Array.from({ length: key.witness.length / 32 + 1 }, () => 1n)),
          key.witness.subarray(1),
        ]) {
          await assert.rejects(prover.prove(other), isRefusal(/^The witness has .* wires, the key has /))
        }
        for (let at = 0; at < key.witness.length; at += 32) {
          for (const value of [R, (1n << 256n) - 1n])
            await assert.rejects(
              prover.prove(changed(key.witness, at, encodeIntegers([value]))),
              isRefusal(/not below the scalar field/),
            )
        }
        assert.equal(await verify(key, key.signals, await prover.prove(key.witness)), true)
      })
    })
  }

  describe('key files', () => {
    let file: Uint8Array
    let sections: Map<number, Section>
    const refuses = (bytes: Uint8Array, message: RegExp) =>
      assert.throws(() => parseZkey(bytes, 'some.file'), isRefusal(message))

    before(() => {
      file = [...keys.values()][2]!.zkey
      sections = sectionsOf(file)
    })

    it('are refused when they end anywhere before their end, or go on after it', () => {
      assert.equal(sections.size, 10)
      const boundaries = [
        0,
        4,
        8,
        11,
        ...[...sections.values()].flatMap(({ start, content, end }) => [start, content, end]),
      ]
      const lengths = new Set(
        boundaries.flatMap((at) => [at - 1, at, at + 1]).filter((at) => at >= 0 && at < file.length),
      )
      for (const length of lengths) refuses(file.subarray(0, length), /is truncated|is not a \.zkey file/)
      refuses(Buffer.concat([file, Buffer.of(0)]), /1 bytes behind/)
    })

    it('are read at any place of a buffer', () => {
      const shifted = Buffer.concat([Buffer.of(0), file]).subarray(1)
      assert.deepEqual(parseZkey(shifted, 'some.file').coefficients, parseZkey(file, 'some.file').coefficients)
    })

    it('are refused without one of their sections, and with one twice', () => {
      for (const type of [1, 2, 4, 5, 6, 7, 8, 9]) {
        const { start } = sections.get(type)!
        refuses(changed(file, start, word(77)), new RegExp(`lacks section ${type}\\.`))
        refuses(changed(file, sections.get(3)!.start, word(type)), /has section \d twice/)
      }
    })

    it('are refused with another magic, protocol or curve', () => {
      const header = sections.get(2)!.content
      refuses(changed(file, 0, Buffer.from('wtns')), /is not a \.zkey file/)
      refuses(changed(file, sections.get(1)!.content, word(2)), /is not a Groth16 key/)
      for (const at of [header + 4, header + 40]) refuses(changed(file, at, [file[at]! ^ 2]), /is not a key on BN254/)
      for (const at of [header, header + 36]) refuses(changed(file, at, word(48)), /is not a key on BN254/)
    })

    it('are refused with sizes that do not fit', () => {
      const header = sections.get(2)!.content
      const { wires, domainSize } = parseZkey(file, 'some.file')
      for (const size of [0, 1, 3, domainSize + 1, 2 ** 28, 2 ** 31])
        refuses(changed(file, header + 80, word(size)), /header of some\.file is malformed/)
      for (const size of [domainSize / 2, 2 * domainSize])
        refuses(changed(file, header + 80, word(size)), /Section 9 .* instead of|Section 4 .* malformed/)
      for (const size of [wires - 1, wires + 1]) refuses(changed(file, header + 72, word(size)), /Section [4-8] of/)
      refuses(changed(file, header + 76, word(wires)), /header of some\.file is malformed/)
      refuses(changed(file, header + 76, word(1)), /Section 8 .* instead of/)
      refuses(changed(file, sections.get(4)!.content, word(1)), /for 1 coefficients/)
    })

    it('are refused with a coefficient of another matrix, row or wire', () => {
      const { content, end } = sections.get(4)!
      const { wires, domainSize } = parseZkey(file, 'some.file')
      for (const at of [content + 4, end - 44]) {
        for (const [offset, limit] of [
          [0, 2],
          [4, domainSize],
          [8, wires],
        ] as const) {
          for (const value of [limit, 0xffffffff])
            refuses(changed(file, at + offset, word(value)), /Section 4 of some\.file is malformed/)
        }
      }
    })

    it('are refused with a point of the header that is at infinity, off the curve or beyond the modulus', () => {
      const points = [0, 64, 128, 256, 384, 448].map((offset) => sections.get(2)!.content + 84 + offset)
      points.forEach((at, i) => {
        const size = [2, 3, 5].includes(i) ? 128 : 64
        refuses(changed(file, at, new Uint8Array(size)), /header of some\.file has a point/)
        for (const part of [at, at + size - 32]) {
          refuses(changed(file, part, [file[part]! ^ 1]), /header of some\.file has a point/)
          // The same point, but for the modulus added to a coordinate.
          const [value] = decodeIntegers(file.subarray(part, part + 32))
          refuses(changed(file, part, encodeIntegers([value! + BASE_FIELD])), /header of some\.file has a point/)
        }
      })
    })

    it('with any few bytes changed are read or refused, nothing else', () => {
      for (let i = 0; i < 500; i++) {
        const copy = file.slice()
        const limit = random.chance(0.5) ? sections.get(3)!.start : file.length
        for (let changes = random.integer(1, 3); changes > 0; changes--)
          copy[random.integer(0, limit - 1)] = random.pick([0, 1, 255, random.integer(0, 255)])
        try {
          parseZkey(copy, 'some.file')
        } catch (error) {
          assert.ok(isRefusal(/./)(error))
        }
      }
    })
  })

  describe('witness files', () => {
    const wires = [1n, 2n, R - 1n]
    const file = encodeWitness(encodeIntegers(wires) as Witness)
    const refuses = (bytes: Uint8Array, message: RegExp) =>
      assert.throws(() => parseWtns(bytes, 'some.file'), isRefusal(message))

    it('are read', () =>
      assert.deepEqual(Buffer.from(parseWtns(file, 'some.file')), Buffer.from(encodeIntegers(wires))))

    it('are refused when they end anywhere before their end, or go on after it', () => {
      for (let length = 0; length < file.length; length++)
        refuses(file.subarray(0, length), /is truncated|is not a \.wtns file/)
      refuses(Buffer.concat([file, Buffer.of(0)]), /1 bytes behind/)
    })

    it('are refused with another magic, field or size', () => {
      refuses(changed(file, 0, Buffer.from('zkey')), /is not a \.wtns file/)
      refuses(changed(file, 24, word(48)), /is not a witness over BN254/)
      refuses(changed(file, 28, [file[28]! ^ 1]), /is not a witness over BN254/)
      refuses(changed(file, 60, word(4)), /Section 2 of some\.file has 96 bytes instead of 128/)
      refuses(changed(file, 64, word(3)), /lacks section 2/)
      refuses(changed(file, 64, word(1)), /has section 1 twice/)
    })
  })
})
