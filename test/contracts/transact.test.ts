import assert from 'node:assert/strict'

import {
  ADA,
  BOB,
  fund,
  ledgerOf,
  liquidate,
  OP,
  open,
  refusesTransact,
  step,
  transact,
  transactBatch,
  wait,
} from './custody.ts'
import { AUCTION, deployMarket, type Market, nextRound, TIMES, TRANSACT_STEPS } from './market.ts'
import { R, type TransactVector } from './mirror.ts'

describe('a settlement of operations', () => {
  let market: Market
  let ada: `0x${string}`
  const first = () => [step.open(0n, 0n, 1000n, ADA)]

  beforeEach(async () => {
    market = await deployMarket()
    ada = market.chain.accounts[2]!
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1000n)
  })

  it('takes root, head, chain, contract, key and marks from storage, writes what changed, and is a checkpoint', async () => {
    const { settlement, vault } = market
    const batch = await transactBatch(market, first())
    const receipt = await settlement.write('settle', [[batch]])
    assert.deepEqual(settlement.events(receipt), [
      {
        name: 'Transacted',
        args: { round: 1n, values: batch.values, digest: batch.digest, proof: batch.proof },
      },
      { name: 'Settled', args: { round: 1n, complete: true } },
    ])
    assert.deepEqual(vault.events(receipt), [
      { name: 'DepositConsumed', args: { id: 0n } },
      { name: 'Checkpointed', args: { epoch: 1n, root: batch.values[1], round: 1n, deposits: 1n, num: 1n, den: 1n } },
    ])
    assert.equal(await settlement.read('accountsRoot'), batch.values[1])
  })

  it('pushes on the inbox, and then is no checkpoint', async () => {
    const { settlement, vault } = market
    const receipt = await settlement.write('settle', [[await transactBatch(market, first(), { inboxAfter: 42n })]])
    assert.equal(settlement.events(receipt).at(-1)!.args.complete, false)
    assert.equal(await settlement.read('head', 1n), 42n)
    assert.equal(await vault.read('epochs'), 0n)
    await settlement.refuses('NotComplete', 'checkpoint')
  })

  it('refuses a vector that differs from storage in one element', async () => {
    const { settlement } = market
    // A trade is proven at marks.
    const steps = [...first(), step.trade(0n)]
    const marks = await market.rounds.read<bigint[][]>('marks')
    const changes: Partial<TransactVector>[] = [
      { root: [999n, 5n] },
      { inbox: [1n, 0n] },
      { chainId: 1n },
      { settlement: 5n },
      { sequencerKey: ADA },
      { sequencerKey: [ADA[0], BOB[1]] },
      { active: 0n },
      { validUntil: 5n },
    ]
    for (let a = 0; a < 7; a++) {
      for (const k of [0, 5, 6, 9, 10, 11])
        changes.push({ marks: marks.map((m, i) => (i === a ? m.with(k, m[k]! + 1n) : m)) })
    }
    for (const proven of changes) await refusesTransact(market, 'InvalidProof', steps, [0n], { proven })
    const batch = await transactBatch(market, steps)
    for (let i = 1; i < 14; i++) {
      await settlement.refuses(
        'InvalidProof',
        'settle',
        [[{ ...batch, values: batch.values.with(i, batch.values[i]! + 1n) }]],
        [0n],
      )
    }
    // The maintenance marks and the depths are not in it.
    await transact(market, steps, {
      proven: { marks: marks.map((m) => m.with(1, 5n).with(2, 6n).with(7, 7n).with(8, 8n)) },
    })
  })

  describe('refuses', () => {
    it('WrongWindowLength, WrongValuesLength, ValueNotInField, TooManySteps', async () => {
      const { settlement } = market
      const batch = await transactBatch(market, first())
      const length = BigInt(4 + 10 * TRANSACT_STEPS)
      await settlement.refuses('WrongWindowLength', 'settle', [[{ ...batch, window: [0] }]], [0n, 1n, 0n])
      await settlement.refuses(
        'WrongValuesLength',
        'settle',
        [[{ ...batch, values: batch.values.slice(1) }]],
        [0n, length - 1n, length],
      )
      await settlement.refuses(
        'WrongValuesLength',
        'settle',
        [[{ ...batch, values: [...batch.values, 0n] }]],
        [0n, length + 1n, length],
      )
      for (let i = 0; i < batch.values.length; i++) {
        await settlement.refuses(
          'ValueNotInField',
          'settle',
          [[{ ...batch, values: batch.values.with(i, R) }]],
          [0n, BigInt(i)],
        )
      }
      await settlement.refuses('ValueNotInField', 'settle', [[{ ...batch, digest: R }]], [0n, length])
      await settlement.refuses(
        'TooManySteps',
        'settle',
        [[{ ...batch, values: batch.values.with(0, 4n) }]],
        [0n, 4n, 3n],
      )
    })

    it('BatchExpired', async () => {
      const now = await market.chain.now()
      await refusesTransact(market, 'BatchExpired', first(), [0n, now - 1n], { validUntil: now - 1n })
      await refusesTransact(market, 'BatchExpired', first(), [0n, 1n << 40n], { validUntil: 1n << 40n })
      await market.chain.nextBlockAt(now + 50n)
      await market.settlement.write('settle', [[await transactBatch(market, first(), { validUntil: now + 50n })]])
    })

    it('InvalidStep: an operation that does not exist, junk in an inactive step, padding before an active one', async () => {
      for (const op of [13n, 255n, 256n, 267n, R - 1n])
        await refusesTransact(market, 'InvalidStep', [[op, ...first()[0]!.slice(1)]], [0n, 0n])
      await refusesTransact(market, 'InvalidStep', [Array<bigint>(10).fill(0n), first()[0]!], [0n, 0n])
      await refusesTransact(market, 'InvalidStep', [first()[0]!, [0n, 1n, ...Array<bigint>(8).fill(0n)]], [0n, 1n], {
        active: 1n,
      })
      await refusesTransact(market, 'InvalidStep', first(), [0n, 0n], { active: 0n })
      for (let k = 1; k < 10; k++) {
        await refusesTransact(market, 'InvalidStep', [first()[0]!, Array<bigint>(10).fill(0n).with(k, 1n)], [0n, 1n], {
          active: 1n,
        })
      }
    })

    it('NoFreshRound for what depends on marks, at a round older than maxAge, and takes the rest', async () => {
      const { settlement, rounds } = market
      const [, timestamp] = await rounds.read<[bigint, bigint]>('round')
      await market.chain.mineAt(timestamp + BigInt(TIMES.maxAge))
      for (const op of [OP.withdraw, OP.trade, OP.unwind, OP.forced, OP.discharge]) {
        await refusesTransact(market, 'NoFreshRound', [[op, ...Array<bigint>(9).fill(1n)]], [])
      }
      await transact(market, [...first(), step.preferences(0n), step.rekey(0n)])
      await settlement.refuses('NoFreshRound', 'checkpoint')
      assert.equal(await market.vault.read('epochs'), 0n, 'no checkpoint at a stale round either')
      await nextRound(market)
      await settlement.write('checkpoint', [], market.chain.accounts[7])
      assert.equal(await market.vault.read('epochs'), 1n)
    })

    it('NotOperator, NotSettlement, NotVault', async () => {
      const { settlement, vault, forced, insurance } = market
      await settlement.refuses('NotOperator', 'settle', [[await transactBatch(market, first())]], [], ada)
      await vault.refuses('NotSettlement', 'applySteps', [[], 0n])
      await vault.refuses('NotSettlement', 'liquidated', [Array(8).fill(0n), 0n])
      await vault.refuses('NotSettlement', 'checkpoint', [1n])
      await vault.refuses('NotSettlement', 'reserveIndices', [1n])
      await vault.refuses('NotInsurance', 'insureIn', [ada, 1n])
      await vault.refuses('NotInsurance', 'insureOut', [ada, 1n])
      await vault.refuses('NotInsurance', 'payCash', [ada, 1n])
      await vault.refuses('NotEscape', 'freeze')
      await vault.refuses('NotEscape', 'payShare', [0, ada, 1n, false])
      await forced.refuses('NotVault', 'consume', Array(10).fill(7n))
      await insurance.refuses('NotVault', 'onCheckpoint', [0n, 0n, 0n])
    })
  })

  it('reads no memo', async () => {
    await market.settlement.write('settle', [
      [{ ...(await transactBatch(market, first())), memo: `0x${'ab'.repeat(51)}` }],
    ])
  })

  it('leaves trades and preferences without a trace in the ledger', async () => {
    await transact(market, first())
    const before = await ledgerOf(market.vault, 0)
    await transact(market, [step.trade(0n), step.trade(1n), step.preferences(0n)])
    assert.deepEqual(await ledgerOf(market.vault, 0), before)
  })
})

