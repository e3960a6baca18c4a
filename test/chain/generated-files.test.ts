import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { generatedFiles } from '../../chain/generated-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('what the project knows of its contracts at run time', () => {
  it('is what they compile to', async () => {
    const files = await generatedFiles()
    for (const [path, text] of files)
      assert.equal(await readFile(`${ROOT}/${path}`, 'utf8'), text, `${path} is out of date: run npm run abi`)
    const there = (await readdir(`${ROOT}/sdk/abi`))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `sdk/abi/${name}`)
    assert.deepEqual(there.sort(), [...files.keys()].filter((path) => path.startsWith('sdk/abi/')).sort())
  })
})
