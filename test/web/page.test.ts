import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { passTime } from '../../chain/development-chain.ts'
import { openPage } from '../../cli/page.ts'
import { serveWeb } from '../../cli/web-server.ts'
import { cacheRoot } from '../../prover/keys.ts'
import { openBrowser } from '../support/browser.ts'
import { chapters } from '../support/chapters.ts'
import { movePrices } from '../support/live-chain.ts'
import { type PageSystem, startPageSystem } from '../support/page-system.ts'

const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'))
const SHOTS = join(cacheRoot(), 'screenshots')
const WEI = 10n ** 18n
/** Milliseconds that anything on the page may take: proofs are made on a machine that may be busy. */
const PATIENCE = 240_000
/** First load, compressed, and seconds of the first paint and of a verification on two idle cores. */
const FIRST_LOAD = 300_000
const [FIRST_PAINT, VERIFICATION] = [2, 2]
/** A machine that has more to do than its cores can is not held to them so strictly. */
const BUSY = loadavg()[0]! > availableParallelism() ? 5 : 1

describe('the page in a browser', () => {
  const it = chapters()
  let system: PageSystem
  let browser: Browser
  let alice: Page
  let bob: Page
  /** What browsers complained of, but failed requests, which some of these tests are about. */
  const complaints: string[] = []
  const seconds: Record<string, number> = {}

  const shot = (page: Page, name: string) => page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true })
  const context = async (options: Parameters<Browser['newContext']>[0] = {}): Promise<BrowserContext> => {
    const made = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
    made.setDefaultTimeout(PATIENCE)
    made.on('weberror', (error) => complaints.push(error.error().message))
    made.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text())
    })
    return made
  }
  const card = (page: Page, title: string | RegExp) =>
    page.locator('section.card', { has: page.getByRole('heading', { name: title, exact: true }) })
  const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true }).click()
  /** Clicks, and waits for what the act says at its end. */
  const act = async (page: Page, button: string | RegExp, end: string | RegExp) => {
    await page.getByRole('button', { name: button, exact: typeof button === 'string' }).click()
    await page.getByText(end).first().waitFor()
  }
  const connect = async (page: Page, account: number, base = system.url) => {
    await page.goto(`${base}/#/account`)
    await page.getByLabel('Account', { exact: true }).selectOption({ index: account })
    await page.getByRole('button', { name: 'Use this account' }).click()
    await page.getByRole('tab', { name: 'Balances and line' }).waitFor()
  }
  /** Deposits what is minted first, as the development chain allows. */
  const deposit = async (page: Page, symbol: string, amount: string) => {
    await tab(page, 'Deposit and withdraw')
    const form = card(page, 'Deposit')
    await form.getByLabel('Asset').selectOption({ label: symbol })
    await form.getByLabel('Amount').fill(amount)
    await act(page, /^Mint/, `Minted ${amount} ${symbol}.`)
    await act(page, 'Deposit', `Deposited ${amount} ${symbol}.`)
  }
  const axe = async (page: Page) => {
    // By the protocol of the browser's own tools: the page's policy would not let the page do it.
    await page.evaluate(await readFile(AXE, 'utf8'))
    const { violations } = await page.evaluate(() => (globalThis as any).axe.run())
    const found = violations.filter(({ impact }: any) => impact === 'serious' || impact === 'critical')
    assert.deepEqual(
      found.map(({ id, nodes }: any) => `${id}: ${nodes.map(({ html }: any) => html.slice(0, 120)).join(' | ')}`),
      [],
    )
  }
  const prices = (eth: bigint) =>
    movePrices(system.system.signer, system.system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI])
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
    ;[browser, system] = await Promise.all([openBrowser(), startPageSystem()])
  })
  after(async () => {
    await browser?.close()
    await system?.stop()
  })

  it('shows the line at the first paint, with a small first load and nothing from elsewhere', async () => {
    // The page may be under construction still, and the browser not yet warm.
    const ready = await (await context()).newPage()
    await ready.goto(system.url)
    await ready.getByText('Nobody is below the line.').waitFor()
    await ready.close()
    const page = await (await context()).newPage()
    const loaded: string[] = []
    page.on('response', (response) => loaded.push(response.url()))
    const answered = await page.goto(system.url)
    await page.getByText('Nobody is below the line.').waitFor()
    const paint = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
    )
    seconds.paint = paint / 1_000
    assert.ok(seconds.paint < FIRST_PAINT * BUSY, `first paint after ${seconds.paint} s`)
    const policy = (await answered!.allHeaders())['content-security-policy'] ?? ''
    assert.match(policy, /(^|; )script-src 'self' 'wasm-unsafe-eval';/)
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval'(?!;)(?<!wasm-unsafe-eval')|https?:|\*/)
    assert.doesNotMatch(await (await fetch(system.url)).text(), /<script(?![^>]*\bsrc=)|\son[a-z]+=|\bstyle=/)
    assert.deepEqual([...new Set(loaded.map((one) => new URL(one).origin))], [system.url])
    // What the document names itself: the rest comes later, from the same address.
    const html = await (await fetch(system.url)).text()
    const first = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!)
    const bodies = await Promise.all(
      first.map(async (path) => Buffer.from(await (await fetch(`${system.url}${path}`)).arrayBuffer())),
    )
    const size = [Buffer.from(html), ...bodies].reduce((sum, body) => sum + brotliCompressSync(body).length, 0)
    seconds.firstLoadKilobytes = size / 1_000
    assert.ok(first.some((path) => path.endsWith('.js')) && size < FIRST_LOAD, `${size} bytes`)
    await page.getByText('The chain says the same').waitFor()
    await axe(page)
    await shot(page, 'line')
    await page.emulateMedia({ colorScheme: 'dark' })
    await axe(page)
    await shot(page, 'line-dark')
    await page.setViewportSize({ width: 360, height: 740 })
    assert.ok(
      await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      'nothing but tables scrolls sideways',
    )
    await shot(page, 'line-narrow')
    await page.close()
  })

  it('takes deposits of an account of the development chain, and of a wallet of the browser', async () => {
    alice = await (await context()).newPage()
    const own = await context()
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
    await connect(alice, 1)
    await shot(alice, 'account-new')
    await Promise.all([deposit(alice, 'ETH', '10'), deposit(bob, 'USD', '5000')])
    await axe(alice)
  })

  it('refuses a wallet whose two signatures differ', async () => {
    const own = await context()
    await own.addInitScript(() => {
      let signed = 0
      ;(globalThis as any).ethereum = {
        request: async ({ method }: any) => {
          if (method === 'eth_chainId') return '0x7a69'
          if (method === 'eth_requestAccounts') return ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8']
          return `0x${String(++signed).repeat(130)}`
        },
      }
    })
    const page = await own.newPage()
    await page.goto(`${system.url}/#/account`)
    await act(page, "Connect the browser's wallet", /KEY_NOT_DETERMINISTIC/)
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
    await axe(alice)
    await shot(alice, 'account-balances')
    await alice.getByLabel('Suppose').fill('sell <img src=x onerror=alert(1)> 2')
    await card(alice, 'What if').getByText('there is no asset').waitFor()
    assert.equal(await alice.locator('img').count(), 0)
    await tab(alice, 'Preferences')
    await alice.getByLabel(/^ETH:/).fill('3')
    await card(alice, 'What they would change').getByRole('row', { name: /ETH/ }).waitFor()
    await shot(alice, 'account-preferences')
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
  })

  it('shows a liquidation when a feed has moved, and explains it', async () => {
    await prices(150n)
    await alice.evaluate(() => (location.hash = '#/'))
    await alice.getByText('at round 2').waitFor()
    await alice.getByText('Nobody is below the line.').waitFor()
    await alice.evaluate(() => (location.hash = '#/account'))
    await tab(alice, 'History')
    await alice.getByText('liquidation', { exact: true }).waitFor()
    await alice.getByText(/At round 2 the account’s health was −/).waitFor()
    await alice.getByText(/Sold [\d.…]+ ETH for /).waitFor()
    await alice.getByText('The node says the same of this account as the chain.').waitFor()
    await shot(alice, 'account-history')
    // Of what is left she may take nothing; Bob, who bought, may.
    await tab(bob, 'Deposit and withdraw')
    const form = card(bob, 'Withdraw, or borrow')
    await form.getByLabel('Asset').selectOption({ label: 'ETH' })
    await form.getByLabel('Amount').fill('0.5')
    await act(bob, 'Withdraw', /^Settled\./)
    await tab(bob, 'Balances and line')
    await act(bob, /^Claim withdrawal/, 'Paid 0.5 ETH.')
  })

  it('verifies a settlement, and tells of one that was tampered with', async () => {
    const page = await (await context()).newPage()
    await page.goto(`${system.url}/#/rounds`)
    const buttons = page.getByRole('button', { name: /^verify here: / })
    await buttons.first().click()
    await page.getByText('Verified here.').waitFor()
    // The second time everything is loaded.
    await buttons.first().click()
    await page.getByText('Reading the chain').waitFor()
    await page.getByText('Verified here.').waitFor()
    seconds.verification = Number(
      /in ([\d.]+) s/.exec((await page.getByText('Verified here.').locator('..').textContent()) ?? '')![1],
    )
    assert.ok(seconds.verification < VERIFICATION * BUSY, `${seconds.verification} s`)
    await page.getByText('What this cannot know').waitFor()
    await axe(page)
    await shot(page, 'verified')
    // An endpoint changes one word of what was published.
    await page.context().route('**/rpc', async (route) => {
      if (!route.request().postData()!.includes('eth_getLogs')) return route.continue()
      const answer = await route.fetch()
      const body = (await answer.json()) as { result: { data: string }[] }
      const long = body.result.findLast(({ data }) => data.length > 1_500)
      if (long !== undefined) {
        const at = 2 + 64 * 10
        long.data = `${long.data.slice(0, at)}${long.data[at] === '1' ? '2' : '1'}${long.data.slice(at + 1)}`
      }
      return route.fulfill({ response: answer, json: body })
    })
    await page.reload()
    await buttons.first().click()
    await page.getByText('This settlement is NOT what it should be.').waitFor()
    await page.getByText('they differ', { exact: false }).first().waitFor()
    await shot(page, 'tampered')
    await page.context().close()
  })

  it('finds a lying node out by the chain, and shows markup as text', async () => {
    const own = await context()
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
      const assets = body.assets.map((asset, a) =>
        a === 1 ? { ...asset, symbol: '<img src=x onerror=alert(1)>' } : asset,
      )
      return route.fulfill({ response: answer, json: { ...body, assets } })
    })
    await page.goto(system.url)
    await page.getByText('The node does not say what the chain says.').waitFor()
    for (const what of [/completeness: the node says not complete, the chain complete/, /backstop: the node says/])
      await page.getByText(what).first().waitFor()
    await page.getByRole('rowheader', { name: '<img src=x onerror=alert(1)>' }).waitFor()
    assert.equal(await page.locator('img').count(), 0)
    await shot(page, 'lying-node')
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
    const page = await browser.newPage()
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
    const page = await (await context()).newPage()
    await page.goto(system.operator)
    await page.getByText('The node is well.').waitFor()
    assert.ok(!page.url().includes(token), 'the token does not stay in the address')
    await page.locator('canvas').first().waitFor()
    await axe(page)
    await shot(page, 'operator')
    await page.getByRole('link', { name: 'Risk', exact: true }).click()
    await page.getByText('Spectral radius').waitFor()
    await page.locator('canvas').first().waitFor()
    await axe(page)
    await shot(page, 'risk')
    await page.context().close()
  })

  it('can be used by keys alone', async () => {
    const page = await (await context()).newPage()
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
    await axe(page)
    await shot(page, 'rules')
    await page.goto(`${system.url}/#/market`)
    await page.getByRole('heading', { name: 'Lots' }).waitFor()
    await axe(page)
    await shot(page, 'market')
    await page.context().close()
  })

  it('leaves by the chain alone when the node is dead', async () => {
    const { signer } = system.system
    const { settlement, profile } = system.node.deployment
    await system.stopNode()
    const page = openPage(signer, { served: 'web', operator: false, settlement, profile })
    const { server, port } = await serveWeb(page, undefined, 0)
    try {
      await connect(alice, 1, `http://127.0.0.1:${port}`)
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

  it('has met no complaint of a browser, such as of its policy', () => {
    assert.deepEqual(complaints, [])
    process.stderr.write(
      `page: first load ${seconds.firstLoadKilobytes!.toFixed(0)} kB, first paint ${seconds.paint!.toFixed(2)} s, a settlement verified in ${seconds.verification!.toFixed(2)} s; screenshots in ${SHOTS}\n`,
    )
  })
})
