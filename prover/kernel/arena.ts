import { PlimsollError } from '../../protocol/errors.ts'
import { CONSTANT_BYTES } from './emit.ts'
import { MAXIMUM_PAGES } from './module.ts'

const PAGE = 1 << 16
const ALIGNMENT = 64

/** Hands out the kernel's memory, from one end to the other; released only all together, back to a mark. */
export class Arena {
  readonly memory = new WebAssembly.Memory({ initial: 2, maximum: MAXIMUM_PAGES, shared: true })
  #top = CONSTANT_BYTES

  /** The address of `bytes` bytes. @throws PlimsollError when 4 GB are used up. */
  allocate(bytes: number): number {
    const pointer = this.#top
    const top = Math.ceil((pointer + bytes) / ALIGNMENT) * ALIGNMENT
    const missing = Math.ceil((top - this.memory.buffer.byteLength) / PAGE)
    if (missing > 0) {
      try {
        this.memory.grow(missing)
      } catch {
        throw new PlimsollError('The proving kernel is out of memory.', {
          hint: 'Use a smaller profile, or the prover snarkjs.',
        })
      }
    }
    this.#top = top
    return pointer
  }

  /** Bytes handed out so far. */
  get used(): number {
    return this.#top
  }

  /** Takes back all memory from an address on. */
  release(mark: number): void {
    this.#top = Math.ceil(mark / ALIGNMENT) * ALIGNMENT
  }
}
