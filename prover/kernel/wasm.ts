/**
 * A small assembler for WebAssembly. Instructions that have a result are functions that return an expression; it becomes code
 * where a statement uses it (`local.set`, a store, a call). Statements append to the function that is being built.
 *
 * @example
 * const sum = defineFunction(2, ([a, b]) => i32.add(a, b))
 */

export type ValueType = 'i32' | 'i64' | 'v128'

export interface Local<T extends ValueType = ValueType> {
  readonly kind: 'local'
  readonly type: T
  readonly index: number
}

export interface Expression<T extends ValueType = ValueType> {
  readonly kind: 'expression'
  readonly type: T
  readonly code: Code
}

/** Code that is not yet in its place: a byte, or pieces one behind the other. */
type Code = number | readonly Code[]

/** An operand: a local, an expression, or a constant. */
export type Value<T extends ValueType> =
  | Local<T>
  | Expression<T>
  | (T extends 'i32' ? number : T extends 'i64' ? bigint : never)

/** A function of 32-bit parameters, with one 32-bit result or none. */
export interface WasmFunction {
  readonly parameters: number
  readonly result: boolean
  readonly locals: readonly ValueType[]
  readonly code: CodeBytes
  /** Places in the code where the index of another function belongs. */
  readonly calls: readonly { readonly at: number; readonly target: WasmFunction }[]
}

/** Bytes of code, with room for more. */
class CodeBytes {
  length = 0
  #room = new Uint8Array(1 << 12)

  add(code: Code): void {
    if (typeof code === 'number') {
      this.#reserve(1)
      this.#room[this.length++] = code
    } else for (const part of code) this.add(part)
  }

  join(other: CodeBytes): void {
    this.#reserve(other.length)
    this.#room.set(other.bytes(), this.length)
    this.length += other.length
  }

  bytes(): Uint8Array {
    return this.#room.subarray(0, this.length)
  }

  #reserve(bytes: number): void {
    if (this.length + bytes <= this.#room.length) return
    this.#room = new Uint8Array(this.#room.buffer.transfer(2 * (this.length + bytes)))
  }
}

interface Building {
  readonly code: CodeBytes
  readonly calls: { at: number; target: WasmFunction }[]
}

let building: Building | undefined

function current(): Building {
  if (building === undefined) throw new Error('No function is being built.')
  return building
}

/** Builds a function; the body declares the locals that it needs and returns the result, if there is one. */
export function defineFunction(
  parameters: number,
  body: (
    parameters: Local<'i32'>[],
    declare: <T extends ValueType>(type: T) => Local<T>,
  ) => Expression<'i32'> | undefined,
): WasmFunction {
  const outer = building
  const inner: Building = { code: new CodeBytes(), calls: [] }
  const locals: ValueType[] = []
  const declare = <T extends ValueType>(type: T): Local<T> => ({
    kind: 'local',
    type,
    index: parameters + locals.push(type) - 1,
  })
  building = inner
  try {
    const result = body(
      Array.from({ length: parameters }, (_, index) => ({ kind: 'local', type: 'i32', index })),
      declare,
    )
    if (result !== undefined) inner.code.add(result.code)
    return { parameters, result: result !== undefined, locals, ...inner }
  } finally {
    building = outer
  }
}

// ── Statements ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const local = {
  set: <T extends ValueType>(target: Local<T>, value: Value<T>): void =>
    emit(code(target.type, value), 0x21, unsigned(target.index)),
}

/** Repeats the body while the condition, evaluated after it, is not zero. */
export function doWhile(body: () => Value<'i32'>): void {
  emit([0x03, 0x40])
  emit(code('i32', body()), 0x0d, [0], 0x0b)
}

/** Runs the body if the condition is not zero, and otherwise the other one, if there is one. */
export function when(condition: Value<'i32'>, body: () => void, otherwise?: () => void): void {
  emit(code('i32', condition), [0x04, 0x40])
  body()
  if (otherwise !== undefined) {
    emit([0x05])
    otherwise()
  }
  emit([0x0b])
}

/** Calls a function that has no result. */
export function call(target: WasmFunction, parameters: readonly Value<'i32'>[]): void {
  if (target.result || parameters.length !== target.parameters) throw new Error('A call does not fit its function.')
  for (const parameter of parameters) emit(code('i32', parameter))
  emit([0x10])
  const { calls, code: bytes } = current()
  calls.push({ at: bytes.length, target })
  emit([0x80, 0x80, 0x80, 0x80, 0])
}

/** Builds a body, then puts in front of it what it turned out to need there. */
export function withPrologue<T>(body: () => T, prologue: readonly (() => void)[]): T {
  const outer = current()
  const inner: Building = { code: new CodeBytes(), calls: [] }
  building = inner
  let result: T
  try {
    result = body()
  } finally {
    building = outer
  }
  for (const statement of prologue) statement()
  const start = outer.code.length
  outer.code.join(inner.code)
  for (const { at, target } of inner.calls) outer.calls.push({ at: start + at, target })
  return result
}