describe("the backstop's inventory", () => {
  let market: Market
  const price = async (k: number, asset = 1) => (await market.rounds.read<bigint[][]>('marks'))[asset - 1]![k]!

  beforeEach(async () => {
    market = await deployMarket()
    await market.rounds.write('postRound')
    await open(market, market.chain.accounts[2]!, 0, 1_000_000_000_000n)
    await transact(market, [step.open(0n, 0n, 1_000_000_000_000n, ADA)])
    // It took over 10 ETH, and is short by 1 BTC.
    await liquidate(market, [-1_900_000_000n, 1_000_000_000n, -100_000_000n])
  })

  it('is refused on the wrong side, or beyond what there is: BackstopSide', async () => {
    const enough = 1n << 50n
    await refusesTransact(market, 'BackstopSide', [step.unwind(0n, 1n, 1_000_000_001n, enough, 1n)], [0n])
    await refusesTransact(market, 'BackstopSide', [step.unwind(0n, 1n, 1n, 0n, 0n)], [0n])
    await refusesTransact(market, 'BackstopSide', [step.unwind(0n, 2n, 1n, enough, 1n)], [0n])
    await refusesTransact(market, 'BackstopSide', [step.trade(0n), step.unwind(0n, 2n, 100_000_001n, 0n, 0n)], [1n])
    for (const asset of [0n, 3n, 7n, 8n, 256n]) {
      for (const direction of [0n, 1n])
        await refusesTransact(market, 'BackstopSide', [step.unwind(0n, asset, 1n, enough, direction)], [0n])
    }
    await refusesTransact(market, 'BackstopSide', [step.unwind(0n, 1n, 0n, enough, 1n)], [0n])
    await refusesTransact(market, 'AmountTooLarge', [step.unwind(0n, 1n, 1n, 1n << 64n, 1n)])
  })

  it('is sold from above the price down beyond sell as time goes by, to the unit: BackstopPrice', async () => {
    const { vault, chain, market: auction } = market
    const [full, sell] = [await price(0), await price(5)]
    const { terms } = await auction.read<{ terms: { premium: number; saleDuration: number } }>('auction', 1n)
    const first = full + ((full * BigInt(terms.premium) + 65_535n) >> 16n)
    const end = sell - (full * BigInt(AUCTION.floorDiscount)) / 10_000n
    const duration = BigInt(terms.saleDuration)
    const [, began] = await auction.read<[boolean, { since: number }[]]>('lots', 1n)
    const start = BigInt(began[0]!.since)
    let clock = 0n
    for (const t of [0n, 1n, 150n, 280n]) {
      if (start + t > (await chain.now())) await chain.mineAt(start + t)
      // Two ends of a difference, each rounded down.
      const [, round] = await market.rounds.read<[bigint, bigint]>('round')
      const at = (time: bigint) => ((time - round) << 32n) / duration
      clock = at(start + t) - at(start)
      const p = first - (((first - end) * clock) >> 32n)
      assert.equal(await auction.read('price', 1n), p)
      const x = 123_456_789n
      const least = (x * p + (1n << 32n) - 1n) >> 32n
      assert.deepEqual(await auction.read('quote', 1n, x), [true, least, least])
      await refusesTransact(market, 'BackstopPrice', [step.unwind(0n, 1n, x, least - 1n, 1n)], [0n])
    }
    // A round lets it run for five minutes, however long it stays in force.
    await chain.mineAt(start + 800n)
    const stood = await auction.read<bigint>('price', 1n)
    await chain.mineAt(start + 850n)
    assert.equal(await auction.read('price', 1n), stood)
    for (let i = 0; i < 12; i++) await nextRound(market)
    assert.equal(await auction.read('price', 1n), end)
    const x = 400_000_000n
    const least = (x * end + (1n << 32n) - 1n) >> 32n
    await refusesTransact(market, 'BackstopPrice', [step.unwind(0n, 1n, x, least - 1n, 1n)], [0n])
    const events = await transact(market, [step.unwind(0n, 1n, x, least, 1n)])
    assert.deepEqual(events[0], { name: 'Unwound', args: { asset: 1, direction: 1, x, y: least } })
    const backstop = await vault.read<bigint[]>('backstop')
    assert.deepEqual(backstop.slice(0, 3), [-1_900_000_000n + least, 600_000_000n, -100_000_000n])
    const [cash, eth] = [await ledgerOf(vault, 0), await ledgerOf(vault, 1)]
    assert.equal(cash.accounts + cash.backstop, cash.custody)
    assert.equal(eth.accounts + eth.backstop, 0n)
  })

  it('is bought back from below the price up, of what cash the backstop has: BackstopPrice, BackstopRoom', async () => {
    const { vault, market: auction } = market
    const x = 70_000_000n
    const [sells, offers, available] = await auction.read<[boolean, object[], bigint]>('lots', 2n)
    assert.deepEqual([sells, offers.length, available], [false, 1, 100_000_000n])
    // It owes cash: it buys nothing back.
    await refusesTransact(market, 'BackstopRoom', [step.unwind(0n, 2n, x, 1n, 0n)], [0n])
    await auction.refuses('BeyondCash', 'quote', [2n, x])
    await fund(market, market.chain.accounts[4]!, 0, 10_000_000_000n)
    await vault.write('donate', [0, 10_000_000_000n], market.chain.accounts[4])
    const [, now] = await auction.read<[boolean, bigint, bigint]>('quote', 2n, x)
    assert.ok(now < (x * (await price(0, 2))) >> 32n)
    await refusesTransact(market, 'BackstopPrice', [step.unwind(0n, 2n, x, now + 10_000_000n, 0n)], [0n])
    // A second liquidation is a lot of its own: the clock of the first runs on.
    const lotsOf = async (asset: bigint) => (await auction.read<[boolean, { price: bigint }[]]>('lots', asset))[1]
    for (let i = 0; i < 3; i++) await nextRound(market)
    const [before] = await lotsOf(2n)
    await liquidate(market, [-1n, 0n, -1n])
    const [first, second, ...others] = await lotsOf(2n)
    assert.equal(others.length, 0)
    assert.ok(first!.price >= before!.price && second!.price < first!.price)
    const [, paid] = await auction.read<[boolean, bigint, bigint]>('quote', 2n, x)
    await transact(market, [step.unwind(0n, 2n, x, paid, 0n)])
    assert.equal((await vault.read<bigint[]>('backstop'))[2], -100_000_001n + x)
    await transact(market, [step.unwind(0n, 2n, 30_000_001n, 0n, 0n)])
    assert.equal(await auction.read('price', 2n), 0n)
    await auction.refuses('UnknownAsset', 'price', [0n])
  })

  it('is not traded at a round older than maxAge', async () => {
    await wait(market, TIMES.maxAge)
    await refusesTransact(market, 'NoFreshRound', [step.unwind(0n, 1n, 1n, 1000n, 1n)])
  })
})
