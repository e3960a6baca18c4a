import { type FileHandle, open } from 'node:fs/promises'

type Append = (this: FileHandle, line: string | Uint8Array) => Promise<void>

/**
 * Runs something while every append to a file of this process fails for want of room.
 * @param written bytes of a line that still reach the disk
 */
export async function onFullDisk<T>(run: () => Promise<T>, written = 0): Promise<T> {
  const file = await open('/dev/null')
  const handles = Object.getPrototypeOf(file) as { appendFile: Append }
  await file.close()
  const { appendFile } = handles
  handles.appendFile = async function (line) {
    if (written > 0) await appendFile.call(this, Buffer.from(line as Uint8Array).subarray(0, written))
    throw new Error('ENOSPC: no space left on device')
  }
  try {
    return await run()
  } finally {
    handles.appendFile = appendFile
  }
}
