import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PlimsollError } from '../../protocol/errors.ts'
import { marginPath, parsePriceRows } from '../../risk/rule/margin-path.ts'
import { Random } from '../protocol/random.ts'
import { runCli } from '../support/run-cli.ts'

// The specification once more, and nothing of the project's: what the command prints is held to it, number by number.

interface Settings {
  readonly maintenance: bigint
  readonly liability: bigint
  readonly g: bigint
  readonly decimals: number
  readonly cashDecimals: number
}

const DEFAULTS: Settings = { maintenance: 8_600n, liability: 11_500n, g: 1_000n, decimals: 8, cashDecimals: 6 }

function root(square: bigint): bigint {
  let [low, high] = [0n, 1n << 160n]
  while (high - low > 1n) {
    const middle = (low + high) >> 1n
    if (middle * middle <= square) low = middle
    else high = middle
  }
  return low
}

/** Points of rows of a time and a price in 1/10^8. */
function specified(rows: readonly (readonly [bigint, bigint])[], settings: Settings): Record<string, string>[] {
  const { maintenance, liability, g, decimals, cashDecimals } = settings
  const up = (a: bigint, b: bigint) => (a + b - 1n) / b
  let s = [16834000000n, 16834000000n, 16834000000n]
  let [p0, i0, gap] = [-1n, 0n, g]
  return rows.map(([unix, price]) => {
    const mark = (price * 10n ** BigInt(cashDecimals) * 2n ** 32n) / (10n ** BigInt(decimals) * 10n ** 8n)
    const p = mark < 65_536n ? 65_536n : mark
    const i = unix / 900n
    let told = { s, gap }
    if (p0 < 0n) [p0, i0] = [p, i]
    else {
      const k = i - i0 > 32_767n ? 32_767n : i - i0
      const r = ((p > p0 ? p - p0 : p0 - p) << 48n) / p0
      const span = k === 0n ? 1n : k
      let x = (((r * r) >> 48n) * 4n) / span
      if (x > 2n ** 56n - 1n) x = 2n ** 56n - 1n
      const next = s.map((average, n) => {
        let kept = 2n ** 48n
        let d = [261941981042586n, 279249703554185n, 281199695230552n][n]!
        for (let bits = span; bits > 0n; bits >>= 1n) {
          if (bits & 1n) kept = (kept * d) >> 48n
          d = (d * d) >> 48n
        }
        return (average * kept + x * (2n ** 48n - kept)) >> 48n
      })
      const q = quantile(next)
      const floor = up(3n * g, 4n) > 200n ? 3n * g : 800n
      const candidates = [up(up(g * q, 21758015699733n), 100n) * 100n, up(floor, 400n) * 100n]
      const raw = candidates.reduce((a, b) => (a > b ? a : b))
      const clipped = raw > 4_000n ? 4_000n : raw
      if (k === 0n) told = { s: next, gap: clipped > gap ? clipped : gap }
      else {
        if (clipped > gap || clipped <= gap - 300n) gap = clipped
        ;[s, p0, i0] = [next, p, i]
        told = { s, gap }
      }
    }
    const collateral = maintenance - told.gap < 0n ? 0n : maintenance - told.gap
    const scaled = up(liability * 10_000n, 10_000n - told.gap)
    return {
      unix: String(unix),
      s2: String(told.s[0]),
      s5: String(told.s[1]),
      s8: String(told.s[2]),
      q: String(quantile(told.s)),
      gapBp: String(told.gap),
      initialCollateralFactorBp: String(collateral),
      initialLiabilityFactorBp: String(scaled > 65_535n ? 65_535n : scaled),
    }
  })
}

function quantile([s2, s5, s8]: readonly bigint[]): bigint {
  return root((615590000000n + ((8233n * s2! + 7088n * s5! + 894n * s8!) >> 8n)) << 48n)
}

function decimal(price: bigint): string {
  return `${price / 10n ** 8n}.${String(price % 10n ** 8n).padStart(8, '0')}`
}

function csv(rows: readonly (readonly [bigint, bigint])[]): string {
  return rows.map(([unix, price]) => `${unix},${decimal(price)}\n`).join('')
}

/** A path of prices of all sizes of moves and silences, rows of one grid step and of one moment among them. */
function randomRows(random: Random, count: number): (readonly [bigint, bigint])[] {
  let [unix, price] = [1_600_000_123n, 2_000n * 10n ** 8n]
  return Array.from({ length: count }, () => {
    unix += BigInt(random.pick([0, 1, 60, 300, 899, 900, 901, 3_600, 3_600, 86_400, 9 * 86_400]))
    const factor = random.chance(0.03) ? random.pick([0.01, 100]) : 1 + random.integer(-300, 300) / 10_000
    const next = (price * BigInt(Math.round(factor * 10_000))) / 10_000n
    price = next < 1n || next > 10n ** 14n ? 2_000n * 10n ** 8n : next
    return [unix, price] as const
  })
}

