import { performance } from 'node:perf_hooks'
import { openBrowser } from '../support/browser.ts'
import { startPageSystem } from '../support/page-system.ts'
import { newOwner } from '../support/test-owner.ts'

// `npm run bench:page`: how long the page takes from a browser that was just started, what it loads until then, and how long it
// takes to verify a settlement, on this machine.

const ROUNDS = 5
const USD = 10n ** 6n

const system = await startPageSystem({ proving: true })
const owner = await newOwner(system.system, system.url)
await owner.open('USD', 5_000n * USD)
await waitFor(async () => (await owner.wallet.findIndex()) !== undefined)
await owner.wallet.client.settled((await owner.wallet.preferences([8, 8, 9, 8, 8, 8, 8, 8])).id)

const [paints, seen, sizes, cold, warm]: number[][] = [[], [], [], [], []]
for (let i = 0; i < ROUNDS; i++) {
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    const started = performance.now()
    await page.goto(system.url)
    await page.getByText('Nobody is below the line.').waitFor()
    seen!.push((performance.now() - started) / 1_000)
    await page.getByText('The chain says the same').waitFor()
    const [paint, size] = await page.evaluate(() => {
      const timeline = (globalThis as any).performance
      const entries = [...timeline.getEntriesByType('navigation'), ...timeline.getEntriesByType('resource')]
      return [
        timeline.getEntriesByName('first-contentful-paint')[0].startTime as number,
        entries.reduce((sum: number, { transferSize }) => sum + transferSize, 0) as number,
      ] as const
    })
    paints!.push(paint / 1_000)
    sizes!.push(size / 1_000)
    await page.goto(`${system.url}/#/rounds`)
    for (const times of [cold!, warm!]) {
      await page
        .getByRole('button', { name: /^verify here: / })
        .first()
        .click()
      await page.getByText('Reading the chain').waitFor()
      const words = await page.getByText('Verified here.').locator('..').textContent()
      times.push(Number(/in ([\d.]+) s/.exec(words ?? '')![1]))
    }
  } finally {
    await browser.close()
  }
}
const line = (what: string, values: readonly number[], unit: string, digits: number) => {
  const sorted = values.toSorted((a, b) => a - b)
  const [middle, most] = [sorted[Math.floor(sorted.length / 2)]!, sorted.at(-1)!].map((value) => value.toFixed(digits))
  process.stdout.write(`${what.padEnd(62)}${middle!.padStart(8)} ${unit}, at the most ${most} ${unit}\n`)
}
line('first paint, in a browser that was just started', paints!, 's', 2)
line('the line shown, from the start of the navigation', seen!, 's', 2)
line('loaded by then, over the wire', sizes!, 'kB', 0)
line('a settlement verified, the first one of a page', cold!, 's', 2)
line('a settlement verified, after that', warm!, 's', 2)
await system.stop()
process.exit(0)

async function waitFor(met: () => Promise<boolean>): Promise<void> {
  while (!(await met())) await new Promise((resolve) => setTimeout(resolve, 100))
}
