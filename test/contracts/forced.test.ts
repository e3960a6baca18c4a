import assert from 'node:assert/strict'

import { zeroAddress } from 'viem'

import {
  ADA,
  ADA_OWNER,
  abandon,
  BOB,
  BOB_OWNER,
  checkpoint,
  type ForcedRequest,
  force,
  keyOf,
  ledgerOf,
  liveFor,
  open,
  refusesTransact,
  step,
  submission,
  topUp,
  transact,
  wait,
} from './custody.ts'
import { deployMarket, FORCED, type Market, nextRound } from './market.ts'
import { R } from './mirror.ts'

const CASH = 1_000_000n
const ETH = 100_000_000n
const L = 2736030358979909402780800718157159386076813972158567259200215660948447373041n
const DEAD = '0x000000000000000000000000000000000000dEaD'
const COST = FORCED.bond + FORCED.forcedFee

describe('forced requests', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  const overdue = async ({ number }: ForcedRequest) =>
    (await market.forced.read<[boolean, number]>('overdue', number))[0]
  const stalled = ({ number }: ForcedRequest) => market.escape.read<boolean>('stalled', number)
  const request = (number: bigint) =>
    market.forced.read<{ state: number; deadline: number; place: number }>('request', number)

  beforeEach(async () => {
    market = await deployMarket()
    ;[, , ada, bob] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1000n * CASH)
    await open(market, bob, 1, 10n * 10n ** 18n, BOB)
    await transact(market, [step.open(0n, 0n, 1000n * CASH, ADA), step.open(1n, 1n, 10n * ETH, BOB)])
  })

  it('are reserved, signed for their number, submitted and served; the bond returns, the fee is burnt', async () => {
    const { forced, vault, chain, tokens } = market
    const burnt = await chain.client.getBalance({ address: DEAD })
    const r = await force(market, ada, { index: 0n, asset: 0n, amount: 100n * CASH, recipient: bob })
    assert.equal(r.number, 1n)
    assert.equal((await chain.client.getBalance({ address: DEAD })) - burnt, FORCED.forcedFee)
    const events = await transact(market, [step.forced(r)])
    assert.ok(events.some(({ name }) => name === 'Served'))
    assert.equal(await forced.read('nativeCredits', ada), FORCED.bond)
    await forced.write('withdrawNativeCredits', [ada])
    await forced.refuses('NothingToWithdraw', 'withdrawNativeCredits', [ada], [], ada)
    await vault.write('claim', [0n], bob)
    assert.equal(await tokens[0]!.read('balanceOf', bob), 100n * CASH)
    assert.equal(await forced.read('requestOf', 0, ada), 0n)
    await refusesTransact(market, 'WrongRequest', [step.forced(r)], [1n])
  })

  describe('are refused by', () => {
    let number: bigint
    let good: ForcedRequest
    const submit = (error: string, edit: Partial<ForcedRequest>, args?: unknown[], from = ada) =>
      market.forced.refuses(error, 'submit', submission({ ...good, ...edit }), args, from)

    beforeEach(async () => {
      const receipt = await market.forced.write('reserve', [0, ADA_OWNER], ada, COST)
      number = market.forced.events(receipt)[0]!.args.number as bigint
      good = {
        number,
        index: 0n,
        asset: 0n,
        amount: CASH,
        recipient: ada,
        expiry: (await market.chain.now()) + 10n * 86_400n,
        r8: keyOf(5n),
        s: 17n,
      }
    })

    it('WrongBond', async () => {
      await market.forced.refuses('WrongBond', 'reserve', [1, BOB_OWNER], [COST], ada, COST - 1n)
      await market.forced.refuses('WrongBond', 'reserve', [1, BOB_OWNER], [COST], ada, COST + 1n)
    })

    it('UnknownAccount, while its deposit is only queued too', async () => {
      await market.forced.refuses('UnknownAccount', 'reserve', [2, BOB_OWNER], [2n], ada, COST)
      await open(market, ada, 0, 1000n, keyOf(30n))
      await market.forced.refuses('UnknownAccount', 'reserve', [2, BOB_OWNER], [2n], ada, COST)
    })

    it('OnePerAccount for a sender, not for another one: nobody takes the place of the owner', async () => {
      await market.forced.refuses('OnePerAccount', 'reserve', [0, ADA_OWNER], [number], ada, COST)
      await market.forced.write('reserve', [1, BOB_OWNER], ada, COST)
      await market.forced.write('reserve', [0, ADA_OWNER], bob, COST)
      await market.forced.write('submit', submission(good), ada)
      await market.forced.refuses('OnePerAccount', 'reserve', [0, ADA_OWNER], [number], ada, COST)
    })

    it('NotReserver: a number that an owner signed for is of use to nobody else', async () => {
      await submit('NotReserver', {}, [], bob)
      await market.forced.refuses('NotReserver', 'release', [number], [], bob)
    })

    it('WrongRequest: a number that does not exist, was used, or was released', async () => {
      await submit('WrongRequest', { number: 0n }, [0n])
      await submit('WrongRequest', { number: 99n }, [99n])
      await market.forced.write('submit', submission(good), ada)
      await submit('WrongRequest', {}, [number])
      await market.forced.refuses('WrongRequest', 'release', [number], [number], ada)
      const receipt = await market.forced.write('reserve', [1, BOB_OWNER], ada, COST)
      const second = market.forced.events(receipt)[0]!.args.number as bigint
      await market.forced.write('release', [second], ada)
      assert.equal(await market.forced.read('nativeCredits', ada), FORCED.bond)
      await submit('WrongRequest', { number: second }, [second])
    })

    it('NotSpot, AmountZero, AmountTooLarge, NotRepresentable, BadRecipient', async () => {
      await submit('NotSpot', { asset: 2n }, [2n])
      await submit('NotSpot', { asset: 9n }, [9n])
      await submit('AmountZero', { amount: 0n })
      await submit('AmountTooLarge', { amount: (1n << 63n) + 1n })
      await submit('BadRecipient', { recipient: zeroAddress }, [0n])
      const coarse = await deployMarket({ cash: 0 })
      await open(coarse, ada, 0, 10n)
      await transact(coarse, [step.open(0n, 0n, 10n * CASH, ADA)])
      await coarse.forced.write('reserve', [0, ADA_OWNER], ada, COST)
      await coarse.forced.refuses(
        'NotRepresentable',
        'submit',
        submission({ ...good, number: 1n, amount: CASH + 1n }),
        [0n, CASH + 1n],
        ada,
      )
    })

    it('BadSignatureForm', async () => {
      const [x, y] = keyOf(5n)
      await submit('BadSignatureForm', { r8: [x + 1n, y] })
      await submit('BadSignatureForm', { r8: [x + R, y] })
      await submit('BadSignatureForm', { r8: [x, y + R] })
      await submit('BadSignatureForm', { s: L })
      await market.forced.write('submit', submission({ ...good, r8: [0n, 1n], s: L - 1n }), ada)
    })

    it('ExpiryTooSoon', async () => {
      const earliest = (await market.chain.now()) + BigInt(FORCED.forcedDelay + FORCED.expirySlack)
      await submit('ExpiryTooSoon', { expiry: earliest - 1n })
      await submit('ExpiryTooSoon', { expiry: 0n })
    })
  })

  describe('in a batch are refused', () => {
    let r: ForcedRequest
    const wrong = (s: bigint[]) => refusesTransact(market, 'WrongRequest', [s])

    beforeEach(async () => {
      r = await force(market, ada, { index: 0n, asset: 0n, amount: 100n * CASH })
    })

    it('to another recipient, of another amount, asset, account or number: WrongRequest', async () => {
      await wrong(step.forced({ ...r, recipient: bob }))
      await wrong(step.forced(r).with(8, (1n << 160n) + BigInt(ada)))
      await wrong(step.forced({ ...r, amount: r.amount - 1n }))
      await wrong(step.forced({ ...r, asset: 1n }))
      await wrong(step.forced({ ...r, index: 1n }))
      await wrong(step.forced({ ...r, number: 2n }))
      await wrong(step.forced({ ...r, number: (1n << 64n) + r.number }))
    })

    it('as discharged with another signature or expiry: WrongRequest', async () => {
      await nextRound(market)
      await wrong(step.discharge({ ...r, s: r.s + 1n }))
      await wrong(step.discharge({ ...r, expiry: r.expiry + 1n }))
      await wrong(step.discharge({ ...r, r8: [r.r8[0], r.r8[1] + 1n] }))
      await wrong(step.discharge({ ...r, r8: [r.r8[0] + 1n, r.r8[1]] }))
      await wrong(step.discharge({ ...r, recipient: bob }))
      await wrong(step.discharge({ ...r, amount: r.amount + 1n }))
    })

    it('as discharged at a round that was there when it was filed: NoFreshRound', async () => {
      await refusesTransact(market, 'NoFreshRound', [step.discharge(r)])
      await nextRound(market)
      const burnt = await market.chain.client.getBalance({ address: DEAD })
      const events = await transact(market, [step.discharge(r)])
      assert.ok(events.some(({ name }) => name === 'Discharged'))
      assert.equal((await market.chain.client.getBalance({ address: DEAD })) - burnt, FORCED.bond)
      assert.equal(await market.forced.read('nativeCredits', ada), 0n)
      assert.equal(await market.vault.read('withdrawalCount'), 0n)
      await wrong(step.discharge(r))
      // The owner may ask again, for less.
      await force(market, ada, { index: 0n, asset: 0n, amount: CASH })
    })

    it('after their expiry: RequestExpired; and then are closed, the bond returned', async () => {
      await market.chain.mineAt(r.expiry - 100n)
      await nextRound(market)
      await market.chain.mineAt(r.expiry)
      await market.forced.refuses('NotExpired', 'closeExpired', [r.number], [r.number])
      await market.chain.mineAt(r.expiry + 1n)
      await nextRound(market)
      await refusesTransact(market, 'RequestExpired', [step.forced(r)], [r.number])
      await refusesTransact(market, 'RequestExpired', [step.discharge(r)], [r.number])
      await market.forced.write('closeExpired', [r.number], bob)
      assert.equal(await market.forced.read('nativeCredits', ada), FORCED.bond)
      await market.forced.refuses('WrongRequest', 'closeExpired', [r.number], [r.number])
    })
  })

  it('are not defeated by a refresh or a top-up of the account', async () => {
    const r = await force(market, ada, { index: 0n, asset: 0n, amount: 100n * CASH })
    await topUp(market, bob, 0n, 0, 100n)
    await transact(market, [step.topUp(0n, 0n, 100n), step.preferences(0n)])
    await transact(market, [step.forced(r)])
  })

  it('that are overdue stall, until they are served', async () => {
    const r = await force(market, ada, { index: 0n, asset: 0n, amount: 100n * CASH })
    const deadline = BigInt((await request(r.number)).deadline)
    await liveFor(market, 2900)
    await checkpoint(market)
    await wait(market, Number(deadline - (await market.rounds.read<bigint>('liveTime'))))
    assert.equal(await overdue(r), false, 'at the deadline')
    assert.equal(await stalled(r), false)
    await wait(market, 1)
    assert.equal(await overdue(r), true)
    assert.equal(await stalled(r), true)
    await transact(market, [step.forced(r)])
    assert.equal(await overdue(r), false)
    assert.equal(await stalled(r), false)
  })

  it('wait while no fresh round exists: their clock stands still', async () => {
    const r = await force(market, ada, { index: 0n, asset: 0n, amount: 100n * CASH })
    await wait(market, 50_000)
    assert.equal(await overdue(r), false)
    assert.ok(BigInt((await request(r.number)).deadline) > (await market.rounds.read<bigint>('liveTime')))
  })

  it('have deadlines spaced by the serving rate, whoever files them: spam is never overdue at once', async () => {
    const senders = market.chain.accounts.slice(2, 12)
    const numbers: bigint[] = []
    for (const sender of senders)
      numbers.push((await force(market, sender, { index: 0n, asset: 0n, amount: CASH })).number)
    const deadlines = await Promise.all(numbers.map(async (n) => (await request(n)).deadline))
    for (let i = 1; i < deadlines.length; i++) assert.ok(deadlines[i]! - deadlines[i - 1]! >= FORCED.forcedSpacing)
  })

  describe('beyond free custody', () => {
    let r: ForcedRequest

    beforeEach(async () => {
      // Account 0 borrows all ETH, so that its owner cannot withdraw it.
      r = await force(market, bob, { index: 1n, asset: 1n, amount: 5n * ETH })
      await transact(market, [step.withdraw(0n, 1n, 10n * ETH, ada)])
    })

    it('do not stall: borrowing all of a token freezes nothing', async () => {
      await liveFor(market, 4000)
      await checkpoint(market)
      assert.equal(await overdue(r), false)
      assert.equal(await stalled(r), false)
      await market.escape.refuses('NotStalled', 'declareStall', [r.number])
      await refusesTransact(market, 'BeyondFreeCustody', [step.forced(r)])
      // With the token back it is overdue again.
      await topUp(market, ada, 0n, 1, 10n * 10n ** 18n)
      await transact(market, [step.topUp(0n, 1n, 10n * ETH)])
      assert.equal(await overdue(r), true)
    })

    it('are requeued by anyone when due, under their number; not before, and not where there is enough', async () => {
      const { deadline } = await request(r.number)
      await market.forced.refuses('NotDue', 'requeue', [r.number], [r.number], ada, FORCED.forcedFee)
      await liveFor(market, 2900)
      await wait(market, deadline - Number(await market.rounds.read<bigint>('liveTime')))
      await market.forced.refuses('NotDue', 'requeue', [r.number], [r.number], ada, FORCED.forcedFee)
      await wait(market, 1)
      await market.forced.write('requeue', [r.number], ada, FORCED.forcedFee)
      const moved = await request(r.number)
      assert.ok(moved.deadline > deadline && moved.place === 1)
      assert.deepEqual(await market.forced.read('queue'), [1n, 2n])
      await topUp(market, ada, 0n, 1, 10n * 10n ** 18n)
      await transact(market, [step.topUp(0n, 1n, 10n * ETH)])
      await transact(market, [step.forced(r)])
      assert.equal((await ledgerOf(market.vault, 1)).claimable, 15n * ETH)
      const exact = await force(market, bob, { index: 1n, asset: 1n, amount: 5n * ETH })
      const more = await force(market, ada, { index: 1n, asset: 1n, amount: 5n * ETH + 1n })
      await liveFor(market, 4000)
      assert.deepEqual([await overdue(exact), await overdue(more)], [true, false])
      await market.forced.refuses('FreeCustodySuffices', 'requeue', [exact.number], [5n * ETH], ada, FORCED.forcedFee)
      await market.forced.write('requeue', [more.number], ada, FORCED.forcedFee)
    })

    it('cost a fee for every place, which is burnt: WrongFee', async () => {
      await liveFor(market, 4000)
      const requeue = [r.number] as const
      await market.forced.refuses('WrongFee', 'requeue', [...requeue], [FORCED.forcedFee], ada)
      await market.forced.refuses('WrongFee', 'requeue', [...requeue], [FORCED.forcedFee], ada, FORCED.forcedFee + 1n)
      const dead = '0x000000000000000000000000000000000000dEaD'
      const burnt = await market.chain.client.getBalance({ address: dead })
      await market.forced.write('requeue', [...requeue], ada, FORCED.forcedFee)
      assert.equal((await market.chain.client.getBalance({ address: dead })) - burnt, FORCED.forcedFee)
    })

    it('stay where they are where they would expire before the new deadline: nobody else can end them', async () => {
      await liveFor(market, 4000)
      await market.chain.mineAt(r.expiry - 1000n)
      await nextRound(market)
      await market.forced.refuses('ExpiryTooSoon', 'requeue', [r.number], undefined, ada, FORCED.forcedFee)
      assert.equal((await request(r.number)).state, 2)
      // With the token back it is to be served, as before.
      await topUp(market, ada, 0n, 1, 10n * 10n ** 18n)
      await transact(market, [step.topUp(0n, 1n, 10n * ETH)])
      assert.equal(await overdue(r), true)
      await transact(market, [step.forced(r)])
      assert.equal(await market.forced.read('nativeCredits', bob), FORCED.bond)
    })

    it('never become overdue once expired, so that what nobody could serve in time freezes nothing', async () => {
      await liveFor(market, 4000)
      await market.chain.mineAt(r.expiry + 1n)
      await topUp(market, ada, 0n, 1, 10n * 10n ** 18n)
      await transact(market, [step.topUp(0n, 1n, 10n * ETH)])
      await nextRound(market)
      assert.equal(await overdue(r), false)
    })

    it('do not hide those behind them', async () => {
      const others = market.chain.accounts.slice(4, 13)
      for (const user of others) await force(market, user, { index: 1n, asset: 1n, amount: ETH })
      const honest = await force(market, ada, { index: 0n, asset: 0n, amount: CASH })
      await liveFor(market, 5000)
      assert.equal(await overdue(r), false)
      assert.equal(await overdue(honest), true)
      await transact(market, [step.forced(honest)])
      assert.equal(await overdue(honest), false)
    })
  })

  it('that do not exist, or are only reserved, are not overdue', async () => {
    await market.forced.write('reserve', [0, ADA_OWNER], ada, COST)
    await liveFor(market, 4000)
    for (const number of [0n, 1n, 2n]) assert.equal(await market.escape.read('stalled', number), false)
  })

  it('that are done are moved past, 32 places at a time', async () => {
    const { forced } = market
    const ask = (user: `0x${string}`) => force(market, user, { index: 0n, asset: 0n, amount: CASH })
    // The first is pending in front of a row of done ones, the last behind them.
    const first = await ask(ada)
    for (let i = 0; i < 38; i++) await transact(market, [step.forced(await ask(bob))])
    const last = await ask(bob)
    assert.deepEqual(await forced.read('queue'), [0n, 40n])
    await transact(market, [step.forced(first)])
    await forced.write('advance')
    assert.deepEqual(await forced.read('queue'), [33n, 40n])
    await forced.write('advance')
    assert.deepEqual(await forced.read('queue'), [39n, 40n])
    await forced.write('advance')
    assert.deepEqual(await forced.read('queue'), [39n, 40n], 'not past one that is pending')
    assert.equal(await forced.read('numberAt', 39n), last.number)
  })

  it('get their bond back after a freeze, and nothing else works: Frozen, NotFrozen', async () => {
    const { forced } = market
    const r = await force(market, ada, { index: 0n, asset: 0n, amount: 100n * CASH })
    const receipt = await forced.write('reserve', [1, BOB_OWNER], ada, COST)
    const reserved = forced.events(receipt)[0]!.args.number as bigint
    await forced.refuses('NotFrozen', 'takeBond', [r.number])
    await abandon(market)
    await forced.refuses('Frozen', 'reserve', [1, BOB_OWNER], [], bob, COST)
    await forced.refuses('Frozen', 'submit', submission({ ...r, number: reserved }), [], ada)
    await forced.refuses('Frozen', 'requeue', [r.number], [], ada, FORCED.forcedFee)
    await forced.write('takeBond', [r.number], bob)
    await forced.write('release', [reserved], ada)
    assert.equal(await forced.read('nativeCredits', ada), 2n * FORCED.bond)
    await forced.refuses('WrongRequest', 'takeBond', [r.number], [r.number])
  })

  describe('leave their sender free to ask again for the account', () => {
    const { bond, forcedFee } = FORCED
    /** Whose request is over has none any more, and gets another number. */
    const asksAgain = async (number: bigint) => {
      const { forced } = market
      assert.equal(await forced.read('requestOf', 0, bob), 0n)
      const receipt = await forced.write('reserve', [0, ADA_OWNER], bob, bond + forcedFee)
      assert.ok((forced.events(receipt)[0]!.args.number as bigint) > number)
    }
    const file = (amount = CASH) => force(market, bob, { index: 0n, asset: 0n, amount })

    it('when one was released', async () => {
      const receipt = await market.forced.write('reserve', [0, ADA_OWNER], bob, bond + forcedFee)
      const number = market.forced.events(receipt)[0]!.args.number as bigint
      await market.forced.write('release', [number], bob)
      await asksAgain(number)
    })

    it('when one was served', async () => {
      const r = await file()
      await transact(market, [step.forced(r)])
      await asksAgain(r.number)
    })

    it('when one was discharged', async () => {
      const r = await file()
      await nextRound(market)
      await transact(market, [step.discharge(r)])
      await asksAgain(r.number)
    })

    it('when one was closed after its expiry, by anyone', async () => {
      const r = await file()
      await market.chain.mineAt(r.expiry + 1n)
      await market.forced.write('closeExpired', [r.number], ada)
      await asksAgain(r.number)
    })

    it('but not while one waits, wherever it stands in the queue', async () => {
      const r = await file(1n << 62n)
      await liveFor(market, 4000)
      await market.forced.write('requeue', [r.number], ada, forcedFee)
      assert.equal(await market.forced.read('requestOf', 0, bob), r.number)
      await market.forced.refuses('OnePerAccount', 'reserve', [0, ADA_OWNER], [r.number], bob, bond + forcedFee)
    })
  })

  it('beyond free custody push nobody back without end: every place costs a fee, the queue says its last deadline', async () => {
    const { forced, rounds, chain } = market
    const spammers = chain.accounts.slice(5, 15)
    const dead = '0x000000000000000000000000000000000000dEaD'
    const spam = []
    for (const who of spammers) {
      spam.push(await force(market, who, { index: 0n, asset: 0n, amount: 1n << 62n, expiry: (1n << 40n) - 1n }))
    }
    for (let cycle = 0; cycle < 2; cycle++) {
      const last = BigInt(await forced.read<number>('lastDeadline'))
      while ((await rounds.read<bigint>('liveTime')) <= last) await nextRound(market)
      const burnt = await chain.client.getBalance({ address: dead })
      for (const r of spam) {
        await forced.refuses('WrongFee', 'requeue', [r.number], [FORCED.forcedFee], ada)
        await forced.write('requeue', [r.number], ada, FORCED.forcedFee)
      }
      const cost = (await chain.client.getBalance({ address: dead })) - burnt
      assert.equal(cost, BigInt(spam.length) * FORCED.forcedFee)
      const { deadline } = await request(spam.at(-1)!.number)
      assert.equal(await forced.read('lastDeadline'), deadline)
    }
  })

  it('say how far a signature has to reach: with any number waiting, just that is taken, and not a second less', async () => {
    const { forced, chain } = market
    const receipt = await forced.write('reserve', [0, ADA_OWNER], ada, FORCED.bond + FORCED.forcedFee)
    const number = forced.events(receipt)[0]!.args.number as bigint
    for (const who of chain.accounts.slice(3, 20))
      for (const index of [0n, 1n])
        await force(market, who, { index, asset: 0n, amount: 1n << 62n, expiry: (1n << 40n) - 1n })
    // Longer than a wallet can guess that does not ask.
    const earliest = await forced.read<bigint>('earliestExpiry')
    assert.ok(earliest > (await chain.now()) + BigInt(FORCED.forcedDelay + FORCED.expirySlack + 30 * 60))
    const call = (expiry: bigint) => [number, 0, CASH, ada, expiry, keyOf(5n), 17n, false]
    await forced.refuses('ExpiryTooSoon', 'submit', call(earliest - 1n), undefined, ada)
    // The deadline is of the block that files it.
    await forced.write('submit', call(earliest + 1n), ada)
  })

  it('may be to be paid in full or to wait, as their owner signed; served as another they are refused', async () => {
    const r = await force(market, bob, { index: 0n, asset: 0n, amount: CASH, inFull: true })
    await refusesTransact(market, 'WrongRequest', [step.forced({ ...r, inFull: false })], [r.number])
    await nextRound(market)
    await refusesTransact(market, 'WrongRequest', [step.discharge({ ...r, inFull: false })], [r.number])
    await transact(market, [step.forced(r)])
    assert.equal((await market.vault.read<{ inFull: boolean }>('withdrawal', 0n)).inFull, true)
  })
})
