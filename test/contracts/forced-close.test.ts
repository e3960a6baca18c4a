import assert from 'node:assert/strict'

import {
  ADA,
  ADA_OWNER,
  BOB,
  type CloseRequest,
  checkpoint,
  closeSubmission,
  force,
  forceClose,
  keyOf,
  ledgerOf,
  liquidate,
  liveFor,
  open,
  refusesTransact,
  step,
  transact,
  wait,
} from './custody.ts'
import { deployMarket, FORCED, type Market, nextRound } from './market.ts'

const CASH = 1_000_000n
const BTC = 100_000_000n
/** `2 penalty depth` of BTC: 2 of 2 % of 10,000. */
const MOST = 400n * BTC
const L = 2736030358979909402780800718157159386076813972158567259200215660948447373041n
const DEAD = '0x000000000000000000000000000000000000dEaD'
const COST = FORCED.bond + FORCED.forcedFee
const MAX = (1n << 64n) - 1n

describe('forced closes', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  const overdue = async ({ number }: CloseRequest) =>
    (await market.forced.read<[boolean, number]>('overdue', number))[0]
  const request = (number: bigint) =>
    market.forced.read<{ state: number; deadline: number; closes: boolean; buys: boolean; limit: bigint }>(
      'request',
      number,
    )
  const sale = (amount = 2n * BTC) => forceClose(market, ada, { index: 0n, amount })
  /** A round at which BTC's source is stale. */
  const hold = async () => {
    await wait(market, 3_700)
    await market.eth.write('setAnswer', [194_61000000n])
    await market.rounds.write('postRound')
  }
  /** Leaves the backstop under water at a checkpoint. */
  const drown = async () => {
    await liquidate(market, [-100n * CASH])
    await checkpoint(market)
  }

  const begin = async (patience = 0) => {
    market = await deployMarket({}, (config) => ({ ...config, rounds: { ...config.rounds, patience } }))
    ;[, , ada, bob] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
    await open(market, ada, 0, 100_000n * CASH)
    await open(market, bob, 0, 100_000n * CASH, BOB)
    await transact(market, [step.open(0n, 0n, 100_000n * CASH, ADA), step.open(1n, 0n, 100_000n * CASH, BOB)])
  }
  beforeEach(() => begin())

  it('are reserved, signed, submitted, and carried out at a later round; what the backstop takes is a lot', async () => {
    const { forced, vault } = market
    const r = await sale()
    const filed = await request(r.number)
    assert.deepEqual([filed.state, filed.closes, filed.buys, filed.limit], [2, true, false, 0n])
    await nextRound(market)
    const [x, y] = [2n * BTC, 9_800n * CASH]
    const events = await transact(market, [step.close(r, x, y)])
    assert.ok(events.some(({ name, args }) => name === 'Served' && args.number === r.number))
    assert.equal(await forced.read('nativeCredits', ada), FORCED.bond)
    assert.deepEqual(await vault.read('backstop'), [-y, 0n, x, 0n, 0n, 0n, 0n, 0n])
    assert.equal((await ledgerOf(vault, 2)).accounts, -x)
    assert.equal((await ledgerOf(vault, 0)).accounts, 200_000n * CASH + y)
    const [sells, offers] = await market.market.read<[boolean, { units: bigint }[], bigint]>('lots', 2)
    assert.deepEqual([sells, offers.map(({ units }) => units)], [true, [x]])
    assert.equal(await forced.read('requestOf', 0, ada), 0n)
    await refusesTransact(market, 'WrongRequest', [step.close(r, x, y)], [r.number])
    // A short position that is bought back takes of that lot.
    const b = await forceClose(market, bob, { index: 1n, amount: BTC, buys: true, limit: MAX })
    await nextRound(market)
    await transact(market, [step.close(b, BTC, 5_100n * CASH)])
    assert.deepEqual(await vault.read('backstop'), [-4_700n * CASH, 0n, BTC, 0n, 0n, 0n, 0n, 0n])
    const [, rest] = await market.market.read<[boolean, { units: bigint }[], bigint]>('lots', 2)
    assert.deepEqual(
      rest.map(({ units }) => units),
      [BTC],
    )
  })

  it('are in no vector that is proven at no marks', async () => {
    const r = await sale()
    await nextRound(market)
    await wait(market, 1000)
    await refusesTransact(market, 'NoFreshRound', [step.close(r, BTC, CASH)])
  })

  describe('are refused by', () => {
    let good: CloseRequest
    const submit = (error: string, edit: Partial<CloseRequest>, args?: unknown[], from = ada) =>
      market.forced.refuses(error, 'submitClose', closeSubmission({ ...good, ...edit }), args, from)

    beforeEach(async () => {
      const receipt = await market.forced.write('reserve', [0, ADA_OWNER], ada, COST)
      const number = market.forced.events(receipt)[0]!.args.number as bigint
      const expiry = (await market.chain.now()) + 10n * 86_400n
      good = { number, index: 0n, asset: 2n, buys: false, amount: BTC, limit: 0n, expiry, r8: keyOf(5n), s: 17n }
    })

    it('NotSynthetic: cash and tokens leave otherwise, and there is no other asset', async () => {
      for (const asset of [0n, 1n, 3n, 7n, 255n]) await submit('NotSynthetic', { asset }, [asset])
    })

    it('AmountZero, and BeyondDepth by one unit', async () => {
      await submit('AmountZero', { amount: 0n })
      assert.equal(await market.forced.read('closeMost', 2n), MOST)
      await submit('BeyondDepth', { amount: MOST + 1n }, [MOST + 1n, MOST])
      await market.forced.write('submitClose', closeSubmission({ ...good, amount: MOST, limit: MAX }), ada)
    })

    it('NotReserver and WrongRequest', async () => {
      await submit('NotReserver', {}, [], bob)
      await submit('WrongRequest', { number: 99n }, [99n])
      await market.forced.write('submitClose', closeSubmission(good), ada)
      await submit('WrongRequest', {}, [good.number])
    })

    it('BadSignatureForm and ExpiryTooSoon', async () => {
      const [x, y] = keyOf(5n)
      await submit('BadSignatureForm', { r8: [x + 1n, y] })
      await submit('BadSignatureForm', { s: L })
      const earliest = (await market.chain.now()) + BigInt(FORCED.forcedDelay + FORCED.expirySlack)
      await submit('ExpiryTooSoon', { expiry: earliest - 1n })
    })
  })

  describe('in a batch are refused', () => {
    const [x, y] = [2n * BTC, 9_800n * CASH]

    it('at a round that was there when they were filed, served as discharged: NoFreshRound', async () => {
      const r = await sale()
      await refusesTransact(market, 'NoFreshRound', [step.close(r, x, y)])
      await refusesTransact(market, 'NoFreshRound', [step.dischargeClose(r)])
      await nextRound(market)
      await transact(market, [step.close(r, x, y)])
    })

    it('of another number, account, asset, side, amount or limit, or as another kind: WrongRequest', async () => {
      const r = await sale()
      const w = await force(market, bob, { index: 1n, asset: 0n, amount: CASH })
      await nextRound(market)
      for (const other of [
        { number: r.number + 7n },
        { number: (1n << 64n) + r.number },
        { number: w.number },
        { index: 1n },
        { asset: 3n },
        { buys: true },
        { amount: r.amount + 1n },
        { amount: r.amount - 1n },
        { limit: 1n },
      ]) {
        await refusesTransact(market, 'WrongRequest', [step.close({ ...r, ...other }, x, y)])
        await refusesTransact(market, 'WrongRequest', [step.dischargeClose({ ...r, ...other })])
      }
      for (const other of [{ s: 18n }, { expiry: r.expiry + 1n }, { r8: keyOf(6n) }])
        await refusesTransact(market, 'WrongRequest', [step.dischargeClose({ ...r, ...other })])
      // A discharge that would trade.
      const traded = step.dischargeClose(r).with(6, 2n + (1n << 4n))
      await refusesTransact(market, 'WrongRequest', [traded], [r.number])
      const asWithdrawal = {
        ...w,
        number: r.number,
        index: 0n,
        asset: 2n,
        amount: r.amount,
        recipient: `0x${'0'.repeat(40)}`,
      }
      await refusesTransact(market, 'WrongRequest', [step.forced(asWithdrawal as typeof w)], [r.number])
      await refusesTransact(
        market,
        'WrongRequest',
        [step.discharge({ ...asWithdrawal, expiry: r.expiry } as typeof w)],
        [r.number],
      )
    })

    it('after their expiry: RequestExpired; and then are closed, the bond returned', async () => {
      const r = await sale()
      await market.chain.mineAt(r.expiry + 1n)
      await nextRound(market)
      await refusesTransact(market, 'RequestExpired', [step.close(r, x, y)], [r.number])
      await refusesTransact(market, 'RequestExpired', [step.dischargeClose(r)], [r.number])
      await market.forced.write('closeExpired', [r.number], bob)
      assert.equal(await market.forced.read('nativeCredits', ada), FORCED.bond)
    })

    it('as an operation that there is not: InvalidStep', async () => {
      for (const op of [13n, 255n, 256n, 1n << 200n])
        await refusesTransact(market, 'InvalidStep', [[op, ...Array<bigint>(9).fill(0n)]], [0n, 0n])
    })

    it('by anybody but the vault: NotVault', async () => {
      const r = await sale()
      await market.forced.refuses('NotVault', 'consumeClose', [step.close(r, x, y)])
    })
  })

  it('are discharged at a later round, for the bond, and nothing moves', async () => {
    const r = await sale()
    await nextRound(market)
    const burnt = await market.chain.client.getBalance({ address: DEAD })
    const events = await transact(market, [step.dischargeClose(r)])
    assert.ok(events.some(({ name }) => name === 'Discharged'))
    assert.equal((await market.chain.client.getBalance({ address: DEAD })) - burnt, FORCED.bond)
    assert.deepEqual(await market.vault.read('backstop'), Array<bigint>(8).fill(0n))
    await refusesTransact(market, 'WrongRequest', [step.dischargeClose(r)], [r.number])
    // The owner may ask again.
    await sale()
  })

  it('are discharged while the clock of requests stands for another asset, as no withdrawal is: else a bad one that had to wait would be overdue without a remedy', async () => {
    await begin(21_600)
    const [bad, w] = [await sale(), await force(market, bob, { index: 1n, asset: 0n, amount: CASH })]
    await liveFor(market, 4000)
    await drown()
    assert.equal(await overdue(bad), false)
    await market.tokens[0]!.write('mint', [bob, 100n * CASH])
    await market.tokens[0]!.write('approve', [market.vault.address, MAX], bob)
    await market.vault.write('donate', [0, 100n * CASH], bob)
    await wait(market, 3_700)
    await market.btc.write('setAnswer', [5_000_00000000n])
    await market.rounds.write('postRound')
    await checkpoint(market)
    assert.deepEqual(
      [await market.rounds.read('forcedStands'), await overdue(bad), await market.escape.read('stalled', bad.number)],
      [true, true, true],
    )
    await refusesTransact(market, 'ClockStands', [step.discharge(w)])
    await transact(market, [step.dischargeClose(bad)])
    assert.equal(await market.escape.read('stalled', bad.number), false)
  })

  it('that are overdue stall, until they are served', async () => {
    const r = await sale()
    await liveFor(market, 4000)
    await checkpoint(market)
    assert.equal(await overdue(r), true)
    assert.equal(await market.escape.read('stalled', r.number), true)
    await market.forced.refuses('Closeable', 'requeue', [r.number], [r.number], bob, FORCED.forcedFee)
    await transact(market, [step.close(r, BTC, 4_900n * CASH)])
    assert.equal(await overdue(r), false)
    assert.equal(await market.escape.read('stalled', r.number), false)
  })

  describe('wait, neither served nor discharged nor overdue, and are requeued', () => {
    const waits = async (r: CloseRequest, x = r.amount) => {
      await refusesTransact(market, 'NotCloseable', [step.close(r, x, CASH)], [r.number])
      await refusesTransact(market, 'NotCloseable', [step.dischargeClose(r)], [r.number])
      assert.equal(await overdue(r), false)
      assert.equal(await market.escape.read('stalled', r.number), false)
      const { deadline } = await request(r.number)
      await market.forced.write('requeue', [r.number], bob, FORCED.forcedFee)
      assert.ok((await request(r.number)).deadline > deadline)
    }

    it('while the last checkpoint left the backstop under water', async () => {
      const r = await sale()
      await liveFor(market, 4000)
      assert.equal(await overdue(r), true)
      await drown()
      await waits(r)
      // With the cash back, at a checkpoint that says so.
      await market.tokens[0]!.write('mint', [bob, 100n * CASH])
      await market.tokens[0]!.write('approve', [market.vault.address, MAX], bob)
      await market.vault.write('donate', [0, 100n * CASH], bob)
      await refusesTransact(market, 'NotCloseable', [step.close(r, BTC, CASH)], [r.number])
      await nextRound(market)
      await checkpoint(market)
      await transact(market, [step.close(r, 2n * BTC, 9_800n * CASH)])
    })

    it('while the asset is held', async () => {
      const r = await sale()
      await liveFor(market, 4000)
      await hold()
      await waits(r)
      await nextRound(market)
      await transact(market, [step.close(r, 2n * BTC, 9_800n * CASH)])
    })

    it("while the backstop's position would grow beyond 2 penalty depth, to the unit", async () => {
      await liquidate(market, [0n, 0n, MOST - BTC])
      const r = await sale(BTC + 1n)
      const fits = await forceClose(market, bob, { index: 1n, amount: BTC })
      await liveFor(market, 4000)
      assert.deepEqual([await overdue(r), await overdue(fits)], [false, true])
      await waits(r)
      // The account's position may be less than it asked for: then there is room.
      await transact(market, [step.close(r, BTC, 4_900n * CASH)])
      await refusesTransact(market, 'NotCloseable', [step.close(fits, 1n, 49n)], [fits.number])
    })

    it('but what makes the position smaller is taken, however large it is', async () => {
      await liquidate(market, [7_000_000n * CASH, 0n, -3n * MOST])
      const r = await sale(BTC)
      const growing = await forceClose(market, bob, { index: 1n, amount: BTC, buys: true, limit: MAX })
      await liveFor(market, 4000)
      await checkpoint(market)
      assert.deepEqual([await overdue(r), await overdue(growing)], [true, false])
      await transact(market, [step.close(r, BTC, 4_900n * CASH)])
      await refusesTransact(market, 'NotCloseable', [step.close(growing, 1n, 51n)], [growing.number])
    })
  })

  it('that wait do not hide those behind them', async () => {
    await liquidate(market, [0n, 0n, MOST])
    const blocked = await sale(BTC)
    const cash = await force(market, bob, { index: 1n, asset: 0n, amount: CASH })
    await liveFor(market, 5000)
    assert.equal(await overdue(blocked), false)
    assert.equal((await market.forced.read<[boolean, number]>('overdue', cash.number))[0], true)
  })
})
