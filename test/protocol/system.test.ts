import assert from 'node:assert/strict'
import { type Account, accountLeaf } from '../../protocol/account.ts'
import { decryptAccount } from '../../protocol/cipher.ts'
import { ASSETS, DISTRESS, INBOX } from '../../protocol/constants.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { HeadSalts } from '../../protocol/head-salts.ts'
import { cornerHealth, health } from '../../protocol/health.ts'
import type { Marks } from '../../protocol/marks.ts'
import { poseidon } from '../../protocol/poseidon.ts'
import { stackHead } from '../../protocol/stack.ts'
import type { Move } from '../../protocol/sweep-input.ts'
import { System } from '../../protocol/system.ts'
import { AccountTree } from '../../protocol/tree.ts'
import {
  AT_MARKS,
  account,
  BANKRUPT,
  DUST,
  HEALTHY,
  inDistress,
  inInbox,
  MARKS,
  MIN_LIABILITY,
  PARTIAL,
  SLOTS,
  TINY,
  WINDOW,
} from '../support/circuit-market.ts'
import { Random } from './random.ts'

const BOOK = [account(0, HEALTHY), account(1, PARTIAL), account(2, DUST), account(3, BANKRUPT)]

describe('the system', () => {
  it('starts with every account in the inbox, the last on top, above the ghosts', () => {
    const ghost: Account = { ...BOOK[1]!, version: 1n }
    const system = System.genesis(TINY, SLOTS, MIN_LIABILITY, BOOK, [ghost])
    assert.deepEqual(
      system.stacks[INBOX]!.map((entry) => entry.account),
      [ghost, ...BOOK],
    )
    assert.equal(system.ledger.heads[INBOX], poseidon([stackHead([ghost, ...BOOK].map(accountLeaf)), 0n]))
    assert.equal(system.ledger.root, new AccountTree(TINY.depth, BOOK.map(accountLeaf)).root)
    assert.deepEqual(system.ledger.heads.filter((head) => head !== 0n).length, 1)
  })

  it('moves leaves last in, first out', () => {
    const system = inInbox(BOOK)
    system.sweep(WINDOW, [
      { from: INBOX, to: DISTRESS },
      { from: INBOX, to: DISTRESS },
    ])
    assert.deepEqual(
      system.stacks[DISTRESS]!.map((entry) => entry.account.index),
      [3, 2],
    )
    assert.deepEqual(
      system.stacks[INBOX]!.map((entry) => entry.account.index),
      [0, 1],
    )
    const { resolutions } = system.resolve(1)
    assert.equal(resolutions[0]!.account.index, 2)
    assert.equal(system.stacks[INBOX]!.at(-1)!.account, system.accounts.at(2))
    checkHeads(system)
  })

  it('publishes ciphertexts that the owners can read, and nothing of drops', () => {
    const ghost: Account = { ...BOOK[1]!, version: 1n }
    const system = inDistress(BOOK, { ghosts: [ghost] })
    const { batch, resolutions } = system.resolve(2)
    assert.deepEqual(
      resolutions.map(({ action }) => action),
      ['drop', 'refresh'],
    )
    assert.deepEqual(batch.writes[0], { index: 0, leaf: 0n, cipher: [0n, 0n, 0n] })
    const [, write] = batch.writes
    const { balances, weights, viewKey } = system.accounts.at(write!.index)!
    assert.deepEqual(decryptAccount(write!.cipher, write!.leaf, viewKey), { balances, weights })
  })

  it('is copied whole', () => {
    const system = inDistress(BOOK)
    const copy = system.clone()
    const before = describeState(copy)
    system.resolve(2)
    system.open({ slot: 3, envelope: AT_MARKS })
    assert.deepEqual(describeState(copy), before)
    copy.resolve(2)
    assert.equal(copy.ledger.root, system.ledger.root)
    assert.deepEqual(copy.ledger.heads, system.ledger.heads)
  })

  it('is restored from the ledger, the accounts and the stacks', () => {
    const system = inDistress(BOOK, { ghosts: [{ ...BOOK[1]!, version: 1n }] })
    system.resolve(2)
    const members = system.stacks.map((stack) => stack.map((entry) => entry.account))
    const restored = System.restore(system.ledger.clone(), system.accounts, members, system.salts)
    assert.deepEqual(describeState(restored), describeState(system))

    const wrong = [...system.accounts].with(0, { ...system.accounts.at(0)!, version: 99n })
    const { salts } = system
    assert.throws(() => System.restore(system.ledger, wrong, members, salts), isError(/do not have the stored root/))
    const emptied = members.map((stack, slot) => (slot === INBOX ? [] : stack))
    assert.throws(
      () => System.restore(system.ledger, system.accounts, emptied, salts),
      isError(/stack 1 does not have the stored head/),
    )
    const unsalted = HeadSalts.genesis(SLOTS)
    assert.throws(
      () => System.restore(system.ledger, system.accounts, members, unsalted),
      isError(/stack 0 does not have the stored head/),
    )
    assert.deepEqual(restored.resolve(2), system.resolve(2))
  })

  it('refuses moves and resolves that do not fit', () => {
    const system = inInbox(BOOK)
    const move = (from: number, to: number, count = 1): Move[] => Array.from({ length: count }, () => ({ from, to }))
    assert.throws(() => system.clone().sweep(WINDOW, move(INBOX, DISTRESS, 5)), isError(/5 moves do not fit/))
    assert.throws(() => system.clone().sweep(WINDOW, move(DISTRESS, INBOX)), isError(/Slot 0 is empty/))
    assert.throws(() => system.clone().sweep(WINDOW, move(INBOX, INBOX)), isError(/does not fit the window/))
    assert.throws(() => system.clone().sweep(WINDOW, move(INBOX, 3)), isError(/does not fit the window/))
    assert.throws(() => system.clone().resolve(1), isError(/holds fewer than 1/))
    const full = inDistress(BOOK)
    assert.throws(() => full.clone().resolve(3), isError(/3 accounts do not fit/))
    assert.throws(() => System.genesis(TINY, SLOTS, 0n, BOOK).resolve(1), isError(/needs a round/))
  })

  it('keeps every account in one place, safe there, and every unit of every asset, over random rounds', () => {
    const random = new Random(9)
    const seen = { liquidated: 0, closed: 0, badDebt: 0, refreshed: 0, swept: 0, complete: 0 }
    for (let run = 0; run < 4; run++) {
      const book = Array.from({ length: 8 }, (_, index) =>
        account(index, [
          random.pick([-1n, 1n]) * random.bits(31),
          random.bits(30),
          random.pick([-1n, 0n, 1n]) * random.bits(24),
        ]),
      )
      const ghosts = book.slice(0, 2).map((entry) => ({ ...entry, version: 0n }))
      const system = inInbox(book, { ghosts })
      const total = totals(system)
      for (let round = 0; round < 4; round++) {
        system.setMarks(scaled(600 + random.integer(0, 800)))
        const envelope = bounds(system.ledger.marks!)
        for (const slot of [2, 3]) if (system.ledger.heads[slot] === 0n) system.open({ slot, envelope })
        for (let turn = 0; turn < 40 && !system.ledger.isComplete(); turn++) {
          const open = system.ledger.isCovered(2) ? 2 : 3
          const source = [INBOX, 2, 3].find(
            (slot) => system.stacks[slot]!.length > 0 && !(slot > INBOX && system.ledger.isCovered(slot)),
          )
          if (system.stacks[DISTRESS]!.length > 0) {
            for (const { action, liquidation } of system.resolve(Math.min(2, system.stacks[DISTRESS]!.length))
              .resolutions) {
              seen.refreshed += Number(action === 'refresh')
              seen.liquidated += Number(liquidation?.status === 'partial')
              seen.closed += Number(liquidation?.status === 'closed')
              seen.badDebt += Number((liquidation?.badDebt ?? 0n) > 0n)
            }
          } else if (source !== undefined) {
            const { balances } = system.stacks[source]!.at(-1)!.account
            const safe = open !== source && cornerHealth(balances, system.ledger.envelopes[open]!) >= 0n
            const window = [DISTRESS, INBOX, 2, 3].filter(
              (slot) => slot !== (source === open ? 5 - open : source === INBOX ? 5 - open : INBOX),
            )
            system.sweep(window, [{ from: source, to: safe ? open : DISTRESS }])
            seen.swept++
          }
          checkInvariant(system)
          assert.deepEqual(totals(system), total)
        }
        checkHeads(system)
        seen.complete += Number(system.ledger.isComplete())
        if (system.ledger.isComplete())
          for (const { balances } of system.accounts) assert.ok(health(balances, system.ledger.marks!) >= 0n)
      }
    }
    for (const [kind, count] of Object.entries(seen)) assert.ok(count > 0, `never ${kind}`)
  })
})

