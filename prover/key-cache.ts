import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { PlimsollError } from '../protocol/errors.ts'

interface Manifest {
  readonly content: string
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>
}

const MANIFEST = 'manifest.json'
const TEMPORARY = '.building-'

/**
 * The directory `parent/content`, whose files were made by `build` from what `content` is the hash of. It is built once, appears
 * whole or not at all, and every file is checked against the manifest when it is used again.
 * @throws PlimsollError when a file is missing or was changed.
 */
export async function cachedDirectory(
  parent: string,
  content: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(parent, content)
  if (await exists(directory)) {
    await check(directory, content)
    return directory
  }
  await mkdir(parent, { recursive: true })
  await removeAbandoned(parent)
  const temporary = await mkdtemp(join(parent, `${TEMPORARY}${process.pid}-`))
  try {
    await build(temporary)
    await writeManifest(temporary, content)
    await rename(temporary, directory).catch(async (error: unknown) => {
      // Another process was faster; what it built is the same.
      if (!(await exists(directory))) throw error
      await check(directory, content)
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
  return directory
}

/** Writes sizes and checksums of a directory's files, which `check` compares. */
export async function writeManifest(directory: string, content: string): Promise<void> {
  const files: Record<string, { size: number; sha256: string }> = {}
  for (const name of (await readdir(directory)).sort()) files[name] = await fingerprint(join(directory, name))
  await writeFile(join(directory, MANIFEST), `${JSON.stringify({ content, files } satisfies Manifest, null, 2)}\n`)
}

/**
 * Checks a directory's files against its manifest.
 * @param hint what to do where they differ
 * @throws PlimsollError naming the file
 */
export async function check(
  directory: string,
  content: string,
  hint = `Delete ${directory} and run \`plimsoll setup\` again.`,
): Promise<void> {
  const damaged = (path: string, what: string) => new PlimsollError(`The key file ${path} ${what}.`, { hint })
  const manifest = await readManifest(directory, content, damaged)
  await Promise.all(
    Object.entries(manifest.files).map(async ([name, expected]) => {
      const path = join(directory, name)
      const { size } = await stat(path).catch(() => ({ size: -1 }))
      if (size < 0) throw damaged(path, 'is missing')
      if (size !== expected.size) throw damaged(path, `has ${size} bytes instead of ${expected.size}`)
      if ((await fingerprint(path)).sha256 !== expected.sha256)
        throw damaged(path, 'is not the file that was written there')
    }),
  )
}

async function readManifest(
  directory: string,
  content: string,
  damaged: (path: string, what: string) => PlimsollError,
): Promise<Manifest> {
  const path = join(directory, MANIFEST)
  let manifest: Partial<Manifest> | null
  try {
    manifest = JSON.parse(await readFile(path, 'utf8')) as Partial<Manifest> | null
  } catch {
    throw damaged(path, 'is missing or unreadable')
  }
  if (manifest?.content !== content || typeof manifest.files !== 'object' || Object.keys(manifest.files).length === 0) {
    throw damaged(path, 'belongs to other keys')
  }
  return manifest as Manifest
}

/** A file's size in bytes and its SHA-256. @throws where it cannot be read */
export async function fingerprint(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return { size: (await stat(path)).size, sha256: hash.digest('hex') }
}

/** Removes what interrupted processes left behind. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(TEMPORARY) && !isRunning(Number.parseInt(name.slice(TEMPORARY.length), 10))) {
      await rm(join(parent, name), { recursive: true, force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
