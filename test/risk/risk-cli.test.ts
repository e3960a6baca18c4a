import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCli } from '../support/run-cli.ts'
import { bookOf, bookText } from './books.ts'

const METRICS = [
  'liquidatedAccounts',
  'badDebt',
  'systemLoss',
  'var95',
  'var99',
  'es95',
  'es99',
  'lar95',
  'pUncovered1',
  'borrowerCost',
  'overLiquidation',
]

describe('plimsoll risk flow, simulate, compare and tolerance', () => {
  let directory: string
  let book: string
  let bad: string
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'plimsoll-risk-'))
    book = join(directory, 'book.json')
    bad = join(directory, 'bad.json')
    writeFileSync(book, bookText(bookOf(['ETH', 'BTC'], 50)))
    writeFileSync(bad, '{"assets":[]}')
  })
  after(() => rmSync(directory, { recursive: true }))

  async function json(...args: string[]): Promise<any> {
    const { code, stdout, stderr } = await runCli(['risk', ...args, '--json'])
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  it('print JSON of the promised shape', async () => {
    const [flow, simulated, compared, tolerated] = await Promise.all([
      json('flow', book, '--shocks-bp', '-2000:0:500'),
      json(
        'simulate',
        book,
        '--paths',
        '20',
        '--hours',
        '2',
        '--model',
        'gbm',
        '--sigma',
        '0.9',
        '--policies',
        'comet,plimsoll',
        '--seed',
        '7',
        '--impact',
        'sqrt',
        '--step-seconds',
        '600',
      ),
      json('compare', '--windows', '2022-11', '--clearing', 'auction'),
      json(
        'tolerance',
        book,
        '--loss',
        '0.5',
        '--hours',
        '1',
        '--probability',
        '0.5',
        '--paths',
        '10',
        '--model',
        'gbm',
        '--sigma',
        '0.5',
      ),
    ])
    assert.deepEqual(Object.keys(flow), ['points', 'delta', 'gamma', 'rho', 'spectralRadius', 'cascade'])
    assert.deepEqual(
      flow.points.map(({ shockBp }: { shockBp: number }) => shockBp),
      [-2000, -1500, -1000, -500, 0],
    )
    assert.deepEqual(Object.keys(flow.points[0]), ['shockBp', 'liquidated', 'closed', 'sold', 'bought', 'badDebt'])
    assert.equal(typeof flow.points[0].badDebt, 'string')
    assert.deepEqual(Object.keys(flow.delta), ['ETH', 'BTC'])
    assert.deepEqual(Object.keys(flow.cascade[0]), ['shockBp', 'finalBp', 'amplification'])
    assert.deepEqual(Object.keys(simulated), ['paths', 'seed', 'policies', 'seconds'])
    assert.deepEqual([simulated.paths, simulated.seed], [20, 7])
    assert.deepEqual(
      simulated.policies.map(({ policy }: { policy: string }) => policy),
      ['comet', 'plimsoll'],
    )
    for (const policy of simulated.policies) {
      assert.deepEqual(Object.keys(policy), ['policy', ...METRICS])
      for (const metric of METRICS) {
        assert.deepEqual(Object.keys(policy[metric]), ['mean', 'low', 'high'])
        assert.ok(policy[metric].low <= policy[metric].mean && policy[metric].mean <= policy[metric].high, metric)
      }
    }
    assert.deepEqual(Object.keys(compared.windows[0].policies[0]), ['policy', ...METRICS, 'days'])
    for (const metric of METRICS) assert.equal(typeof compared.windows[0].policies[0][metric], 'number')
    assert.match(compared.windows[0].policies[0].days[0].date, /^2022-11-\d\d$/)
    assert.deepEqual(Object.keys(tolerated), ['assets', 'probability'])
    assert.deepEqual(Object.keys(tolerated.assets[0]), [
      'symbol',
      'collateralFactor',
      'liabilityFactor',
      'targetCollateralFactor',
      'targetLiabilityFactor',
    ])
  })

  it('print tables for people', async () => {
    const { code, stdout } = await runCli(['risk', 'flow', book, '--shocks-bp', '-2000:0:1000', '--asset', 'ETH'])
    assert.equal(code, 0)
    assert.match(stdout, /shock \(bp\).*comes to rest/)
    assert.match(stdout, /Spectral radius of R: /)
  })

  it('refuse bad input in one line, with exit code 2', async () => {
    const simulate = ['simulate', '--paths', '2', '--hours', '1']
    const cases: readonly (readonly [args: readonly string[], complaint: RegExp])[] = [
      [['flow', join(directory, 'none.json')], /there is no such file/],
      [['flow', bad], /assets is empty/],
      [['flow', book, bad], /assets is empty/],
      [['flow', book, '--shocks-bp', '5'], /not FROM:TO:STEP/],
      [['flow', book, '--shocks-bp', '-20000:0:1'], /no price is left/],
      [['flow', book, '--asset', 'XRP'], /No book has the traded asset "XRP"/],
      [['flow', book, '--asset', 'USD'], /No book has the traded asset "USD"/],
      [['flow'], /missing required argument/],
      [[...simulate, bad], /assets is empty/],
      [[...simulate, book, '--paths', '0'], /whole number from 1/],
      [[...simulate, book, '--paths', '-5'], /whole number from 1/],
      [[...simulate, book, '--hours', '1.5'], /whole number from 1/],
      [[...simulate, book, '--model', 'heston'], /gbm/],
      [[...simulate, book, '--policies', 'plimsoll,aave'], /no policy "aave"/],
      [[...simulate, book, '--impact', 'cubic'], /linear/],
      [[...simulate, book, '--clearing', 'never'], /immediate, auction, clock/],
      [[...simulate, book, '--correlation', '2', '--model', 'gbm'], /from -1 to 1/],
      [[...simulate, book, '--sigma', 'high'], /must be a number/],
      [[...simulate, book, '--step-seconds', '7'], /not a whole number of steps/],
      [['simulate', book, '--hours', '1'], /required option.*--paths/],
      [['compare', '--windows', '2019-01'], /no window "2019-01"/],
      [['compare', '--windows', ''], /no window ""/],
      [['tolerance', book, '--loss', '2', '--hours', '1', '--probability', '0.1'], /from 0 to 1/],
      [['tolerance', book, '--loss', '0.1', '--probability', '0.1'], /required option.*--hours/],
      [['tolerance', bad, '--loss', '0.1', '--hours', '1', '--probability', '0.1'], /assets is empty/],
    ]
    for (const [args, complaint] of cases) {
      const { code, stdout, stderr } = await runCli(['risk', ...args])
      assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, complaint)
      assert.equal(stderr.trim().split('\n').length, 1, stderr)
      assert.equal(stdout, '')
    }
  })
})
