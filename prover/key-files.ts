import { fingerprint } from './key-cache.ts'
import { type CircuitKeys, keyOf, type ProvingKeys, type SomeKeys } from './keys.ts'
import { CIRCUITS, type CircuitName } from './profiles.ts'

/** A file by its content. */
export interface FileHash {
  /** 64 hexadecimal digits. */
  readonly sha256: string
  /** In bytes. */
  readonly size: number
}

/** Description of a circuit's keys for who proves elsewhere: the key to verify under, and the hashes of the two files. */
export interface KeyManifest extends Pick<CircuitKeys, 'circuit' | 'verificationKey' | 'keyHash'> {
  readonly zkey: FileHash
  readonly wasm: FileHash
}

const known = new Map<string, Promise<FileHash>>()

/** A file's hash, worked out once a process: keys are not written again. */
function hashOf(path: string): Promise<FileHash> {
  let hash = known.get(path)
  if (hash === undefined) {
    hash = fingerprint(path)
    known.set(path, hash)
    hash.catch(() => known.delete(path))
  }
  return hash
}

/** Describes a circuit's keys for others. @throws when a file cannot be read */
export async function manifestOf({ circuit, verificationKey, keyHash, zkey, wasm }: ProvingKeys): Promise<KeyManifest> {
  const [zkeyHash, wasmHash] = await Promise.all([hashOf(zkey), hashOf(wasm)])
  return { circuit, verificationKey, keyHash, zkey: zkeyHash, wasm: wasmHash }
}

/** Circuits that some keys are of. */
export function circuitsOf(keys: SomeKeys): CircuitName[] {
  return CIRCUITS.filter((circuit) => keys[circuit] !== undefined)
}

/** Path of the proving key or witness program with a hash; undefined where none of the keys has it. */
export async function keyFile(keys: SomeKeys, sha256: string): Promise<string | undefined> {
  for (const circuit of circuitsOf(keys)) {
    const { zkey, wasm } = keyOf(keys, circuit)
    for (const path of [zkey, wasm]) if ((await hashOf(path)).sha256 === sha256) return path
  }
  return undefined
}
