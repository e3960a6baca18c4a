import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PlimsollError } from '../protocol/errors.ts'
import { fingerprint } from '../prover/key-cache.ts'
import type { FileHash, KeyManifest } from '../prover/key-files.ts'
import type { SomeKeys } from '../prover/keys.ts'
import { type CircuitName, PROFILES, type ProfileName } from '../prover/profiles.ts'
import { keyHash, requireSoundKey } from '../prover/verification-key.ts'

/** Milliseconds that fetching a file may take. */
const FETCH = 900_000

/**
 * Proving keys and witness programs by the hash of their content, in a directory; what is not there is fetched. Wherever a file
 * comes from, it is used only if it has the hash that the node named.
 */
export class KeyStore {
  readonly #directory: string
  readonly #source: string
  readonly #files = new Map<string, Promise<string>>()

  /**
   * @param directory of the cache, made when it is needed
   * @param source URL of a node, or of any server with files at `/keys/HASH`; or a directory with files named by their hash
   */
  constructor(directory: string, source: string) {
    this.#directory = directory
    this.#source = source
  }

  /** A circuit's keys, all of them here. @throws PlimsollError where a file cannot be had, or is not what it should be */
  async keys(profile: ProfileName, manifest: KeyManifest): Promise<SomeKeys> {
    const { circuit, verificationKey } = manifest
    if (keyHash(verificationKey) !== manifest.keyHash)
      throw new PlimsollError(`The verification key of ${circuit} does not have the hash that the node named.`)
    requireSoundKey(verificationKey, circuit)
    const [zkey, wasm] = await Promise.all([
      this.#file(manifest.zkey, `proving key of ${circuit}`),
      this.#file(manifest.wasm, `witness program of ${circuit}`),
    ])
    const own = { circuit, zkey, wasm, verificationKey, keyHash: manifest.keyHash }
    return { profile: PROFILES[profile], ...({ [circuit]: own } as Partial<Record<CircuitName, typeof own>>) }
  }

  /** The path of a file with a hash. */
  #file(hash: FileHash, what: string): Promise<string> {
    let file = this.#files.get(hash.sha256)
    if (file === undefined) {
      file = this.#have(hash, what)
      this.#files.set(hash.sha256, file)
      file.catch(() => this.#files.delete(hash.sha256))
    }
    return file
  }

  async #have(hash: FileHash, what: string): Promise<string> {
    if (!/^[0-9a-f]{64}$/.test(hash.sha256)) throw new PlimsollError(`The hash of the ${what} is none.`)
    const path = join(this.#directory, hash.sha256)
    const isThere = await stat(path).then(
      ({ size }) => size === hash.size,
      () => false,
    )
    if (isThere && (await fingerprint(path)).sha256 === hash.sha256) return path
    await mkdir(this.#directory, { recursive: true }).catch((error: Error) => {
      throw new PlimsollError(`Cannot write to ${this.#directory}: ${error.message}.`)
    })
    const temporary = `${path}.${process.pid}.tmp`
    try {
      if (isUrl(this.#source)) await this.#download(hash, what, temporary)
      else await this.#copy(hash, what, temporary)
      if ((await fingerprint(temporary)).sha256 !== hash.sha256)
        throw new PlimsollError(`The ${what} from ${this.#source} is not the file with the hash ${hash.sha256}.`, {
          hint: 'It was changed, or is of another version: name another place with --keys-from.',
        })
      await rename(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
    return path
  }

  async #copy({ sha256 }: FileHash, what: string, to: string): Promise<void> {
    await copyFile(join(this.#source, sha256), to).catch((error: NodeJS.ErrnoException) => {
      throw new PlimsollError(
        `Cannot read the ${what}, ${join(this.#source, sha256)}: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}.`,
        { hint: 'Name the node, or a directory with files named by their SHA-256, with --keys-from.' },
      )
    })
  }

  async #download({ sha256, size }: FileHash, what: string, to: string): Promise<void> {
    const url = `${this.#source.replace(/\/+$/, '')}/keys/${sha256}`
    const failed = (why: string) =>
      new PlimsollError(`Cannot fetch the ${what} from ${url}: ${why}.`, {
        hint: 'Name the address of the node, or a directory with the files, with --keys-from.',
      })
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH), redirect: 'error' }).catch(
      (error: Error & { cause?: { code?: string; message?: string } }) => {
        throw failed(
          error.cause?.code === 'ECONNREFUSED' ? 'nobody listens there' : (error.cause?.message ?? error.message),
        )
      },
    )
    if (response.status !== 200 || response.body === null) throw failed(`the answer is ${response.status}`)
    let length = 0
    const bounded = new Transform({
      transform(chunk: Buffer, _, done) {
        length += chunk.length
        done(length > size ? new Error(`it has more than ${size} bytes`) : null, chunk)
      },
    })
    await pipeline(Readable.fromWeb(response.body as never), bounded, createWriteStream(to)).catch((error: Error) => {
      throw failed(error.message)
    })
  }
}

export function isUrl(source: string): boolean {
  return /^https?:\/\//.test(source)
}
