import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { generatedFiles } from './generated-files.ts'

// `npm run abi` writes the files that come from the contracts; with --check it says which of them are out of date.

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const files = await generatedFiles()
const present = new Set((await readdir(`${ROOT}/sdk/abi`).catch(() => [])).map((name) => `sdk/abi/${name}`))
const superfluous = [...present].filter((path) => path.endsWith('.ts') && !files.has(path))
if (process.argv.includes('--check')) {
  const stale: string[] = superfluous
  for (const [path, text] of files)
    if ((await readFile(`${ROOT}/${path}`, 'utf8').catch(() => undefined)) !== text) stale.push(path)
  if (stale.length > 0) {
    process.stderr.write(`Not what the contracts compile to: ${stale.join(', ')}. Run npm run abi.\n`)
    process.exitCode = 1
  }
} else {
  await mkdir(`${ROOT}/sdk/abi`, { recursive: true })
  for (const path of superfluous) await rm(`${ROOT}/${path}`)
  for (const [path, text] of files) await writeFile(`${ROOT}/${path}`, text)
}
process.exit()
