import { readdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { PlimsollError } from '../protocol/errors.ts'

/**
 * Refuses an output directory that exists and is not empty, or whose parent does not exist.
 * @param allowed whether a file of that name may be in it
 * @throws PlimsollError naming it
 */
export async function requireNewDirectory(
  path: string,
  allowed: (name: string) => boolean = () => false,
): Promise<void> {
  const entries = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new PlimsollError(
      `Cannot write to ${path}: ${error.code === 'ENOTDIR' ? 'it is not a directory' : error.message}.`,
    )
  })
  if (entries.some((entry) => !allowed(entry)))
    throw new PlimsollError(`The directory ${path} exists and is not empty.`, { hint: 'Name a new one.' })
  await readdir(dirname(resolve(path))).catch(() => {
    throw new PlimsollError(`Cannot write to ${path}: its parent is not a directory that can be read.`)
  })
}
