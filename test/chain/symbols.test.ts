import assert from 'node:assert/strict'
import { distinctSymbols } from '../../sdk/symbols.ts'

describe('names of assets that the chain gives', () => {
  it("are numbers where they are empty, another's, or could play tricks on a terminal", () => {
    assert.deepEqual(distinctSymbols(['USD', 'USD₮0', '', 'USD', '\u001b[2J', '#5', 'ETH']), [
      'USD',
      'USD₮0',
      '#2',
      '#3',
      '#4',
      '#5',
      'ETH',
    ])
  })
})
