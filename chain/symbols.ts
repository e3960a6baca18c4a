import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PlimsollError } from '../protocol/errors.ts'

const NAME = 'symbols.json'

/** Names of a deployment's assets: tokens have names on the chain, synthetics do not. */
export async function writeSymbols(directory: string, symbols: readonly string[]): Promise<void> {
  await writeFile(join(directory, NAME), `${JSON.stringify(symbols)}\n`, { mode: 0o600, flush: true })
}

/** Undefined where none were written. */
export async function readSymbols(directory: string): Promise<readonly string[] | undefined> {
  const path = join(directory, NAME)
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const symbols = JSON.parse(text) as unknown
    if (Array.isArray(symbols) && symbols.every((symbol) => typeof symbol === 'string')) return symbols as string[]
  } catch {}
  throw new PlimsollError(`${path} is not a list of symbols.`)
}