describe('plimsoll risk rule', () => {
  let directory: string
  const write = async (name: string, text: string) => {
    await writeFile(join(directory, name), text)
    return join(directory, name)
  }
  const rule = (...args: string[]) => runCli(['risk', 'rule', ...args])

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-rule-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('prints the points of the specification, integers as decimal strings', async () => {
    const rows = randomRows(new Random(6), 300)
    const path = await write('path.csv', `\ufeffunix,price\n${csv(rows)}`)
    const { code, stdout } = await rule(path, '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(stdout), { points: specified(rows, DEFAULTS) })
    const other = { maintenance: 9_000n, liability: 11_000n, g: 1_500n, decimals: 18, cashDecimals: 8 }
    const args = [
      '--maintenance',
      '0.9',
      '--liability',
      '1.1',
      '--g',
      '0.15',
      '--decimals',
      '18',
      '--cash-decimals',
      '8',
    ]
    assert.deepEqual(JSON.parse((await rule(path, ...args, '--json')).stdout), { points: specified(rows, other) })
  })

  it('follows the specification over random paths, whatever the calm gap', () => {
    const random = new Random(7)
    for (const g of [1n, 1n, 99n, 250n, 267n, 1_000n, 1_025n, 1_500n, 3_999n, 4_000n]) {
      const settings = { ...DEFAULTS, g }
      const rows = randomRows(random, 400)
      const maintenance = { collateralFactor: settings.maintenance, liabilityFactor: settings.liability }
      const points = marginPath(parsePriceRows(csv(rows), 8, 6), { maintenance, g })
      const told = points.map((point) =>
        Object.fromEntries(Object.entries(point).map(([name, value]) => [name, String(value)])),
      )
      assert.deepEqual(told, specified(rows, settings))
    }
  })

  it('takes a list with a header or without, by whatever ends of lines, with blanks and empty lines', () => {
    const plain = parsePriceRows('1700000000,100\n1700000900,101.5', 8, 6)
    for (const text of [
      'unix,price\n1700000000,100\n1700000900,101.5\n',
      'unix,price\r\n1700000000,100\r\n1700000900,101.5\r\n',
      '1700000000, 100\n\n 1700000900 ,101.50\n\n',
    ])
      assert.deepEqual(parsePriceRows(text, 8, 6), plain)
  })

  it('refuses what is no list of prices in one sentence with its line', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /^no rows\.$/],
      ['unix,price\n', /^no rows\.$/],
      ['time,price\n1,1\n', /^line 1: "time" is not a time in seconds/],
      ['1700000000,100\n1699999999,100\n', /^line 2: the row is earlier than the one before it\.$/],
      ['1700000000,0\n', /^line 1: the price is not above 0\.$/],
      ['1700000000,-5\n', /^line 1: the price is not above 0\.$/],
      ['1700000000,1e3\n', /^line 1: the price is not a plain decimal: "1e3"\.$/],
      ['1700000000,NaN\n', /^line 1: the price is not a plain decimal: "NaN"\.$/],
      ['1700000000,\n', /^line 1: the price is not a plain decimal: ""\.$/],
      ['1700000000,99999999999999999999999\n', /^line 1: the price mark \d+ is not below 2\^60\.$/],
      ['1700000000,1\n-5,1\n', /^line 2: "-5" is not a time/],
      ['1700000000000,1\n', /^line 1: "1700000000000" is not a time in seconds below 241591910400\.$/],
      ['1700000000.5,1\n', /^line 1: "1700000000\.5" is not a time/],
      ['1700000000,1,2\n', /^line 1: not a time and a price, "unix,price"\.$/],
      ['1700000000;1\n', /^line 1: not a time and a price, "unix,price"\.$/],
    ]
    for (const [text, message] of cases)
      assert.throws(
        () => parsePriceRows(text, 8, 6),
        (error: unknown) => error instanceof PlimsollError && message.test(error.message),
        text,
      )
  })

  it('refuses files and options in one line, with exit code 2, as JSON where that is asked', async () => {
    const path = await write('two.csv', '1700000000,100\n1700000900,101\n')
    const cases: readonly (readonly [string[], RegExp])[] = [
      [[join(directory, 'none.csv')], /there is no such file/],
      [[directory], /it is a directory/],
      [[await write('zero.csv', '1700000000,0\n')], /zero\.csv: line 1: the price is not above 0/],
      [[path, '--g', '0'], /--g 0 is not between 0\.0001 and 0\.4/],
      [[path, '--g', '0.5'], /--g 0\.5 is not between/],
      [[path, '--g', 'much'], /--g is not a plain decimal/],
      [[path, '--maintenance', '1.01'], /--maintenance 1\.01 is not between 0 and 1/],
      [[path, '--liability', '0.99'], /--liability 0\.99 is not between 1 and 6\.5535/],
      [[path, '--decimals', '36'], /whole number from 0 to 18/],
      [[path, '--cash-decimals', '9'], /whole number from 0 to 8/],
    ]
    for (const [args, complaint] of cases) {
      const { code, stdout, stderr } = await rule(...args)
      assert.deepEqual([code, stdout, stderr.trim().split('\n').length], [2, '', 1], args.join(' '))
      assert.match(stderr, complaint)
    }
    const { code, stdout, stderr } = await rule(path, '--g', '0', '--json')
    assert.equal(code, 2)
    const { error } = JSON.parse(stdout === '' ? stderr : stdout)
    assert.deepEqual([error.exitCode, error.message], [2, '--g 0 is not between 0.0001 and 0.4.'])
    if (process.getuid?.() === 0) return
    await chmod(path, 0)
    assert.match((await rule(path)).stderr, /no permission to read it/)
  })
})
