import assert from 'node:assert/strict'
import { ASSETS, SCALE, WORD } from '../../protocol/constants.ts'
import { type Balances, health } from '../../protocol/health.ts'
import { CASH_MARKS, fillMarks, type Marks, NO_MARKS } from '../../protocol/marks.ts'
import { AccountTable, scanBreached } from '../../protocol/scan.ts'
import { mulberry32 } from '../../risk/paths/sample-accounts.ts'

const random = mulberry32(7)

/** An integer below 2^bits, its own size uniform when `bits` is not given. */
function integer(bits = Math.floor(65 * random())): bigint {
  let value = 0n
  for (let i = 0; i < 64; i += 16) value = (value << 16n) | BigInt(Math.floor(random() * 65536))
  return value & ((1n << BigInt(bits)) - 1n)
}

function randomMarks(bits?: number): Marks {
  return fillMarks(
    Array.from({ length: ASSETS - 1 }, () => ({
      ...NO_MARKS,
      collateralValue: integer(bits),
      liabilityValue: integer(bits),
    })),
  )
}

function randomBalances(bits?: number): bigint[] {
  return Array.from({ length: ASSETS }, () => (random() < 0.5 ? -1n : 1n) * integer(bits))
}

function agrees(accounts: readonly Balances[], marks: Marks): number {
  const table = new AccountTable(accounts.length)
  accounts.forEach((balances, i) => table.set(i, balances))
  const { breached, exact } = scanBreached(table, marks)
  assert.deepEqual(
    [...breached],
    accounts.flatMap((balances, i) => (health(balances, marks) < 0n ? [i] : [])),
  )
  return exact
}

/** Accounts of all sizes whose health is exactly -1, 0 and 1, in turn; asset 1 must have marks of 1. */
function nearTheLine(marks: Marks): Balances[] {
  const accounts: Balances[] = []
  for (let i = 0; i < 200; i++) {
    const balances = randomBalances(24 + Math.floor(30 * random()))
    balances[0] = 0n
    // Cash cancels the other assets, and asset 1 what is left of a unit of it.
    const rest = health([0n, 0n, ...balances.slice(2)], marks)
    const cash = -(rest / SCALE)
    if (cash <= -WORD || cash >= WORD) continue
    const unit = -(rest + cash * SCALE)
    for (const off of [-1n, 0n, 1n]) accounts.push([cash, unit + off, ...balances.slice(2)])
  }
  return accounts
}

describe('scan', () => {
  it('agrees with exact health on random accounts and marks of every size', () => {
    for (let round = 0; round < 40; round++)
      agrees(
        Array.from({ length: 250 }, () => randomBalances()),
        randomMarks(),
      )
    for (let round = 0; round < 10; round++)
      agrees(
        Array.from({ length: 250 }, () => randomBalances(64)),
        randomMarks(64),
      )
  })

  it('agrees one unit to either side of the line', () => {
    let lines = 0
    for (let round = 0; round < 20; round++) {
      const marks = [...randomMarks(60)]
      marks[1] = { ...NO_MARKS, collateralValue: 1n, liabilityValue: 1n }
      const accounts = nearTheLine(marks)
      lines += accounts.length
      for (const [i, balances] of accounts.entries()) assert.equal(health(balances, marks), BigInt((i % 3) - 1))
      assert.equal(agrees(accounts, marks), accounts.length)
    }
    assert.ok(lines > 3000, `only ${lines} accounts on the line`)
  })

  it('decides neighbors of a whale without exact arithmetic', () => {
    const marks = randomMarks(50)
    const accounts: Balances[] = Array.from({ length: 1000 }, () => randomBalances(20))
    assert.equal(agrees(accounts, marks), 0)
    assert.equal(agrees([...accounts, Array<bigint>(8).fill(WORD - 1n)], marks), 0)
  })

  it('agrees at the ends of the range', () => {
    const top = WORD - 1n
    const marks: Marks = [
      CASH_MARKS,
      ...Array.from({ length: 7 }, () => ({ ...NO_MARKS, collateralValue: top, liabilityValue: top })),
    ]
    const zero = Array<bigint>(8).fill(0n)
    const accounts: Balances[] = [
      zero,
      zero.map(() => top),
      zero.map(() => -top),
      [0n, top, -top, 0n, 0n, 0n, 0n, 0n],
      [0n, top - 1n, -top, 0n, 0n, 0n, 0n, 0n],
      [-1n, top, -top, 0n, 0n, 0n, 0n, 0n],
    ]
    agrees(accounts, marks)
    agrees(accounts, fillMarks([]))
  })

  it('keeps balances exactly, and those of the last set', () => {
    const table = new AccountTable(2)
    const balances = [-(WORD - 1n), WORD - 1n, -(2n ** 53n + 1n), 2n ** 63n, 0n, 1n, -1n, 5n]
    table.set(
      1,
      balances.map((balance) => -balance),
    )
    table.set(1, balances)
    assert.deepEqual(table.get(1), balances)
    assert.deepEqual(table.get(0), Array<bigint>(8).fill(0n))
  })

  it('refuses a row that does not exist and a balance of 2^64, and changes nothing', () => {
    const table = new AccountTable(1)
    const tooMuch = [0n, 0n, -WORD, 0n, 0n, 0n, 0n, 0n]
    assert.throws(() => table.set(0, tooMuch), /Account 0: the balance of asset 2 is 2\^64 or more\./)
    assert.throws(() => table.set(1, Array<bigint>(8).fill(0n)), /no row 1/)
    assert.deepEqual(table.get(0), Array<bigint>(8).fill(0n))
  })
})
