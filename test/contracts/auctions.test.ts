import assert from 'node:assert/strict'

import type { Address, TransactionReceipt } from 'viem'

import type { Contract, Event } from './chain.ts'
import {
  ADA,
  abandon,
  BOB,
  type CheckpointRecord,
  checkpoint,
  exitCall,
  fund,
  ledgerOf,
  liquidate,
  open,
  refusesTransact,
  step,
  topUp,
  transact,
  wait,
} from './custody.ts'
import { AUCTION, deployMarket, type Market, nextRound, TIMES } from './market.ts'
import { BEFORE_LOTS } from './market-gas.ts'

const USD = 1_000_000n
const ETH = 100_000_000n
const WEI = 10n ** 10n
const NO_BOUND = (1n << 256n) - 1n
const SCALE = 1n << 32n
const ETH_PRICE = 194_61000000n

interface Offer {
  lot: number
  units: bigint
  since: number
  price: bigint
}

describe('the liquidation market', () => {
  let market: Market
  let ada: Address
  let bob: Address
  let eve: Address
  let sale: Contract
  const lots = async (asset = 1n) => (await sale.read<[boolean, Offer[], bigint]>('lots', asset))[1]
  const cost = async (units: bigint, asset = 1n) =>
    (await sale.read<[boolean, bigint, bigint]>('quote', asset, units))[2]
  const mark = async (k: number, asset = 1) => (await market.rounds.read<bigint[][]>('marks'))[asset - 1]![k]!
  const balance = (asset: number, user: Address) => market.tokens[asset]!.read<bigint>('balanceOf', user)
  const take = (units: bigint, user = eve, limit = NO_BOUND, recipient = user) =>
    sale.write('take', [1, units, limit, recipient, '0x'], user)
  const filled = (receipt: TransactionReceipt): Event => sale.events(receipt).at(-1)!
  /** Rounds at an unmoved price until the lots are at the end of their way. */
  const rest = async () => {
    for (let i = 0; i < 12; i++) await nextRound(market)
  }

  beforeEach(async () => {
    market = await deployMarket()
    ;[, , ada, bob, eve] = market.chain.accounts as [never, never, Address, Address, Address]
    sale = market.market
    await market.rounds.write('postRound')
    await open(market, ada, 0, 10_000n * USD)
    await open(market, bob, 1, 20n * ETH * WEI, BOB)
    await transact(market, [step.open(0n, 0n, 10_000n * USD, ADA), step.open(1n, 1n, 20n * ETH, BOB)])
    await fund(market, eve, 0, 100_000n * USD)
  })

  describe('sells to anybody', () => {
    beforeEach(async () => {
      await liquidate(market, [-1_900n * USD, 10n * ETH])
    })

    it('for tokens, at the price of the second, and books the cash; the operator is not asked', async () => {
      const before = await ledgerOf(market.vault, 0)
      await nextRound(market)
      const limit = await cost(4n * ETH)
      const [lot] = await lots()
      const receipt = await take(4n * ETH, eve, limit, bob)
      const { args } = filled(receipt)
      const cash = args.cash as bigint
      assert.ok(cash <= limit && cash > (4n * ETH * (await mark(5))) / SCALE)
      assert.deepEqual(
        sale.events(receipt).map(({ name }) => name),
        ['LotTaken', 'Filled'],
      )
      assert.deepEqual([args.taker, args.sells, args.units, args.mark], [eve, true, 4n * ETH, await mark(0)])
      assert.equal(args.kept, cash * SCALE - 4n * ETH * (await mark(5)))
      assert.equal(args.penalty, 4n * ETH * ((await mark(0)) - (await mark(5))))
      assert.deepEqual([await balance(1, bob), await balance(0, eve)], [4n * ETH * WEI, 100_000n * USD - cash])
      const [cashBook, eth] = [await ledgerOf(market.vault, 0), await ledgerOf(market.vault, 1)]
      assert.deepEqual([cashBook.custody, cashBook.backstop], [before.custody + cash, before.backstop + cash])
      assert.deepEqual([eth.custody, eth.backstop], [16n * ETH, 6n * ETH])
      assert.deepEqual(
        (await lots()).map(({ units, lot }) => [lot, units]),
        [[lot!.lot, 6n * ETH]],
      )
      await sale.refuses('BeyondLimit', 'take', [1, ETH, 1n, eve, '0x'], undefined, eve)
      await sale.refuses(
        'BeyondInventory',
        'take',
        [1, 6n * ETH + 1n, NO_BOUND, eve, '0x'],
        [6n * ETH + 1n, 6n * ETH],
        eve,
      )
      await sale.refuses('AmountZero', 'take', [1, 0n, NO_BOUND, eve, '0x'], [], eve)
      await sale.refuses('UnknownAsset', 'take', [0, 1n, NO_BOUND, eve, '0x'], [0n], eve)
      await sale.refuses('UnknownAsset', 'take', [3, 1n, NO_BOUND, eve, '0x'], [3n], eve)
    })

    it('by one contract only: nobody else moves lots, books or tokens', async () => {
      await market.vault.refuses('NotMarket', 'exchange', [1, 1n, 0, 1n, eve, eve, '0x'], [], eve)
      await sale.refuses('NotVault', 'changed', [1n, 1n, true], [], eve)
      await sale.refuses('NotVault', 'unwind', [0n, 1n, 1n, 1n, true], [], eve)
      await sale.refuses('NotRounds', 'closeRound', [], [], eve)
      await sale.refuses('NotRounds', 'openRound', [Array(7).fill(0n)], [], eve)
    })

    it('sells what accounts took inside no more, and the other way round', async () => {
      await nextRound(market)
      const inside = (await sale.read<[boolean, bigint, bigint]>('quote', 1n, 3n * ETH))[1]
      await transact(market, [step.unwind(0n, 1n, 3n * ETH, inside, 1n)])
      await take(7n * ETH)
      assert.deepEqual(await lots(), [])
      await refusesTransact(market, 'BackstopSide', [step.unwind(0n, 1n, 1n, USD, 1n)], [0n])
    })

    it('synthetics inside only', async () => {
      await liquidate(market, [-5_000n * USD, 0n, ETH])
      await sale.refuses('NotSpot', 'take', [2, ETH, NO_BOUND, eve, '0x'], [2n], eve)
      const inside = (await sale.read<[boolean, bigint, bigint]>('quote', 2n, ETH / 100n))[1]
      await transact(market, [step.unwind(0n, 2n, ETH / 100n, inside, 1n)])
    })

    it('no more in a quarter of an hour than moves the market by the share that was set', async () => {
      const cap = (25_000_000_000_000n * BigInt(AUCTION.maxImpact)) / 10_000n
      await fund(market, bob, 1, 10n * cap * WEI)
      await market.vault.write('donate', [1, 2n * cap * WEI], bob)
      await fund(market, eve, 0, 1n << 60n)
      await nextRound(market)
      await sale.refuses('BeyondCap', 'take', [1, cap + 1n, NO_BOUND, eve, '0x'], [cap + 1n, cap], eve)
      await take(cap - 1n)
      await sale.refuses('BeyondCap', 'take', [1, 2n, NO_BOUND, eve, '0x'], [2n, 1n], eve)
      // The clock stands, and what was beyond the mark is at the mark again.
      const stood = (await lots())[0]!.price
      assert.ok(stood >= (await mark(0)))
      await nextRound(market)
      await nextRound(market)
      await nextRound(market)
      await take(cap)
    })
  })

  describe('buys back', () => {
    it('what the backstop is short of, with cash of its own in free custody', async () => {
      await liquidate(market, [1_000n * USD, -2n * ETH])
      await fund(market, eve, 1, 5n * ETH * WEI)
      await nextRound(market)
      const least = await cost(2n * ETH)
      assert.ok(least < (2n * ETH * (await mark(0))) / SCALE)
      const held = await balance(0, eve)
      await sale.refuses('BeyondLimit', 'take', [1, 2n * ETH, least + USD, eve, '0x'], [least], eve)
      const { args } = filled(await sale.write('take', [1, 2n * ETH, least, eve, '0x'], eve))
      assert.deepEqual([args.sells, args.units], [false, 2n * ETH])
      assert.equal((await balance(0, eve)) - held, args.cash)
      const [cash, eth] = [await ledgerOf(market.vault, 0), await ledgerOf(market.vault, 1)]
      assert.deepEqual(
        [cash.backstop, eth.backstop, eth.custody],
        [1_000n * USD - (args.cash as bigint), 0n, 22n * ETH],
      )
      // Nor with a token that keeps a fee of what the taker brings, nor from one that brings nothing.
      await liquidate(market, [0n, -ETH])
      const before = await ledgerOf(market.vault, 1)
      await market.tokens[1]!.write('setFee', [1n])
      await sale.refuses('WrongReceived', 'take', [1, ETH, 0n, eve, '0x'], undefined, eve)
      await market.tokens[1]!.write('setFee', [0n])
      const taker = await market.chain.contract('TestTaker')
      const nothing = taker.encode('take', [sale.address, 1, ETH, 0n, taker.address, '0x01'])
      await assert.rejects(market.chain.client.call({ to: taker.address, data: nothing }), /revert/)
      assert.deepEqual(await ledgerOf(market.vault, 1), before)
      await liquidate(market, [0n, ETH])
      // Without cash of its own it buys nothing.
      await liquidate(market, [-600n * USD - cash.backstop, -ETH])
      await sale.refuses('BeyondCash', 'take', [1, ETH / 2n, 0n, eve, '0x'], undefined, eve)
    })
  })

  describe('is not to be had for less', () => {
    beforeEach(async () => {
      await liquidate(market, [-1_900n * USD, 10n * ETH])
    })

    it('by dust, which resets no clock', async () => {
      for (let i = 0; i < 3; i++) await nextRound(market)
      const [before] = await lots()
      await liquidate(market, [0n, 1n])
      for (let i = 0; i < 3; i++) {
        await nextRound(market)
        await liquidate(market, [0n, 1n])
      }
      const [front, ...dust] = await lots()
      assert.equal(dust.length, 4)
      assert.ok(front!.price < before!.price && front!.units === 10n * ETH)
      assert.ok(dust.every(({ price }) => price > front!.price))
      // One take has it all.
      await take(10n * ETH + 4n)
    })

    it('by a taker that calls again while it is called back: everything of value is locked', async () => {
      const taker = await market.chain.contract('TestTaker')
      await market.tokens[0]!.write('mint', [taker.address, 10_000n * USD])
      await taker.write('approve', [market.tokens[0]!.address, market.vault.address, NO_BOUND])
      await transact(market, [step.withdraw(1n, 1n, ETH, bob), step.withdraw(0n, 0n, USD, ada)])
      await nextRound(market)
      const again = sale.encode('take', [1, ETH, NO_BOUND, taker.address, '0x01'])
      const attempts: [Contract, `0x${string}`][] = [
        [sale, again],
        [market.vault, market.vault.encode('claim', [0n])],
        [market.vault, market.vault.encode('donate', [0, 1n])],
        [market.insurance, market.insurance.encode('insure', [USD])],
      ]
      for (const [target, data] of attempts) {
        await taker.write('setCall', [target.address, data])
        const held = await balance(1, taker.address)
        await taker.write('take', [sale.address, 1, ETH, NO_BOUND, taker.address, '0xabcd'])
        assert.equal(await taker.read('succeeded'), false)
        // `ReentrancyGuardReentrantCall()`
        assert.equal(await taker.read('answer'), '0x3ee5aeb5')
        assert.equal((await balance(1, taker.address)) - held, ETH * WEI)
      }
      assert.deepEqual(
        [
          (await taker.read<string>('caller')).toLowerCase(),
          await taker.read('sells'),
          await taker.read('out'),
          await taker.read('data'),
        ],
        [market.vault.address, true, ETH * WEI, '0xabcd'],
      )
      assert.equal((await ledgerOf(market.vault, 1)).backstop, 6n * ETH)
      await market.vault.write('claim', [0n], eve)
    })

    it('by one that pays nothing, or with a token that keeps a fee: then nothing has happened', async () => {
      const { vault, tokens } = market
      await nextRound(market)
      const [before, offers] = [await ledgerOf(vault, 1), await lots()]
      const taker = await market.chain.contract('TestTaker')
      const args = [1, ETH, NO_BOUND, taker.address, '0x']
      const paying = { to: taker.address, data: taker.encode('take', [sale.address, ...args]) }
      await assert.rejects(market.chain.client.call(paying), /revert/)
      await tokens[0]!.write('setFee', [1n])
      await sale.refuses('WrongReceived', 'take', [1, ETH, NO_BOUND, eve, '0x'], undefined, eve)
      await tokens[0]!.write('setFee', [0n])
      // A token that refuses, and one that answers that it paid but did not.
      await tokens[0]!.write('setRefusing', [true])
      await sale.refuses('SafeERC20FailedOperation', 'take', [1, ETH, NO_BOUND, eve, '0x'], undefined, eve)
      await tokens[0]!.write('setRefusing', [false])
      assert.deepEqual([await ledgerOf(vault, 1), (await lots())[0]!.units], [before, offers[0]!.units])
    })

    it('before or after a round: nobody buys cheaper after it than before, and an unposted fall gives no discount', async () => {
      for (let i = 0; i < 4; i++) await nextRound(market)
      // Just before it, when the clock has run as far as it does in a round.
      await wait(market, TIMES.roundMin + 1)
      const before = (await lots())[0]!.price
      // Down by 4 %: at the same clock it would be cheaper.
      await nextRound(market, (ETH_PRICE * 96n) / 100n)
      const after = (await lots())[0]!.price
      const premium = (await sale.read<{ terms: { premium: number } }>('auction', 1n)).terms.premium
      const start = (await mark(0)) + ((await mark(0)) * BigInt(premium) + 65_535n) / 65_536n
      assert.ok(after >= before || after >= start)
      await nextRound(market, ETH_PRICE)
      assert.ok((await lots())[0]!.price >= before)
    })

    it('in the first block after an outage: no price in it, the new mark or more after it', async () => {
      await rest()
      const cheap = (await lots())[0]!.price
      assert.ok(cheap < (await mark(5)))
      await wait(market, TIMES.maxAge)
      await sale.refuses('NoPrice', 'take', [1, ETH, NO_BOUND, eve, '0x'], [1n], eve)
      assert.deepEqual([(await lots())[0]!.price, await sale.read('price', 1n)], [0n, 0n])
      await wait(market, 3_000)
      await nextRound(market, (ETH_PRICE * 110n) / 100n)
      assert.ok((await lots())[0]!.price >= (await mark(0)))
    })

    it('out of what is promised to those who withdraw', async () => {
      const { vault } = market
      // 20 ETH in custody, 10 of them the backstop's and 10 bob's, who withdraws; ada borrows 8.
      await transact(market, [step.withdraw(1n, 1n, 10n * ETH, bob)])
      await transact(market, [step.withdraw(0n, 1n, 8n * ETH, ada)])
      await nextRound(market)
      await sale.refuses(
        'BeyondFreeCustody',
        'take',
        [1, 2n * ETH + 1n, NO_BOUND, eve, '0x'],
        [1n, 2n * ETH + 1n, 2n * ETH],
        eve,
      )
      await take(2n * ETH)
      await sale.refuses('BeyondFreeCustody', 'take', [1, 1n, NO_BOUND, eve, '0x'], [1n, 1n, 0n], eve)
      for (const id of [0n, 1n]) await vault.write('claim', [id], eve)
      assert.deepEqual([await balance(1, bob), await balance(1, ada)], [10n * ETH * WEI, 8n * ETH * WEI])
      assert.equal(await balance(1, vault.address), 0n)
    })
  })

  it('leaves what a freeze would give back of deposits since the last checkpoint', async () => {
    const { vault } = market
    await liquidate(market, [-1_900n * USD, 25n * ETH])
    const { id } = await topUp(market, bob, 1n, 1, 5n * ETH * WEI)
    // No checkpoint: something waits in the inbox.
    await transact(market, [step.topUp(1n, 1n, 5n * ETH)], { inboxAfter: 5n })
    await nextRound(market)
    const beyond = [1n, 20n * ETH + 1n, 20n * ETH]
    await sale.refuses('BeyondFreeCustody', 'take', [1, 20n * ETH + 1n, NO_BOUND, eve, '0x'], beyond, eve)
    await take(20n * ETH)
    await abandon(market)
    const held = await balance(1, bob)
    await vault.write('refund', [id], eve)
    assert.equal((await balance(1, bob)) - held, 5n * ETH * WEI)
    assert.equal((await ledgerOf(vault, 1)).custody, 0n)
  })

  describe('is open', () => {
    it("while the operator is silent: rounds are anybody's, and so are lots", async () => {
      await liquidate(market, [-1_900n * USD, 10n * ETH])
      for (let i = 0; i < 10; i++) {
        await nextRound(market)
        await take(ETH)
      }
      assert.deepEqual(await lots(), [])
      assert.equal((await ledgerOf(market.vault, 1)).backstop, 0n)
      // No settlement came in between.
      assert.equal((await market.vault.read<CheckpointRecord>('lastCheckpoint')).round, 1n)
    })

    it('until a freeze, after which owners have what they had, to the unit, and insurers bear what was lost', async () => {
      const { vault, insurance, escape: exits } = market
      await fund(market, bob, 0, 1_000n * USD)
      await insurance.write('insure', [1_000n * USD], bob)
      await nextRound(market)
      await checkpoint(market)
      await liquidate(market, [-1_900n * USD, 10n * ETH])
      await rest()
      await checkpoint(market)
      const { equity, value, prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
      assert.ok(equity > 1_000n * USD * SCALE)
      const { args } = filled(await take(10n * ETH))
      const lost = 10n * ETH * prices[0]! - (args.cash as bigint) * SCALE
      assert.ok(lost > 100n * USD * SCALE)
      assert.deepEqual([args.loss, await sale.read('loss')], [lost, lost])
      await abandon(market)
      await sale.refuses('NoPrice', 'take', [1, 1n, NO_BOUND, eve, '0x'], undefined, eve)
      const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
      assert.equal(denominator, value - lost)
      // Ada had 11,900 USD, bob 10 ETH: the record's prices times what they get is what they had.
      const equities = [11_900n * USD * SCALE, 10n * ETH * prices[0]!]
      for (const [index, own] of equities.entries()) {
        const to = [ada, bob][index]!
        const had = [await balance(0, to), await balance(1, to)]
        await exits.write('exit', await exitCall(market, BigInt(index), to, own))
        for (const asset of [0, 1]) await exits.write('pull', [index, asset])
        const got = [(await balance(0, to)) - had[0]!, ((await balance(1, to)) - had[1]!) / WEI]
        assert.deepEqual(
          got,
          [0, 1].map((asset) => (holdings[asset]! * own) / denominator),
        )
        const worth = got[0]! * SCALE + got[1]! * prices[0]!
        assert.ok(own - worth <= SCALE + prices[0]!, `${own - worth}`)
      }
      const held = await balance(0, bob)
      await exits.write('pullShares', [0], bob)
      const [shares, total] = await insurance.read<[bigint, bigint]>('sharesOf', bob)
      assert.equal((await balance(0, bob)) - held, (holdings[0]! * (((equity - lost) * shares) / total)) / denominator)
    })

    it('at a checkpoint what was lost is in its record: an escape from there counts it no more', async () => {
      await liquidate(market, [-1_900n * USD, 10n * ETH])
      await rest()
      const { args } = filled(await take(10n * ETH))
      assert.ok((args.loss as bigint) > 0n)
      assert.equal(await sale.read('loss'), args.loss)
      await checkpoint(market)
      assert.equal(await sale.read('loss'), 0n)
    })
  })
})

describe('a thousand lots', () => {
  it('are eight, and cost whoever takes what was there before the gas of seven words at most', async () => {
    const { startChain } = await import('./chain.ts')
    const chain = await startChain()
    const stage = await chain.contract('MarketStage')
    const sale = await chain.contract('Market', [{ ...AUCTION, vault: stage.address }])
    await stage.write('setMarket', [sale.address])
    const marks = { price: 200n * SCALE, sell: 196n * SCALE, buy: 204n * SCALE }
    const round = { round: 1n, time: 0, held: false, ...marks, depth: 0n, roundMin: 300, maxAge: 900 }
    await stage.write('post', [round, 1n << 30n, 1n << 44n])
    await stage.write('resolve', [1_000_000n])
    const offers = async () => (await sale.read<[boolean, Offer[], bigint]>('lots', 1n))[1]
    await chain.nextBlockAt((await chain.now()) + 200n)
    const one = await sale.write('take', [1, 1_000n, NO_BOUND, stage.address, '0x'])
    const before = (await offers())[0]!.price
    for (let i = 0; i < 10; i++) await stage.write('flood', [100n, 1n])
    const [front, ...dust] = await offers()
    assert.equal(dust.length, 7)
    assert.equal(
      dust.reduce((sum, { units }) => sum + units, 0n),
      1_000n,
    )
    assert.deepEqual([front!.units, front!.price <= before], [999_000n, true])
    const many = await sale.write('take', [1, 1_000n, NO_BOUND, stage.address, '0x'])
    // Seven words that were not read before, and a price each, at the very most.
    assert.ok(many.gasUsed < one.gasUsed + 7n * 6_000n, `${many.gasUsed - one.gasUsed}`)
    const all = await sale.write('take', [1, 999_000n, NO_BOUND, stage.address, '0x'])
    assert.ok(all.gasUsed < 400_000n, `${all.gasUsed}`)
    assert.deepEqual(await offers(), [])
  })
})

describe('a resolve that makes lots', () => {
  it('takes at most 25,000 gas an asset and lot more than one did without them, in slots used before', async () => {
    const market = await deployMarket()
    const { chain, market: sale } = market
    await market.rounds.write('postRound')
    await open(market, chain.accounts[2]!, 0, 1_000_000n * USD)
    await open(market, chain.accounts[3]!, 1, 100n * ETH * WEI, BOB)
    await transact(market, [step.open(0n, 0n, 1_000_000n * USD, ADA), step.open(1n, 1n, 100n * ETH, BOB)])
    // The backstop is never under water: what a checkpoint cuts is not measured.
    await fund(market, chain.accounts[2]!, 0, 1_000_000n * USD)
    await market.vault.write('donate', [0, 1_000_000n * USD], chain.accounts[2])
    const sellAll = async () => {
      for (const asset of [1n, 2n]) {
        const [, offers, available] = await sale.read<[boolean, Offer[], bigint]>('lots', asset)
        if (offers.length === 0) continue
        const [, inside] = await sale.read<[boolean, bigint, bigint]>('quote', asset, available)
        await transact(market, [step.unwind(0n, asset, available, inside, 1n)])
      }
    }
    const gasOf = async (...delta: bigint[]) => (await liquidate(market, delta)).gasUsed
    const [eth, btc] = [ETH, ETH / 1_000n]
    for (let i = 0; i < 8; i++) {
      await nextRound(market)
      await liquidate(market, [-200n * USD, eth, btc])
    }
    await sellAll()
    await nextRound(market)
    const cash = await gasOf(-1n)
    const first = await gasOf(-1n, eth)
    await sellAll()
    await nextRound(market)
    const firsts = await gasOf(-1n, eth, btc)
    const joined = await gasOf(-1n, eth, btc)
    const later = await gasOf(-1n, eth, btc)
    await nextRound(market)
    const seconds = await gasOf(-1n, eth, btc)
    // Nobody but the backstop has BTC: where it had none its figure was 0, which takes 17,100 to write.
    const [one, two, unused] = [BigInt(BEFORE_LOTS.first), BigInt(BEFORE_LOTS.first + BEFORE_LOTS.next), 17_100n]
    assert.ok(first - cash <= one + 25_000n, `${first - cash}`)
    assert.ok(firsts - cash <= two + unused + 50_000n, `${firsts - cash}`)
    assert.ok(seconds - cash <= two + 50_000n, `${seconds - cash}`)
    assert.ok(later - cash <= two + 50_000n, `${later - cash}`)
    // The first that joins a lot of its round makes the terms, which the lot itself did without.
    assert.ok(joined - cash <= two + 63_000n, `${joined - cash}`)
  })
})
