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
    e(value: bigint | number): Element
    toObject(element: Element): bigint
  }

  export interface Group {
    fromObject(point: bigint[][]): Element
    timesScalar(point: Element, scalar: bigint): Element
    isZero(point: Element): boolean
  }

  export interface Curve {
    q: bigint
    r: bigint
    G2: Group
    terminate(): Promise<void>
  }

  /** The BN254 curve that the process shares, with a thread a core. */
  export function buildBn128(): Promise<Curve>
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
