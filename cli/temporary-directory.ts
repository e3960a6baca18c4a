import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Signals that end a command, with their numbers. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

/** Directory of this command alone, which is gone with it however it ends: what is in it may be secret. */
export interface TemporaryDirectory {
  readonly path: string
  remove(): Promise<void>
}

/** Makes a directory that is removed when the process ends, be it by a signal: Ctrl-C would leave it behind. */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'plimsoll-demo-'))
  const removeNow = () => rmSync(path, { recursive: true, force: true })
  const handlers = Object.entries(SIGNALS).map(([signal, number]) => {
    // By way of the exit handlers, which also end the local chain.
    const end = () => process.exit(128 + number)
    process.once(signal, end)
    return () => process.removeListener(signal, end)
  })
  process.once('exit', removeNow)
  return {
    path,
    remove: async () => {
      process.removeListener('exit', removeNow)
      for (const forget of handlers) forget()
      await rm(path, { recursive: true, force: true })
    },
  }
}
