/** Named signals of a circuit, nested as the circuit declares them. */
export type CircuitInput = Record<string, Signal>
export type Signal = bigint | readonly Signal[]

/** The low bit first. */
export function bits(value: bigint, length: number): bigint[] {
  return Array.from({ length }, (_, i) => (value >> BigInt(i)) & 1n)
}
