import { type Address, toHex } from 'viem'
import type { Account } from '../../protocol/account.ts'
import type { Shape } from '../../protocol/batch.ts'
import { type Close, noLimit } from '../../protocol/forced-close.ts'
import type { Balances } from '../../protocol/health.ts'
import { type OwnerKey, ownerHash, ownerKeyFromSeed, sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import type { Marks } from '../../protocol/marks.ts'
import { messageHash, type SigningDomain } from '../../protocol/messages.ts'
import {
  type Forced,
  type Operation,
  operationMessage,
  type Preferences,
  type SignedOperation,
  type Trade,
  type Unwind,
  type Withdraw,
} from '../../protocol/operation.ts'
import { type Signature, sign } from '../../protocol/signature.ts'
import { System } from '../../protocol/system.ts'
import { account, MARKS, MIN_LIABILITY, SLOTS, TINY } from './circuit-market.ts'

export const SIGNING: SigningDomain = { chainId: 31337n, settlement: 0x5e771e3e47n }
export const SEQUENCER = sequencerKey(0x5e90e4ce5n)
export const RECIPIENT: Address = '0x00000000000000000000000000000000000bEEF1'
export const VALID_UNTIL = 1_900_000_000n
export const EXPIRY = VALID_UNTIL + 600n
export const LINK = 0x1234567n

/** The key of the owner of account `index`. */
export function ownerKey(index: number): OwnerKey {
  return ownerKeyFromSeed(toHex(index + 1, { size: 32 }))
}

/** An account whose owner can sign. */
export function ownedAccount(index: number, balances: Balances, more: Partial<Account> = {}): Account {
  const { publicKey } = ownerKey(index)
  return account(index, balances, {
    owner: ownerHash(publicKey),
    viewKey: sharedViewKey(SEQUENCER.secret, publicKey),
    ...more,
  })
}

/** A system of accounts whose owners can sign, all in the inbox. */
export function owned(
  accounts: readonly Account[],
  { marks = MARKS, shape = TINY }: { marks?: Marks; shape?: Shape } = {},
): System {
  const publicKeys = accounts.map(({ index }) => ownerKey(index).publicKey)
  const system = System.genesis(shape, SLOTS, MIN_LIABILITY, accounts, [], {
    domain: SIGNING,
    secret: SEQUENCER.secret,
    publicKeys,
  })
  system.setMarks(marks)
  return system
}

export const UNSIGNED: Signature = { r8: [0n, 1n], s: 0n }

/** Signs an operation: by the owner of its index unless another key is given. */
export function signed<T extends SignedOperation>(operation: T, key = ownerKey(operation.index), domain = SIGNING): T {
  return { ...operation, signature: sign(key, messageHash(domain, operationMessage(operation))) }
}

// What an operation leaves out: version 7, as `account` makes them.
const common = { version: 7n, expiry: EXPIRY, signature: UNSIGNED }

export function withdrawal(more: Partial<Withdraw> & Pick<Withdraw, 'index' | 'amount'>): Withdraw {
  return signed({ kind: 'withdraw', asset: 0, recipient: RECIPIENT, ...common, ...more })
}

export function half(more: Partial<Trade> & Pick<Trade, 'index' | 'direction' | 'x' | 'y'>): Trade {
  return signed({ kind: 'trade', asset: 1, link: LINK, ...common, ...more })
}

export function unwind(more: Partial<Unwind> & Pick<Unwind, 'index' | 'direction' | 'x' | 'y'>): Unwind {
  return signed({ kind: 'unwind', asset: 1, ...common, ...more })
}

export function preferences(more: Partial<Preferences> & Pick<Preferences, 'index' | 'weights'>): Preferences {
  return signed({ kind: 'preferences', ...common, ...more })
}

export function forced(more: Partial<Forced> & Pick<Forced, 'index' | 'amount'>): Forced {
  return signed({
    kind: 'forced',
    queueNumber: 12n,
    asset: 0,
    recipient: RECIPIENT,
    expiry: EXPIRY,
    signature: UNSIGNED,
    ...more,
  })
}

export function close(more: Partial<Close> & Pick<Close, 'index' | 'direction' | 'amount'>): Close {
  return signed({
    kind: 'close',
    queueNumber: 14n,
    asset: 1,
    limit: noLimit(more.direction),
    expiry: EXPIRY,
    signature: UNSIGNED,
    ...more,
  })
}

export function topUp(index: number, amount: bigint, asset = 1): Operation {
  return { kind: 'topup', depositId: 1, index, asset, amount }
}

/** A batch of each kind, for accounts 0 and 1 that are healthy and account 2 that is below its target. */
export function oneOfEach(): Record<string, Operation[]> {
  return {
    topup: [topUp(0, 7n)],
    withdraw: [withdrawal({ index: 0, amount: 5n })],
    trade: [half({ index: 0, direction: 1, x: 10n, y: 21n }), half({ index: 1, direction: 0, x: 10n, y: 21n })],
    unwind: [unwind({ index: 0, direction: 1, x: 3n, y: 6n })],
    preferences: [preferences({ index: 1, weights: [8, 1, 2, 3, 4, 5, 6, 15] })],
    forced: [forced({ index: 1, amount: 11n })],
    discharge: [forced({ index: 2, amount: 1n })],
    rekey: [{ kind: 'rekey', index: 0 }],
    bounce: [topUp(0, (1n << 64n) - 1n, 0)],
    close: [close({ index: 0, direction: 0, amount: 10n, limit: 1n })],
    dischargeClose: [close({ index: 0, direction: 1, amount: 10n })],
    none: [],
  }
}
