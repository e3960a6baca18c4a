import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const COMPILER = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')))

describe('types', () => {
  it('check over the whole project', () => {
    const { status, stdout } = spawnSync(process.execPath, [COMPILER, '--noEmit'], { cwd: ROOT, encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })
})
