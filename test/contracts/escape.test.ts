import assert from 'node:assert/strict'

import { encodeErrorResult, numberToHex } from 'viem'

import { ESCAPE_ABI } from '../../sdk/abi/escape.ts'
import {
  ADA,
  ADA_OWNER,
  abandon,
  BOB,
  type CheckpointRecord,
  checkpoint,
  exitCall,
  force,
  freeze,
  fund,
  keyOf,
  ledgerOf,
  liquidate,
  liveFor,
  open,
  step,
  topUp,
  transact,
  transactBatch,
  wait,
} from './custody.ts'
import { deployMarket, FORCED, GRACE, type Market, NOTICE, nextRound, refreshFeeds, TIMES } from './market.ts'
import { R } from './mirror.ts'

const CASH = 1_000_000n
const ETH = 100_000_000n
const WEI = 10n ** 10n

describe('the way out', () => {
  let market: Market
  let ada: `0x${string}`
  let bob: `0x${string}`
  let eve: `0x${string}`
  const stalled = (request = 0n) => market.escape.read<boolean>('stalled', request)
  const declared = async (request = 0n) => (await market.escape.read<[boolean]>('notice', request))[0]
  const balance = (asset: number, user: `0x${string}`) => market.tokens[asset]!.read<bigint>('balanceOf', user)
  const exit = async (index: bigint, to: `0x${string}`, equity: bigint) =>
    market.escape.write('exit', await exitCall(market, index, to, equity))
  const pull = (index: bigint, asset: number) => market.escape.write('pull', [index, asset])

  beforeEach(async () => {
    market = await deployMarket()
    ;[, , ada, bob, eve] = market.chain.accounts as [never, never, `0x${string}`, `0x${string}`, `0x${string}`]
    await market.rounds.write('postRound')
    await open(market, ada, 0, 1000n * CASH)
    await open(market, bob, 1, 10n * 10n ** 18n, BOB)
    await transact(market, [step.open(0n, 0n, 1000n * CASH, ADA), step.open(1n, 1n, 10n * ETH, BOB)])
  })

  describe('opens by a stall', () => {
    it('when the last checkpoint is older than grace, by a second', async () => {
      const at = BigInt((await market.vault.read<CheckpointRecord>('lastCheckpoint')).timestamp)
      await market.chain.mineAt(at + BigInt(GRACE))
      assert.equal(await stalled(), false)
      await market.escape.refuses('NotStalled', 'declareStall', [0n])
      await market.chain.mineAt(at + BigInt(GRACE) + 1n)
      assert.equal(await stalled(), true)
    })

    it('of a sequencer that is down, since no round follows; that one has a notice of seven days', async () => {
      const { escape: exits } = market
      await market.uptime.write('setAnswer', [1n])
      await wait(market, 1000)
      await market.rounds.refuses('Down', 'postRound')
      await wait(market, GRACE)
      assert.equal(await stalled(), true)
      await exits.write('declareStall', [0n])
      const quarter = (7 * 86_400) / 4
      for (let i = 1; i <= 3; i++) {
        await wait(market, quarter)
        await exits.write('tick', [0n])
        await exits.refuses('NoticeRunning', 'freeze', [0n])
      }
      assert.deepEqual((await exits.read<unknown[]>('notice', 0n)).slice(0, 3), [true, 0n, BigInt(3 * quarter)])
      await wait(market, quarter - 10)
      await exits.refuses('NoticeRunning', 'freeze', [0n])
      await wait(market, 10)
      await exits.write('freeze', [0n])
      assert.equal(await market.vault.read('frozen'), true)
    })

    // One that stops at an invalid instruction, and one that answers a megabyte: all gas is gone either way.
    for (const [what, bytecode] of [
      ['burns all gas', '0xfe'],
      ['answers too much', '0x620fffff6000f3'],
    ] as const)
      it(`of a feed that ${what}: the operator can go on, and a step takes a bounded amount, and with too little is refused`, async () => {
        const { escape: exits, chain } = market
        await chain.client.setCode({ address: market.eth.address, bytecode })
        await wait(market, GRACE)
        await exits.write('declareStall', [0n])
        const quarter = NOTICE / 4
        for (let i = 1; i <= 3; i++) {
          await wait(market, quarter)
          assert.ok((await exits.write('tick', [0n])).gasUsed < 4_400_000n)
        }
        await wait(market, quarter)
        const call = { to: exits.address, data: exits.encode('freeze', [0n]) }
        assert.equal(
          await chain.revertData({ ...call, gas: numberToHex(4_100_000) }),
          encodeErrorResult({ abi: ESCAPE_ABI, errorName: 'GasTooLow', args: [4_125_000n] }),
        )
        assert.ok((await exits.write('freeze', [0n])).gasUsed < 4_600_000n)
        assert.equal(await market.vault.read('frozen'), true)
      })

    it('of an ignored deposit, though checkpoints go on', async () => {
      await open(market, eve, 0, 1000n, keyOf(40n))
      await liveFor(market, 3700)
      await checkpoint(market)
      assert.equal(await stalled(), true)
      // Checkpoints do not cure it: an operator that serves everybody else cannot sit it out.
      await market.escape.write('declareStall', [0n])
      for (let i = 0; i < 4; i++) {
        await nextRound(market)
        await market.settlement.write('checkpoint')
        await wait(market, NOTICE / 4)
        if (i < 3) await market.escape.write('tick', [0n])
      }
      await market.escape.write('freeze', [0n])
      assert.equal(await market.vault.read('frozen'), true)
    })

    it('of an overdue forced request, though checkpoints go on', async () => {
      const { number } = await force(market, ada, { index: 0n, asset: 0n, amount: CASH })
      await liveFor(market, 3700)
      await checkpoint(market)
      await market.escape.refuses('NotStalled', 'declareStall', [0n])
      await freeze(market, number)
      assert.equal(await market.vault.read('frozen'), true)
    })
  })

  describe('of a healthy system does not exist', () => {
    it('at once or without notice: NotStalled, NotDeclared, NoticeRunning', async () => {
      const { escape: exits } = market
      await exits.refuses('NotStalled', 'declareStall', [0n])
      await exits.refuses('NotDeclared', 'tick', [0n])
      await exits.refuses('NotDeclared', 'freeze', [0n])
      await wait(market, GRACE)
      await exits.refuses('NotDeclared', 'freeze', [0n])
      await exits.write('declareStall', [0n])
      await exits.refuses('AlreadyDeclared', 'declareStall', [0n])
      await exits.refuses('NoticeRunning', 'freeze', [0n])
      for (let i = 1; i <= 3; i++) {
        await wait(market, NOTICE / 4)
        await refreshFeeds(market)
        await exits.write('tick', [0n])
      }
      // The clock of the next block is at least a second further.
      const [declared, elapsed] = await exits.read<[boolean, bigint]>('notice', 0n)
      assert.equal(declared, true)
      assert.equal(elapsed, BigInt((NOTICE / 4) * 3))
      await wait(market, NOTICE / 4 - 10)
      await refreshFeeds(market)
      await exits.refuses('NoticeRunning', 'freeze', [0n])
      await wait(market, 10)
      await exits.write('freeze', [0n])
      await exits.refuses('AlreadyFrozen', 'freeze', [0n])
      await exits.refuses('AlreadyFrozen', 'declareStall', [0n])
      await exits.refuses('AlreadyFrozen', 'tick', [0n])
    })

    it('in the first block after an outage of the chain', async () => {
      const { escape: exits } = market
      await wait(market, 1_000_000)
      await refreshFeeds(market)
      await exits.write('declareStall', [0n])
      // A second outage under a declaration counts for a quarter.
      await wait(market, 1_000_000)
      await refreshFeeds(market)
      await exits.refuses('NoticeRunning', 'freeze', [0n], [BigInt(NOTICE / 4), 0n])
      await exits.write('tick', [0n])
      await refreshFeeds(market)
      await market.rounds.write('postRound')
      const receipt = await market.settlement.write('checkpoint')
      assert.deepEqual(exits.events(receipt), [{ name: 'DeclarationVoid', args: { request: 0n } }])
      await exits.refuses('NotDeclared', 'freeze', [0n])
      await exits.refuses('NotStalled', 'declareStall', [0n])
      assert.equal(await declared(), false)
    })

    it('by the deadlines after an outage: the next round adds half of it, and notice begins after that', async () => {
      const { number } = await force(market, ada, { index: 0n, asset: 0n, amount: CASH })
      await open(market, eve, 0, 1000n, keyOf(40n))
      await wait(market, 500_000)
      await refreshFeeds(market)
      // Until a round follows, the clock stands still.
      assert.equal(await market.vault.read('depositOverdue'), false)
      const before = await market.rounds.read<bigint>('liveTime')
      const [, posted] = await market.rounds.read<[bigint, bigint]>('round')
      await market.rounds.write('postRound')
      const [, again] = await market.rounds.read<[bigint, bigint]>('round')
      assert.equal(
        (await market.rounds.read<bigint>('liveTime')) - before,
        (again - posted) / 2n - BigInt(TIMES.maxAge),
      )
      await market.settlement.write('checkpoint')
      assert.equal(await stalled(), true)
      assert.equal(await stalled(number), true)
      for (const cause of [0n, number]) {
        await market.escape.write('declareStall', [cause])
        await market.escape.refuses('NoticeRunning', 'freeze', [cause])
      }
    })

    it('where the cause was cured: a served request voids its declaration', async () => {
      const { escape: exits } = market
      const r = await force(market, ada, { index: 0n, asset: 0n, amount: CASH })
      await liveFor(market, 3700)
      await checkpoint(market)
      await exits.write('declareStall', [r.number])
      await transact(market, [step.forced(r)], { inboxAfter: 4n })
      await exits.refuses('NotStalled', 'freeze', [r.number])
      await exits.write('tick', [r.number])
      assert.equal(await declared(r.number), false)
      await exits.refuses('NotDeclared', 'tick', [r.number])
    })

    it('with notice saved up from an earlier stall: the checkpoint that ends it voids the declaration', async () => {
      const { escape: exits } = market
      await open(market, eve, 0, 1000n, keyOf(40n))
      await liveFor(market, 3700)
      await checkpoint(market)
      await exits.write('declareStall', [0n])
      await wait(market, NOTICE / 4)
      await exits.write('tick', [0n])
      await nextRound(market)
      const steps = [step.open(2n, 0n, 1000n, keyOf(40n))]
      const events = exits.events(await market.settlement.write('settle', [[await transactBatch(market, steps)]]))
      assert.deepEqual(
        events.map(({ name }) => name),
        ['DeclarationVoid'],
      )
      await exits.refuses('NotVault', 'onCheckpoint')
    })

    it('with notice of a request that was requeued since: NotDeclared', async () => {
      const { escape: exits, forced } = market
      const r = await force(market, bob, { index: 1n, asset: 1n, amount: 10n * ETH })
      await liveFor(market, 3700)
      await checkpoint(market)
      await exits.write('declareStall', [r.number])
      for (let i = 0; i < 3; i++) {
        await wait(market, NOTICE / 4)
        await exits.write('tick', [r.number])
      }
      await nextRound(market)
      await transact(market, [step.withdraw(0n, 1n, ETH, ada)])
      await forced.write('requeue', [r.number], ada, FORCED.forcedFee)
      await topUp(market, ada, 0n, 1, 10n ** 18n)
      await transact(market, [step.topUp(0n, 1n, ETH)])
      await liveFor(market, 3700)
      assert.equal(await stalled(r.number), true)
      await exits.refuses('NotDeclared', 'freeze', [r.number])
      await exits.refuses('NotDeclared', 'tick', [r.number])
      await exits.write('declareStall', [r.number])
      await exits.refuses('NoticeRunning', 'freeze', [r.number], [0n, 0n])
    })

    it('by a stall declared before there was a system', async () => {
      const { chain, config, vault, escape: exits } = await deployMarket()
      const fresh = await chain.contract('Vault', [
        { ...config.vault, rounds: await vault.read('rounds') },
        config.custody,
      ])
      const settlement = await chain.contract('Settlement', [{ ...config.settlement, vault: fresh.address }])
      const forced = await chain.contract('Forced', [{ ...config.forced, vault: fresh.address }])
      const insurance = await chain.contract('Insurance', [fresh.address])
      const parts = {
        vault: fresh.address,
        settlement: settlement.address,
        forced: forced.address,
        insurance: insurance.address,
      }
      const unbound = await chain.contract('Escape', [{ ...(await exits.read<object>('config')), ...parts }])
      assert.equal(await unbound.read('stalled', 0n), false)
      await unbound.refuses('NotStalled', 'declareStall', [0n])
    })
  })

  it('has a notice for every cause: what an operator cures of others does not void that of a request', async () => {
    const { escape: exits } = market
    const ask = (user: `0x${string}`) => force(market, user, { index: 0n, asset: 0n, amount: CASH })
    // A row of requests that are done, behind one that the operator keeps for the last moment.
    const kept = await ask(ada)
    for (let i = 0; i < 33; i++) await transact(market, [step.forced(await ask(bob))])
    const { number } = await ask(eve)
    await liveFor(market, 6500)
    await checkpoint(market)
    await exits.write('declareStall', [kept.number])
    await exits.write('declareStall', [number])
    for (let i = 0; i < 3; i++) {
      await nextRound(market)
      await wait(market, NOTICE / 4)
      await exits.write('tick', [number])
    }
    await nextRound(market)
    await transact(market, [step.forced(kept)])
    await exits.refuses('NotStalled', 'freeze', [kept.number])
    assert.equal(await declared(number), true)
    await wait(market, NOTICE / 4)
    await exits.write('freeze', [number])
  })

  it('before the freeze is closed: NotFrozen', async () => {
    const call = await exitCall(market, 0n, ada, 1n)
    await market.escape.refuses('NotFrozen', 'exit', call)
    await market.escape.refuses('NotFrozen', 'pull', [0, 0])
    await market.escape.refuses('NotFrozen', 'pullShares', [0])
  })

  it('after the freeze, everything else is closed: Frozen', async () => {
    const { settlement, vault, rounds } = market
    await fund(market, ada, 0, 5000n)
    await abandon(market)
    await settlement.refuses('Frozen', 'settle', [[]])
    await refreshFeeds(market)
    await rounds.refuses('Frozen', 'postRound')
    await vault.refuses('Frozen', 'open', [0, 5000n, ...ADA, false], [], ada, 10n ** 15n)
    await vault.refuses('Frozen', 'topUp', [0, ADA_OWNER, 0, 5000n], [], ada)
    await vault.refuses('Frozen', 'donate', [0, 5000n], [], ada)
    const again = await deployMarket()
    await abandon(again)
    await again.settlement.refuses('Frozen', 'genesis', [1n, 2n, [3n]])
  })

  describe('of an account', () => {
    const equity = (1000n * CASH) << 32n

    beforeEach(() => abandon(market))

    it('needs a proof under the root of the checkpoint, for this contract, index, recipient and equity: InvalidProof', async () => {
      const refuses = async (proven: Parameters<typeof exitCall>[4]) =>
        market.escape.refuses('InvalidProof', 'exit', await exitCall(market, 0n, ada, equity, proven))
      await refuses({ root: 12345n })
      await refuses({ equity: equity - 1n })
      await refuses({ recipient: eve })
      await refuses({ index: 1n })
      const call = await exitCall(market, 0n, ada, equity)
      await market.escape.refuses('InvalidProof', 'exit', call.with(2, equity + 1n))
      await market.escape.refuses('InvalidProof', 'exit', call.with(1, eve))
      await market.escape.refuses('InvalidProof', 'exit', call.with(3, 56n))
      await market.escape.refuses('ValueNotInField', 'exit', call.with(2, equity + R))
      await market.escape.refuses('ValueNotInField', 'exit', call.with(3, 55n + R))
      await market.escape.write('exit', call, eve)
    })

    it('happens once: AlreadyExited, AlreadyPulled; NotExited, NotSpot', async () => {
      await market.escape.refuses('NotExited', 'pull', [0, 0], [0])
      await exit(0n, ada, equity)
      await market.escape.refuses('AlreadyExited', 'exit', await exitCall(market, 0n, ada, equity), [0])
      await market.escape.refuses('AlreadyExited', 'exit', await exitCall(market, 0n, bob, 0n), [0])
      await pull(0n, 0)
      await market.escape.refuses('AlreadyPulled', 'pull', [0, 0])
      await pull(0n, 1)
      for (const asset of [0, 1]) await market.escape.refuses('AlreadyPulled', 'pull', [0, asset])
      assert.equal((await market.escape.read<{ pulled: number }>('exitOf', 0)).pulled, 3)
      for (const asset of [2, 5, 8, 255]) await market.escape.refuses('NotSpot', 'pull', [0, asset], [BigInt(asset)])
    })
  })

  it('pays each its share of every token, to the unit, and leaves nothing but dust', async () => {
    const { escape: exits, vault, chain } = market
    // A crash leaves the backstop under water: it took over 3 ETH for 1,000; ada has 2,000, bob 7 ETH.
    await liquidate(market, [-1000n * CASH, 3n * ETH])
    const record = await vault.read<CheckpointRecord>('lastCheckpoint')
    const price = record.prices[0]!
    assert.ok(record.equity < 0n)
    // After the checkpoint: deposits of eve, one consumed, one not; a withdrawal of ada, pending.
    await open(market, eve, 0, 40n * CASH, keyOf(40n), true)
    await topUp(market, eve, 0n, 1, 10n ** 18n)
    await transact(market, [step.open(2n, 0n, 40n * CASH, keyOf(40n))], { inboxAfter: 9n })
    await transact(market, [step.withdraw(0n, 0n, 500n * CASH, ada)], { inboxAfter: 9n })
    await abandon(market)
    const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
    assert.deepEqual(holdings, [1000n * CASH, 10n * ETH, 0n, 0n, 0n, 0n, 0n, 0n])
    // The withdrawal is void: it is the account's again.
    const cash = await ledgerOf(vault, 0)
    assert.deepEqual([cash.accounts, cash.backstop, cash.pending, cash.queued], [2040n * CASH, -1000n * CASH, 0n, 0n])
    const equities = [(2000n * CASH) << 32n, price * 7n * ETH]
    assert.equal(denominator, equities[0]! + equities[1]!)

    await vault.refuses('NotCheckpointed', 'claim', [0n], [0n], ada)
    await vault.refuses('NotRefundable', 'refund', [0n], [0n])
    await vault.write('refund', [2n])
    await vault.write('refund', [3n])
    await vault.refuses('AlreadyRefunded', 'refund', [2n], [2n])
    await vault.refuses('NotRefundable', 'refund', [4n], [4n])
    assert.deepEqual([await balance(0, eve), await balance(1, eve)], [40n * CASH, 10n ** 18n])

    for (const [i, user] of [ada, bob].entries()) {
      await exit(BigInt(i), user, equities[i]!)
      for (const asset of [0, 1]) {
        await pull(BigInt(i), asset)
        const share = (holdings[asset]! * equities[i]!) / denominator
        assert.equal(await balance(asset, user), share * (asset === 0 ? 1n : WEI))
      }
    }
    for (const asset of [0, 1]) {
      const left = (await balance(asset, vault.address)) / (asset === 0 ? 1n : WEI)
      assert.ok(left <= 2n, `${left} of asset ${asset}`)
      assert.equal((await ledgerOf(vault, asset)).custody, left)
    }
    assert.equal(await chain.client.getChainId(), 31337)
  })

  it('keeps what was claimable out of the shares, and pays it still', async () => {
    const { vault, escape: exits } = market
    await transact(market, [step.withdraw(0n, 0n, 100n * CASH, bob)])
    await abandon(market)
    const [holdings] = await exits.read<[bigint[]]>('snapshot')
    assert.equal(holdings[0], 900n * CASH)
    await vault.write('claim', [0n], bob)
    await exit(0n, ada, (900n * CASH) << 32n)
    await pull(0n, 0)
    await pull(0n, 1)
    assert.equal(await balance(0, bob), 100n * CASH)
  })

  it('gives insurers the rest by shares', async () => {
    const { vault, insurance, escape: exits } = market
    await fund(market, eve, 0, 300n * CASH)
    await fund(market, bob, 0, 100n * CASH)
    await insurance.write('insure', [300n * CASH], eve)
    await insurance.write('insure', [100n * CASH], bob)
    await nextRound(market)
    await checkpoint(market)
    // It took over 2 ETH of bob's for 380, and gains 9.22.
    await liquidate(market, [-380n * CASH, 2n * ETH])
    const { prices, equity } = await vault.read<CheckpointRecord>('lastCheckpoint')
    assert.ok(equity > (400n * CASH) << 32n)
    await abandon(market)
    await exit(0n, ada, (1000n * CASH) << 32n)
    await exit(1n, bob, prices[0]! * 8n * ETH + ((380n * CASH) << 32n))
    for (const asset of [0, 1]) {
      for (const index of [0n, 1n]) await pull(index, asset)
      const before = await ledgerOf(vault, asset)
      for (const user of [eve, bob]) await exits.write('pullShares', [asset], user)
      const after = await ledgerOf(vault, asset)
      assert.deepEqual(
        [after.accounts, after.backstop],
        [before.accounts, before.backstop - (before.custody - after.custody)],
      )
      assert.ok((await ledgerOf(vault, asset)).custody <= 4n)
    }
    const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
    assert.equal(await balance(0, eve), (holdings[0]! * ((equity * 3n) / 4n)) / denominator)
  })

  it('gives insurers nothing where the backstop was under water', async () => {
    const { vault, insurance, escape: exits } = market
    await fund(market, eve, 0, 300n * CASH)
    await insurance.write('insure', [300n * CASH], eve)
    await nextRound(market)
    await checkpoint(market)
    // It paid 1,000 for 3 ETH: 116.17 more than it had.
    await liquidate(market, [-1000n * CASH, 3n * ETH])
    const { equity, prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    assert.ok(equity < 0n)
    // What it is given after the checkpoint is not theirs either.
    await fund(market, ada, 0, 900n * CASH)
    await vault.write('donate', [0, 900n * CASH], ada)
    await abandon(market)
    const given = await ledgerOf(vault, 0)
    for (const asset of [0, 1]) await exits.write('pullShares', [asset], eve)
    for (const asset of [0, 1]) await exits.refuses('AlreadyPulled', 'pullShares', [asset], [], eve)
    assert.deepEqual([await balance(0, eve), await balance(1, eve)], [0n, 0n])
    assert.deepEqual(await ledgerOf(vault, 0), given)
    await exit(0n, ada, (2000n * CASH) << 32n)
    await exit(1n, bob, prices[0]! * 7n * ETH)
    for (const asset of [0, 1]) {
      for (const index of [0n, 1n]) await pull(index, asset)
      assert.ok((await ledgerOf(vault, asset)).custody <= 2n)
    }
  })

  it('shares out what was given to the backstop since, and what a token lost, among all', async () => {
    const { vault, tokens } = market
    await fund(market, eve, 0, 100n * CASH)
    await vault.write('donate', [0, 100n * CASH], eve)
    await abandon(market)
    // Half of the ETH is gone.
    await tokens[1]!.write('rebase', [vault.address, 5n * 10n ** 18n])
    const { prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    const equities = [(1000n * CASH) << 32n, prices[0]! * 10n * ETH]
    for (const [i, user] of [ada, bob].entries()) {
      await exit(BigInt(i), user, equities[i]!)
      await pull(BigInt(i), 0)
      await pull(BigInt(i), 1)
    }
    const denominator = equities[0]! + equities[1]!
    assert.equal(await balance(0, ada), (1100n * CASH * equities[0]!) / denominator)
    assert.equal(await balance(1, ada), ((5n * ETH * equities[0]!) / denominator) * WEI)
    assert.ok((await balance(0, vault.address)) <= 2n)
    assert.ok((await balance(1, vault.address)) <= 2n * WEI)
  })

  it('is not shortened for good by a pull at a moment when the token says that it lost something', async () => {
    const { vault, tokens, insurance, escape: exits } = market
    await fund(market, eve, 0, 400n * CASH)
    await insurance.write('insure', [400n * CASH], eve)
    await nextRound(market)
    await checkpoint(market)
    await abandon(market)
    const { prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    await exit(0n, ada, (1000n * CASH) << 32n)
    await exit(1n, bob, prices[0]! * 10n * ETH)
    // Somebody pulls for others while 3 of 10 are there.
    await tokens[1]!.write('rebase', [vault.address, 3n * 10n ** 18n])
    await pull(0n, 1)
    await exits.write('pullShares', [1], eve)
    await exits.refuses('AlreadyPulled', 'pull', [0, 1])
    const early = [await balance(1, ada), await balance(1, eve)]
    // The other 7 are back.
    await tokens[1]!.write('rebase', [vault.address, 10n * 10n ** 18n - early[0]! - early[1]!])
    await pull(1n, 1)
    await pull(0n, 1)
    await exits.write('pullShares', [1], eve)
    await exits.refuses('AlreadyPulled', 'pull', [0, 1])
    await exits.refuses('AlreadyPulled', 'pullShares', [1], [], eve)
    const [holdings, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
    const full = ((holdings[1]! * ((1000n * CASH) << 32n)) / denominator) * WEI
    const paid = await balance(1, ada)
    assert.ok(early[0]! < full && paid <= full && paid >= full - WEI, `${early[0]}, then ${paid} of ${full}`)
    assert.ok((await balance(1, eve)) > 3n * early[1]!)
    assert.ok((await ledgerOf(vault, 1)).custody <= 4n)
  })

  it('shares what a token lost between pulls among those who have not pulled', async () => {
    const { vault, tokens } = market
    await abandon(market)
    const { prices } = await vault.read<CheckpointRecord>('lastCheckpoint')
    await exit(0n, ada, (1000n * CASH) << 32n)
    await exit(1n, bob, prices[0]! * 10n * ETH)
    await pull(0n, 1)
    const left = (10n * 10n ** 18n - (await balance(1, ada))) / WEI
    await tokens[1]!.write('rebase', [vault.address, (left - ETH) * WEI])
    await market.escape.refuses('AlreadyPulled', 'pull', [0, 1])
    await pull(1n, 1)
    assert.equal(await balance(1, bob), (left - ETH) * WEI)
    // What comes back is bob's.
    await tokens[1]!.write('mint', [vault.address, 10n ** 18n])
    await pull(1n, 1)
    assert.equal(
      await balance(1, bob),
      ((10n * ETH * prices[0]! * 10n * ETH) / (((1000n * CASH) << 32n) + prices[0]! * 10n * ETH)) * WEI,
    )
    await market.escape.refuses('AlreadyPulled', 'pull', [1, 1])
  })

  it('works from the first second: before any checkpoint all deposits are refunds', async () => {
    const young = await deployMarket()
    await open(young, ada, 0, 1000n)
    await open(young, bob, 0, 2000n, BOB)
    await transact(young, [step.open(0n, 0n, 1000n, ADA)])
    await abandon(young)
    await young.vault.write('refund', [0n])
    await young.vault.write('refund', [1n])
    assert.equal((await ledgerOf(young.vault, 0)).custody, 0n)
    await young.escape.write('exit', await exitCall(young, 0n, ada, 5n))
    await young.escape.write('pull', [0, 0])
    await assert.rejects(nextRound(young))
  })
})
