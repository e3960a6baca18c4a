/** BN254 in WebAssembly on the calling thread, worked on in place: pointers in, pointers out, no copies. */
export interface WasmArena {
  readonly call: Readonly<Record<string, (...pointers: number[]) => number>>
  /** Zeroed memory that is never given back. */
  allocate(bytes: number): number
  write(pointer: number, data: Uint8Array): void
  /** A copy of the bytes at `pointer`. */
  read(pointer: number, length: number): Uint8Array<ArrayBuffer>
}

const PAGE = 65536
// The memory that ffjavascript's module is built for.
const INITIAL_PAGES = 25
// The module's batch functions take their working space above what is allocated, and do not grow the memory themselves.
const HEADROOM = 16 << 20

/** Instantiates ffjavascript's curve module (which threads of one's own cannot import, hence the compiled module). */
export async function openArena(module: WebAssembly.Module): Promise<WasmArena> {
  const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES })
  const instance = await WebAssembly.instantiate(module, { env: { memory } })
  let bytes = new Uint8Array(memory.buffer)
  // The first word is the module's own pointer to free memory.
  let top = new Uint32Array(memory.buffer, 0, 1)

  return {
    call: instance.exports as WasmArena['call'],
    allocate(length) {
      const pointer = (top[0]! + 63) & ~63
      const missing = pointer + length + HEADROOM - bytes.length
      if (missing > 0) {
        memory.grow(Math.ceil(missing / PAGE))
        bytes = new Uint8Array(memory.buffer)
        top = new Uint32Array(memory.buffer, 0, 1)
      }
      bytes.fill(0, pointer, pointer + length)
      top[0] = pointer + length
      return pointer
    },
    write(pointer, data) {
      bytes.set(data, pointer)
    },
    read(pointer, length) {
      return bytes.slice(pointer, pointer + length)
    },
  }
}
