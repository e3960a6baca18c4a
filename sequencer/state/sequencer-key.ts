import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SUBGROUP_ORDER } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'

/** Environment variable with the sequencer's secret; without it the file in the node's directory is read. */
const SEQUENCER_KEY_VARIABLE = 'PLIMSOLL_SEQUENCER_KEY'
export const SEQUENCER_KEY_FILE = 'sequencer.key'

/** A secret nobody can guess: 512 bits reduced, so that its bias is negligible. */
export function newSequencerKey(): bigint {
  return (BigInt(`0x${randomBytes(64).toString('hex')}`) % (SUBGROUP_ORDER - 1n)) + 1n
}

/** The secret of the environment or of a directory, if there is one. @throws PlimsollError when it is no secret */
export async function readSequencerKey(directory: string): Promise<bigint | undefined> {
  const variable = process.env[SEQUENCER_KEY_VARIABLE]
  if (variable !== undefined) return parseKey(variable.trim(), SEQUENCER_KEY_VARIABLE)
  const path = join(directory, SEQUENCER_KEY_FILE)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new PlimsollError(`Cannot read ${path}: ${error.message}.`)
  })
  return text === undefined ? undefined : parseKey(text.trim(), path)
}

/** @throws PlimsollError when there is none */
export async function requireSequencerKey(directory: string): Promise<bigint> {
  const secret = await readSequencerKey(directory)
  if (secret === undefined)
    throw new PlimsollError(
      `There is no sequencer key: neither ${SEQUENCER_KEY_VARIABLE} nor ${join(directory, SEQUENCER_KEY_FILE)}.`,
      { hint: 'plimsoll deploy writes it.' },
    )
  return secret
}

/** Writes it for its owner only, where neither a file nor the environment has it. */
export async function writeSequencerKey(directory: string, secret: bigint): Promise<void> {
  if (process.env[SEQUENCER_KEY_VARIABLE] !== undefined) return
  await writeFile(join(directory, SEQUENCER_KEY_FILE), `0x${secret.toString(16).padStart(64, '0')}\n`, {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST')
      throw new PlimsollError(`Cannot write ${join(directory, SEQUENCER_KEY_FILE)}: ${error.message}.`)
  })
}

function parseKey(text: string, place: string): bigint {
  const secret = /^0x[0-9a-fA-F]{1,64}$/.test(text) ? BigInt(text) : 0n
  if (secret === 0n || secret >= SUBGROUP_ORDER)
    throw new PlimsollError(
      `${place} is not the key of a sequencer: a hexadecimal number below the order of the subgroup.`,
    )
  return secret
}
