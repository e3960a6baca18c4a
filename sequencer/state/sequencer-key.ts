import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Point, SUBGROUP_ORDER } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { sequencerKey } from '../../protocol/keys.ts'

/** Environment variable with the sequencer's secret, or all that it had, with commas between; without it the file in the node's directory is read. */
const SEQUENCER_KEY_VARIABLE = 'PLIMSOLL_SEQUENCER_KEY'
export const SEQUENCER_KEY_FILE = 'sequencer.key'

/** A secret nobody can guess: 512 bits reduced, so that its bias is negligible. */
export function newSequencerKey(): bigint {
  return (BigInt(`0x${randomBytes(64).toString('hex')}`) % (SUBGROUP_ORDER - 1n)) + 1n
}

/**
 * The secrets of the environment or of a directory, if there are any: those that the sequencer of a settlement ever had, the first
 * one first, as far as they are at hand.
 * @throws PlimsollError when one is no secret
 */
export async function readSequencerKeys(directory: string): Promise<readonly bigint[] | undefined> {
  const variable = process.env[SEQUENCER_KEY_VARIABLE]
  if (variable !== undefined) return parseKeys(variable, SEQUENCER_KEY_VARIABLE)
  const path = join(directory, SEQUENCER_KEY_FILE)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new PlimsollError(`Cannot read ${path}: ${error.message}.`)
  })
  return text === undefined ? undefined : parseKeys(text, path)
}

/** @throws PlimsollError when there is none */
export async function requireSequencerKeys(directory: string): Promise<readonly bigint[]> {
  const secrets = await readSequencerKeys(directory)
  if (secrets === undefined)
    throw new PlimsollError(
      `There is no sequencer key: neither ${SEQUENCER_KEY_VARIABLE} nor ${join(directory, SEQUENCER_KEY_FILE)}.`,
      { hint: 'plimsoll deploy writes it.' },
    )
  return secrets
}

/** The one of some secrets that is of a public key; undefined where none is. */
export function secretOf(secrets: readonly bigint[], publicKey: Point): bigint | undefined {
  return secrets.find((secret) => sequencerKey(secret).publicKey.join() === publicKey.join())
}

/**
 * Draws the next secret of a sequencer and writes it behind those that the directory has.
 * @throws PlimsollError when the key is in the environment, or the file cannot be written
 */
export async function addSequencerKey(directory: string): Promise<bigint> {
  if (process.env[SEQUENCER_KEY_VARIABLE] !== undefined)
    throw new PlimsollError(`${SEQUENCER_KEY_VARIABLE} has the sequencer key: a new one goes into a directory.`, {
      hint: `Unset ${SEQUENCER_KEY_VARIABLE}, and put its secrets into ${join(directory, SEQUENCER_KEY_FILE)}.`,
    })
  const secrets = [...((await readSequencerKeys(directory)) ?? []), newSequencerKey()]
  const path = join(directory, SEQUENCER_KEY_FILE)
  const temporary = `${path}.tmp`
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await writeFile(temporary, secrets.map(keyLine).join(''), { mode: 0o600, flush: true })
    await rename(temporary, path)
  } catch (error) {
    throw new PlimsollError(`Cannot write ${path}: ${(error as Error).message}.`)
  }
  return secrets.at(-1)!
}

/** Writes it for its owner only, where neither a file nor the environment has it. */
export async function writeSequencerKey(directory: string, secret: bigint): Promise<void> {
  if (process.env[SEQUENCER_KEY_VARIABLE] !== undefined) return
  await writeFile(join(directory, SEQUENCER_KEY_FILE), keyLine(secret), {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST')
      throw new PlimsollError(`Cannot write ${join(directory, SEQUENCER_KEY_FILE)}: ${error.message}.`)
  })
}

function keyLine(secret: bigint): string {
  return `0x${secret.toString(16).padStart(64, '0')}\n`
}

/** Secrets that are apart by white space or commas. @throws PlimsollError on any that is none, or where there are none */
function parseKeys(text: string, place: string): bigint[] {
  return text
    .trim()
    .split(/[\s,]+/)
    .map((each) => parseKey(each, place))
}

function parseKey(text: string, place: string): bigint {
  const secret = /^0x[0-9a-fA-F]{1,64}$/.test(text) ? BigInt(text) : 0n
  if (secret === 0n || secret >= SUBGROUP_ORDER)
    throw new PlimsollError(
      `${place} is not the key of a sequencer: a hexadecimal number below the order of the subgroup.`,
    )
  return secret
}
