import {
  defineFunction,
  doWhile,
  type Expression,
  i32,
  type Local,
  local,
  type Value,
  type ValueType,
  v128,
  type WasmFunction,
  when,
  withPrologue,
} from './wasm.ts'

export type I32 = Local<'i32'>
export type I64 = Local<'i64'>
export type V128 = Local<'v128'>
/** A vector operand. */
export type V128Value = Value<'v128'>
export type V128Result = Expression<'v128'>

/** Bytes at the start of the memory that are kept for constants. */
export const CONSTANT_BYTES = 1 << 16

/** Fresh local variables of one function, and what has to happen before its body. */
export class Frame {
  /** Statements that belong before the body. */
  readonly prologue: (() => void)[] = []
  readonly #declare: <T extends ValueType>(type: T) => Local<T>
  readonly #hoisted = new Map<number, V128>()

  constructor(declare: <T extends ValueType>(type: T) => Local<T>) {
    this.#declare = declare
  }

  v128(): V128 {
    return this.#declare('v128')
  }

  i32(): I32 {
    return this.#declare('i32')
  }

  i64(): I64 {
    return this.#declare('i64')
  }

  /** A new variable with a value. */
  assign(value: V128Value): V128 {
    const variable = this.v128()
    local.set(variable, value)
    return variable
  }

  /** A variable that has a value from the start of the function on; `key` is what it is known by. */
  hoisted(key: number, value: () => V128Result): V128 {
    let variable = this.#hoisted.get(key)
    if (variable === undefined) {
      variable = this.v128()
      this.#hoisted.set(key, variable)
      this.prologue.push(() => local.set(variable!, value()))
    }
    return variable
  }
}

/**
 * Vector constants, kept at the start of the memory: loading one is a single instruction, while V8 builds a `v128.const` from
 * three, through a general register.
 */
export class ConstantPool {
  readonly #offsets = new Map<string, number>()
  readonly #doubles = new Map<number, V128Result>()
  readonly #bytes: number[] = []
  readonly #start: number
  readonly #room: number

  /** Constants lie from `start` on, in so many bytes. */
  constructor(start = 0, room = CONSTANT_BYTES) {
    this.#start = start
    this.#room = room
  }

  /** A vector of two equal 64-bit lanes. */
  splat(lane: bigint): V128Result {
    return this.pair(lane, lane)
  }

  /** A vector of two 64-bit lanes. */
  pair(first: bigint, second: bigint): V128Result {
    const key = `${BigInt.asUintN(64, first)},${BigInt.asUintN(64, second)}`
    let offset = this.#offsets.get(key)
    if (offset === undefined) {
      const bytes = [first, second].flatMap((lane) =>
        Array.from({ length: 8 }, (_, i) => Number((BigInt.asUintN(64, lane) >> BigInt(8 * i)) & 255n)),
      )
      offset = this.raw(Uint8Array.from(bytes))
      this.#offsets.set(key, offset)
    }
    return v128.load({ offset, align: 8 }, 0)
  }

  /** A vector of two equal doubles. */
  splatDouble(lane: number): V128Result {
    let vector = this.#doubles.get(lane)
    if (vector === undefined) {
      vector = this.splat(doubleBits(lane))
      // Not by a key of 0, which -0 is as well.
      if (lane !== 0) this.#doubles.set(lane, vector)
    }
    return vector
  }

  /** Address of bytes of any meaning, aligned to 8. */
  raw(bytes: Uint8Array): number {
    const offset = this.#start + this.#bytes.length
    this.#bytes.push(...bytes, ...new Uint8Array(-bytes.length & 15))
    return offset
  }

  bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length > this.#room) throw new Error('The kernel has too many constants.')
    return Uint8Array.from(this.#bytes)
  }
}

/** The 64 bits of a double. */
export function doubleBits(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0)
}

/** A function of 32-bit parameters, whose body draws its locals from the frame and returns its result, if it has one. */
export function kernel(
  parameters: number,
  body: (parameters: I32[], frame: Frame) => Expression<'i32'> | undefined,
): WasmFunction {
  return defineFunction(parameters, (args, declare) => {
    const frame = new Frame(declare)
    return withPrologue(() => body(args, frame), frame.prologue)
  })
}

/** Emits a loop that counts a variable down to 0; it may be 0 at first. */
export function repeat(count: I32, body: () => void): void {
  when(count, () =>
    doWhile(() => {
      body()
      local.set(count, i32.sub(count, 1))
      return count
    }),
  )
}

/** Emits the addition of a constant to a pointer. */
export function advance(pointer: I32, bytes: number): void {
  local.set(pointer, i32.add(pointer, bytes))
}
