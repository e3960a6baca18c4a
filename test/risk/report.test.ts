import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percent, short } from '../../risk/report/chart.ts'
import { rollingExceedance } from '../../risk/report/forecast-charts.ts'
import { escapeHtml, htmlTable } from '../../risk/report/html.ts'
import { runCli } from '../support/run-cli.ts'

const ETH = {
  symbol: 'ETH',
  decimals: 8,
  price: '3000',
  collateralFactor: '0.85',
  liabilityFactor: '1.15',
  targetCollateralFactor: '0.80',
  targetLiabilityFactor: '1.2',
  penalty: '0.02',
  depth: '2000',
}
const book = (symbol: string) => ({
  assets: [
    { symbol: 'USD', decimals: 6 },
    { ...ETH, symbol },
  ],
  minLiability: '50',
  accounts: [
    { id: 'a1', balances: { [symbol]: '10', USD: '-25000' } },
    { id: 'a2', balances: { [symbol]: '-5', USD: '18500' } },
    { id: 'a3', balances: { [symbol]: '100', USD: '-200000' } },
  ],
})

describe('plimsoll risk report', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    await writeFile(join(directory, 'book.json'), JSON.stringify(book('ETH')))
    await writeFile(join(directory, 'odd.json'), JSON.stringify(book('<b>&')))
  })
  after(() => rm(directory, { recursive: true }))

  it('writes one page with every chart, which needs neither scripts nor a network', async () => {
    const model = ['--model', 'gbm', '--sigma', '0.8']
    const args = [
      'risk',
      'report',
      'odd.json',
      '--out',
      'risk.html',
      '--paths',
      '40',
      '--hours',
      '4',
      ...model,
      '--json',
    ]
    const { code, stdout, stderr } = await runCli(args, { cwd: directory })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    const { out, seconds } = JSON.parse(stdout)
    assert.ok(out === 'risk.html' && seconds > 0)
    const page = await readFile(join(directory, 'risk.html'), 'utf8')
    for (const title of [
      'What a fall would liquidate',
      'The fan of losses',
      'Policies side by side',
      'how often it was exceeded',
      'The days that make the losses',
    ]) {
      assert.ok(page.includes(title), title)
    }
    assert.ok((page.match(/<svg/g) ?? []).length >= 6)
    assert.doesNotMatch(page, /<script|<link|<img|@import|src=|url\((?!#)/)
    // Namespaces of SVG are names, not addresses.
    assert.deepEqual([...new Set(page.match(/https?:\/\/[^"<> )]+/g))].sort(), [
      'http://www.w3.org/1999/xlink',
      'http://www.w3.org/2000/svg',
    ])
    assert.doesNotMatch(page, /NaN|undefined|Infinity/)
    // A figure of docs/risk.md, and the command that makes the page again.
    assert.ok(page.includes('0.56 to 1.19 %'))
    assert.ok(
      page.includes(
        'plimsoll risk report odd.json --out FILE.html --paths 40 --hours 4 --model gbm --seed 1 --sigma 0.8',
      ),
    )
    // Names are shown as they are, whatever they are.
    assert.ok(page.includes('&lt;b&gt;&amp;') && !page.includes('<b>'))
    // Well formed where it matters: every table and figure is closed.
    for (const tag of ['table', 'figure', 'section', 'svg', 'div']) {
      assert.equal(
        (page.match(new RegExp(`<${tag}[ >]`, 'g')) ?? []).length,
        (page.match(new RegExp(`</${tag}>`, 'g')) ?? []).length,
        tag,
      )
    }
  })

  it('refuses bad input in one line and writes nothing', async () => {
    const refused: [string[], RegExp][] = [
      [['none.json', '--out', 'x.html'], /Cannot read none\.json/],
      [['book.json'], /--out/],
      [['book.json', '--out', '.'], /Cannot write \.: it is not a file/],
      [['book.json', '--out', 'nowhere/x.html'], /its directory cannot be written to/],
      [['book.json', '--out', 'x.html', '--paths', '0'], /whole number from 1/],
      [['odd.json', '--out', 'x.html'], /<b>& has no history/],
      [['book.json', '--out', 'x.html', '--correlation', '0.5'], /--correlation does not apply/],
    ]
    const before = await readdir(directory)
    for (const [args, message] of refused) {
      const { code, stdout, stderr } = await runCli(['risk', 'report', ...args], { cwd: directory })
      assert.deepEqual([code, stdout], [2, ''], args.join(' '))
      assert.match(stderr, message)
      assert.equal(stderr.trim().split('\n').length, 1)
    }
    assert.deepEqual(await readdir(directory), before)
  })
})

describe('parts of the report', () => {
  it('numbers are short', () => {
    assert.deepEqual([0, 12_345, 2_345_678, -4e9, 0.012345, 999].map(short), [
      '0',
      '12.3 k',
      '2.35 m',
      '-4 bn',
      '0.0123',
      '999',
    ])
    assert.deepEqual(
      [0, 0.5, 1e-6, 0.012345].map((x) => percent(x)),
      ['0 %', '50 %', '< 0.001 %', '1.23 %'],
    )
  })

  it('tables and text are escaped', () => {
    assert.equal(escapeHtml(`<a href="x">'&`), '&lt;a href=&quot;x&quot;&gt;&#39;&amp;')
    assert.match(htmlTable(['<i>'], [['1'], ['<2>']], [0]), /<th class="right">&lt;i&gt;<\/th>[\s\S]*&lt;2&gt;/)
  })

  it('exceedances are counted over the last thirteen weeks', () => {
    const hours = 200 * 24
    const times = Float64Array.from({ length: hours }, (_, i) => i * 3600)
    // One exceedance every hundred hours for a hundred days, none after.
    const drops = times.map((_, i) => (i < 2400 && i % 100 === 50 ? 1 : 0))
    const points = rollingExceedance(
      { symbol: 'ETH', times, drops, realized: drops, models: [] },
      drops.map(() => 0.5),
    )
    assert.equal(points[0]![0], 91 * 86_400_000)
    assert.ok(Math.abs(points[0]![1] - 0.01) < 1e-3)
    assert.equal(points.at(-1)![1], 0)
  })
})
