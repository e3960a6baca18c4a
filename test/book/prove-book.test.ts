import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyRound } from '../../audit/verify-round.ts'
import { importAccounts } from '../../book/import-accounts.ts'
import { proveBook } from '../../book/prove-book.ts'
import { assess } from '../../cli/assessment.ts'
import { type Book, parseBook } from '../../protocol/book.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { abs } from '../../protocol/integer.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import { fromField } from '../../protocol/public-vector.ts'
import { System } from '../../protocol/system.ts'
import { ensureKeys, type KeySet } from '../../prover/keys.ts'
import { PROFILES } from '../../prover/profiles.ts'
import { completeRound } from '../../sequencer/planner/complete-round.ts'
import { crashedBook } from '../support/crashed-book.ts'
import { proofs } from '../support/proofs.ts'
import { watchSecrets } from '../support/watch-secrets.ts'

const WRITES = 80
const DELTAS = 71
const BAD_DEBT = 79

interface Write {
  readonly index: number
  readonly leaf: bigint
  readonly cipher: readonly bigint[]
}

/** What a resolve's D publishes, read by the layout of docs/protocol.md#public-vectors-and-signals. */
function readResolve(vector: readonly bigint[]) {
  const writes: Write[] = []
  for (let i = WRITES; i < vector.length; i += 5) {
    if (vector[i + 1] !== 0n)
      writes.push({ index: Number(vector[i]), leaf: vector[i + 1]!, cipher: vector.slice(i + 2, i + 5) })
  }
  return { deltas: vector.slice(DELTAS, BAD_DEBT).map(fromField), badDebt: vector[BAD_DEBT]!, writes }
}

/** What the book's liquidations must change in total: minus the changes of the balances, and the bad debt. */
function expectedTotals(book: Book) {
  const deltas = Array<bigint>(8).fill(0n)
  let badDebt = 0n
  for (const { balances, weights } of book.accounts) {
    const result = liquidate(balances, weights, book.marks, book.minLiability)
    result.after.forEach((after, a) => (deltas[a]! += balances[a]! - after))
    badDebt += result.badDebt
  }
  return { deltas, badDebt }
}

