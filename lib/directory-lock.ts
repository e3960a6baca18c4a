import { mkdir, readdir, readFile, readlink, rm, rmdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PlimsollError } from '../protocol/errors.ts'

const NAME = /^lock-(\d{6,})$/

/** Milliseconds between two looks at a lock that is waited for. */
const POLL = 100

class DirectoryInUse extends PlimsollError {}

/**
 * Keeps two processes out of one directory. A lock is a symbolic link, made at once or not at all, that says whose it is:
 * process id and start time, as ids are used again. The highest number counts. Whoever finds it to be a dead process's takes the
 * next number, which only one can; so a killed process leaves nothing behind that somebody would have to remove.
 */
export class DirectoryLock {
  /** Whether the process that had the directory last ended without releasing it. */
  readonly takenOver: boolean
  readonly #path: string

  private constructor(path: string, takenOver: boolean) {
    this.#path = path
    this.takenOver = takenOver
  }

  /** @throws PlimsollError when another process, or this one, has it */
  static async acquire(directory: string): Promise<DirectoryLock> {
    for (;;) {
      const known = await numbers(directory)
      const latest = known[0] ?? 0
      const holder = latest === 0 ? undefined : await readlink(join(directory, nameOf(latest))).catch(() => undefined)
      if (holder !== undefined && (await isAlive(holder))) {
        throw new DirectoryInUse(`The directory ${directory} is in use by process ${pidOf(holder)}.`, {
          hint: 'Stop that one first, or name another directory.',
        })
      }
      const number = latest + 1
      const path = join(directory, nameOf(number))
      const taken = await symlink(await identity(process.pid), path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false
          throw new PlimsollError(`Cannot write to ${directory}: ${error.message}.`)
        },
      )
      if (!taken) continue
      // Somebody who saw more may have taken a later number before this one was free again.
      if ((await numbers(directory))[0]! > number) {
        await rm(path, { force: true })
        continue
      }
      for (const old of known) await rm(join(directory, nameOf(old)), { force: true })
      return new DirectoryLock(path, holder !== undefined)
    }
  }

  /** Waits until no other process has it. */
  static async await(directory: string): Promise<DirectoryLock> {
    for (;;) {
      try {
        return await DirectoryLock.acquire(directory)
      } catch (error) {
        if (!(error instanceof DirectoryInUse)) throw error
        await sleep(POLL)
      }
    }
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true })
  }
}

/** Whether a name in a directory is that of a lock. */
export function isLockName(name: string): boolean {
  return NAME.test(name)
}

/**
 * Does something alone in a directory that may not exist yet; it is removed again where nothing was left in it.
 * @throws PlimsollError when another process is at work there
 */
export async function withDirectory<T>(directory: string, action: () => Promise<T>): Promise<T> {
  const made = await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: Error) => {
    throw new PlimsollError(`Cannot write to ${directory}: ${error.message}.`)
  })
  try {
    const lock = await DirectoryLock.acquire(directory)
    try {
      return await action()
    } finally {
      await lock.release()
    }
  } finally {
    if (made !== undefined) await rmdir(directory).catch(() => {})
  }
}

function nameOf(number: number): string {
  return `lock-${String(number).padStart(6, '0')}`
}

/** Highest first. */
async function numbers(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch((error: Error) => {
    throw new PlimsollError(`Cannot read ${directory}: ${error.message}.`)
  })
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a)
}

function pidOf(holder: string): number {
  return Number(holder.split(' ')[0])
}

async function isAlive(holder: string): Promise<boolean> {
  const pid = pidOf(holder)
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Another user's process may not be signalled, but is there.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return (await identity(pid)) === holder && !(await isZombie(pid))
}

/** Whether a process has ended and only its parent has not taken notice. */
async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return /^[ZX]$/.test(stat.slice(stat.lastIndexOf(')') + 2).charAt(0))
}

/** A process's id, and where the system tells it, when it started, in its own unit. */
async function identity(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  // The name of the program, in brackets, may have spaces in it.
  const started = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return started === undefined ? String(pid) : `${pid} ${started}`
}
