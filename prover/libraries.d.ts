// Node's own types leave out WebAssembly.
/// <reference lib="dom" />

/** The parts used here of libraries that ship no types. */
declare module 'snarkjs' {
  export interface Groth16Proof {
    pi_a: string[]
    pi_b: string[][]
    pi_c: string[]
    protocol: string
    curve: string
  }

  export interface Groth16VerificationKey {
    protocol: string
    curve: string
    nPublic: number
    vk_alpha_1: string[]
    vk_beta_2: string[][]
    vk_gamma_2: string[][]
    vk_delta_2: string[][]
    vk_alphabeta_12: string[][][]
    IC: string[][]
  }

  export const groth16: {
    prove(zkeyFile: string, witness: Uint8Array): Promise<{ proof: Groth16Proof; publicSignals: string[] }>
    verify(key: Groth16VerificationKey, signals: readonly string[], proof: Groth16Proof): Promise<boolean>
  }

  export const zKey: {
    exportVerificationKey(zkeyFile: string): Promise<Groth16VerificationKey>
    exportSolidityVerifier(zkeyFile: string, templates: { groth16: string }): Promise<string>
  }
}

declare module 'ffjavascript' {
  /** A curve point or field element as bytes in the library's own (Montgomery) form. */
  export type Element = Uint8Array

  export interface Field {
    /** Primitive roots of unity: `w[k]` has order 2^k. */
    w: Element[]
    e(value: bigint | number): Element
    toObject(element: Element): bigint
  }

  export interface Group {
    g: Element
    fromObject(point: bigint[][]): Element
    timesScalar(point: Element, scalar: bigint): Element
    toAffine(point: Element): Element
    isZero(point: Element): boolean
    toRprLEM(buffer: Uint8Array, offset: number, point: Element): void
  }

  export interface Curve {
    q: bigint
    r: bigint
    Fr: Field
    G1: Group
    G2: Group
    tm: {
      /** The WebAssembly module; only kept by an instance without threads. */
      code: Uint8Array<ArrayBuffer>
    }
    terminate(): Promise<void>
  }

  /** The BN254 curve: a fresh instance without threads, or the process-wide one with a thread a core. */
  export function buildBn128(singleThread?: boolean): Promise<Curve>
}
