import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { PlimsollError } from '../protocol/errors.ts'
import { cacheRoot } from '../prover/keys.ts'
import { endProgress, stage } from './progress.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** All that a page is made of. */
const SOURCES = ['web', 'sdk', 'protocol', 'risk', 'package-lock.json']
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg', '.json', '.wasm'])
/** Seconds that a build takes on two cores. */
const EXPECTED = 10

let building: Promise<string> | undefined

/**
 * Directory of the built page. It is built once for these sources and kept in the cache, with the compressed forms of its files
 * beside them.
 * @param quiet whether nothing is said of the time that it takes
 * @throws PlimsollError when it cannot be built
 */
export function ensurePage(quiet: boolean): Promise<string> {
  building ??= build(quiet)
  building.catch(() => {
    building = undefined
  })
  return building
}

async function build(quiet: boolean): Promise<string> {
  const pages = join(cacheRoot(), 'web')
  const directory = join(pages, await sourceHash())
  if ((await stat(join(directory, 'index.html')).catch(() => undefined)) !== undefined) return directory
  if (!quiet) stage('building the page, once for all', EXPECTED)
  await mkdir(pages, { recursive: true })
  const draft = await mkdtemp(join(pages, 'draft-'))
  try {
    await runVite(draft)
    await compress(draft)
    // Whoever was quicker has built the same.
    await rename(draft, directory).catch(async (error: unknown) => {
      if ((await stat(join(directory, 'index.html')).catch(() => undefined)) === undefined) throw error
    })
    return directory
  } finally {
    if (!quiet) endProgress()
    await rm(draft, { recursive: true, force: true })
  }
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    const path = join(ROOT, source)
    for (const file of (await stat(path)).isDirectory() ? await filesBelow(path) : [path])
      hash.update(`${relative(ROOT, file)}\0`).update(await readFile(file))
  }
  return hash.digest('hex').slice(0, 32)
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

async function runVite(output: string): Promise<void> {
  const web = join(ROOT, 'web')
  const { resolve } = createRequire(join(web, 'package.json'))
  let vite: string
  try {
    vite = join(dirname(resolve('vite/package.json')), 'bin/vite.js')
  } catch {
    throw new PlimsollError('The page cannot be built: its tools are not installed.', { hint: 'Run npm ci.' })
  }
  const child = spawn(process.execPath, [vite, 'build', '--outDir', output, '--emptyOutDir', '--logLevel', 'warn'], {
    cwd: web,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [words, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  if (code !== 0)
    throw new PlimsollError(`The page cannot be built: ${words.trim().split('\n')[0] ?? 'no reason given'}.`)
}

async function compress(directory: string): Promise<void> {
  const most = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }
  for (const path of await filesBelow(directory)) {
    if (!COMPRESSED.has(extname(path))) continue
    const body = await readFile(path)
    await writeFile(`${path}.br`, await promisify(brotliCompress)(body, most))
    await writeFile(`${path}.gz`, await promisify(gzip)(body, { level: 9 }))
  }
}
