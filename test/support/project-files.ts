import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MADE = /^((?:web\/)?node_modules|\.plimsoll|\.git|artifacts|cache|contracts\/generated)(\/|$)/

/** Paths of the project's files from its root: what git tracks or would, or, outside of a clone, all that is not made. */
export async function projectFiles(): Promise<string[]> {
  if (existsSync(join(ROOT, '.git'))) {
    const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z']
    const { stdout } = await promisify(execFile)('git', list, { cwd: ROOT, maxBuffer: 1 << 26 })
    return [...new Set(stdout.split('\0'))].filter((path) => path !== '' && existsSync(join(ROOT, path))).sort()
  }
  const entries = await readdir(ROOT, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .filter((path) => !MADE.test(path))
    .sort()
}