function isError(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PlimsollError && message.test(error.message)
}

function describeState({ ledger, accounts, tree, stacks, salts }: System) {
  return {
    salts: structuredClone({ ...salts }),
    ledger: structuredClone({ ...ledger }),
    accounts: [...accounts],
    root: tree.root,
    stacks: stacks.map((stack) => [...stack]),
  }
}

function checkHeads({ ledger, stacks, salts, tree }: System): void {
  assert.deepEqual(
    stacks.map((stack, slot) => {
      const head = stackHead(stack.map((entry) => entry.leaf))
      return head === 0n ? 0n : poseidon([head, salts.current[slot]!])
    }),
    ledger.heads,
  )
  assert.equal(tree.root, ledger.root)
}

/** Completeness by its definition (docs/protocol.md#health-and-envelopes). */
function checkInvariant(system: System): void {
  const where = new Map<bigint, number[]>()
  system.stacks.forEach((stack, slot) => stack.map(({ leaf }) => where.set(leaf, [...(where.get(leaf) ?? []), slot])))
  for (const current of system.accounts) {
    const slots = where.get(system.tree.leaf(current.index))
    assert.equal(slots?.length, 1, `account ${current.index} is in ${slots?.length ?? 0} stacks`)
    const [slot] = slots!
    if (slot! > INBOX) assert.ok(cornerHealth(current.balances, system.ledger.envelopes[slot!]!) >= 0n)
  }
}

/** What accounts and backstop hold together: bad debt is the backstop's loss, so not even cash is made or lost. */
function totals({ accounts, ledger }: System): bigint[] {
  return Array.from({ length: ASSETS }, (_, a) =>
    [...accounts].reduce((sum, { balances }) => sum + balances[a]!, ledger.backstop[a]!),
  )
}

function scaled(permille: number): Marks {
  const k = BigInt(permille)
  return MARKS.map((asset, a) =>
    a === 0
      ? asset
      : {
          ...asset,
          ...Object.fromEntries(
            (
              [
                'price',
                'collateralValue',
                'liabilityValue',
                'targetCollateralValue',
                'targetLiabilityValue',
                'sell',
                'buy',
                'initialCollateralValue',
                'initialLiabilityValue',
              ] as const
            ).map((name) => [name, (asset[name] * k) / 1000n]),
          ),
        },
  )
}

/** An envelope a tenth away from the marks. */
function bounds(marks: Marks) {
  return {
    floors: marks.slice(1).map(({ collateralValue }) => (collateralValue * 9n) / 10n),
    ceilings: marks.slice(1).map(({ liabilityValue }) => (liabilityValue * 11n) / 10n),
  }
}
