import assert from 'node:assert/strict'

import { zeroAddress } from 'viem'

import {
  ADA,
  BOB,
  type CheckpointRecord,
  checkpoint,
  fund,
  ledgerOf,
  liquidate,
  open,
  refusesTransact,
  step,
  transact,
  wait,
} from './custody.ts'
import { deployMarket, type Market, TIMES } from './market.ts'

const CASH = 1_000_000n
const ETH = 100_000_000n

describe('withdrawals', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  const open1 = { inboxAfter: 5n }

  beforeEach(async () => {
    market = await deployMarket({ more: [0, 24] })
    ;[, , ada, bob] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1000n * CASH)
    await open(market, bob, 1, 10n * 10n ** 18n, BOB)
    await transact(market, [step.open(0n, 0n, 1000n * CASH, ADA), step.open(1n, 1n, 10n * ETH, BOB)])
  })

  it('pend until the next checkpoint, then pay their recipient', async () => {
    const { vault, tokens, settlement } = market
    const events = await transact(
      market,
      [step.withdraw(0n, 0n, 300n * CASH, bob), step.withdraw(1n, 1n, ETH, bob)],
      open1,
    )
    const pendings = events
      .filter(({ name }) => name === 'WithdrawalPending')
      .map(({ args }) => [args.id, args.index, args.asset, args.amount, args.epoch])
    assert.deepEqual(pendings, [
      [0n, 0n, 0, 300n * CASH, 1n],
      [1n, 1n, 1, ETH, 1n],
    ])
    const cash = await ledgerOf(vault, 0)
    assert.deepEqual(
      [cash.custody, cash.accounts, cash.pending, cash.claimable],
      [1000n * CASH, 700n * CASH, 300n * CASH, 0n],
    )
    assert.deepEqual(await vault.read('ratio', 1n), [0n, 0n])
    // The inbox is emptied, so the next settlement is a checkpoint.
    await transact(market, [step.preferences(0n)])
    assert.deepEqual(await vault.read('ratio', 1n), [1n, 1n])
    const receipt = await vault.write('claim', [0n], bob)
    assert.deepEqual(vault.events(receipt), [{ name: 'Claimed', args: { id: 0n, tokenAmount: 300n * CASH } }])
    await vault.write('claim', [1n], bob)
    assert.equal(await tokens[0]!.read('balanceOf', bob), 300n * CASH)
    assert.equal(await tokens[1]!.read('balanceOf', bob), 10n ** 18n)
    assert.equal((await ledgerOf(vault, 0)).claimable, 0n)
    assert.equal(await settlement.read('isComplete'), true)
  })

  it('are refused before the checkpoint: NotCheckpointed', async () => {
    await transact(market, [step.withdraw(0n, 0n, CASH, bob)], open1)
    await market.vault.refuses('NotCheckpointed', 'claim', [0n], [0n], bob)
    await market.settlement.refuses('NotComplete', 'checkpoint')
    await wait(market, TIMES.maxAge)
    await transact(market, [step.preferences(0n)])
    await market.vault.refuses('NotCheckpointed', 'claim', [0n], [0n], bob)
    await checkpoint(market)
    await market.vault.write('claim', [0n], bob)
  })

  it('are refused twice: AlreadyClaimed', async () => {
    await transact(market, [step.withdraw(0n, 0n, CASH, bob)])
    await market.vault.write('claim', [0n], bob)
    await market.vault.refuses('AlreadyClaimed', 'claim', [0n], [0n], bob)
  })

  it('pay their recipient whoever asks, one that cannot call too; UnknownWithdrawal', async () => {
    const mute = market.eth.address
    await transact(market, [step.withdraw(0n, 0n, CASH, bob), step.withdraw(0n, 0n, 2n * CASH, mute)])
    for (const [id, to, amount] of [
      [0n, bob, CASH],
      [1n, mute, 2n * CASH],
    ] as const) {
      const before = await market.tokens[0]!.read<bigint>('balanceOf', to)
      await market.vault.write('claim', [id], ada)
      assert.equal((await market.tokens[0]!.read<bigint>('balanceOf', to)) - before, amount)
    }
    assert.equal((await ledgerOf(market.vault, 0)).claimable, 0n)
    await market.vault.refuses('UnknownWithdrawal', 'claim', [2n], [2n], bob)
    await market.vault.refuses('UnknownWithdrawal', 'withdrawal', [2n], [2n])
    await market.vault.refuses('UnknownWithdrawal', 'payout', [2n], [2n])
  })

  it('of a synthetic or of an asset that does not exist are refused: NotSpot', async () => {
    for (const asset of [2n, 5n, 7n, 8n, 256n, 1n << 200n]) {
      await refusesTransact(market, 'NotSpot', [step.withdraw(0n, asset, CASH, bob)], [asset])
    }
  })

  it('of nothing, of more than any custody, of part of a token unit, or to nobody are refused', async () => {
    await refusesTransact(market, 'AmountZero', [step.withdraw(0n, 0n, 0n, bob)])
    await refusesTransact(market, 'AmountTooLarge', [step.withdraw(0n, 0n, 1n << 64n, bob)])
    await open(market, ada, 3, 5n)
    await transact(market, [step.open(2n, 3n, 5n * ETH, ADA)])
    await refusesTransact(market, 'NotRepresentable', [step.withdraw(2n, 3n, ETH + 1n, bob)], [3n, ETH + 1n])
    await refusesTransact(market, 'BadRecipient', [step.withdraw(0n, 0n, CASH, zeroAddress)], [0n])
    // Bit 160 alone says something: in full or wait.
    const refuse = (extra: bigint) =>
      refusesTransact(market, 'BadRecipient', [step.withdraw(0n, 0n, CASH, bob).with(8, extra)], [extra])
    await refuse((1n << 161n) + BigInt(bob))
    await refuse((3n << 160n) + BigInt(bob))
    await refuse((1n << 252n) + BigInt(bob))
    await refuse(1n << 160n)
  })

  it('go up to free custody, not beyond: BeyondFreeCustody', async () => {
    const { vault } = market
    // Queued deposits, pending and claimable withdrawals, and waiting insurance are not free.
    await open(market, ada, 0, 77n * CASH, BOB)
    await fund(market, bob, 0, 5n * CASH)
    await market.insurance.write('insure', [5n * CASH], bob)
    assert.equal(await vault.read('free', 0), 1000n * CASH)
    await transact(market, [step.withdraw(0n, 0n, 100n * CASH, bob)], open1)
    assert.equal(await vault.read('free', 0), 900n * CASH)
    await refusesTransact(
      market,
      'BeyondFreeCustody',
      [step.withdraw(0n, 0n, 900n * CASH + 1n, bob)],
      [0n, 900n * CASH + 1n, 900n * CASH],
    )
    await refusesTransact(
      market,
      'BeyondFreeCustody',
      [step.withdraw(0n, 0n, 500n * CASH, bob), step.withdraw(1n, 0n, 400n * CASH + 1n, ada)],
      [0n, 400n * CASH + 1n, 400n * CASH],
    )
    await transact(market, [step.withdraw(0n, 0n, 500n * CASH, bob), step.withdraw(1n, 0n, 400n * CASH, ada)], open1)
    assert.equal(await vault.read('free', 0), 0n)
    await refusesTransact(market, 'BeyondFreeCustody', [step.withdraw(0n, 0n, 1n, bob)], [0n, 1n, 0n])
    // Borrowed ETH: the account that withdraws need not have deposited it.
    await transact(market, [step.withdraw(0n, 1n, 10n * ETH, ada)])
    assert.equal(await vault.read('free', 1), 0n)
  })

  it('pay exactly, whatever the decimals of the token', async () => {
    const { vault, tokens } = market
    await open(market, ada, 3, 5n)
    await open(market, ada, 4, 9n * 10n ** 24n, BOB)
    await transact(market, [step.open(2n, 3n, 5n * ETH, ADA), step.open(3n, 4n, 9n * ETH, BOB)])
    await transact(market, [step.withdraw(2n, 3n, 2n * ETH, bob), step.withdraw(3n, 4n, 123_456_789n, bob)])
    await vault.write('claim', [0n], bob)
    await vault.write('claim', [1n], bob)
    assert.equal(await tokens[3]!.read('balanceOf', bob), 2n)
    assert.equal(await tokens[4]!.read('balanceOf', bob), 123_456_789n * 10n ** 16n)
  })

  describe('while the backstop is under water', () => {
    // It took over 3 ETH at 194.61 for 1,000: 416.17 short.
    beforeEach(() => liquidate(market, [-1000n * CASH, 3n * ETH], 0n))

    it('pay the ratio of value to claims, the rest stays with the backstop: no run', async () => {
      const { vault, tokens } = market
      const record = await vault.read<CheckpointRecord>('lastCheckpoint')
      assert.ok(record.equity < 0n)
      const price = record.prices[0]!
      const value = price * 10n * ETH + ((1000n * CASH) << 32n)
      assert.equal(record.value, value)
      assert.equal(record.equity, price * 3n * ETH - ((1000n * CASH) << 32n))
      const epoch = record.epoch
      const amount = 400n * CASH
      await transact(market, [step.withdraw(0n, 0n, amount, bob), step.withdraw(1n, 1n, ETH, ada)])
      assert.deepEqual(await vault.read('ratio', epoch), [value, value - record.equity])
      const share = (x: bigint) => (x * value) / (value - record.equity)
      await vault.write('claim', [0n], bob)
      await vault.write('claim', [1n], ada)
      assert.equal(await tokens[0]!.read('balanceOf', bob), share(amount))
      assert.equal(await tokens[1]!.read('balanceOf', ada), share(ETH) * 10n ** 10n)
      const [cash, eth] = [await ledgerOf(vault, 0), await ledgerOf(vault, 1)]
      assert.equal(cash.backstop, -1000n * CASH + amount - share(amount))
      assert.equal(eth.backstop, 3n * ETH + ETH - share(ETH))
      for (const l of [cash, eth]) assert.equal(l.custody, l.accounts + l.backstop + l.pending + l.claimable + l.queued)
      // Those who stay get no less from an escape than those who left: the ratio is the same, to rounding.
      const after = await vault.read<CheckpointRecord>('lastCheckpoint')
      const [left, right] = [after.value * (value - record.equity), value * (after.value - after.equity)]
      assert.ok((left > right ? left - right : right - left) * 10n ** 9n < right)
    })

    it('pay in full again once it was given enough', async () => {
      const { vault } = market
      await fund(market, bob, 0, 500n * CASH)
      await market.vault.write('donate', [0, 500n * CASH], bob)
      await transact(market, [step.withdraw(0n, 0n, CASH, bob)])
      const { epoch } = await vault.read<CheckpointRecord>('lastCheckpoint')
      assert.deepEqual(await vault.read('ratio', epoch - 1n), [1n, 1n])
    })

    it('pay down to whole token units', async () => {
      const coarse = await deployMarket({ cash: 0 })
      await coarse.rounds.write('postRound')
      await open(coarse, ada, 0, 10n)
      await transact(coarse, [step.open(0n, 0n, 10n * CASH, ADA)])
      await liquidate(coarse, [-5n * CASH, 1n])
      await transact(coarse, [step.withdraw(0n, 0n, 10n * CASH, bob)])
      await coarse.vault.write('claim', [0n], bob)
      assert.equal(await coarse.tokens[0]!.read('balanceOf', bob), 6n)
      const l = await ledgerOf(coarse.vault, 0)
      assert.equal(l.custody, l.accounts + l.backstop + l.pending + l.claimable + l.queued)
      assert.ok(l.claimable < CASH)
    })
  })
})