// ── Instructions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Offset and alignment of an access to memory, in bytes. */
export interface Access {
  readonly offset: number
  readonly align: 1 | 2 | 4 | 8 | 16
}

export const i32 = {
  eq: binary('i32', 0x46),
  lt_s: binary('i32', 0x48),
  le_u: binary('i32', 0x4d),
  ctz: operation('i32', ['i32'], 0x68),
  add: binary('i32', 0x6a),
  sub: binary('i32', 0x6b),
  mul: binary('i32', 0x6c),
  and: binary('i32', 0x71),
  or: binary('i32', 0x72),
  xor: binary('i32', 0x73),
  shl: binary('i32', 0x74),
  shr_s: binary('i32', 0x75),
  shr_u: binary('i32', 0x76),
  load: loading('i32', 0x28),
  load8_u: loading('i32', 0x2d),
  load16_s: loading('i32', 0x2e),
  store: storing('i32', 0x36),
}

export const i64 = {
  ne: operation('i32', ['i64', 'i64'], 0x52),
  add: binary('i64', 0x7c),
  sub: binary('i64', 0x7d),
  mul: binary('i64', 0x7e),
  and: binary('i64', 0x83),
  or: binary('i64', 0x84),
  xor: binary('i64', 0x85),
  shl: binary('i64', 0x86),
  shr_s: binary('i64', 0x87),
  shr_u: binary('i64', 0x88),
  /** The lower half. */
  wrap: operation('i32', ['i64'], 0xa7),
  extend_i32_s: operation('i64', ['i32'], 0xac),
  extend_i32_u: operation('i64', ['i32'], 0xad),
  load: loading('i64', 0x29),
  load32_u: loading('i64', 0x35),
  store: storing('i64', 0x37),
  store32: storing('i64', 0x3e),
}

export const v128 = {
  load: loading('v128', simd(0)),
  load32_splat: loading('v128', simd(9)),
  load64_splat: loading('v128', simd(10)),
  load32_zero: loading('v128', simd(92)),
  load64_zero: loading('v128', simd(93)),
  load32_lane: loadingLane(86),
  load64_lane: loadingLane(87),
  store: storing('v128', simd(11)),
  store32_lane: storingLane(90),
  store64_lane: storingLane(91),
  not: operation('v128', ['v128'], simd(77)),
  and: binary('v128', simd(78)),
  andnot: binary('v128', simd(79)),
  or: binary('v128', simd(80)),
  xor: binary('v128', simd(81)),
  bitselect: operation('v128', ['v128', 'v128', 'v128'], simd(82)),
  any_true: operation('i32', ['v128'], simd(83)),
}

export const i8x16 = {
  shuffle: (bytes: readonly number[], a: Value<'v128'>, b: Value<'v128'>): Expression<'v128'> =>
    expression('v128', code('v128', a), code('v128', b), simd(13), bytes),
}

export const i32x4 = {
  eq: binary('v128', simd(55)),
  lt_s: binary('v128', simd(57)),
  gt_s: binary('v128', simd(59)),
  neg: operation('v128', ['v128'], simd(161)),
  shl: operation('v128', ['v128', 'i32'], simd(171)),
  shr_s: operation('v128', ['v128', 'i32'], simd(172)),
  add: binary('v128', simd(174)),
  sub: binary('v128', simd(177)),
  mul: binary('v128', simd(181)),
}

export const i64x2 = {
  splat: operation('v128', ['i64'], simd(18)),
  replace_lane: (lane: number, vector: Value<'v128'>, value: Value<'i64'>): Expression<'v128'> =>
    expression('v128', code('v128', vector), code('i64', value), simd(30), [lane]),
  extend_low_i32x4_s: operation('v128', ['v128'], simd(199)),
  shl: operation('v128', ['v128', 'i32'], simd(203)),
  shr_u: operation('v128', ['v128', 'i32'], simd(205)),
  add: binary('v128', simd(206)),
  sub: binary('v128', simd(209)),
  lt_s: binary('v128', simd(216)),
  extmul_low_i32x4_s: binary('v128', simd(220)),
}

export const f64x2 = {
  eq: binary('v128', simd(71)),
  neg: operation('v128', ['v128'], simd(237)),
  add: binary('v128', simd(240)),
  sub: binary('v128', simd(241)),
  /** `a * b + c`, rounded once or twice as the machine likes. */
  relaxed_madd: operation('v128', ['v128', 'v128', 'v128'], simd(263)),
}

function operation<R extends ValueType, const A extends readonly ValueType[]>(result: R, types: A, opcode: Code) {
  return (...operands: { [K in keyof A]: Value<A[K]> }): Expression<R> =>
    expression(result, ...types.map((type, i) => code(type, operands[i] as Value<typeof type>)), opcode)
}

