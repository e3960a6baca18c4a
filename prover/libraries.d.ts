// Node's own types leave out WebAssembly.
/// <reference lib="dom" />

/** The parts used here of libraries that ship no types. */
declare module 'snarkjs' {
  export interface Groth16Proof {
    readonly pi_a: readonly string[]
    readonly pi_b: readonly (readonly string[])[]
    readonly pi_c: readonly string[]
    readonly protocol: string
    readonly curve: string
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
    /** These return a hash, or where they fail without throwing, -1 or false. */
    newZKey(r1cs: string, ptau: string, zkey: SnarkjsFile, logger?: SnarkjsLogger): Promise<Uint8Array | number>
    contribute(
      zkey: string,
      newZkey: string,
      name: string,
      entropy: string,
      logger?: SnarkjsLogger,
    ): Promise<Uint8Array>
    beacon(
      zkey: string,
      newZkey: string,
      name: string,
      value: string,
      iterations: number,
      logger?: SnarkjsLogger,
    ): Promise<Uint8Array | boolean>
    verifyFromInit(initialZkey: SnarkjsFile, ptau: string, zkey: string, logger?: SnarkjsLogger): Promise<boolean>
  }

  /** A path, or a file in memory that a first call writes. */
  export type SnarkjsFile = string | { readonly type: 'bigMem' }

  export interface SnarkjsLogger {
    debug(text: string): void
    info(text: string): void
    warn(text: string): void
    error(text: string): void
  }

  export const powersOfTau: {
    newAccumulator(curve: import('ffjavascript').Curve, power: number, ptau: string): Promise<Uint8Array>
    contribute(ptau: string, newPtau: string, name: string, entropy: string): Promise<Uint8Array>
    preparePhase2(ptau: string, newPtau: string): Promise<void>
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
    fromObject(point: readonly (bigint | bigint[])[]): Element
    timesScalar(point: Element, scalar: bigint): Element
    toAffine(point: Element): Element
    isZero(point: Element): boolean
    isValid(point: Element): boolean
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

declare module 'circomlibjs' {
  import type { Field } from 'ffjavascript'

  export type EdwardsElements = Uint8Array[]

  export interface Poseidon {
    (inputs: readonly Uint8Array[]): Uint8Array
    readonly F: Field
  }

  export interface Eddsa {
    readonly F: Field
    prv2pub(key: Uint8Array): EdwardsElements
    signPoseidon(key: Uint8Array, message: Uint8Array): { R8: EdwardsElements; S: bigint }
    verifyPoseidon(message: Uint8Array, signature: { R8: EdwardsElements; S: bigint }, key: EdwardsElements): boolean
  }

  export function buildPoseidon(): Promise<Poseidon>
  export function buildPoseidonOpt(): Promise<Poseidon>
  export function buildEddsa(): Promise<Eddsa>
}
