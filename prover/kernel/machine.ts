import type { CoordinateValue, GroupName, Point } from './curve.ts'
import type { ElementCodec } from './element-codec.ts'
import { buildCheckedModule, CHECKED_CONSTANTS, elementCodecs, type FieldVariant } from './module.ts'

/** Memory and program that the threads of a kernel share. */
export interface SharedMachine {
  readonly variant: FieldVariant
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
}

/** A kernel's instance in one thread, with its memory. */
export class Machine {
  readonly call: Readonly<Record<string, (...parameters: number[]) => number>>
  readonly base: ElementCodec
  readonly scalar: ElementCodec
  readonly elementBytes: number
  readonly #memory: WebAssembly.Memory
  readonly #variant: FieldVariant
  #checked: Machine['call'] | undefined

  constructor({ variant, module, memory }: SharedMachine) {
    this.call = functionsOf(module, memory)
    this.#variant = variant
    const { base, scalar } = elementCodecs(variant)
    this.base = base
    this.scalar = scalar
    this.elementBytes = base.bytes
    this.#memory = memory
  }

  /** Batches of additions in checked form. Most proofs do without, so they are built when they are first asked for. */
  get checked(): Machine['call'] {
    if (this.#checked === undefined) {
      const { bytes, constants } = buildCheckedModule(this.#variant)
      // Other threads may have put the same there.
      this.bytes(CHECKED_CONSTANTS, constants.length).set(constants)
      // Not optimized at once: the flags for that are the whole process's, and this may be any thread.
      this.#checked = functionsOf(new WebAssembly.Module(bytes), this.#memory)
    }
    return this.#checked
  }

  // Views are made anew: a memory that grew has a new buffer.

  get view(): DataView {
    return new DataView(this.#memory.buffer)
  }

  bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, pointer, length)
  }

  words(pointer: number, length: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, pointer, length)
  }

  halfWords(pointer: number, length: number): Int16Array {
    return new Int16Array(this.#memory.buffer, pointer, length)
  }

  pointBytes(group: GroupName): number {
    return (group === 'g1' ? 2 : 4) * this.elementBytes
  }

  writePoint(pointer: number, { x, y }: NonNullable<Point>): void {
    const { view } = this
    for (const [i, part] of [...x, ...y].entries()) this.base.write(view, pointer + i * this.elementBytes, part)
  }

  readPoint(pointer: number, group: GroupName): NonNullable<Point> {
    const { view } = this
    const parts = group === 'g1' ? 1 : 2
    const coordinate = (from: number): CoordinateValue =>
      Array.from({ length: parts }, (_, i) => this.base.read(view, pointer + (from + i) * this.elementBytes))
    return { x: coordinate(0), y: coordinate(parts) }
  }
}

function functionsOf(module: WebAssembly.Module, memory: WebAssembly.Memory): Machine['call'] {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Machine['call']
}