function binary<T extends ValueType>(type: T, opcode: Code) {
  return (a: Value<T>, b: Value<T>): Expression<T> => expression(type, code(type, a), code(type, b), opcode)
}

function loading<T extends ValueType>(type: T, opcode: Code) {
  return (access: Access, pointer: Value<'i32'>): Expression<T> =>
    expression(type, code('i32', pointer), opcode, place(access))
}

function storing<T extends ValueType>(type: T, opcode: Code) {
  return (access: Access, pointer: Value<'i32'>, value: Value<T>): void =>
    emit(code('i32', pointer), code(type, value), opcode, place(access))
}

function loadingLane(opcode: number) {
  return (access: Access, lane: number, pointer: Value<'i32'>, vector: Value<'v128'>): Expression<'v128'> =>
    expression('v128', code('i32', pointer), code('v128', vector), simd(opcode), place(access), [lane])
}

function storingLane(opcode: number) {
  return (access: Access, lane: number, pointer: Value<'i32'>, vector: Value<'v128'>): void =>
    emit(code('i32', pointer), code('v128', vector), simd(opcode), place(access), [lane])
}

// ── Encoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function simd(opcode: number): readonly number[] {
  return [0xfd, ...unsigned(opcode)]
}

function place({ offset, align }: Access): readonly number[] {
  return [...unsigned(Math.log2(align)), ...unsigned(offset)]
}

function code<T extends ValueType>(type: T, value: Value<T>): Code {
  if (typeof value === 'number') return [0x41, ...signed(BigInt(value))]
  if (typeof value === 'bigint') return [0x42, ...signed(value)]
  const { kind, type: actual } = value as Local | Expression
  if (actual !== type) throw new Error(`An operand is ${actual} instead of ${type}.`)
  return kind === 'local' ? [0x20, ...unsigned((value as Local).index)] : (value as Expression).code
}

function expression<T extends ValueType>(type: T, ...code: Code[]): Expression<T> {
  return { kind: 'expression', type, code }
}

function emit(...code: Code[]): void {
  current().code.add(code)
}

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  bytes.push(rest)
  return bytes
}

/** Signed LEB128. */
function signed(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 127n) + 128)
  return [...bytes, Number(rest & 127n)]
}

const TYPE_CODES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, v128: 0x7b }

/** A module that exports the functions by name and imports a shared memory as `env.memory`. */
export function encodeModule(
  exports: Readonly<Record<string, WasmFunction>>,
  memoryPages: number,
): Uint8Array<ArrayBuffer> {
  const indices = new Map<WasmFunction, number>()
  const visit = (target: WasmFunction): void => {
    if (indices.has(target)) return
    indices.set(target, indices.size)
    for (const { target: callee } of target.calls) visit(callee)
  }
  for (const target of Object.values(exports)) visit(target)
  const functions = [...indices.keys()]

  // Bodies are large, so they are put together as bytes, once.
  const parts: Uint8Array[] = [Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)]
  const section = (id: number, items: readonly (readonly number[] | Uint8Array)[]): void => {
    const bytes = items.map((item) => Uint8Array.from(item))
    const count = unsigned(items.length)
    const size = bytes.reduce((sum, item) => sum + item.length, count.length)
    parts.push(Uint8Array.from([id, ...unsigned(size), ...count]), ...bytes)
  }
  const list = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
  section(
    1,
    functions.map(({ parameters, result }) => [
      0x60,
      ...list(Array.from({ length: parameters }, () => [0x7f])),
      ...list(result ? [[0x7f]] : []),
    ]),
  )
  section(2, [[...name('env'), ...name('memory'), 0x02, 0x03, ...unsigned(1), ...unsigned(memoryPages)]])
  section(
    3,
    functions.map((_, i) => unsigned(i)),
  )
  section(
    7,
    Object.entries(exports).map(([label, target]) => [...name(label), 0, ...unsigned(indices.get(target)!)]),
  )
  section(
    10,
    functions.map((target) => functionBody(target, indices)),
  )
  return joined(parts)
}

function functionBody(
  { locals, code: body, calls }: WasmFunction,
  indices: ReadonlyMap<WasmFunction, number>,
): Uint8Array {
  const declarations = [...unsigned(locals.length), ...locals.flatMap((type) => [1, TYPE_CODES[type]])]
  const code = body.bytes().slice()
  for (const { at, target } of calls) {
    let index = indices.get(target)!
    for (let i = 0; i < 4; i++, index >>= 7) code[at + i] = (index & 127) + 128
    code[at + 4] = index
  }
  const size = unsigned(declarations.length + code.length + 1)
  return joined([Uint8Array.from([...size, ...declarations]), code, Uint8Array.of(0x0b)])
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

function name(text: string): number[] {
  const bytes = Buffer.from(text)
  return [...unsigned(bytes.length), ...bytes]
}
