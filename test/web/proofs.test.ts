import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { passTime } from '../../chain/development-chain.ts'
import { openPage } from '../../cli/page.ts'
import { serveWeb } from '../../cli/web-server.ts'
import { chapters } from '../support/chapters.ts'
import { act, connect, deposit, inspect, PageDriver, shot, tab } from '../support/page-driver.ts'
import { type PageSystem, startPageSystem } from '../support/page-system.ts'

describe('proofs in a browser', () => {
  const it = chapters()
  let system: PageSystem
  let driver: PageDriver
  let alice: Page

  before(async () => {
    ;[driver, system] = await Promise.all([PageDriver.open(), startPageSystem({ proving: true })])
  })
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await driver.shootAll()
  })
  after(async () => {
    await driver?.close()
    await system?.stop()
  })

  it('verifies a settlement, and tells of one that was tampered with', async () => {
    alice = await driver.page()
    await connect(alice, system.url, 1)
    await deposit(alice, 'ETH', '10')
    const page = await driver.page()
    await page.goto(`${system.url}/#/rounds`)
    const buttons = page.getByRole('button', { name: /^verify here: / })
    await buttons.first().click()
    await page.getByText('Verified here.').waitFor()
    await page.getByText('What this cannot know').waitFor()
    await shot(page, 'verified')
    await inspect(page)
    // An endpoint changes one digit of what was published, or of what was called.
    let tampered: 'proof' | 'value' | 'call' = 'proof'
    await page.context().route('**/rpc', async (route) => {
      const question = route.request().postData()!
      const wanted = tampered === 'call' ? 'eth_getTransactionByHash' : 'eth_getLogs'
      if (!question.includes(wanted)) return route.continue()
      const answer = await route.fetch()
      const body = (await answer.json()) as { result: any }
      if (tampered === 'call') body.result.input = tamperedCall(body.result.input)
      else {
        const long = body.result.findLast(({ data }: { data: string }) => data.length > 1_500)
        if (long !== undefined) long.data = tamperedBatch(long.data, tampered)
      }
      return route.fulfill({ response: answer, json: body })
    })
    await page.reload()
    for (const [what, words] of [
      ['proof', 'The proof is not valid.'],
      ['value', 'The digest is another'],
      ['call', 'They differ: the endpoint changed one or the other.'],
    ] as const) {
      tampered = what
      await buttons.first().click()
      await page.getByText('Reading the chain').waitFor()
      await page.getByText('This settlement is NOT what it should be.').waitFor()
      await page.getByText(words, { exact: false }).first().waitFor()
    }
    await shot(page, 'tampered')
    await page.context().close()
  })

  it('leaves by the chain alone when the node is dead', async () => {
    const { signer } = system.system
    const { settlement, profile } = system.node.deployment
    await system.stopNode()
    const page = openPage(signer, { served: 'web', operator: false, settlement, profile })
    const { server, port } = await serveWeb(page, undefined, 0)
    try {
      await connect(alice, `http://127.0.0.1:${port}`, 1)
      await alice.getByText('no node answers: the chain alone').waitFor()
      await passTime(signer, 7_300)
      await tab(alice, 'Leave without the node')
      await alice.getByText('stalled', { exact: true }).waitFor()
      await alice.getByRole('button', { name: 'Freeze the stalled system' }).click()
      const frozen = alice.getByText('frozen', { exact: true })
      for (let i = 0; i < 40 && !(await frozen.isVisible()); i++) {
        await passTime(signer, 901)
        await alice.waitForTimeout(300)
      }
      await frozen.waitFor()
      await act(alice, 'Prove my equity and leave', /^You have left with an equity of /)
      await shot(alice, 'left')
      const paid = (await alice.getByText(/^You have left/).textContent()) ?? ''
      assert.match(paid, /equity of [\d ]+(\.\d+)? USD\. Paid: .*ETH/)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })

  it('have brought no complaint of a browser', () => {
    assert.deepEqual(driver.complaints, [])
  })
})

/** A hexadecimal string with another digit at a place. */
function withOtherDigit(hex: string, at: number): string {
  return `${hex.slice(0, at)}${hex[at] === '1' ? '2' : '1'}${hex.slice(at + 1)}`
}

/** A call with another last digit in its first field element. */
function tamperedCall(input: string): string {
  const words = input.slice(10).match(/.{64}/g)!
  return withOtherDigit(input, 10 + 64 * words.findIndex((word) => !word.startsWith('00')) + 63)
}

/** Data of an event of a batch with another last digit in its proof, or in the first of its values. */
function tamperedBatch(data: string, what: 'proof' | 'value'): string {
  const word = (at: number) => Number(`0x${data.slice(2 + 64 * at, 66 + 64 * at)}`)
  // A sweep has rung, window, values, digest and proof; the others begin with the values.
  const values = word(0) < 32 ? 2 : 0
  const at = what === 'proof' ? values + 1 + 7 : word(values) / 32 + 1
  return withOtherDigit(data, 1 + 64 * (at + 1))
}
