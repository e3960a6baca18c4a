import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdir, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { PlimsollError } from '../../protocol/errors.ts'

/**
 * Has `write` fill a directory beside `path`, which then becomes `path`: it appears whole or not at all.
 * @throws PlimsollError when it cannot be written or there is one already that is not empty
 */
export async function writeDirectory<T>(path: string, write: (directory: string) => Promise<T>): Promise<T> {
  const target = resolve(path)
  const staging = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`)
  await mkdir(staging).catch((error: NodeJS.ErrnoException) => {
    throw new PlimsollError(`Cannot write to ${path}: ${error.message}.`)
  })
  // Nothing stays behind when the process ends early.
  const onExit = () => rmSync(staging, { recursive: true, force: true })
  process.once('exit', onExit)
  try {
    const result = await write(staging)
    await rmdir(target).catch(() => {})
    await rename(staging, target).catch((error: NodeJS.ErrnoException) => {
      throw new PlimsollError(`Cannot write to ${path}: ${error.message}.`)
    })
    return result
  } finally {
    await rm(staging, { recursive: true, force: true })
    process.removeListener('exit', onExit)
  }
}
