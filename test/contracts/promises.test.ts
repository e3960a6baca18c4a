import assert from 'node:assert/strict'

import {
  ADA,
  abandon,
  BOB,
  BOB_OWNER,
  type CheckpointRecord,
  checkpoint,
  exitCall,
  fund,
  keyOf,
  ledgerOf,
  liquidate,
  open,
  step,
  transact,
  wait,
} from './custody.ts'
import { DEPOSIT, deployMarket, type Market, nextRound } from './market.ts'

// What the contracts promise owners and insurers, by the scenario in which it once did not hold.

const USD = 1_000_000n
const ETH = 100_000_000n
const ONE = 1n << 32n

describe('what the contracts promise', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  let eve: `0x${string}`

  const marks = async () => (await market.rounds.read<bigint[][]>('marks'))[0]!
  const record = () => market.vault.read<CheckpointRecord>('lastCheckpoint')
  const cashOf = (user: `0x${string}`) => market.tokens[0]!.read<bigint>('balanceOf', user)
  /** What a call brings a user in cash. */
  const brings = async (user: `0x${string}`, call: () => Promise<unknown>): Promise<bigint> => {
    const before = await cashOf(user)
    await call()
    return (await cashOf(user)) - before
  }
  const account = async (user: `0x${string}`, index: bigint, amount: bigint, key = keyOf(30n + index)) => {
    await open(market, user, 0, amount, key)
    await transact(market, [step.open(index, 0n, amount, key)])
  }

  beforeEach(async () => {
    market = await deployMarket()
    ;[, , ada, bob, eve] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
  })
  afterEach(async () => {
    for (const a of [0, 1]) {
      const l = await ledgerOf(market.vault, a)
      const insuring = a === 0 ? await market.vault.read<bigint>('insuring') : 0n
      const sum = l.accounts + l.backstop + l.pending + l.claimable + l.waiting + l.queued + insuring
      assert.equal(l.custody, sum, `asset ${a}`)
    }
  })

  describe("no insurer gets another's cash", () => {
    const SIZE = 5_000n * ETH

    beforeEach(async () => {
      await account(eve, 0n, 2_000_000n * USD)
      for (const user of [ada, bob]) {
        await fund(market, user, 0, 10_000n * USD)
        await market.insurance.write('insure', [10_000n * USD], user)
      }
      await nextRound(market)
      await checkpoint(market)
    })

    /** The accounts' shorts of 5,000 ETH are bought back: the backstop is short of them and has their cash. */
    const takeOver = async () => liquidate(market, [(SIZE * (await marks())[6]!) >> 32n, -SIZE])
    /** The inventory is given back when its auction passes `buy`, for that, which does not fall short by a unit. */
    const giveBack = async () => {
      const buy = (await marks())[6]!
      while ((await market.market.read<bigint>('price', 1n)) < buy) await nextRound(market)
      await transact(market, [step.unwind(0n, 1n, SIZE, (SIZE * (await marks())[6]!) >> 32n, 0n)])
    }
    const redeem = async (user: `0x${string}`) => {
      const [shares] = await market.insurance.read<[bigint, bigint]>('sharesOf', user)
      await market.insurance.write('redeem', [shares], user)
    }
    const collect = (user: `0x${string}`) => brings(user, () => market.insurance.write('collect', [], user))

    for (const [name, before] of [
      ['who asks before a liquidation', true],
      ['who has seen the liquidation', false],
    ] as const)
      it(`${name}, where the penalty is given back with the inventory`, async () => {
        if (before) await redeem(ada)
        if (before) await nextRound(market)
        await takeOver()
        if (!before) {
          await redeem(ada)
          await nextRound(market)
          await checkpoint(market)
        }
        const first = await collect(ada)
        await giveBack()
        const left = (await record()).equity >> 32n
        await redeem(bob)
        await nextRound(market)
        await checkpoint(market)
        const second = await collect(bob)
        for (const paid of [first, left, second])
          assert.ok(paid <= 10_000n * USD + 1n && paid >= 10_000n * USD - 1n, `${paid} of 10,000,000,000`)
      })

    it('who holds, where the other joins while the penalty is not earned yet', async () => {
      await takeOver()
      await fund(market, eve, 0, 10_000n * USD)
      await market.insurance.write('insure', [10_000n * USD], eve)
      await nextRound(market)
      await checkpoint(market)
      await giveBack()
      // The newcomer paid the price of the round; what the unwinding gave back is its loss too, and the others' no more.
      const each: bigint[] = []
      for (const user of [ada, bob, eve]) {
        await redeem(user)
        await nextRound(market)
        await checkpoint(market)
        each.push(await collect(user))
      }
      assert.ok(each[0]! >= 10_000n * USD - 1n && each[1]! >= 10_000n * USD - 1n && each[2]! <= 10_000n * USD)
      const sum = each.reduce((a, b) => a + b)
      assert.ok(sum <= 30_000n * USD && sum >= 30_000n * USD - 4n, `${sum}`)
    })
  })

  describe('a collapsed token is worth what its feed says', () => {
    const CHEAP = 10n ** 17n

    beforeEach(async () => {
      await account(ada, 0n, 1_000_000n * USD)
      // 1,000,000,000 of a token at 0.0000001 USD: 100 USD's worth.
      await open(market, bob, 1, 10n ** 27n, BOB)
      await nextRound(market, 10n)
      await transact(market, [step.open(1n, 1n, CHEAP, BOB)])
    })

    it('in the value of a checkpoint and in an exit, not what liabilities count at the least', async () => {
      const { prices, value } = await record()
      const [, , raw] = await market.rounds.read<[bigint, bigint, bigint[]]>('round')
      assert.deepEqual(prices, raw)
      assert.equal((await marks())[0], 1n << 16n)
      assert.ok(raw[0]! < 1n << 16n && raw[0]! > 0n)
      assert.equal(value, 1_000_000n * USD * ONE + raw[0]! * CHEAP)
      await abandon(market)
      const equity = raw[0]! * CHEAP
      // What counted before: a proof at the price mark is no proof of anything.
      const { escape: exits } = market
      await exits.refuses('InvalidProof', 'exit', await exitCall(market, 1n, bob, equity, { equity: CHEAP << 16n }))
      await exits.write('exit', await exitCall(market, 1n, bob, equity))
      const pulled = await brings(bob, () => exits.write('pull', [1, 0]))
      assert.ok(pulled <= 100n * USD && pulled > 90n * USD, `${pulled} for 100 USD of junk`)
    })

    it('in what a withdrawal of it is owed, and in what insurers own', async () => {
      const { insurance } = market
      await fund(market, eve, 0, 1_000n * USD)
      await insurance.write('insure', [1_000n * USD], eve)
      await nextRound(market, 10n)
      await checkpoint(market)
      // The backstop takes over all of it, for nothing.
      await liquidate(market, [0n, CHEAP])
      const [, , raw] = await market.rounds.read<[bigint, bigint, bigint[]]>('round')
      assert.equal((await record()).equity, 1_000n * USD * ONE + raw[0]! * CHEAP)
      const [shares] = await insurance.read<[bigint, bigint]>('sharesOf', eve)
      await insurance.write('redeem', [shares], eve)
      await nextRound(market, 10n)
      await checkpoint(market)
      assert.ok((await brings(eve, () => insurance.write('collect', [], eve))) <= 1_000n * USD)
    })
  })

  describe('what a checkpoint cuts from withdrawals is owed', () => {
    const TAKEN = 1_000n * ETH

    beforeEach(async () => {
      await account(ada, 0n, 800_000n * USD, ADA)
      await account(bob, 1n, 100_000n * USD, BOB)
      await liquidate(market, [-((TAKEN * (await marks())[5]!) >> 32n), TAKEN])
    })

    /** At -5 %, where the backstop is under water by some 5,800 USD of 900,000. */
    const crash = (steps: bigint[][]) => nextRound(market, 184_87000000n).then(() => transact(market, steps))
    const sellAll = async () => {
      const held = (await ledgerOf(market.vault, 1)).backstop
      const [, cash] = await market.market.read<[boolean, bigint, bigint]>('quote', 1n, held)
      await transact(market, [step.unwind(0n, 1n, held, cash, 1n)])
    }
    const owed = () => market.insurance.read<[bigint, bigint]>('owed')
    const collect = (id: bigint, who: `0x${string}`) =>
      brings(who, () => market.insurance.write('collectOwed', [id], eve))

    it('in cash at its prices, and paid once the backstop has it: at an unmoved price nobody loses', async () => {
      const { vault, insurance } = market
      await crash([step.withdraw(1n, 0n, 100_000n * USD, bob)])
      const paid = await brings(bob, () => vault.write('claim', [0n], eve))
      const { equity, value } = await record()
      assert.ok(equity < 0n && paid < 99_400n * USD && paid > 99_300n * USD, `${paid}`)
      const cut = 100_000n * USD - paid
      const [total, repaid] = await owed()
      assert.ok(total <= cut && total >= cut - 1n)
      assert.equal(repaid, 0n)
      await insurance.refuses('NothingToCollect', 'collectOwed', [0n])
      // The ratio does not know of the debt: who stays gets by an escape what who left got.
      const denominator = value - equity
      assert.ok(value * 100_000n * USD - paid * denominator < 2n * denominator)

      // The price is back: the backstop has equity, but in ether, and debts in cash.
      await nextRound(market)
      await checkpoint(market)
      assert.ok((await record()).equity > 0n)
      assert.deepEqual(await owed(), [total, 0n])
      await sellAll()
      await nextRound(market)
      await checkpoint(market)
      assert.deepEqual(await owed(), [total, total])
      assert.equal(await collect(0n, bob), total)
      await insurance.refuses('NothingToCollect', 'collectOwed', [0n])
    })

    it('before insurers: they pay in and redeem at what is left, and neither pays for nor gains by it', async () => {
      const { vault, insurance } = market
      await crash([step.withdraw(1n, 0n, 100_000n * USD, bob)])
      const [total] = await owed()
      await nextRound(market)
      await checkpoint(market)
      const before = (await record()).equity
      await fund(market, eve, 0, 50_000n * USD)
      await insurance.write('insure', [50_000n * USD], eve)
      await nextRound(market)
      await checkpoint(market)
      const [shares, all] = await insurance.read<[bigint, bigint]>('sharesOf', eve)
      const net = (before >> 32n) - total
      const fair = (50_000n * USD * all) / (net + 50_000n * USD)
      assert.ok(shares <= fair && fair - shares < all / 10n ** 9n, `${shares} of ${all}, not ${fair}`)
      // The insurer's cash is the backstop's, which is short of cash still: nothing is repaid from what accounts are owed.
      assert.ok((await ledgerOf(vault, 0)).backstop < 0n)
      assert.deepEqual(await owed(), [total, 0n])
    })

    it('in the order of checkpoints, and of one in proportion, to the unit', async () => {
      const { vault, insurance } = market
      const withdraw = (index: bigint, amount: bigint, to: `0x${string}`) => step.withdraw(index, 0n, amount, to)
      await crash([withdraw(1n, 30_000n * USD, bob), withdraw(0n, 60_000n * USD, ada)])
      const [first] = await owed()
      await transact(market, [withdraw(1n, 10_000n * USD, bob)])
      const [total] = await owed()
      assert.ok(first > 0n && total > first)
      const parts = async (upTo: bigint) =>
        Promise.all([0n, 1n, 2n].map((id) => insurance.read<bigint>('owedTo', id, upTo)))
      const [b, a, later] = await parts(total)
      assert.ok(b! + a! <= first && b! + a! >= first - 1n && a! >= 2n * b! - 1n && a! <= 2n * b! + 2n)
      assert.equal(later, total - first)
      assert.deepEqual((await parts(first))[2], 0n)
      const half = await parts(first / 2n)
      assert.ok(half[0]! + half[1]! <= first / 2n && half[0]! + half[1]! >= first / 2n - 2n)

      // As much as pays the first and a part of the others: a gift is the backstop's equity.
      await nextRound(market)
      await sellAll()
      const { backstop } = await ledgerOf(vault, 0)
      const [, repaid] = await owed()
      assert.ok(backstop >= 0n || repaid === 0n)
      await checkpoint(market)
      assert.deepEqual(await owed(), [total, total])
      const got = [await collect(0n, bob), await collect(1n, ada), await collect(2n, bob)]
      assert.deepEqual(got, [b, a, later])
    })

    it('not where it waits to be paid in full, which it is at the first checkpoint with the backstop above water', async () => {
      const { vault } = market
      await crash([step.withdraw(1n, 0n, 100_000n * USD, bob, true), step.withdraw(0n, 0n, 1_000n * USD, ada)])
      assert.deepEqual(await vault.read('payout', 0n), [0n, 0n])
      await vault.refuses('NotCheckpointed', 'claim', [0n], [0n])
      const l = await ledgerOf(vault, 0)
      assert.equal(l.waiting, 100_000n * USD)
      assert.equal((await vault.read<{ inFull: boolean }>('withdrawal', 0n)).inFull, true)
      assert.ok((await brings(ada, () => vault.write('claim', [1n]))) < 1_000n * USD)
      // Another checkpoint under water changes nothing for it, and its cash is nobody's to take meanwhile.
      const free = await vault.read<bigint>('free', 0)
      assert.equal(free, l.accounts + l.backstop)
      await nextRound(market, 184_00000000n)
      await checkpoint(market)
      await vault.refuses('NotCheckpointed', 'claim', [0n], [0n])
      await nextRound(market)
      await checkpoint(market)
      assert.deepEqual(await vault.read('payout', 0n), [1n, 1n])
      assert.equal((await ledgerOf(vault, 0)).waiting, 0n)
      assert.equal(await brings(bob, () => vault.write('claim', [0n])), 100_000n * USD)
      await vault.refuses('AlreadyClaimed', 'claim', [0n], [0n])
    })

    it('where a freeze finds it waiting, it is paid as those who stay are', async () => {
      const { vault, escape: exits } = market
      await crash([step.withdraw(1n, 0n, 100_000n * USD, bob, true)])
      // This one comes after the checkpoint that is restored: it is void.
      await transact(market, [step.withdraw(0n, 0n, 1_000n * USD, ada, true)], { inboxAfter: 9n })
      const { value, equity } = await record()
      await abandon(market)
      const [num, den] = await vault.read<[bigint, bigint]>('payout', 0n)
      const paid = await brings(bob, () => vault.write('claim', [0n]))
      assert.equal(paid, (100_000n * USD * num) / den)
      await vault.refuses('NotCheckpointed', 'claim', [1n], [1n])
      const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
      assert.equal(denominator, value - equity)
      // The accounts, all ada's here, have all that is left, at the same ratio.
      await exits.write('exit', await exitCall(market, 0n, ada, denominator))
      assert.equal(await brings(ada, () => exits.write('pull', [0, 0])), holdings[0])
      const more = (holdings[0]! * ONE * den - denominator * num) / den / ONE
      assert.ok(more >= 0n && more <= 1n, `${more}`)
      assert.equal((await ledgerOf(vault, 0)).custody, 0n)
    })

    it('in an escape it comes before insurers, as far as the equity goes, and shares add up to the whole', async () => {
      const { vault, escape: exits, insurance, tokens } = market
      await crash([step.withdraw(1n, 0n, 100_000n * USD, bob)])
      await vault.write('claim', [0n])
      const [total] = await owed()
      // Above water by less than is owed, and in ether.
      await nextRound(market, 190_30000000n)
      await checkpoint(market)
      const { equity } = await record()
      assert.ok(equity > 0n && equity < total << 32n, `${equity >> 32n} of ${total}`)
      await abandon(market)
      const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
      await exits.write('exit', await exitCall(market, 0n, ada, denominator - equity))
      for (const asset of [0, 1]) {
        await exits.write('pull', [0, asset])
        const token = tokens[asset]!
        const before = await token.read<bigint>('balanceOf', bob)
        await exits.write('pullOwed', [0n, asset], eve)
        const got = (await token.read<bigint>('balanceOf', bob)) - before
        const due = (holdings[asset]! * ((equity >> 32n) << 32n)) / denominator
        const units = asset === 0 ? got : got / 10n ** 10n
        assert.ok(units <= due && units >= due - due / 10n ** 6n - 1n, `${units} of ${due}`)
        await exits.refuses('AlreadyPulled', 'pullOwed', [0n, asset])
        assert.ok((await ledgerOf(vault, asset)).custody <= 2n + due / 10n ** 6n)
      }
      await insurance.refuses('NothingToCollect', 'collectOwed', [0n])
    })
  })

  it('takes no new account while the backstop is under water, unless it is asked to; top-ups always', async () => {
    const { vault } = market
    await account(ada, 0n, 1_000_000n * USD, ADA)
    await liquidate(market, [-250_000n * USD], 250_000n * USD)
    await fund(market, bob, 0, 300_000n * USD)
    const fee = DEPOSIT.openingFee
    await vault.refuses('UnderWater', 'open', [0, 100_000n * USD, ...BOB, false], [], bob, fee)
    await vault.write('open', [0, 100_000n * USD, ...BOB, true], bob, fee)
    await vault.write('topUp', [1, BOB_OWNER, 0, 100_000n * USD], bob)
    // With the loss made up for, as before.
    await fund(market, eve, 0, 250_000n * USD)
    await vault.write('donate', [0, 250_000n * USD], eve)
    await checkpoint(market)
    await vault.write('open', [0, 100_000n * USD, ...keyOf(99n), false], bob, fee)
  })

  it('credits a top-up to the owner it names, or to nobody, whatever a reorganization put there', async () => {
    const { chain, vault } = market
    const mallory = chain.accounts[5]!
    const fee = DEPOSIT.openingFee
    await fund(market, bob, 0, 600_000n * USD)
    await fund(market, mallory, 0, 1000n)
    const snapshot = await chain.client.snapshot()
    const send = async () => {
      await vault.write('open', [0, 1000n, ...BOB, false], bob, fee)
    }
    await send()
    await vault.write('topUp', [0, BOB_OWNER, 0, 500_000n * USD], bob)
    await chain.client.revert({ id: snapshot })
    await vault.write('open', [0, 1000n, ...keyOf(66n), false], mallory, fee)
    await send()
    await vault.refuses('WrongOwner', 'topUp', [0, BOB_OWNER, 0, 500_000n * USD], [0n], bob)
    await vault.write('topUp', [1, BOB_OWNER, 0, 500_000n * USD], bob)
    // A forced request too.
    await transact(market, [step.open(0n, 0n, 1000n, keyOf(66n)), step.open(1n, 0n, 1000n, BOB)])
    const value = 10n ** 16n + 10n ** 15n
    await market.forced.refuses('WrongOwner', 'reserve', [0, BOB_OWNER], [0n], bob, value)
    await market.forced.write('reserve', [1, BOB_OWNER], bob, value)
  })

  describe('a deposit that waits beyond its deadline', () => {
    const late = async () => {
      await wait(market, 3_601)
      await nextRound(market)
      while (!(await market.vault.read<boolean>('depositOverdue'))) await nextRound(market)
    }

    it('is taken back by its depositor, once; and is consumed as one of nothing, so that nobody else is moved', async () => {
      const { vault } = market
      await open(market, ada, 0, 5_000n * USD, ADA)
      await open(market, bob, 0, 7_000n * USD, BOB)
      await vault.refuses('NotOverdue', 'takeBack', [0n], [0n], ada)
      await vault.refuses('NotDepositor', 'takeBack', [0n], [], bob)
      await vault.refuses('NotDepositor', 'takeBack', [9n], [], bob)
      const deadline = (await vault.read<{ deadline: number }>('deposit', 1n)).deadline
      await late()
      assert.equal(await brings(ada, () => vault.write('takeBack', [0n], ada)), 5_000n * USD)
      await vault.refuses('NotQueued', 'takeBack', [0n], [0n], ada)
      assert.deepEqual(await vault.read('depositQueue'), [0n, 2n])
      assert.equal((await vault.read<{ deadline: number }>('deposit', 1n)).deadline, deadline)
      const l = await ledgerOf(vault, 0)
      assert.deepEqual([l.custody, l.queued], [7_000n * USD, 7_000n * USD])
      // It is as overdue as before, and a batch that consumes what it was is refused.
      assert.equal(await vault.read('depositOverdue'), true)
      const consume = (amount: bigint) => [step.open(0n, 0n, amount, ADA), step.open(1n, 0n, 7_000n * USD, BOB)]
      await assert.rejects(transact(market, consume(5_000n * USD)), /WrongDeposit/)
      await transact(market, consume(0n))
      assert.equal(await vault.read('opened'), 2)
      assert.equal((await ledgerOf(vault, 0)).accounts, 7_000n * USD)
    })

    it('is not taken back where it was consumed, bounced or refunded after a freeze; nor refunded where it was taken back', async () => {
      const { vault } = market
      await account(ada, 0n, 1_000n * USD, ADA)
      await vault.refuses('NotQueued', 'takeBack', [0n], [0n], ada)
      await open(market, bob, 0, 7_000n * USD, BOB)
      await open(market, eve, 0, 9_000n * USD, keyOf(99n))
      await late()
      await vault.write('takeBack', [1n], bob)
      await abandon(market)
      await vault.refuses('Frozen', 'takeBack', [2n], [], eve)
      await vault.refuses('AlreadyRefunded', 'refund', [1n], [1n])
      assert.equal(await brings(eve, () => vault.write('refund', [2n])), 9_000n * USD)
      assert.equal((await ledgerOf(vault, 0)).queued, 0n)
    })
  })

  it('pays coins to whoever they are credited to, whoever asks', async () => {
    const { vault, chain } = market
    await account(ada, 0n, 1_000n * USD, ADA)
    const operator = chain.accounts[0]!
    const before = await chain.client.getBalance({ address: operator })
    await vault.write('withdrawNativeCredits', [operator], eve)
    assert.equal((await chain.client.getBalance({ address: operator })) - before, DEPOSIT.openingFee)
    await vault.refuses('NothingToWithdraw', 'withdrawNativeCredits', [operator], [], eve)
  })
})
