import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { assess } from '../../cli/assessment.ts'
import { assessmentTable } from '../../cli/assessment-table.ts'
import { parseBook } from '../../protocol/book.ts'
import { goodBook } from '../support/books.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

// Worked out apart from the code from docs/protocol.md#liquidation: a1 sells what brings T to one cash unit, a2 is healthy, a3 cannot cover its debt,
// a4 is dust: it owes 10 and has less than 200.
function exampleBook() {
  const book = goodBook()
  book.accounts.push(
    { id: 'a3', balances: { ETH: '-10', USD: '1700' } },
    { id: 'a4', balances: { ETH: '0.06', USD: '-10' } },
    { id: 'a5', balances: {} },
  )
  return book
}

const EXPECTED = {
  accounts: [
    {
      id: 'a1',
      status: 'partial',
      health: '-45.815001',
      sold: { ETH: '4.08566428' },
      bought: {},
      after: { USD: '-920.791098', ETH: '5.91433572' },
      badDebt: '0',
    },
    {
      id: 'a2',
      status: 'healthy',
      health: '4635.684',
      sold: {},
      bought: {},
      after: { USD: '9000', BTC: '-0.5' },
      badDebt: '0',
    },
    {
      id: 'a3',
      status: 'closed',
      health: '-538.015001',
      sold: {},
      bought: { ETH: '10' },
      after: {},
      badDebt: '285.022001',
    },
    {
      id: 'a4',
      status: 'closed',
      health: '-0.074891',
      sold: { ETH: '0.06' },
      bought: {},
      after: { USD: '1.443067' },
      badDebt: '0',
    },
    { id: 'a5', status: 'healthy', health: '0', sold: {}, bought: {}, after: {}, badDebt: '0' },
  ],
  totals: {
    sold: { ETH: '4.14566428' },
    bought: { ETH: '10' },
    badDebt: '285.022001',
    healthy: 2,
    partial: 1,
    closed: 2,
  },
}

describe('plimsoll assess', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  after(() => rm(directory, { recursive: true }))

  it('prints exact amounts in the order of the book', async () => {
    await writeFile(join(directory, 'book.json'), JSON.stringify(exampleBook()))
    const { code, stdout, stderr } = await runCli(['assess', 'book.json', '--json'], { cwd: directory })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    assert.deepEqual(JSON.parse(stdout), EXPECTED)
  })

  it('says so where its output cannot be written', async () => {
    const full = await open('/dev/full', 'w')
    const child = spawn(process.execPath, [MAIN, 'assess', 'book.json', '--json'], {
      cwd: directory,
      stdio: ['ignore', full.fd, 'pipe'],
    })
    const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')])
    await full.close()
    assert.match(complaintOf(['--json'], stderr), /^plimsoll: The output cannot be written: ENOSPC[^\n]+\n$/)
    assert.equal(code, 1)
  })

  it('prints a table with the same figures, weakest first', async () => {
    await writeFile(join(directory, 'book.json'), JSON.stringify(exampleBook()))
    const { code, stdout, stderr } = await runCli(['assess', 'book.json'], { cwd: directory })
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    const rows = stdout.split('\n').map((line) => line.trim().split(/\s{2,}/))
    assert.deepEqual(
      rows.slice(3, 8).map(([id]) => id),
      ['a3', 'a1', 'a4', 'a2', 'a5'],
    )
    assert.deepEqual(rows[4], [
      'a1',
      'partial',
      '-45.815001',
      '0.9730',
      '4.08566428 ETH',
      '-',
      '-',
      '-920.791098 USD, 5.91433572 ETH',
    ])
    assert.match(stdout, /5 accounts: 2 healthy, 1 partly liquidated, 2 closed/)
    assert.match(stdout, /Bad debt +285\.022001 USD/)
  })

  it('lists every liquidation of a large book, and of the healthy accounts the weakest', () => {
    const book = goodBook()
    book.accounts = Array.from({ length: 300 }, (_, i) => ({
      id: `x${i}`,
      balances: { ETH: '10', USD: i % 10 === 0 ? '-1700' : `-${i}` },
    }))
    const parsed = parseBook(JSON.stringify(book))
    const table = assessmentTable(parsed, assess(parsed))
    assert.equal(table.match(/^x\d+ .*partial/gm)?.length, 30)
    assert.equal(table.match(/^x\d+ .*healthy/gm)?.length, 20)
    assert.match(table, /^x299 /m)
    assert.match(table, /^\.\.\. and 250 healthier accounts$/m)
  })

  it('keeps symbols that are names of inherited properties', () => {
    const text = JSON.stringify(goodBook()).replaceAll('"ETH"', '"__proto__"')
    const { accounts, totals } = assess(parseBook(text))
    assert.deepEqual(Object.entries(accounts[0]!.sold), [['__proto__', '4.08566428']])
    assert.match(JSON.stringify(totals), /"sold":\{"__proto__":"4\.08566428"\}/)
  })

  describe('into a pipe', () => {
    let large: string
    const count = 20_000
    before(async () => {
      const book = goodBook()
      book.accounts = Array.from({ length: count }, (_, i) => ({
        id: `account-${i}`,
        balances: { ETH: '10', USD: `-${i % 2000}` },
      }))
      large = join(directory, 'large.json')
      await writeFile(large, JSON.stringify(book))
    })

    it('writes all of a large output', async () => {
      const { code, stdout } = await runCli(['assess', large, '--json'])
      assert.equal(code, 0)
      assert.equal(JSON.parse(stdout).accounts.length, count)
    })

    it('is quiet when the reader stops early', async () => {
      const child = spawn(process.execPath, [MAIN, 'assess', large, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.once('data', () => child.stdout.destroy())
      let stderr = ''
      child.stderr.on('data', (chunk) => (stderr += String(chunk)))
      const [code] = (await once(child, 'close')) as [number | null]
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
    })
  })
})
