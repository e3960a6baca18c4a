import { open } from 'node:fs/promises'

/** Waits until the names in a directory are on the disk: a file that was created or renamed could be lost with the power else. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}
