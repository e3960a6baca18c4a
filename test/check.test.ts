import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

// `npm run check` is this file, architecture.test.ts, citations.test.ts, comments.test.ts and chain/generated-files.test.ts.
describe('the project', () => {
  const tools: readonly [string, string, readonly string[]][] = [
    ['type checks', fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json'))), ['--noEmit']],
    [
      'type checks in the page',
      fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json'))),
      ['--noEmit', '-p', 'web'],
    ],
    [
      'is free of what biome finds, in its form too',
      fileURLToPath(new URL('bin/biome', import.meta.resolve('@biomejs/biome/package.json'))),
      ['check', '--error-on-warnings', '--colors=off', '.'],
    ],
    [
      'is free of what solhint finds',
      fileURLToPath(new URL('solhint.js', import.meta.resolve('solhint/package.json'))),
      ['--noPoster', '--disc', '--max-warnings', '0', '--formatter', 'unix', 'contracts/!(generated)/**/*.sol'],
    ],
    [
      'has no unused file, export or dependency',
      fileURLToPath(new URL('../bin/knip.js', import.meta.resolve('knip'))),
      ['--no-progress'],
    ],
  ]
  for (const [title, tool, options] of tools)
    it(title, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...options], {
        cwd: ROOT,
        encoding: 'utf8',
      })
      assert.equal(status, 0, stdout + stderr)
    })
})
