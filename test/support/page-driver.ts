import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { cacheRoot } from '../../prover/keys.ts'
import { openBrowser } from './browser.ts'

const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'))
export const SHOTS = join(cacheRoot(), 'screenshots')
/** Milliseconds that anything on the page may take: the machine may be busy. */
const PATIENCE = 120_000

/** Somebody at a browser: finds things on the page as people do, and looks at what it made of it. */
export class PageDriver {
  readonly browser: Browser
  /** Complaints of browsers, but of failed requests, which some tests are about. */
  readonly complaints: string[] = []

  private constructor(browser: Browser) {
    this.browser = browser
  }

  static async open(): Promise<PageDriver> {
    await mkdir(SHOTS, { recursive: true })
    return new PageDriver(await openBrowser())
  }

  close(): Promise<void> {
    return this.browser.close()
  }

  /** A browser of somebody else: nothing is shared with another. */
  async context(): Promise<BrowserContext> {
    const made = await this.browser.newContext({ viewport: { width: 1280, height: 900 } })
    made.setDefaultTimeout(PATIENCE)
    made.on('weberror', (error) => this.complaints.push(error.error().message))
    made.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
        this.complaints.push(message.text())
    })
    return made
  }

  /** Pictures of all that is open and what browsers complained of, for whoever has to find out why a test failed. */
  async shootAll(): Promise<void> {
    for (const complaint of this.complaints) process.stderr.write(`a browser complains: ${complaint}\n`)
    const pages = this.browser.contexts().flatMap((one) => one.pages())
    for (const [i, page] of pages.entries()) await shot(page, `failed-${i}`).catch(() => {})
  }

  async page(): Promise<Page> {
    return (await this.context()).newPage()
  }
}

export function shot(page: Page, name: string): Promise<unknown> {
  return page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true })
}

export function card(page: Page, title: string | RegExp) {
  return page.locator('section.card', { has: page.getByRole('heading', { name: title, exact: true }) })
}

export function tab(page: Page, name: string): Promise<void> {
  return page.getByRole('tab', { name, exact: true }).click()
}

/** Clicks, and waits for what the act says at its end; an act that fails ends it. */
export async function act(page: Page, button: string | RegExp, end: string | RegExp): Promise<void> {
  await page.getByRole('button', { name: button, exact: typeof button === 'string' }).click()
  await page.getByText(end).first().waitFor()
}

/** Connects with an account of the development chain. */
export async function connect(page: Page, base: string, account: number): Promise<void> {
  await page.goto(`${base}/#/account`)
  // Its label, as text, goes on with the options once these are there.
  await page.getByRole('combobox', { name: 'Account', exact: true }).selectOption({ index: account })
  await page.getByRole('button', { name: 'Use this account' }).click()
  await page.getByRole('tab', { name: 'Balances and line' }).waitFor()
}

/** Deposits what is minted first, as the development chain allows. */
export async function deposit(page: Page, symbol: string, amount: string): Promise<void> {
  await tab(page, 'Deposit and withdraw')
  const form = card(page, 'Deposit')
  await form.getByLabel('Asset').selectOption({ label: symbol })
  await form.getByLabel('Amount').fill(amount)
  await act(page, /^Mint/, `Minted ${amount} ${symbol}.`)
  await act(page, 'Deposit', `Deposited ${amount} ${symbol}.`)
}

/**
 * Looks at a view: axe finds nothing serious, in the dark its contrasts neither, and on a narrow screen it does not scroll sideways.
 * Leaves it wide and light.
 */
export async function inspect(page: Page): Promise<void> {
  // By the protocol of the browser's own tools: the page's policy would not let the page do it.
  await page.evaluate(await readFile(AXE, 'utf8'))
  await accessible(page, {})
  await page.emulateMedia({ colorScheme: 'dark' })
  await accessible(page, { runOnly: ['color-contrast'] })
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 360, height: 740 })
  assert.deepEqual(await sticksOut(page), [], `nothing but tables scrolls sideways on ${page.url()}`)
  await page.setViewportSize({ width: 1280, height: 900 })
}

async function accessible(page: Page, options: object): Promise<void> {
  const { violations } = await page.evaluate((chosen) => (globalThis as any).axe.run(chosen), options)
  const found = violations.filter(({ impact }: any) => impact === 'serious' || impact === 'critical')
  assert.deepEqual(
    found.map(({ id, nodes }: any) => `${id}: ${nodes.map(({ html }: any) => html.slice(0, 120)).join(' | ')}`),
    [],
  )
}

/** Elements by which a view scrolls sideways, once what is drawn has found its size. */
async function sticksOut(page: Page): Promise<readonly string[]> {
  const fits = () => {
    const { document, innerWidth } = globalThis as any
    return document.documentElement.scrollWidth <= innerWidth
  }
  const fitted = await page.waitForFunction(fits, undefined, { timeout: 5_000 }).catch(() => undefined)
  if (fitted !== undefined) return []
  return page.evaluate(() => {
    const { document, innerWidth } = globalThis as any
    return [...document.querySelectorAll('main *')]
      .filter((one: any) => one.getBoundingClientRect().right > innerWidth && one.closest('.scroll') === null)
      .map((one: any) => one.outerHTML.slice(0, 120))
  })
}
