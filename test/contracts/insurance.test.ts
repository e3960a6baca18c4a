import assert from 'node:assert/strict'

import {
  ADA,
  abandon,
  type CheckpointRecord,
  checkpoint,
  fund,
  ledgerOf,
  liquidate,
  open,
  step,
  transact,
  wait,
} from './custody.ts'
import { deployMarket, type Market, nextRound } from './market.ts'

const CASH = 1_000_000n
/** Shares of a unit of cash at first. */
const SHARE = 1_000_000n

describe('insurance', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  let eve: `0x${string}`

  const insure = async (user: `0x${string}`, amount: bigint) => {
    await fund(market, user, 0, amount)
    await market.insurance.write('insure', [amount], user)
  }
  /** A checkpoint at a new round: requests of the round before are converted. */
  const convert = async () => {
    await nextRound(market)
    await checkpoint(market)
  }
  const shares = async (user: `0x${string}`) => (await market.insurance.read<[bigint, bigint]>('sharesOf', user))[0]
  const gain = (amount: bigint) => liquidate(market, [amount])
  const holds = async () => {
    const l = await ledgerOf(market.vault, 0)
    assert.equal(
      l.custody,
      l.accounts + l.backstop + l.pending + l.claimable + l.queued + (await market.vault.read<bigint>('insuring')),
    )
  }

  beforeEach(async () => {
    market = await deployMarket()
    ;[, , ada, bob, eve] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1_000_000n * CASH)
    await transact(market, [step.open(0n, 0n, 1_000_000n * CASH, ADA)])
  })
  afterEach(() => holds())

  it('becomes shares at the next checkpoint, and until then may be cancelled', async () => {
    const { insurance, vault, tokens } = market
    await insure(bob, 100n * CASH)
    await insure(eve, 50n * CASH)
    assert.equal(await vault.read('insuring'), 150n * CASH)
    assert.equal(await shares(bob), 0n)
    await insurance.write('cancel', [], eve)
    assert.equal(await tokens[0]!.read('balanceOf', eve), 50n * CASH)
    await insurance.refuses('NothingWaiting', 'cancel', [], [], eve)
    await convert()
    assert.equal(await shares(bob), 100n * CASH * SHARE)
    assert.equal(await insurance.read('totalShares'), 100n * CASH * SHARE)
    assert.equal((await ledgerOf(vault, 0)).backstop, 100n * CASH)
    assert.equal(await vault.read('insuring'), 0n)
    await insurance.refuses('NothingWaiting', 'cancel', [], [], bob)
  })

  it('converts at a later round only, so that nobody acts on a price that the marks do not show yet', async () => {
    const { insurance, settlement } = market
    await insure(bob, 100n * CASH)
    await settlement.write('checkpoint', [], bob)
    assert.equal(await insurance.read('period'), 0n)
    await convert()
    assert.equal(await insurance.read('period'), 1n)
    await insurance.write('redeem', [await shares(bob)], bob)
    await settlement.write('checkpoint', [], bob)
    assert.equal(await insurance.read('period'), 1n)
    // Nor does a request of another delay it.
    await nextRound(market)
    assert.equal(await insurance.read('accepting'), false)
    await insurance.refuses('CheckpointDue', 'insure', [CASH], [], eve)
    await insurance.refuses('CheckpointDue', 'redeem', [1n], [], eve)
    await settlement.write('checkpoint')
    assert.equal(await insurance.read('period'), 2n)
    assert.equal(await insurance.read('accepting'), true)
    await insure(eve, CASH)
  })

  it('shares gains and losses in proportion, and is redeemed at a checkpoint', async () => {
    const { insurance, vault, tokens } = market
    await insure(bob, 100n * CASH)
    await insure(eve, 300n * CASH)
    await convert()
    await gain(40n * CASH)
    await insurance.refuses('NotEnoughShares', 'redeem', [(await shares(bob)) + 1n], [await shares(bob)], bob)
    await insurance.refuses('SharesZero', 'redeem', [0n], [], bob)
    await insurance.write('redeem', [await shares(bob)], bob)
    await insurance.refuses('NothingToCollect', 'collect', [], [], bob)
    await convert()
    const [, , collectable] = await insurance.read<[bigint, bigint, bigint]>('position', bob)
    // 10^14 of 4 * 10^14 shares of 440, and what stands beside all others, rounded down.
    assert.equal(collectable, 110n * CASH - 1n)
    assert.equal((await ledgerOf(vault, 0)).claimable, collectable)
    await insurance.write('collect', [], bob)
    assert.equal(await tokens[0]!.read('balanceOf', bob), collectable)
    assert.equal(await shares(bob), 0n)
    await gain(-30n * CASH)
    await insurance.write('redeem', [await shares(eve)], eve)
    await convert()
    await insurance.write('collect', [], eve)
    const eves = await tokens[0]!.read<bigint>('balanceOf', eve)
    assert.ok(eves <= 300n * CASH && eves >= 300n * CASH - 4n, String(eves))
  })

  it("gives nobody what was there before: those shares are nobody's", async () => {
    const { insurance } = market
    await gain(900n * CASH)
    await insure(bob, 100n * CASH)
    await convert()
    const [owned, total] = await insurance.read<[bigint, bigint]>('sharesOf', bob)
    assert.ok(owned * 10n <= total && owned * 10n >= total - 10n * SHARE)
  })

  it('is not worth a present to the backstop by the first insurer', async () => {
    const { insurance, tokens } = market
    await insure(eve, 1n)
    await convert()
    await fund(market, eve, 0, 1000n * CASH)
    await market.vault.write('donate', [0, 1000n * CASH], eve)
    await insure(bob, 1500n * CASH)
    await convert()
    await insurance.write('redeem', [await shares(bob)], bob)
    await insurance.write('redeem', [await shares(eve)], eve)
    await convert()
    await insurance.write('collect', [], bob)
    const back = await tokens[0]!.read<bigint>('balanceOf', bob)
    assert.ok(back > 1499n * CASH, String(back))
  })

  it('neither converts nor redeems while the backstop is worth nothing; what waits may be cancelled', async () => {
    const { insurance, vault } = market
    await insure(bob, 100n * CASH)
    await convert()
    const owned = await shares(bob)
    await insurance.write('redeem', [owned / 2n], bob)
    await insure(eve, 50n * CASH)
    for (const loss of [-100n * CASH, -1n]) {
      await gain(loss)
      await convert()
      assert.equal(await insurance.read('period'), 1n)
      assert.equal(await vault.read('insuring'), 50n * CASH)
      assert.equal(await shares(bob), owned, 'offered ones included')
      assert.equal(await shares(eve), 0n)
    }
    await insurance.write('cancel', [], eve)
    // It recovers, and the redemption goes through.
    await gain(20n * CASH + 1n)
    await convert()
    const [, offered, collectable] = await insurance.read<[bigint, bigint, bigint]>('position', bob)
    assert.equal(offered, 0n)
    assert.ok(collectable <= 10n * CASH && collectable >= 10n * CASH - 2n)
  })

  it('neither converts nor redeems while an asset is held that the backstop has or owes; both go on with the rest, and after it', async () => {
    const { insurance, vault, eth, btc } = market
    await insure(bob, 100n * CASH)
    await convert()
    const owned = await shares(bob)
    // What the backstop has nothing of stops nothing.
    await btc.write('setReverting', [true])
    await insure(eve, 50n * CASH)
    await convert()
    assert.equal(await market.rounds.read('held'), 4n)
    assert.equal(await vault.read('insuring'), 0n)
    const early = await shares(eve)
    assert.ok(early > 0n)
    await btc.write('setReverting', [false])
    for (const held of [1n, -1n]) {
      await liquidate(market, [-10n * CASH * held, held * 10n ** 7n])
      await convert()
      const [mine, others] = [await shares(bob), await shares(eve)]
      const period = await insurance.read<bigint>('period')
      await insurance.write('redeem', [owned / 10n], bob)
      await insure(eve, 50n * CASH)
      await eth.write('setReverting', [true])
      for (let rounds = 0; rounds < 3; rounds++) {
        await convert()
        assert.equal(await market.rounds.read('held'), 2n)
        assert.equal(await insurance.read('period'), period)
        assert.equal(await vault.read('insuring'), 50n * CASH)
        assert.deepEqual([await shares(bob), await shares(eve)], [mine, others])
      }
      await eth.write('setReverting', [false])
      await convert()
      assert.equal(await vault.read('insuring'), 0n)
      assert.ok((await shares(eve)) > others)
      const [, offered, collectable] = await insurance.read<[bigint, bigint, bigint]>('position', bob)
      assert.ok(offered === 0n && collectable > 0n)
      await liquidate(market, [10n * CASH * held, held * -(10n ** 7n)])
    }
  })

  it("is paid from the backstop's own cash only; what is not paid comes back as shares, to the share", async () => {
    const { insurance, vault } = market
    await insure(bob, 1000n * CASH)
    await convert()
    // It took over 5 ETH for 900: worth 1,073 but 100 in cash.
    await liquidate(market, [-900n * CASH, 500_000_000n])
    const worth = (await vault.read<CheckpointRecord>('lastCheckpoint')).equity >> 32n
    // It pays for shares what it would have if the ether were given back for `sell`.
    const sell = (await market.rounds.read<bigint[][]>('marks'))[0]![5]!
    const low = 100n * CASH + ((500_000_000n * sell) >> 32n)
    assert.ok(low < worth)
    const total = await insurance.read<bigint>('totalShares')
    const offered = (await shares(bob)) - 12_345n
    await insurance.write('redeem', [offered], bob)
    await insure(eve, 10n * CASH)
    await convert()
    assert.deepEqual(await insurance.read('position', bob), [0n, 0n, 100n * CASH])
    const value = (offered * (low + 1n)) / (total + SHARE)
    const burned = (offered * 100n * CASH + value - 1n) / value
    assert.equal(await shares(bob), offered - burned + 12_345n)
    const minted = (10n * CASH * (total + SHARE)) / (worth + 1n)
    assert.equal(await shares(eve), minted)
    assert.equal(await insurance.read('totalShares'), total + minted - burned)
  })

  it('is paid nothing while the backstop has no cash, whatever else it has and whatever is free', async () => {
    const { insurance, vault } = market
    await insure(bob, 100n * CASH)
    await convert()
    // It took over 5 ETH for 900: worth 173, with debts in cash.
    await liquidate(market, [-900n * CASH, 500_000_000n])
    const owned = await shares(bob)
    await insurance.write('redeem', [owned], bob)
    await convert()
    assert.equal(await insurance.read('period'), 2n)
    assert.deepEqual(await insurance.read('position', bob), [0n, 0n, 0n])
    assert.equal(await shares(bob), owned)
    assert.equal((await ledgerOf(vault, 0)).backstop, -800n * CASH)
  })

  it('is paid from free custody only: what accounts borrowed is not there', async () => {
    const { insurance, vault } = market
    await insure(bob, 100n * CASH)
    await convert()
    await transact(market, [step.withdraw(0n, 0n, 1_000_060n * CASH, ada)])
    assert.equal(await vault.read('free', 0), 40n * CASH)
    await insurance.write('redeem', [await shares(bob)], bob)
    await convert()
    assert.equal((await insurance.read<[bigint, bigint, bigint]>('position', bob))[2], 40n * CASH)
    assert.equal(await vault.read('free', 0), 0n)
    await insurance.write('collect', [], bob)
  })

  it('leaves to be collected what is no whole token unit', async () => {
    market = await deployMarket({ cash: 0 })
    const { insurance, vault, tokens, rounds } = market
    await rounds.write('postRound')
    await fund(market, bob, 0, 10n)
    await insurance.write('insure', [10n], bob)
    await convert()
    await insurance.write('redeem', [(await shares(bob)) / 4n], bob)
    await convert()
    await insurance.write('collect', [], bob)
    assert.equal(await tokens[0]!.read('balanceOf', bob), 2n)
    const [, , collectable] = await insurance.read<[bigint, bigint, bigint]>('position', bob)
    assert.ok(collectable === CASH / 2n || collectable === CASH / 2n - 1n, String(collectable))
    assert.equal((await ledgerOf(vault, 0)).claimable, collectable)
  })

  it('waits where it would be more shares than there may be', async () => {
    const { insurance, vault } = market
    await insure(bob, 1n << 60n)
    await convert()
    await gain(1n - (1n << 60n))
    const total = await insurance.read<bigint>('totalShares')
    await insure(eve, 1n << 50n)
    await convert()
    assert.equal(await insurance.read('totalShares'), total)
    assert.equal(await vault.read('insuring'), 1n << 50n)
    await insurance.write('cancel', [], eve)
    await insure(eve, 1n << 40n)
    await convert()
    assert.equal(await insurance.read('totalShares'), total + ((total + SHARE) << 40n) / 2n)
  })

  it('of an insurer who was away for periods is worked out when it returns', async () => {
    const { insurance } = market
    await insure(bob, 100n * CASH)
    for (let i = 0; i < 3; i++) {
      await insure(eve, 10n * CASH)
      await convert()
    }
    assert.equal(await shares(bob), 100n * CASH * SHARE)
    assert.equal(await insurance.read('totalShares'), (await shares(bob)) + (await shares(eve)))
    await insure(bob, 5n * CASH)
    assert.equal(await shares(bob), 100n * CASH * SHARE)
    assert.equal((await insurance.read<[bigint]>('position', bob))[0], 5n * CASH)
  })

  it('is refused as nothing, beyond the cap, and after a freeze, when what waits is returned: AmountZero, CapExceeded, Frozen', async () => {
    const { insurance, tokens } = market
    await insurance.refuses('AmountZero', 'insure', [0n], [], bob)
    await insurance.refuses('CapExceeded', 'insure', [1n << 62n], undefined, bob)
    await insure(bob, 100n * CASH)
    await convert()
    await insurance.write('redeem', [await shares(bob)], bob)
    await insure(bob, 7n * CASH)
    await wait(market, 100)
    await abandon(market)
    await insurance.refuses('Frozen', 'insure', [1n], [], bob)
    await insurance.refuses('Frozen', 'redeem', [1n], [], bob)
    await insurance.write('cancel', [], bob)
    assert.equal(await tokens[0]!.read('balanceOf', bob), 7n * CASH)
    await market.escape.write('pullShares', [0], bob)
    assert.equal(await tokens[0]!.read('balanceOf', bob), 107n * CASH)
    await market.escape.refuses('AlreadyPulled', 'pullShares', [0], [], bob)
    await market.escape.write('pullShares', [1], bob)
    await assert.rejects(nextRound(market))
  })
})
