import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { layoutSource } from '../../chain/layout-library.ts'

describe('the Solidity library of the layout', () => {
  it('is what the table in protocol/layout.ts says', async () => {
    const stored = await readFile(new URL('../../contracts/libraries/Layout.sol', import.meta.url), 'utf8')
    assert.equal(stored, layoutSource(), 'contracts/libraries/Layout.sol is out of date: run npm run layout')
  })
})
