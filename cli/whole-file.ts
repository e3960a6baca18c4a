import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { PlimsollError } from '../protocol/errors.ts'

/**
 * Refuses a file that could not be written, before the work that fills it. A file of that name is replaced.
 * @throws PlimsollError naming it
 */
export async function requireNewFile(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (there !== undefined && !there.isFile()) throw new PlimsollError(`Cannot write ${path}: it is not a file.`)
  await access(dirname(resolve(path)), constants.W_OK).catch(() => {
    throw new PlimsollError(`Cannot write ${path}: its directory cannot be written to.`)
  })
}

/**
 * Writes a file so that it is there whole or not at all.
 * @throws PlimsollError where it cannot be written
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  try {
    await writeFile(temporary, text)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new PlimsollError(`Cannot write ${path}: ${(error as Error).message}.`)
  }
}
