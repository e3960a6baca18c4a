import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { PlimsollError } from '../protocol/errors.ts'

const CIPHER = 'aes-256-gcm'
/** Bytes of a key, of a nonce and of an authentication tag. */
const [KEY_BYTES, NONCE_BYTES, TAG_BYTES] = [32, 12, 16]

/** A sealed text that does not open: it was changed, it belongs elsewhere, or it was written under another key. */
export class SealBroken extends PlimsollError {}

/**
 * The secret that a node and its provers share. Whoever has it can read what is to be proven, balances among it, and can answer;
 * but a false answer is found out, for every proof is verified. All keys that are used are derived from it.
 */
export class FleetKey {
  /** Name of the fleet, which says nothing about the key: 16 hexadecimal digits. */
  readonly id: string
  readonly #sealing: Buffer
  readonly #naming: Buffer

  /** @param secret 32 bytes */
  constructor(secret: Uint8Array) {
    const derived = (use: string, bytes: number) =>
      Buffer.from(hkdfSync('sha256', secret, '', `plimsoll fleet 1 ${use}`, bytes))
    this.id = derived('id', 8).toString('hex')
    this.#sealing = derived('seal', KEY_BYTES)
    this.#naming = derived('name', KEY_BYTES)
  }

  /**
   * Draws a key and writes it to a new file that only its owner can read.
   * @throws PlimsollError where there is a file already, or none can be written
   */
  static async create(path: string): Promise<FleetKey> {
    const secret = randomBytes(KEY_BYTES)
    await writeFile(path, `0x${secret.toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST')
          throw new PlimsollError(`There is a file ${path} already.`, { hint: 'Name a new one.' })
        throw new PlimsollError(`Cannot write ${path}: ${error.message}.`)
      },
    )
    return new FleetKey(secret)
  }

  /** @throws PlimsollError where the file cannot be read, is no key, or can be read by others than its owner */
  static async read(path: string): Promise<FleetKey> {
    const hint = 'plimsoll fleet-key makes one; all provers of a fleet and its node need the same.'
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'ENOENT'
          ? 'there is no such file'
          : error.code === 'EISDIR'
            ? 'it is a directory'
            : error.message
      throw new PlimsollError(`Cannot read the fleet's key ${path}: ${why}.`, { hint })
    })
    const match = /^\s*0x([0-9a-fA-F]{64})\s*$/.exec(text)
    if (match === null) throw new PlimsollError(`${path} is not a fleet's key: 0x and 64 hexadecimal digits.`, { hint })
    if (((await stat(path)).mode & 0o077) !== 0)
      throw new PlimsollError(`The fleet's key ${path} can be read by others than its owner.`, {
        hint: `Run chmod 600 ${path}, and make a new key if somebody may have read it.`,
      })
    return new FleetKey(Buffer.from(match[1]!, 'hex'))
  }

  /** Encrypts bytes under a fresh nonce; they open under the same `place` only. In base64. */
  seal(place: string, bytes: Uint8Array): string {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#sealing, nonce)
    cipher.setAAD(Buffer.from(place))
    return Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]).toString('base64')
  }

  /** @throws SealBroken for anything that was not sealed under this key for this place */
  open(place: string, sealed: unknown): Buffer {
    const bytes = Buffer.from(typeof sealed === 'string' ? sealed : '', 'base64')
    const end = bytes.length - TAG_BYTES
    try {
      const decipher = createDecipheriv(CIPHER, this.#sealing, bytes.subarray(0, NONCE_BYTES))
      decipher.setAAD(Buffer.from(place))
      decipher.setAuthTag(bytes.subarray(Math.max(end, 0)))
      return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, end)), decipher.final()])
    } catch {
      throw new SealBroken(`What is sealed as ${place} was not sealed there under this fleet's key.`)
    }
  }

  /** A name for bytes that only who has the key can work out: 64 hexadecimal digits, the same for the same bytes. */
  digest(...parts: readonly (string | Uint8Array)[]): string {
    const mac = createHmac('sha256', this.#naming)
    for (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part
      mac.update(`${bytes.length}:`).update(bytes)
    }
    return mac.digest('hex')
  }
}
