import assert from 'node:assert/strict'

import { getAddress } from 'viem'

import {
  ADA,
  ADA_OWNER,
  BOB,
  keyOf,
  ledgerOf,
  liveFor,
  OP,
  open,
  refusesTransact,
  step,
  topUp,
  transact,
  wait,
} from './custody.ts'
import { DEPOSIT, deployMarket, type Market, nextRound, TIMES } from './market.ts'
import { BASE8, multiply, R } from './mirror.ts'

const ONE_ETH = 10n ** 18n
const L = 2736030358979909402780800718157159386076813972158567259200215660948447373041n
const FEE = DEPOSIT.openingFee

describe('deposits', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  const refuses = (
    error: string,
    functionName: 'open' | 'topUp',
    args: unknown[],
    errorArgs?: unknown[],
    value = functionName === 'open' ? FEE : 0n,
  ) => market.vault.refuses(error, functionName, args, errorArgs, ada, value)

  beforeEach(async () => {
    market = await deployMarket({ more: [0, 24] })
    ;[, , ada, bob] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
  })

  it('queue in order, take the next index, and credit the opening fee to the operator', async () => {
    const { vault, chain } = market
    const first = await open(market, ada, 1, ONE_ETH)
    assert.deepEqual(first, {
      id: 0n,
      index: 0n,
      kind: 1,
      asset: 1,
      amount: 100_000_000n,
      ax: ADA[0],
      ay: ADA[1],
      depositor: getAddress(ada),
      deadline: (await market.rounds.read<bigint>('liveTime')) + 3600n,
    } as never)
    const second = await open(market, bob, 0, 5_000_000n, BOB)
    assert.deepEqual([second.id, second.index, second.amount], [1n, 1n, 5_000_000n])
    const third = await topUp(market, bob, 0n, 0, 100n)
    assert.deepEqual([third.id, third.index], [2n, 0n])
    assert.deepEqual(await vault.read('depositQueue'), [0n, 3n])
    assert.equal(await vault.read('nativeCredits', chain.accounts[0]), 2n * FEE)
    assert.equal(await vault.read('nextIndex'), 2)
    assert.equal(await vault.read('opened'), 0)
    assert.equal((await ledgerOf(vault, 0)).queued, 5_000_100n)
    await transact(market, [
      step.open(0n, 1n, 100_000_000n, ADA),
      step.open(1n, 0n, 5_000_000n, BOB),
      step.topUp(0n, 0n, 100n),
    ])
    assert.equal(await vault.read('opened'), 2)
    const cash = await ledgerOf(vault, 0)
    assert.deepEqual(
      [cash.queued, cash.accounts, cash.consumed, cash.custody],
      [0n, 5_000_100n, 5_000_100n, 5_000_100n],
    )
    const before = await chain.client.getBalance({ address: vault.address })
    await vault.write('withdrawNativeCredits', [chain.accounts[0]])
    assert.equal(before - (await chain.client.getBalance({ address: vault.address })), 2n * FEE)
    await vault.refuses('NothingToWithdraw', 'withdrawNativeCredits', [chain.accounts[0]])
  })

  describe('are refused by', () => {
    it('WrongFee', async () => {
      await refuses('WrongFee', 'open', [0, 1000n, ...ADA, false], [FEE], FEE - 1n)
      await refuses('WrongFee', 'open', [0, 1000n, ...ADA, false], [FEE], FEE + 1n)
    })

    it('NotCanonical', async () => {
      await refuses('NotCanonical', 'open', [0, 1000n, ADA[0] + R, ADA[1], false])
      await refuses('NotCanonical', 'open', [0, 1000n, ADA[0], ADA[1] + R, false])
    })

    it('NotOnCurve', async () => {
      await refuses('NotOnCurve', 'open', [0, 1000n, ADA[0] + 1n, ADA[1], false])
      await refuses('NotOnCurve', 'open', [0, 1000n, 0n, 0n, false])
    })

    it('SmallOrder', async () => {
      await refuses('SmallOrder', 'open', [0, 1000n, 0n, 1n, false])
      await refuses('SmallOrder', 'open', [0, 1000n, 0n, R - 1n, false])
      await refuses('SmallOrder', 'open', [0, 1000n, ...multiply(BASE8, L), false])
    })

    it('NotSpot', async () => {
      for (const asset of [2, 5, 7, 8, 255])
        await refuses('NotSpot', 'open', [asset, 1000n, ...ADA, false], [BigInt(asset)])
      await open(market, ada, 0, 1000n)
      await refuses('NotSpot', 'topUp', [0, ADA_OWNER, 2, 1000n], [2n])
    })

    it('BelowMinimum', async () => {
      await refuses('BelowMinimum', 'open', [0, 999n, ...ADA, false], [999n, 1000n])
      await open(market, ada, 0, 1000n)
      await refuses('BelowMinimum', 'topUp', [0, ADA_OWNER, 0, 99n], [99n, 100n])
      await refuses('BelowMinimum', 'topUp', [0, ADA_OWNER, 0, 0n], [0n, 100n])
    })

    it('NotRepresentable', async () => {
      await refuses('NotRepresentable', 'open', [1, ONE_ETH + 1n, ...ADA, false], [1n, ONE_ETH + 1n])
      await refuses('NotRepresentable', 'open', [4, 10n ** 24n + 10n ** 16n - 1n, ...ADA, false])
    })

    it('CapExceeded', async () => {
      const cap = 1n << 62n
      await refuses('CapExceeded', 'open', [0, cap + 1n, ...ADA, false], [0n, cap])
      await refuses('CapExceeded', 'open', [4, (1n << 200n) * 10n ** 16n, ...ADA, false], [0n, cap])
      await open(market, ada, 0, cap)
      await refuses('CapExceeded', 'topUp', [0, ADA_OWNER, 0, 100n], [cap, cap])
    })

    it('AccountsFull', async () => {
      for (let i = 0; i < 16; i++) await open(market, ada, 0, 1000n, keyOf(BigInt(20 + i)))
      await refuses('AccountsFull', 'open', [0, 1000n, ...ADA, false])
    })

    it('UnknownAccount', async () => {
      await refuses('UnknownAccount', 'topUp', [0, ADA_OWNER, 0, 1000n], [0n])
      await open(market, ada, 0, 1000n)
      await topUp(market, bob, 0n, 0, 1000n)
      await refuses('UnknownAccount', 'topUp', [1, ADA_OWNER, 0, 1000n], [1n])
    })

    it("the token's own error, without allowance", async () => {
      const data = market.vault.encode('open', [0, 1000n, ...ADA, false])
      await market.chain.revertData({ to: market.vault.address, data, from: ada, value: FEE })
    })
  })

  describe('are consumed by a batch, which is refused as WrongDeposit', () => {
    beforeEach(async () => {
      await open(market, ada, 1, ONE_ETH)
      await open(market, bob, 0, 5_000_000n, BOB)
      await topUp(market, bob, 0n, 0, 300n)
    })
    const first = () => step.open(0n, 1n, 100_000_000n, ADA)
    const second = () => step.open(1n, 0n, 5_000_000n, BOB)
    const third = () => step.topUp(0n, 0n, 300n)
    const wrong = (steps: bigint[][], at: number) => refusesTransact(market, 'WrongDeposit', steps, [BigInt(at)])

    it('twice', async () => {
      await wrong([first(), first()], 1)
      await transact(market, [first()])
      await wrong([first()], 0)
      await transact(market, [second(), third()])
      await wrong([third()], 0)
    })

    it('out of order', async () => {
      await wrong([second(), first()], 0)
      await wrong([third()], 0)
      await wrong([first(), third(), second()], 1)
    })

    it('to another account', async () => {
      await wrong([first().with(1, 1n)], 0)
      await wrong([first(), second(), third().with(1, 1n)], 2)
    })

    it('under another key', async () => {
      await wrong([first().with(8, BOB[0])], 0)
      await wrong([first().with(9, BOB[1])], 0)
      await wrong([step.open(0n, 1n, 100_000_000n, BOB)], 0)
    })

    it('of another amount or asset', async () => {
      await wrong([first().with(7, 100_000_001n)], 0)
      await wrong([first().with(7, 99_999_999n)], 0)
      await wrong([first().with(6, 0n)], 0)
      await wrong([first().with(6, 257n)], 0)
    })

    it('of another kind', async () => {
      await wrong([first().with(0, OP.topUp)], 0)
      await wrong([step.bounce(0n, 1n, 100_000_000n)], 0)
      await transact(market, [first(), second()])
      await wrong([step.open(0n, 0n, 300n, ADA)], 0)
      await wrong([step.open(0n, 0n, 300n, [0n, 0n])], 0)
    })

    it('where there is none', async () => {
      await transact(market, [first(), second(), third()])
      await wrong([step.topUp(0n, 0n, 0n)], 0)
      await wrong([Array<bigint>(10).fill(0n).with(0, OP.bounce)], 0)
    })
  })

  it('bounce where the account has no room, and then are refunded to the depositor, once', async () => {
    const { vault, tokens } = market
    await open(market, ada, 0, 1000n)
    const { id } = await topUp(market, bob, 0n, 0, 300n)
    await transact(market, [step.open(0n, 0n, 1000n, ADA)])
    await vault.refuses('NotRefundable', 'refund', [id], [id])
    await vault.refuses('NotRefundable', 'refund', [0n], [0n])
    await vault.refuses('NotRefundable', 'refund', [99n], [99n])
    await refusesTransact(market, 'WrongDeposit', [step.bounce(0n, 0n, 301n)], [0n])
    const events = await transact(market, [step.bounce(0n, 0n, 300n)])
    assert.deepEqual(events[0], { name: 'DepositBounced', args: { id } })
    assert.equal((await ledgerOf(vault, 0)).queued, 300n)
    await vault.write('refund', [id], ada)
    assert.equal(await tokens[0]!.read('balanceOf', bob), 300n)
    await vault.refuses('AlreadyRefunded', 'refund', [id], [id])
    assert.equal((await ledgerOf(vault, 0)).custody, 1000n)
  })

  it('need no round, not even the first', async () => {
    const young = await deployMarket()
    await open(young, ada, 0, 1000n)
    await transact(young, [step.open(0n, 0n, 1000n, ADA)])
    assert.equal(await young.vault.read('opened'), 1)
  })

  it('have deadlines in live time, spaced, and the first that is ignored is overdue', async () => {
    const { vault, escape: exits, rounds } = market
    const deadlines: bigint[] = []
    for (let i = 0; i < 3; i++) deadlines.push((await open(market, ada, 0, 1000n, keyOf(BigInt(30 + i)))).deadline)
    assert.ok(deadlines[1]! - deadlines[0]! >= 15n && deadlines[2]! - deadlines[1]! >= 15n)
    await wait(market, 1_500)
    assert.equal(await vault.read('depositOverdue'), false, 'the clock stands still without a fresh round')
    await liveFor(market, 2000)
    // At the deadline it is not overdue, a second later it is.
    const left = deadlines[0]! - (await rounds.read<bigint>('liveTime'))
    assert.ok(left > 0n && left < BigInt(TIMES.maxAge))
    await wait(market, Number(left))
    assert.equal(await rounds.read('liveTime'), deadlines[0])
    assert.equal(await vault.read('depositOverdue'), false)
    await wait(market, 1)
    assert.equal(await vault.read('depositOverdue'), true)
    assert.equal(await exits.read('stalled', 0n), true)
    await transact(market, [step.open(0n, 0n, 1000n, keyOf(30n))])
    assert.equal(await vault.read('depositOverdue'), false)
  })

  it('cannot be made so many that a served one is overdue: the deadlines move apart', async () => {
    const { vault } = market
    await open(market, ada, 0, 1000n)
    for (let i = 0; i < 30; i++) await topUp(market, bob, 0n, 0, 100n)
    const last = await vault.read<{ deadline: number }>('deposit', 30n)
    const first = await vault.read<{ deadline: number }>('deposit', 0n)
    assert.ok(last.deadline - first.deadline >= 30 * 15)
    await nextRound(market)
    assert.equal(await vault.read('depositOverdue'), false)
  })

  it('of fewer or more decimals are scaled exactly', async () => {
    const { vault, tokens } = market
    await open(market, ada, 3, 7n)
    await open(market, bob, 4, 1234n * 10n ** 16n, BOB)
    assert.equal((await ledgerOf(vault, 3)).custody, 700_000_000n)
    assert.equal((await ledgerOf(vault, 4)).custody, 1234n)
    assert.equal(await tokens[3]!.read('balanceOf', vault.address), 7n)
    assert.equal(await tokens[4]!.read('balanceOf', vault.address), 1234n * 10n ** 16n)
  })
})
