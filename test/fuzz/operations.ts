import type { Account } from '../../protocol/account.ts'
import { chargedHealthDown } from '../../protocol/concentration.ts'
import { ASSETS, SCALE, WORD } from '../../protocol/constants.ts'
import { type CloseTerms, noLimit } from '../../protocol/forced-close.ts'
import { type Balances, initialHealth, isOversize } from '../../protocol/health.ts'
import { abs, divUp } from '../../protocol/integer.ts'
import { type OwnerKey, ownerHash, sharedViewKey } from '../../protocol/keys.ts'
import type { Marks } from '../../protocol/marks.ts'
import {
  balancesAfter,
  fits,
  meetsInitial,
  type Operation,
  type SignedOperation,
  type Trade,
  type Unwind,
} from '../../protocol/operation.ts'
import type { System } from '../../protocol/system.ts'
import type { Random } from '../protocol/random.ts'
import { EXPIRY, ownerKey, RECIPIENT, SEQUENCER, SIGNING, signed, VALID_UNTIL } from '../support/circuit-owners.ts'
import { randomAccount } from './cases.ts'

/** Of a sequencer that has handed over. */
const FORMER_SECRET = 0xf0e3e4n

const keys = new Map<number, OwnerKey>()

function keyOf(index: number): OwnerKey {
  let key = keys.get(index)
  if (key === undefined) {
    key = ownerKey(index)
    keys.set(index, key)
  }
  return key
}

/** Any account, often just at a line, whose owner can sign. */
export function randomOwned(random: Random, index: number, marks: Marks): Account {
  const { publicKey } = keyOf(index)
  const account = randomAccount(random, index, marks)
  return {
    ...account,
    balances: random.chance(0.6) ? nearInitialLine(random, account.balances, marks) : account.balances,
    owner: ownerHash(publicKey),
    // Some are of before a handover.
    viewKey: sharedViewKey(random.chance(0.3) ? FORMER_SECRET : SEQUENCER.secret, publicKey),
  }
}

/** The same with cash that puts the account at its initial margin, with or without its charge for concentration, or beyond. */
function nearInitialLine(random: Random, balances: Balances, marks: Marks): Balances {
  const rest = balances.with(0, 0n)
  const value = random.chance(0.7) ? chargedHealthDown(rest, marks) : initialHealth(rest, marks)
  const spare = random.chance(0.6) ? random.magnitude(random.integer(1, 60)) : BigInt(random.integer(-1, 2))
  const next = balances.with(0, -(value >> 32n) + 1n + spare)
  return fits(next) && !isOversize(next, marks) ? next : balances
}

const UNSIGNED = { r8: [0n, 1n], s: 0n } as const

/** Operations for one batch of two steps: two of their own accounts, or a trade. Most could be carried out, many just not. */
export function randomOperations(random: Random, system: System, queueNumber: bigint): Operation[] {
  return random.chance(0.25) ? randomTrade(random, system) : [randomSingle(random, system, queueNumber)]
}

function randomSingle(random: Random, system: System, queueNumber: bigint): Operation {
  const { accounts, ledger } = system
  const marks = ledger.marks!
  const account = random.pick([...accounts])
  const { index, version, balances } = account
  const asset = random.integer(0, ASSETS - 1)
  const common = { index, version, expiry: EXPIRY, signature: UNSIGNED }
  switch (
    random.pick([
      'open',
      'topup',
      'topup',
      'withdraw',
      'withdraw',
      'unwind',
      'unwind',
      'unwind',
      'preferences',
      'forced',
      'forced',
      'close',
      'close',
      'rekey',
    ] as const)
  ) {
    case 'open': {
      const next = accounts.length
      return {
        kind: 'open',
        depositId: 0,
        index: next,
        publicKey: keyOf(next).publicKey,
        asset,
        amount: positive(random, random.magnitude(64)),
      }
    }
    case 'topup': {
      const room = WORD - balances[asset]!
      const amount = random.chance(0.5) ? random.magnitude(64) : room + BigInt(random.integer(-1, 1))
      return { kind: 'topup', depositId: 0, index, asset, amount: positive(random, amount) }
    }
    case 'withdraw': {
      const amount = withdrawn(random, account, asset, marks)
      return corrupted(random, { kind: 'withdraw', ...common, asset, amount, recipient: RECIPIENT })
    }
    case 'forced': {
      const amount = withdrawn(random, account, asset, marks)
      return corrupted(random, {
        kind: 'forced',
        index,
        expiry: EXPIRY,
        signature: UNSIGNED,
        queueNumber,
        asset,
        amount,
        recipient: RECIPIENT,
      })
    }
    case 'close':
      return corrupted(random, {
        kind: 'close',
        index,
        expiry: EXPIRY,
        signature: UNSIGNED,
        queueNumber,
        ...closed(random, account, marks),
      })
    case 'unwind':
      return corrupted(random, { kind: 'unwind', ...common, ...exchange(random, account, marks) })
    case 'rekey':
      return { kind: 'rekey', index }
    case 'preferences':
      return corrupted(random, {
        kind: 'preferences',
        ...common,
        weights: Array.from({ length: ASSETS }, () => random.integer(1, 15)),
      })
  }
}