describe('proving a book', () => {
  let keys: KeySet
  let parent: string
  before(async () => {
    keys = await ensureKeys('tiny')
    parent = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  after(async () => {
    await rm(parent, { recursive: true })
    await proofs.close()
  })

  describe('of 14 accounts after a crash', () => {
    const book = parseBook(JSON.stringify(crashedBook(3, 14, [0.72, 0.81, 0.68])))
    const assessment = assess(book)
    const files = new Map<string, any>()
    let summary: Awaited<ReturnType<typeof proveBook>>
    let saltKey: bigint
    let secrets: bigint[]
    let directory: string
    let beside: string[]

    const resolves = () =>
      [...files.values()].filter((file) => file.circuit === 'resolve').map((file) => readResolve(file.D.map(BigInt)))

    before(async () => {
      const { partial, closed, healthy, badDebt } = assessment.totals
      assert.ok(partial >= 2 && closed >= 2 && healthy >= 4 && badDebt !== '0', 'the book shows every outcome')
      const empty = await mkdtemp(join(parent, 'p'))
      directory = join(empty, 'crash')
      const drawn = await watchSecrets(async () => {
        summary = await proveBook(book, keys, proofs, directory, () => {})
      })
      assert.equal(drawn.length, 1 + 2 * 14)
      ;[saltKey, ...secrets] = drawn as [bigint, ...bigint[]]
      beside = await readdir(empty)
      for (const name of await readdir(directory))
        files.set(name, JSON.parse(await readFile(join(directory, name), 'utf8')))
    })

    it('verifies', async () => {
      const verdict = await verifyRound(directory, async () => keys)
      assert.ok(verdict.ok)
      const { healthy } = assessment.totals
      assert.deepEqual(
        {
          accounts: verdict.accounts,
          batches: verdict.batches,
          resolved: verdict.resolved,
          badDebt: verdict.badDebt,
          complete: verdict.complete,
        },
        {
          accounts: 14,
          batches: summary.batches,
          resolved: 14 - healthy,
          badDebt: assessment.totals.badDebt,
          complete: true,
        },
      )
      assert.match(verdict.unknown, /leaves at the start/)
    })

    it('counts as the assessment does', () => {
      const { healthy, partial, closed, badDebt } = assessment.totals
      assert.deepEqual(summary.totals, { healthy, partial, closed, badDebt })
      const { seconds, ...rest } = files.get('summary.json')
      assert.deepEqual(rest, {
        profile: 'tiny',
        accounts: 14,
        totals: { healthy, partial, closed, badDebt },
        batches: summary.batches,
      })
      assert.equal(typeof seconds, 'number')
    })

    it('proves the backstop changes and the bad debt of the assessment, to the last unit', () => {
      const { deltas, badDebt } = expectedTotals(book)
      const proven = resolves()
      assert.deepEqual(
        deltas.map((_, a) => proven.reduce((sum, batch) => sum + batch.deltas[a]!, 0n)),
        deltas,
      )
      assert.equal(
        proven.reduce((sum, batch) => sum + batch.badDebt, 0n),
        badDebt,
      )
      const { sold, bought } = assessment.totals
      book.assets.forEach(({ symbol, decimals }, a) => {
        if (a === 0) return
        const net = parse(sold[symbol] ?? '0', decimals) - parse(bought[symbol] ?? '0', decimals)
        assert.equal(deltas[a], net, symbol)
      })
    })

    it("publishes ciphertexts that the owners' view keys open to the assessment's outcome", () => {
      const after = book.accounts.map(({ balances }) => [...balances])
      const written = new Set<number>()
      for (const { writes } of resolves()) {
        for (const { index, leaf, cipher } of writes) {
          const opened = decryptAccount(cipher, leaf, secrets[2 * index + 1]!)
          assert.deepEqual(opened.weights, book.accounts[index]!.weights)
          assert.ok(!written.has(index), 'an account is liquidated once')
          written.add(index)
          after[index] = [...opened.balances]
        }
      }
      assert.deepEqual(
        after.map((balances) =>
          Object.fromEntries(
            book.assets.flatMap(({ symbol, decimals }, a) =>
              balances[a] ? [[symbol, formatDecimal(balances[a], decimals)]] : [],
            ),
          ),
        ),
        assessment.accounts.map((account) => account.after),
      )
      assert.deepEqual(
        written,
        new Set(assessment.accounts.flatMap(({ status }, i) => (status === 'healthy' ? [] : [i]))),
      )
    })

    it('writes the public side only', async () => {
      const shape = (value: object) => Object.keys(value).sort().join()
      for (const [name, file] of files) {
        const expected =
          name === 'round.json'
            ? 'assets,format,leaves,minLiability,profile,slots'
            : name === 'summary.json'
              ? 'accounts,batches,profile,seconds,totals'
              : file.circuit === 'sweep'
                ? 'D,circuit,envelopes,proof,rung,signals,verificationKeyHash,window'
                : 'D,circuit,envelopes,proof,signals,verificationKeyHash,window'
        assert.equal(shape(file), expected, name)
      }
      const text = (await Promise.all([...files.keys()].map((name) => readFile(join(directory, name), 'utf8')))).join(
        '\n',
      )
      const words = new Set(text.match(/[0-9][0-9.]*/g))
      const forbidden = [saltKey, ...secrets].flatMap((secret) => [secret.toString(), secret.toString(16)])
      book.accounts.forEach(({ balances }, i) => {
        // A full close in a batch of its own shows what was sold or bought (docs/threat-model.md#what-leaks).
        const shown = assessment.accounts[i]!.status === 'closed'
        for (const [a, { decimals }] of book.assets.entries()) {
          const size = abs(balances[a]!)
          // Short numbers could be there by chance.
          if ((!shown || a === 0) && size > 1_000_000n) forbidden.push(size.toString(), formatDecimal(size, decimals))
        }
      })
      assert.ok(forbidden.length > 100)
      assert.deepEqual(
        forbidden.filter((number) => words.has(number)),
        [],
      )
      assert.doesNotMatch(text, /holder-|weight|balance/i)
      for (const secret of secrets) assert.ok(!text.includes(secret.toString()) && !text.includes(secret.toString(16)))
    })

    it('leaves nothing else beside its directory', () => assert.deepEqual(beside, ['crash']))
  })

  it('of accounts that are all healthy needs no resolve', async () => {
    const loose = crashedBook(3, 5, [1, 1, 1])
    loose.accounts.pop()
    const book = parseBook(JSON.stringify(loose))
    const summary = await proveBook(book, keys, proofs, join(parent, 'healthy'), () => {})
    assert.deepEqual(summary.totals, { healthy: 4, partial: 0, closed: 0, badDebt: '0' })
    const verdict = await verifyRound(join(parent, 'healthy'), async () => keys)
    assert.deepEqual(verdict.ok && [verdict.sweeps, verdict.resolved], [summary.batches, 0])
    await rm(join(parent, 'healthy'), { recursive: true })
  })

  it('that fails in the middle leaves nothing behind', async () => {
    const book = parseBook(JSON.stringify(crashedBook(3, 5, [1, 1, 1])))
    const stop = new Error('stop')
    await assert.rejects(
      proveBook(book, keys, proofs, join(parent, 'failed'), () => {
        throw stop
      }),
      stop,
    )
    assert.ok(!(await readdir(parent)).some((name) => name.includes('failed')))
  })

  it('refuses a directory that is not empty, a file, and a parent that is missing or cannot be written to', async () => {
    const book = parseBook(JSON.stringify(crashedBook(3, 2, [1, 1, 1])))
    await writeFile(join(parent, 'file'), '')
    const before = await readdir(parent, { recursive: true })
    const refused = (path: string, complaint: RegExp) =>
      assert.rejects(
        proveBook(book, keys, proofs, path, () => {}),
        { name: 'PlimsollError', message: complaint },
      )
    await refused(parent, /exists and is not empty/)
    await refused(join(parent, 'file'), /it is not a directory/)
    await refused(join(parent, 'none', 'out'), /its parent is not a directory/)
    if (process.platform === 'linux') await refused('/proc/plimsoll', /^Cannot write to \/proc\/plimsoll/)
    assert.deepEqual(await readdir(parent, { recursive: true }), before)
  })
})

describe('completing a round', () => {
  for (const [seed, count, moves] of [
    [1, 64, [0.6, 0.7, 0.5]],
    [2, 50, [1.6, 1.4, 2]],
    [5, 40, [0.9, 1.2, 0.4]],
    [8, 33, [1, 1, 1]],
  ] as const) {
    it(`of random book ${seed} agrees with its assessment`, () => {
      const book = parseBook(JSON.stringify(crashedBook(seed, count, moves)))
      const accounts = importAccounts(book.accounts)
      const system = System.genesis(PROFILES.tiny, 32, book.minLiability, accounts)
      system.setMarks(book.marks)
      const after = book.accounts.map(({ balances }) => balances)
      const deltas = Array<bigint>(8).fill(0n)
      let badDebt = 0n
      for (const {
        transition: { batch },
      } of completeRound(system)) {
        if (batch.circuit !== 'resolve') continue
        batch.backstopDelta.forEach((delta, a) => (deltas[a]! += delta))
        badDebt += batch.badDebt
        for (const { index, leaf, cipher } of batch.writes) {
          if (leaf !== 0n) after[index] = decryptAccount(cipher, leaf, accounts[index]!.viewKey).balances
        }
      }
      assert.ok(system.ledger.isComplete())
      assert.deepEqual(
        after,
        book.accounts.map(({ balances, weights }) => liquidate(balances, weights, book.marks, book.minLiability).after),
      )
      assert.deepEqual({ deltas, badDebt }, expectedTotals(book))
      assert.deepEqual(system.ledger.backstop, deltas)
      assert.equal(formatDecimal(badDebt, book.cashDecimals), assess(book).totals.badDebt)
    })
  }
})

function parse(text: string, decimals: number): bigint {
  const [whole, fraction = ''] = text.split('.')
  return BigInt(whole! + fraction.padEnd(decimals, '0'))
}
