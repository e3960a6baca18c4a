import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Curve, Element, Group } from 'ffjavascript'
import * as ffjavascript from 'ffjavascript'
import { decodePoint, uncompressed } from '../../prover/ceremony/points.ts'
import { curveWithoutThreads } from '../../prover/curve.ts'
import { SectionFile, uint32 } from '../../prover/zkey-file.ts'

/** Sections of a .zkey or .ptau, by number, in the file's order. */
export type Sections = Map<number, Buffer>

export async function readSections(path: string): Promise<Sections> {
  const file = await readFile(path)
  const sections: Sections = new Map()
  for (let at = 12; at < file.length; ) {
    const size = Number(file.readBigUInt64LE(at + 4))
    sections.set(file.readUInt32LE(at), file.subarray(at + 12, at + 12 + size))
    at += 12 + size
  }
  return sections
}

export function writeSections(path: string, magic: 'zkey' | 'ptau', sections: Sections): void {
  const file = new SectionFile(path, magic, sections.size)
  for (const [type, bytes] of sections) file.section(type, bytes)
  file.close()
}

const HISTORY = 10
const POINTS = 3 * 64 + 128

/** The contributions of a key, each as its bytes. */
export function contributionsOf(sections: Sections): Buffer[] {
  const history = sections.get(HISTORY)!
  const contributions: Buffer[] = []
  for (let at = 68; at < history.length; ) {
    const length = POINTS + 64 + 8 + history.readUInt32LE(at + POINTS + 64 + 4)
    contributions.push(history.subarray(at, at + length))
    at += length
  }
  return contributions
}

export function setContributions(sections: Sections, contributions: readonly Buffer[]): void {
  sections.set(
    HISTORY,
    Buffer.concat([sections.get(HISTORY)!.subarray(0, 64), uint32(contributions.length), ...contributions]),
  )
}

/** What ffjavascript has besides what the project uses. */
interface Random {
  nextBool(): boolean
}
type RandomGroup = Group & { fromRng(random: Random): Element }

/** Adds a contribution of a known secret, in all else as snarkjs makes it: a key of an attacker's. */
export async function contributeSecret(sections: Sections, name: string, secret: bigint): Promise<void> {
  const curve: Curve = await curveWithoutThreads()
  const { ChaCha } = ffjavascript as unknown as { ChaCha: new (seed: number[]) => Random }
  const bytes = (group: 'G1' | 'G2', point: Element): Buffer => {
    const buffer = Buffer.alloc(group === 'G1' ? 64 : 128)
    curve[group].toRprLEM(buffer, 0, curve[group].toAffine(point))
    return buffer
  }
  const words = (point: Buffer): Buffer => uncompressed(decodePoint(point)!)
  const header = Buffer.from(sections.get(2)!)
  const contributions = contributionsOf(sections)
  const [delta1, delta2] = [header.subarray(84 + 2 * 64 + 2 * 128, -128), header.subarray(-128)]

  const s = bytes('G1', curve.G1.timesScalar(curve.G1.g, 987654321n))
  const sx = bytes('G1', curve.G1.timesScalar(new Uint8Array(s), secret))
  const hash = createHash('blake2b512').update(sections.get(HISTORY)!.subarray(0, 64))
  for (const old of contributions) {
    for (const at of [0, 64, 128]) hash.update(words(old.subarray(at, at + 64)))
    hash.update(words(old.subarray(192, POINTS))).update(old.subarray(POINTS, POINTS + 64))
  }
  const transcript = hash.update(words(s)).update(words(sx)).digest()
  const sp = (curve.G2 as RandomGroup).fromRng(
    new ChaCha(Array.from({ length: 8 }, (_, i) => transcript.readUInt32BE(4 * i))),
  )
  const spx = bytes('G2', curve.G2.timesScalar(curve.G2.toAffine(sp), secret))
  bytes('G1', curve.G1.timesScalar(new Uint8Array(delta1), secret)).copy(delta1)
  bytes('G2', curve.G2.timesScalar(new Uint8Array(delta2), secret)).copy(delta2)
  sections.set(2, header)

  const overSecret = inverse(secret, curve.r)
  for (const type of [8, 9]) {
    const points = Buffer.from(sections.get(type)!)
    for (let at = 0; at < points.length; at += 64) {
      bytes('G1', curve.G1.timesScalar(new Uint8Array(points.subarray(at, at + 64)), overSecret)).copy(points, at)
    }
    sections.set(type, points)
  }
  const text = Buffer.from(name)
  const entry = Buffer.concat([
    delta1,
    s,
    sx,
    spx,
    transcript,
    uint32(0),
    uint32(2 + text.length),
    Buffer.from([1, text.length]),
    text,
  ])
  setContributions(sections, [...contributions, entry])
}

export function inverse(value: bigint, modulus: bigint): bigint {
  let result = 1n
  let base = value % modulus
  for (let exponent = modulus - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % modulus
    base = (base * base) % modulus
  }
  return result
}