function randomTrade(random: Random, { accounts: records, ledger }: System): Trade[] {
  const accounts = [...records]
  const first = random.pick(accounts)
  const second = random.pick(accounts.filter((other) => other !== first))
  const terms = { ...exchange(random, first, ledger.marks!), link: 1n + random.bits(250) }
  const half = ({ index, version }: Account, direction: 0 | 1): Trade =>
    corrupted(random, { kind: 'trade', index, version, expiry: EXPIRY, signature: UNSIGNED, ...terms, direction })
  return [half(first, terms.direction), half(second, terms.direction === 1 ? 0 : 1)]
}

/**
 * Terms of a trade: mostly of an asset that has a price, often all or just too much of the position, at the penalty's
 * price or a unit beside it.
 */
function exchange(
  random: Random,
  { balances }: Account,
  marks: Marks,
): Pick<Unwind, 'asset' | 'direction' | 'x' | 'y'> {
  // Mostly one that has a price: no other can be traded.
  const priced = marks.flatMap(({ price }, a) => (a === 0 || price === 0n ? [] : [a]))
  const asset = priced.length > 0 && random.chance(0.8) ? random.pick(priced) : random.integer(1, ASSETS - 1)
  const closing = random.chance(0.7)
  const direction = balances[asset]! > 0n === closing ? 0 : 1
  const magnitude = abs(balances[asset]!)
  const x = within(
    random.pick([magnitude, magnitude + 1n, magnitude / BigInt(random.integer(1, 1000)), random.magnitude(64)]),
  )
  const { price, sell, buy } = marks[asset]!
  const fair =
    random.pick([divUp(x * sell, SCALE), (x * buy) / SCALE, (x * price) / SCALE]) + BigInt(random.integer(-1, 1))
  const y = random.chance(0.1) ? random.magnitude(64) : fair
  return x === 0n && y <= 0n ? { asset, direction, x: 1n, y: 0n } : { asset, direction, x, y: within(y) }
}

/** Terms of a forced close: often all of the position, or a unit beside it, and a limit that is just met or just missed. */
function closed(random: Random, { balances }: Account, marks: Marks): CloseTerms {
  const held = balances.flatMap((balance, a) => (a > 0 && balance !== 0n ? [a] : []))
  const asset = held.length > 0 && random.chance(0.9) ? random.pick(held) : random.integer(1, ASSETS - 1)
  const position = balances[asset]!
  const direction = position < 0n === random.chance(0.9) ? 1 : 0
  const magnitude = abs(position)
  const amount = positive(
    random,
    random.pick([
      magnitude,
      magnitude + BigInt(random.integer(-1, 1)),
      magnitude / BigInt(random.integer(1, 1000)),
      random.magnitude(64),
    ]),
  )
  const mark = direction === 1 ? marks[asset]!.buy : marks[asset]!.sell
  const limit = random.pick([
    noLimit(direction),
    noLimit(direction),
    mark,
    within(mark + BigInt(random.integer(-1, 1))),
    random.magnitude(64),
  ])
  return { asset, direction, amount, limit }
}

/** An amount, often the most that leaves the account at its target, or one unit more. */
function withdrawn(random: Random, account: Account, asset: number, marks: Marks): bigint {
  if (random.chance(0.4))
    return positive(random, random.chance(0.5) ? abs(account.balances[asset]!) : random.magnitude(64))
  const operation = {
    kind: 'forced',
    index: account.index,
    asset,
    queueNumber: 0n,
    recipient: RECIPIENT,
    expiry: 0n,
    signature: UNSIGNED,
  } as const
  let [low, high] = [0n, WORD - 1n]
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (meetsInitial(balancesAfter(account.balances, { ...operation, amount: middle }), marks)) low = middle
    else high = middle - 1n
  }
  return positive(random, low + BigInt(random.integer(0, 1)))
}

/** Signed; now and then by another key, for another place, for what is past, or expired. */
function corrupted<T extends SignedOperation>(random: Random, operation: T): T {
  if (random.chance(0.85)) return signed(operation, keyOf(operation.index))
  switch (random.pick(['key', 'domain', 'version', 'expiry', 'signature'] as const)) {
    case 'key':
      return signed(operation, keyOf(operation.index + 1))
    case 'domain':
      return signed(
        operation,
        keyOf(operation.index),
        random.pick([
          { ...SIGNING, chainId: 1n },
          { ...SIGNING, settlement: 1n },
        ]),
      )
    case 'version': {
      if (!('version' in operation)) return signed(operation, keyOf(operation.index))
      return signed({ ...operation, version: operation.version + 1n }, keyOf(operation.index))
    }
    case 'expiry':
      return signed({ ...operation, expiry: VALID_UNTIL - BigInt(random.integer(0, 1)) }, keyOf(operation.index))
    case 'signature': {
      const whole = signed(operation, keyOf(operation.index))
      return { ...whole, signature: { ...whole.signature, s: whole.signature.s ^ 1n } }
    }
  }
}

function within(value: bigint): bigint {
  return value < 0n ? 0n : value < WORD ? value : WORD - 1n
}

function positive(random: Random, value: bigint): bigint {
  return within(value) === 0n ? BigInt(random.integer(1, 3)) : within(value)
}
