import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { concatHex, type Hex, keccak256, slice } from 'viem'
import { chapters } from '../support/chapters.ts'
import { movePrices } from '../support/live-chain.ts'
import { act, card, connect, deposit, inspect, PageDriver, SHOTS, shot, tab } from '../support/page-driver.ts'
import { type PageSystem, startPageSystem } from '../support/page-system.ts'

const WEI = 10n ** 18n
/** Bytes of everything that is loaded before anybody has touched the page; times are measured by `npm run bench:page`. */
const FIRST_LOAD = 300_000
/** Markup that must be shown as text. */
const MARKUP = '<img src=x onerror=alert(1)>'
/** A report of somebody's, with a script that must not run. */
const REPORT = `<h1>Report</h1><script>document.body.textContent = 'ran'</script>`

describe('the page in a browser', () => {
  const it = chapters()
  let system: PageSystem
  let driver: PageDriver
  let alice: Page
  let bob: Page
  /** Answer of the node about Alice's account as it was after the loan. */
  let earlier: string
  /** Complaints that have to come. */
  const expected: RegExp[] = []

  /** Without a look of the node in between, which would post a round when time has passed and the feeds have not moved yet. */
  const prices = (eth: bigint) =>
    system.hold(() => movePrices(system.system.signer, system.system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI]))
  /** Status of a raw request, with the headers that a browser would not let a page choose. */
  const raw = (url: string, options: { method?: string; headers?: Record<string, string> }, body = '') =>
    new Promise<number>((resolve, reject) => {
      const sent = httpRequest(url, options, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      sent.on('error', reject)
      sent.end(body)
    })

  before(async () => {
    await mkdir(SHOTS, { recursive: true })
    const report = join(SHOTS, 'report.html')
    await writeFile(report, REPORT)
    ;[driver, system] = await Promise.all([PageDriver.open(), startPageSystem({ report })])
  })
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await driver.shootAll()
  })
  after(async () => {
    await driver?.close()
    await system?.stop()
  })

  it('shows the line at the first paint, with a small first load and nothing from elsewhere', async () => {
    // The page may be under construction still, and the browser not yet warm.
    const ready = await driver.page()
    await ready.goto(system.url)
    await ready.getByText('Nobody is below the line.').waitFor()
    await ready.close()
    const page = await driver.page()
    const loaded: string[] = []
    page.on('response', (response) => loaded.push(response.url()))
    const answered = await page.goto(system.url)
    await page.getByText('Nobody is below the line.').waitFor()
    const policy = (await answered!.allHeaders())['content-security-policy'] ?? ''
    assert.match(policy, /(^|; )script-src 'self' 'wasm-unsafe-eval';/)
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'(?!;)(?<!wasm-unsafe-eval')|https?:|\*/)
    assert.doesNotMatch(await (await fetch(system.url)).text(), /<script(?![^>]*\bsrc=)|\son[a-z]+=|\bstyle=/)
    assert.deepEqual([...new Set(loaded.map((one) => new URL(one).origin))], [system.url])
    await page.getByText('The chain says the same').waitFor()
    // Scripts and answers, as they came over the wire: all that comes before somebody does something.
    const [size, scripts] = await page.evaluate(() => {
      const all = performance.getEntriesByType('resource') as PerformanceResourceTiming[]
      const first = performance.getEntriesByType('navigation') as PerformanceResourceTiming[]
      return [
        [...first, ...all].reduce((sum, { transferSize }) => sum + transferSize, 0),
        all.filter(({ name }) => name.endsWith('.js')).length,
      ] as const
    })
    assert.ok(scripts >= 2 && size > 50_000 && size < FIRST_LOAD, `${size} bytes in ${scripts} scripts`)
    await shot(page, 'line')
    await inspect(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await shot(page, 'line-dark')
    await page.setViewportSize({ width: 360, height: 740 })
    await shot(page, 'line-narrow')
    await page.close()
  })

  it('takes deposits of an account of the development chain, and of a wallet of the browser', async () => {
    alice = await driver.page()
    const own = await driver.context()
    // A wallet as EIP-1193 has it, over an account of the chain.
    const rpc = async (method: string, params: unknown) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const response = await fetch(system.system.chain.url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      return (await response.json()) as { result?: unknown; error?: { message: string } }
    }
    const accounts = (await rpc('eth_accounts', [])).result as string[]
    await own.exposeFunction('walletRequest', (method: string, params: unknown) =>
      method === 'eth_requestAccounts' ? { result: [accounts[2]] } : rpc(method, params),
    )
    await own.addInitScript(() => {
      ;(globalThis as any).ethereum = {
        request: async ({ method, params }: any) => {
          const { result, error } = await (globalThis as any).walletRequest(method, params ?? [])
          if (error) throw Object.assign(new Error(error.message), { code: -32_603 })
          return result
        },
      }
    })
    bob = await own.newPage()
    await bob.goto(`${system.url}/#/account`)
    await bob.getByRole('button', { name: "Connect the browser's wallet" }).click()
    await bob.getByRole('tab', { name: 'Balances and line' }).waitFor()
    await connect(alice, system.url, 1)
    await shot(alice, 'account-new')
    // Hers is account 0.
    await deposit(alice, 'ETH', '10')
    await deposit(bob, 'USD', '5000')
    await inspect(alice)
  })

  it('refuses a wallet whose two signatures differ', async () => {
    const own = await driver.context()
    await own.addInitScript(() => {
      let signed = 0
      const provider = {
        request: async ({ method }: any) => {
          if (method === 'eth_chainId') return '0x7a69'
          if (method === 'eth_requestAccounts') return ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8']
          return `0x${String(++signed).repeat(130)}`
        },
      }
      const info = { name: '<img src=x onerror=alert(1)>', uuid: '1', rdns: 'x', icon: 'javascript:alert(1)' }
      addEventListener('eip6963:requestProvider', () =>
        dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: { info, provider } })),
      )
    })
    const page = await own.newPage()
    await page.goto(`${system.url}/#/account`)
    await act(page, `Connect ${MARKUP}`, /KEY_NOT_DETERMINISTIC/)
    assert.equal(await page.locator('img').count(), 0)
    assert.equal(await page.getByRole('tab').count(), 0)
    await own.close()
  })

  it('borrows, shows the line in bar and candles, and what would move it', async () => {
    const form = card(alice, 'Withdraw, or borrow')
    await form.getByLabel('Amount').fill('1500')
    await act(alice, 'Withdraw', /^Settled\./)
    await tab(alice, 'Balances and line')
    await act(alice, /^Claim withdrawal/, /^Paid 1.500 USD\./)
    const meter = alice.getByRole('meter', { name: 'Health ratio' }).first()
    assert.match((await meter.getAttribute('aria-valuetext')) ?? '', /^1\.1\d+, liquidated below 1: /)
    await alice.getByText(/liquidated below 176\.47/).waitFor()
    await alice.getByLabel('Suppose').fill('price ETH -15%')
    await card(alice, 'What if').getByText('breached', { exact: false }).first().waitFor()
    await alice.locator('canvas').first().waitFor()
    await alice.getByText('The node says the same of this account as the chain.').waitFor()
    earlier = await (await fetch(`${system.url}/v1/accounts/0`)).text()
    await shot(alice, 'account-balances')
    await inspect(alice)
    await alice.getByLabel('Suppose').fill(`sell ${MARKUP} 2`)
    await card(alice, 'What if').getByText('there is no asset').waitFor()
    assert.equal(await alice.locator('img').count(), 0)
    await tab(alice, 'Preferences')
    await alice.getByLabel(/^ETH:/).fill('3')
    await card(alice, 'What they would change').getByRole('row', { name: /ETH/ }).waitFor()
    await act(alice, 'Sign these preferences', /^Settled\./)
    await shot(alice, 'account-preferences')
    await inspect(alice)
  })

  it('trades between two pages by link', async () => {
    await tab(bob, 'Trade')
    const form = card(bob, 'Propose a trade')
    await form.getByLabel('Amount').fill('1')
    await form.getByLabel(/^for, in USD/).fill('200')
    await act(bob, 'Sign my half', /Send the link to the other side/)
    await bob.getByRole('img', { name: /QR code/ }).waitFor()
    await shot(bob, 'trade-link')
    const link = await bob.getByLabel(/^Link for the other side/).inputValue()
    // Anything else would make the half that waits void.
    await tab(bob, 'Preferences')
    await act(bob, 'Sign these preferences', /Half a trade waits for the other/)
    // A page that is open goes there without losing the key.
    await alice.evaluate((to) => (location.hash = new URL(to).hash), link)
    await card(alice, 'Accept a trade').getByText('sell 1 ETH for 200 USD').waitFor()
    await act(alice, 'Sign the other half', /^Settled\./)
    await tab(alice, 'Operations')
    await alice
      .getByRole('row', { name: /sell 1 ETH for 200 USD/ })
      .getByText('settled')
      .waitFor()
    await shot(alice, 'account-operations')
    await inspect(alice)
  })

  it('cancels half a trade, and takes no link by which its owner would give for nothing', async () => {
    await tab(bob, 'Give and blend')
    await card(bob, 'Give').getByLabel('Amount').fill('7')
    await act(bob, 'Give to whoever gets the link', /^Your half is signed\. Hand the link/)
    const gift = await bob.getByLabel(/^Link for the other side/).inputValue()
    await inspect(bob)
    await alice.evaluate((to) => (location.hash = new URL(to).hash), gift)
    await card(alice, 'Accept a trade').getByText('get 7 USD for nothing').waitFor()
    // The same terms from the other side are a request to be given 7 USD.
    const asking = gift.replace(/0x[0-9a-f]+$/, (hex) => turned(hex as Hex))
    await card(alice, 'Accept a trade').getByLabel('Link').fill(asking)
    await alice.getByText('By this link you would give 7 USD for nothing.').waitFor()
    await tab(bob, 'Operations')
    await act(bob, 'Cancel', /^This node forgets it/)
    await bob.getByText('failed: CANCELED').waitFor()
  })

  it('gives to a second account of the same owner, and blends the two', async () => {
    await bob.getByText('key 0').click()
    await bob.locator('details.which').getByLabel('Key number').fill('1')
    await bob.getByRole('button', { name: 'Use this key' }).click()
    await bob.getByText('key 1').waitFor()
    await deposit(bob, 'USD', '1000')
    await bob.locator('details.which').getByLabel('Key number').fill('0')
    await bob.getByRole('button', { name: 'Use this key' }).click()
    await tab(bob, 'Give and blend')
    await act(bob, 'Use this as the second account', /is the second one\./)
    await bob.getByText('margin is not shared between accounts', { exact: false }).waitFor()
    await card(bob, 'Give').getByLabel('Amount').fill('100')
    await act(bob, /^Give to account \d/, /^Settled\./)
    await bob.getByLabel('Within seconds').fill('0')
    await act(bob, 'Blend the two accounts', /^Blended, by \d trades/)
    await shot(bob, 'account-blended')
  })

  it('has the contract asked to close a position', async () => {
    await tab(bob, 'Trade')
    const form = card(bob, 'Propose a trade')
    await form.getByLabel('Asset').selectOption({ label: 'PERP' })
    await form.getByLabel('Amount').fill('1')
    await form.getByLabel(/^for, in USD/).fill('50')
    await act(bob, 'Sign my half', /Send the link to the other side/)
    const link = await bob.getByLabel(/^Link for the other side/).inputValue()
    await alice.evaluate((to) => (location.hash = new URL(to).hash), link)
    await card(alice, 'Accept a trade').getByText('sell 1 PERP for 50 USD').waitFor()
    await act(alice, 'Sign the other half', /^Settled\./)
    await act(bob, 'Have it closed', /^Request 1 is filed against a bond/)
    await shot(bob, 'account-trade')
    await inspect(bob)
  })

  it('shows a liquidation when a feed has moved, and explains it', async () => {
    await prices(150n)
    await alice.evaluate(() => (location.hash = '#/'))
    // Bob's request wants a round too: this is the second one, or the third.
    await alice.getByText(/at round [23]/).waitFor()
    await alice.getByText('Nobody is below the line.').waitFor()
    await alice.evaluate(() => (location.hash = '#/account'))
    await tab(alice, 'History')
    await alice.getByText('liquidation', { exact: true }).waitFor()
    await alice.getByText(/At round [23] the account’s health was −/).waitFor()
    await alice.getByText(/Sold [\d.…]+ ETH for /).waitFor()
    await alice.getByText('The node says the same of this account as the chain.').waitFor()
    await shot(alice, 'account-history')
    await inspect(alice)
    // The request of Bob is served, and his bond comes back.
    await tab(bob, 'History')
    await bob.getByText('a position that the contract was asked to close').waitFor()
    await tab(bob, 'Leave without the node')
    await act(bob, 'Take back what else the contracts hold for me', '1 sums were taken back.')
    // Of what is left she may take nothing; Bob, who bought, may.
    await tab(bob, 'Deposit and withdraw')
    const form = card(bob, 'Withdraw, or borrow')
    await form.getByLabel('Asset').selectOption({ label: 'ETH' })
    await form.getByLabel('Amount').fill('0.5')
    await act(bob, 'Withdraw', /^Settled\./)
    await tab(bob, 'Balances and line')
    await act(bob, /^Claim withdrawal/, 'Paid 0.5 ETH.')
  })

  it('finds a lying node out by the chain, and shows markup as text', async () => {
    const own = await driver.context()
    const page = await own.newPage()
    await own.route('**/v1/round', async (route) => {
      const answer = await route.fetch()
      const body = (await answer.json()) as { complete: boolean; marks: string[][]; backstop: string[] }
      return route.fulfill({
        response: answer,
        json: { ...body, complete: !body.complete, backstop: body.backstop.with(1, '77') },
      })
    })
    await own.route('**/v1/deployment', async (route) => {
      const answer = await route.fetch()
      const body = (await answer.json()) as { assets: { symbol: string }[] }
      const assets = body.assets.map((asset, a) => (a === 1 ? { ...asset, symbol: MARKUP } : asset))
      return route.fulfill({ response: answer, json: { ...body, assets } })
    })
    await page.goto(system.url)
    await page.getByText('The node does not say what the chain says.').waitFor()
    for (const what of [/completeness: the node says not complete, the chain complete/, /backstop: the node says/])
      await page.getByText(what).first().waitFor()
    await page.getByRole('rowheader', { name: MARKUP }).waitFor()
    assert.equal(await page.locator('img').count(), 0)
    await shot(page, 'lying-node')
    for (const view of ['rounds', 'market', 'rules', 'risk']) {
      await page.evaluate((to) => (location.hash = `#/${to}`), view)
      await page.getByText(MARKUP, { exact: false }).or(page.getByText('Nothing is for sale.')).first().waitFor()
      assert.equal(await page.locator('img').count(), 0)
    }
    // Of Alice's account it says what was so once.
    await alice.context().route('**/v1/accounts/0', (route) => route.fulfill({ json: JSON.parse(earlier) }))
    await tab(alice, 'Balances and line')
    await alice.getByText('The node has another state of this account than the chain.').waitFor()
    await alice
      .getByRole('table', { name: 'Differences' })
      .getByRole('row', { name: /^ETH 10 / })
      .waitFor()
    await shot(alice, 'lying-about-me')
    await alice.context().unroute('**/v1/accounts/0')
    // What is no answer of a node's at all is told as that.
    await own.route('**/v1/**', (route) => route.fulfill({ status: 200, body: '<script>alert(1)</script>' }))
    await page.reload()
    await page.getByText('node does not answer').waitFor()
    await page.goto(`${system.url}/#/trade/0x<script>alert(1)</script>`)
    await page.getByRole('heading', { name: 'My account' }).waitFor()
    await own.close()
  })

  it('lets a page of another origin read, and not act', async () => {
    const stranger = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>hello'),
    )
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    // What its browser says to that is what it should.
    const page = await driver.browser.newPage()
    await page.goto(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}`)
    const asked = await page.evaluate(async (base) => {
      const tried = (path: string, init: RequestInit) =>
        fetch(`${base}${path}`, init).then(
          (response) => response.status,
          () => 'blocked',
        )
      const question = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_accounts', params: [] })
      return {
        round: await tried('/v1/round', {}),
        operations: await tried('/v1/operations?index=0', {}),
        json: await tried('/rpc', { method: 'POST', body: question, headers: { 'content-type': 'application/json' } }),
        simple: await tried('/rpc', { method: 'POST', body: question, headers: { 'content-type': 'text/plain' } }),
      }
    }, system.url)
    assert.deepEqual(asked, { round: 200, operations: 401, json: 'blocked', simple: 'blocked' })
    const send = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_sendTransaction', params: [{}] })
    const json = { 'content-type': 'application/json' }
    const { host } = new URL(system.url)
    for (const [headers, status] of [
      [{ ...json, origin: 'http://evil.example' }, 403],
      [{ ...json, origin: 'http://evil.example', host: 'evil.example' }, 403],
      [{ ...json }, 403],
      [{ ...json, origin: system.url, 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'content-type': 'text/plain', origin: system.url }, 415],
      [{ ...json, origin: system.url, host }, 200],
    ] as const)
      assert.equal(await raw(`${system.url}/rpc`, { method: 'POST', headers }, send), status, JSON.stringify(headers))
    await page.close()
    stranger.close()
  })

  it("has the private book on the operator's listener alone, behind its token", async () => {
    const { origin } = new URL(system.operator)
    const token = system.operator.split('token=')[1]!
    const bearer = { authorization: `Bearer ${token}` }
    assert.equal(await raw(`${origin}/private/book`, { headers: bearer }), 200)
    assert.equal(await raw(`${origin}/private/book`, {}), 401)
    assert.equal(await raw(`${origin}/private/book`, { headers: { authorization: 'Bearer x' } }), 401)
    assert.equal(await raw(`${origin}/private/book`, { headers: { ...bearer, host: 'evil.example' } }), 403)
    assert.equal(await raw(`${origin}/v1/operations`, { method: 'POST', headers: bearer }), 405)
    assert.equal(await raw(`${system.url}/private/book`, { headers: bearer }), 404)
    const answered = await fetch(`${origin}/private/book`, { headers: { ...bearer, origin: 'http://evil.example' } })
    assert.equal(answered.headers.get('access-control-allow-origin'), null)
    const sending = { jsonrpc: '2.0', id: 1, method: 'eth_sendTransaction', params: [{}] }
    const refused = await fetch(`${origin}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: JSON.stringify(sending),
    })
    assert.equal(((await refused.json()) as { error: { code: number } }).error.code, -32_601)
    const page = await driver.page()
    await page.goto(system.operator)
    await page.getByText('The node is well.').waitFor()
    assert.ok(!page.url().includes(token), 'the token does not stay in the address')
    await page.locator('canvas').first().waitFor()
    await shot(page, 'operator')
    await inspect(page)
    await page.getByRole('link', { name: 'Risk', exact: true }).click()
    await page.getByText('Spectral radius').waitFor()
    await page.locator('canvas').first().waitFor()
    await shot(page, 'risk')
    await inspect(page)
    await page.context().close()
  })

  it('can be used by keys alone', async () => {
    const page = await driver.page()
    await page.goto(system.url)
    await page.getByText('Nobody is below the line.').waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'To the content')
    const link = page.getByRole('link', { name: 'Rules' })
    for (let i = 0; i < 12 && !(await link.evaluate((one) => one === document.activeElement)); i++)
      await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('row', { name: /^operator/ }).waitFor()
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'MAIN')
    await shot(page, 'rules')
    await inspect(page)
    await page.goto(`${system.url}/#/market`)
    await page.getByRole('heading', { name: 'Lots' }).waitFor()
    await shot(page, 'market')
    await inspect(page)
    // Everybody's page of risk, and the laboratory's report, which is somebody's file.
    await page.goto(`${system.url}/#/risk`)
    await page.getByText('for the operator only', { exact: false }).waitFor()
    await inspect(page)
    await page.getByRole('link', { name: 'The laboratory’s report' }).click()
    await page.getByRole('heading', { name: 'Report' }).waitFor()
    assert.equal(await page.getByText('ran', { exact: true }).count(), 0)
    expected.push(/Blocked script execution in '.*report\.html'/)
    await page.context().close()
  })

  it('has met no complaint of a browser, such as of its policy', () => {
    assert.deepEqual(
      driver.complaints.filter((complaint) => !expected.some((known) => known.test(complaint))),
      [],
    )
    for (const known of expected)
      assert.ok(
        driver.complaints.some((complaint) => known.test(complaint)),
        String(known),
      )
  })
})

/** A link of the same trade as its other side would propose it. */
function turned(link: Hex): Hex {
  const body = slice(link, 0, -4)
  const direction = 32 + 8 + 20 + 1
  const other = slice(body, direction, direction + 1) === '0x00' ? '0x01' : '0x00'
  const whole = concatHex([slice(body, 0, direction), other, slice(body, direction + 1)])
  return concatHex([whole, slice(keccak256(whole), 0, 4)])
}
