declare module 'ffjavascript' {
  type Point = Uint8Array
  interface Group {
    fromObject(point: unknown): Point
    add(a: Point, b: Point): Point
    neg(a: Point): Point
    isValid(a: Point): boolean
    isZero(a: Point): boolean
    timesScalar(a: Point, scalar: bigint): Point
  }
  interface Curve {
    readonly q: bigint
    readonly r: bigint
    readonly G1: Group
    readonly G2: Group
    pairingEq(...points: readonly Point[]): Promise<boolean>
  }
  /** @param singleThread keeps it from starting workers of its own */
  export function buildBn128(singleThread: boolean): Promise<Curve>
}

declare module 'snarkjs' {
  import type { Proof } from '../../protocol/proof.ts'
  export const groth16: {
    fullProve(
      input: object,
      wasm: Uint8Array,
      zkey: Uint8Array,
      logger: undefined,
      witnessOptions: undefined,
      proverOptions: { readonly singleThread: boolean },
    ): Promise<{ proof: Proof; publicSignals: string[] }>
  }
}
