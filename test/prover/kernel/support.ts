import { hasFusedMultiplyAdd } from '../../../prover/kernel/fused.ts'
import { Kernel } from '../../../prover/kernel/kernel.ts'
import type { Machine } from '../../../prover/kernel/machine.ts'
import type { FieldVariant } from '../../../prover/kernel/module.ts'

/** The variants that this machine has: both, if it has a fused multiply-add. */
export const VARIANTS: readonly FieldVariant[] = hasFusedMultiplyAdd() ? ['fma', 'integer'] : ['integer']

const kernels = new Map<FieldVariant, Kernel>()

/** A kernel with two threads that all tests share, as it takes a while to build. */
export function sharedKernel(variant: FieldVariant): Kernel {
  let kernel = kernels.get(variant)
  if (kernel === undefined) {
    kernel = new Kernel({ variant, threads: 2 })
    kernels.set(variant, kernel)
  }
  return kernel
}

/** Gives back all memory that the action allocates. */
export function withMemory<T>({ arena }: Kernel, action: () => T): T {
  const mark = arena.used
  try {
    return action()
  } finally {
    arena.release(mark)
  }
}

/** 32 bytes little-endian each. */
export function encodeIntegers(values: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(8 * values.length)
  values.forEach((value, i) => {
    for (let word = 0; word < 8; word++) words[8 * i + word] = Number((value >> BigInt(32 * word)) & 0xffffffffn)
  })
  return new Uint8Array(words.buffer)
}

export function decodeIntegers(bytes: Uint8Array): bigint[] {
  return Array.from({ length: bytes.length / 32 }, (_, i) =>
    BigInt(
      `0x${Buffer.from(bytes.subarray(32 * i, 32 * (i + 1)))
        .reverse()
        .toString('hex')}`,
    ),
  )
}

/** Reads and writes single lanes of slots, the pairs of elements that transforms work on, over the scalar field. */
export class SlotCodec {
  readonly #machine: Machine
  readonly #variant: FieldVariant
  readonly #single: number

  constructor({ variant, arena, machine }: Kernel) {
    this.#machine = machine
    this.#variant = variant
    this.#single = arena.allocate(machine.elementBytes)
  }

  /** `array[i]` goes to lane `lane` of slot i. */
  write(pointer: number, lane: number, values: readonly bigint[]): void {
    const { scalar, elementBytes, view } = this.#machine
    values.forEach((value, i) => {
      scalar.write(view, this.#single, value)
      this.#eachLimb(pointer + 2 * i * elementBytes, lane, (inSlot, alone) => inSlot.set(alone))
    })
  }

  read(pointer: number, lane: number, count: number): bigint[] {
    const { scalar, elementBytes, view } = this.#machine
    return Array.from({ length: count }, (_, i) => {
      this.#eachLimb(pointer + 2 * i * elementBytes, lane, (inSlot, alone) => alone.set(inSlot))
      return scalar.read(view, this.#single)
    })
  }

  #eachLimb(slot: number, lane: number, copy: (inSlot: Uint8Array, alone: Uint8Array) => void): void {
    const width = this.#variant === 'fma' ? 8 : 4
    for (let at = 0; at < this.#machine.elementBytes; at += width) {
      copy(this.#machine.bytes(slot + 2 * at + lane * width, width), this.#machine.bytes(this.#single + at, width))
    }
  }
}
