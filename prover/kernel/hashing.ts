import { computePoseidonBy, libraryPoseidon } from '../../protocol/poseidon.ts'
import { BatchHasher, requireElement } from './batch-hasher.ts'
import { isKernelArity } from './hash-module.ts'
import { type Signature, verifySignature } from './signature.ts'

// Building the kernel takes about half a second: what the library takes for some 10,000 inputs or 20 signatures. Where there are
// half as many at once, more will follow.
const INPUTS_WORTH_A_START = 5_000
const SIGNATURES_WORTH_A_START = 10

let kernel: BatchHasher | 'none' | undefined

/**
 * Poseidon of lists of inputs, all of one length: by the kernel, or by the library for few hashes, other lengths, and where there
 * can be no kernel. @throws PlimsollError for an input that is not in [0, r).
 */
export function hashBatch(lists: readonly bigint[][]): bigint[] {
  const inputs = lists[0]?.length ?? 0
  const hasher = isKernelArity(inputs) ? kernelFor(lists.length * inputs >= INPUTS_WORTH_A_START) : undefined
  return hasher?.hashBatch(lists) ?? lists.map((list) => libraryPoseidon(list.map(requireElement)))
}

/** Inputs that this process has hashed one list at a time. */
let hashedInputs = 0

/**
 * Has all of this process's Poseidon made by the kernel once it has hashed so much that more will follow, some five times as fast as by
 * the library. A process that never does is not kept waiting for it.
 */
export function hashByKernel(): void {
  computePoseidonBy((inputs) => {
    if (!isKernelArity(inputs.length)) return libraryPoseidon(inputs)
    hashedInputs += inputs.length
    return kernelFor(hashedInputs >= INPUTS_WORTH_A_START)?.hashBatch([inputs])[0] ?? libraryPoseidon(inputs)
  })
}

/** Whether EdDSA-Poseidon signatures verify, likewise. What is out of range is no signature. */
export function verifyBatch(signatures: readonly Signature[]): boolean[] {
  return (
    kernelFor(signatures.length >= SIGNATURES_WORTH_A_START)?.verifyBatch(signatures) ?? signatures.map(verifySignature)
  )
}

/** The kernel, started if that is worth it and possible. */
function kernelFor(start: boolean): BatchHasher | undefined {
  if (kernel === undefined && start) kernel = startKernel() ?? 'none'
  return kernel === 'none' ? undefined : kernel
}

/** Undefined where the engine or the machine cannot run it. */
function startKernel(): BatchHasher | undefined {
  try {
    return new BatchHasher()
  } catch (error) {
    // No SIMD, or no room for a shared memory.
    if (error instanceof WebAssembly.CompileError || error instanceof RangeError) return undefined
    throw error
  }
}
