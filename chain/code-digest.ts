import { type Hex, hexToBytes, keccak256 } from 'viem'

/** Bytes of the length that ends a contract's code: that of the metadata before it. */
const LENGTH_BYTES = 2
/** Metadata that the compiler appends is a map of two entries. */
const MAP_OF_TWO = 0xa2

/**
 * The hash of a contract's code with zeros for its immutables and without its metadata: no instruction leads there, and what
 * it hashes differs from build to build, as the compiler is told which packages the files compiled along with it import.
 * @param immutables places and lengths, in bytes
 */
export function codeDigest(deployed: Hex, immutables: readonly (readonly [start: number, length: number])[]): Hex {
  const code = hexToBytes(deployed)
  for (const [start, length] of immutables) code.fill(0, start, start + length)
  return keccak256(code.subarray(0, code.length - metadataLength(code)))
}

function metadataLength(code: Uint8Array): number {
  if (code.length < LENGTH_BYTES) return 0
  const length = LENGTH_BYTES + (code.at(-2)! << 8) + code.at(-1)!
  return length <= code.length && code[code.length - length] === MAP_OF_TWO ? length : 0
}
