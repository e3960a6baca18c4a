import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MODULE = fileURLToPath(new URL('../../chain/artifacts.ts', import.meta.url))

describe('the contracts', () => {
  it('are built by several processes at once', async () => {
    const script = `const { loadArtifact } = await import(${JSON.stringify(MODULE)}); await loadArtifact('Vault'); process.exit()`
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'inherit'] }),
    )
    const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number | null))
    assert.deepEqual(codes, [0, 0, 0, 0, 0, 0])
  })
})
