import assert from 'node:assert/strict'

import { type Address, zeroAddress } from 'viem'

import type { Contract } from './chain.ts'
import { force, freeze, fund, keyOf, liveFor, open, refusesTransact, step, topUp, transact, wait } from './custody.ts'
import { deployMarket, GRACE, HANDOVER, type Market, NOTICE, nextRound, refreshFeeds, TIMES } from './market.ts'

const DAY = 86_400n
const ROLE = { operator: 0, admin: 1, guardian: 2 } as const
const HALT = { open: 1, insure: 2, trade: 4 } as const

interface Terms {
  provingTime: number
  roundMin: number
  roundShort: number
  maxAge: number
  parameterDelay: number
  depositDelay: number
  depositSpacing: number
  forcedDelay: number
  forcedSpacing: number
  expirySlack: number
  grace: number
  noticePeriod: number
  openingFee: bigint
  forcedFee: bigint
  caps: readonly bigint[]
}

describe('governance', () => {
  let market: Market
  let governance: Contract
  let [operator, admin, ada, bob, eve, guardian] = [] as Address[]

  beforeEach(async () => {
    market = await deployMarket()
    governance = market.governance
    ;[operator, admin, ada, bob, eve] = market.chain.accounts
    guardian = market.chain.accounts[18]!
    await nextRound(market)
  })

  it('is bound once, by the deployer, to a system that names it, with its clocks in order', async () => {
    const { settlement, chain } = market
    await governance.refuses('AlreadyBound', 'bind', [settlement.address])
    const other = await chain.contract('Governance', [market.config.governance])
    await other.refuses('NotDeployer', 'bind', [settlement.address], [], eve)
    assert.deepEqual(await other.read('operator'), zeroAddress)
  })

  it('changes nothing before it is bound: what events say begins there', async () => {
    const other = await market.chain.contract('Governance', [market.config.governance])
    await other.refuses('NotBound', 'proposeTerms', [await governance.read('terms')], [], admin)
    for (const [who, role] of [
      [admin, ROLE.operator],
      [admin, ROLE.admin],
      [guardian, ROLE.guardian],
    ] as const) {
      await other.refuses('NotBound', 'nominate', [role, who], [], who)
      await other.refuses('NotBound', 'accept', [role], [], who)
    }
    for (const what of [HALT.open, HALT.trade]) await other.refuses('NotBound', 'halt', [what], [], guardian)
    await other.refuses('NotBound', 'resume', [], [], guardian)
  })

  it('is not bound to a system of another governance, nor to one whose vault has another settlement', async () => {
    const { chain, settlement, vault } = market
    const stranger = await chain.contract('Governance', [market.config.governance])
    await stranger.refuses('InvalidConfig', 'bind', [settlement.address], ['settlement'])
    // One that names this system's vault, and is not its settlement.
    const config = { ...market.config.settlement, vault: vault.address }
    const twin = await chain.contract('Settlement', [config])
    const own = await chain.contract('Governance', [market.config.governance])
    const named = { ...market.config.oracles.config, governance: own.address }
    const oracles = await chain.contract('Oracles', [named, market.config.oracles.assets])
    const rounds = await chain.contract('Rounds', [
      { ...market.config.rounds, governance: own.address, oracles: oracles.address },
      market.config.assets,
    ])
    const fresh = await chain.contract('Vault', [
      { ...market.config.vault, rounds: rounds.address },
      market.config.custody,
    ])
    const unbound = await chain.contract('Settlement', [{ ...config, vault: fresh.address }])
    await own.refuses('InvalidConfig', 'bind', [twin.address], ['settlement'])
    await own.refuses('InvalidConfig', 'bind', [unbound.address], ['vault'])
  })

  describe('hands over', () => {
    const nominated = async (role: number) => (await governance.read<{ who: Address }>('nomination', role)).who

    it('the operator by its own word, after the delay, to whom it nominated', async () => {
      const receipt = await governance.write('nominate', [ROLE.operator, bob], operator)
      const readyAt = (await market.chain.now()) + BigInt(HANDOVER)
      assert.deepEqual(governance.events(receipt), [{ name: 'Nominated', args: { role: 0, who: bob, readyAt } }])
      await governance.refuses('NotReady', 'accept', [ROLE.operator], [readyAt], bob)
      await wait(market, HANDOVER)
      await governance.refuses('NotNominated', 'accept', [ROLE.operator], [0], eve)
      const accepted = await governance.write('accept', [ROLE.operator], bob)
      assert.deepEqual(governance.events(accepted), [
        { name: 'HandedOver', args: { role: 0, from: operator, to: bob } },
      ])
      assert.equal(await market.settlement.read('operator'), bob)
      assert.equal(await governance.read('operator'), bob)
      await market.settlement.refuses('NotOperator', 'settle', [[]], [], operator)
      await market.settlement.write('settle', [[]], bob)
      await governance.refuses('NotNominated', 'accept', [ROLE.operator], [0], bob)
    })

    it('the operator by the admin, where its key is lost; nobody but the admin can take that back', async () => {
      await governance.refuses('NotEntitled', 'nominate', [ROLE.operator, bob], [0], eve)
      await governance.write('nominate', [ROLE.operator, eve], operator)
      await governance.write('nominate', [ROLE.operator, bob], admin)
      await governance.refuses('NotEntitled', 'nominate', [ROLE.operator, operator], [0], operator)
      assert.equal(await nominated(ROLE.operator), bob)
      // Even a stalled system changes its operator, and goes on.
      await wait(market, GRACE + 1)
      assert.equal(await market.escape.read('stalled', 0n), true)
      await governance.write('accept', [ROLE.operator], bob)
      await refreshFeeds(market)
      await market.rounds.write('postRound')
      await market.settlement.write('settle', [[]], bob)
      assert.equal(await market.escape.read('stalled', 0n), false)
    })

    it('the admin and the guardian, each with its powers; a nomination can be taken back', async () => {
      await governance.refuses('NotEntitled', 'nominate', [ROLE.admin, bob], [1], operator)
      await governance.write('nominate', [ROLE.admin, eve], admin)
      await governance.write('nominate', [ROLE.admin, zeroAddress], admin)
      await wait(market, HANDOVER)
      await governance.refuses('NotNominated', 'accept', [ROLE.admin], [1], eve)
      await governance.write('nominate', [ROLE.admin, bob], admin)
      await governance.write('nominate', [ROLE.guardian, eve], guardian)
      await wait(market, HANDOVER)
      await governance.write('accept', [ROLE.admin], bob)
      await governance.write('accept', [ROLE.guardian], eve)
      await market.rounds.refuses(
        'NotAdmin',
        'proposeParameters',
        [1n, await market.rounds.read('parameters', 1n)],
        [],
        admin,
      )
      await market.rounds.write('proposeParameters', [1n, await market.rounds.read('parameters', 1n)], bob)
      await governance.refuses('NotGuardian', 'halt', [HALT.open], [], guardian)
      await governance.write('halt', [HALT.open], eve)
    })

    it("nobody's role by nobody: a role without a nominee cannot be taken", async () => {
      for (const role of Object.values(ROLE)) await governance.refuses('NotNominated', 'accept', [role], [role], eve)
    })
  })

  describe('halts', () => {
    beforeEach(async () => {
      for (const [who, key] of [
        [ada!, keyOf(11n)],
        [bob!, keyOf(12n)],
      ] as const)
        await open(market, who, 0, 1_000_000n, key)
      await transact(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n)), step.open(1n, 0n, 1_000_000n, keyOf(12n))])
    })

    it('new accounts, insurance and trades, and nothing else', async () => {
      const { vault, insurance, tokens } = market
      await fund(market, eve!, 0, 10_000n)
      const opening = [0, 1_000n, ...keyOf(13n), false]
      const queued = await open(market, eve!, 0, 1_000n, keyOf(14n))
      const receipt = await governance.write('halt', [7], guardian)
      const until = (await market.chain.now()) + 7n * DAY
      assert.deepEqual(governance.events(receipt), [{ name: 'HaltedUntil', args: { what: 7, until } }])
      await vault.refuses('Halted', 'open', opening, [], eve, 10n ** 15n)
      await insurance.refuses('Halted', 'insure', [1_000n], [], eve)
      await refusesTransact(market, 'Halted', [step.trade(0n), step.trade(1n)], [])
      // What began before goes on, and so does every way out.
      await transact(market, [step.open(queued.index, 0n, 1_000n, keyOf(14n))])
      await topUp(market, bob!, 1n, 0, 1_000n)
      await transact(market, [step.topUp(1n, 0n, 1_000n), step.preferences(0n)])
      await transact(market, [step.withdraw(1n, 0n, 5_000n, bob!)])
      await vault.write('claim', [0n], bob)
      assert.equal(await tokens[0]!.read('balanceOf', bob), 5_000n)
      const request = await force(market, ada!, { index: 0n, asset: 0n, amount: 1_000n })
      await nextRound(market)
      await transact(market, [step.forced(request)])
      await governance.write('resume', [], guardian)
      await transact(market, [step.trade(0n), step.trade(1n)])
      await insurance.write('insure', [1_000n], eve)
    })

    it('each alone, by the guardian alone, and only what there is to halt', async () => {
      await governance.refuses('NotGuardian', 'halt', [HALT.trade], [], admin)
      await governance.refuses('NotGuardian', 'resume', [], [], operator)
      await governance.refuses('NotHalted', 'resume', [], [], guardian)
      await governance.refuses('UnknownHalt', 'halt', [0], [0], guardian)
      await governance.refuses('UnknownHalt', 'halt', [8], [8], guardian)
      await governance.write('halt', [HALT.insure], guardian)
      await open(market, eve!, 0, 1_000n, keyOf(13n))
      await transact(market, [step.trade(0n), step.trade(1n)])
      assert.equal(await market.settlement.read('tradesHaltedUntil'), 0)
      await market.insurance.refuses('Halted', 'insure', [1_000n], [], eve)
      await governance.write('halt', [HALT.trade], guardian)
      await fund(market, eve!, 0, 10_000n)
      await market.insurance.write('insure', [1_000n], eve)
      await refusesTransact(market, 'Halted', [step.trade(0n), step.trade(1n)], [])
      // A halt of something else takes its place, and at the end of one there is nothing to resume.
      await governance.write('halt', [HALT.open], guardian)
      await transact(market, [step.trade(0n), step.trade(1n)])
      await governance.write('halt', [HALT.trade], guardian)
      await wait(market, 8 * 86_400)
      await nextRound(market)
      await transact(market, [step.trade(0n), step.trade(1n)])
    })

    it('for seven days at most, and seven of any 28', async () => {
      const now = () => market.chain.now()
      const halted = () => governance.read<boolean>('halted', HALT.open)
      const left = () => governance.read<bigint>('haltLeft')
      await governance.write('halt', [HALT.open], guardian)
      const first = await now()
      await market.chain.mineAt(first + 3n * DAY)
      await governance.write('resume', [], guardian)
      const ended = await now()
      assert.equal(await halted(), false)
      // Four days are left, some weeks later as well.
      await market.chain.mineAt(first + 20n * DAY)
      await governance.write('halt', [HALT.open], guardian)
      const second = await now()
      assert.deepEqual(await governance.read('haltedUntil'), [HALT.open, second + 7n * DAY - (ended - first)])
      await market.chain.mineAt(second + 5n * DAY)
      assert.equal(await halted(), false)
      assert.equal(await left(), 0n)
      await governance.refuses('HaltsUsedUp', 'halt', [HALT.open], [], guardian)
      // As the first leaves the window, its days come back.
      await market.chain.mineAt(first + 30n * DAY)
      assert.equal(await left(), 2n * DAY)
      await market.chain.mineAt(ended + 28n * DAY)
      assert.equal(await left(), ended - first)
      await market.chain.mineAt(second + 33n * DAY)
      assert.equal(await left(), 7n * DAY)
    })

    it('in no more pieces than are remembered', async () => {
      for (let i = 0; i < 16; i++) {
        await governance.write('halt', [HALT.open], guardian)
        await wait(market, 10)
        await governance.write('resume', [], guardian)
      }
      await governance.refuses('TooManyHalts', 'halt', [HALT.open], [], guardian)
      await wait(market, 29 * 86_400)
      await governance.write('halt', [HALT.open], guardian)
    })

    it('nor by pieces of no time, each around what it stops', async () => {
      const { client } = market.chain
      const write = (functionName: string, args: unknown[]) =>
        client.sendTransaction({
          account: guardian!,
          to: governance.address,
          data: governance.encode(functionName, args),
          gas: 200_000n,
        })
      await client.setAutomine(false)
      for (let i = 0; i < 16; i++) {
        await write('halt', [HALT.trade])
        await write('resume', [])
      }
      await client.mine({ blocks: 1 })
      await client.setAutomine(true)
      assert.equal(await governance.read('haltLeft'), 7n * DAY)
      assert.equal(await governance.read('halted', HALT.trade), false)
      await governance.refuses('TooManyHalts', 'halt', [HALT.trade], [], guardian)
      await wait(market, 28 * 86_400)
      await governance.write('halt', [HALT.trade], guardian)
    })

    it('never more than seven days in any window of 28, however they are cut: 200 random moves', async () => {
      let state = 12345n
      const random = (end: bigint) => {
        state = (state * 6364136223846793005n + 1442695040888963407n) % (1n << 64n)
        return (state >> 33n) % end
      }
      const spans: [bigint, bigint][] = []
      let running: bigint | undefined
      let ends: bigint | undefined
      const close = (at: bigint) => {
        if (running !== undefined) spans.push([running, at])
        running = undefined
      }
      for (let i = 0; i < 200; i++) {
        await market.chain.mineAt((await market.chain.now()) + 1n + random(random(3n) === 0n ? 9n * DAY : DAY))
        const [what, until] = await governance.read<[number, bigint]>('haltedUntil')
        if (running !== undefined && what === 0) close(ends!)
        assert.equal(running !== undefined, what !== 0, `${i} ${until}`)
        const stops = random(3n) === 0n
        const call = stops ? governance.write('resume', [], guardian) : governance.write('halt', [HALT.open], guardian)
        const done = await call.then(
          () => true,
          () => false,
        )
        if (!done) continue
        close(await market.chain.now())
        if (stops) continue
        running = await market.chain.now()
        ends = (await governance.read<[number, bigint]>('haltedUntil'))[1]
      }
      for (const [, end] of spans) {
        const overlap = spans.reduce((sum, [from, to]) => {
          const [a, b] = [from > end - 28n * DAY ? from : end - 28n * DAY, to < end ? to : end]
          return b > a ? sum + b - a : sum
        }, 0n)
        assert.ok(overlap <= 7n * DAY, `${overlap}`)
      }
      assert.ok(spans.length > 20)
    })
  })

  describe('changes terms', () => {
    let terms: Terms
    const later = BigInt(GRACE + NOTICE + 3600)

    beforeEach(async () => {
      terms = await governance.read<Terms>('terms')
    })

    /** Until the delay of a proposal is over, with the system complete and the feeds alive. */
    async function waited(): Promise<void> {
      const readyAt = (await governance.read<[string, bigint]>('proposal'))[1]
      while ((await market.chain.now()) < readyAt) {
        await wait(market, 3_000)
        await nextRound(market)
        await market.settlement.write('checkpoint')
      }
    }

    it('as the contracts have them', async () => {
      const { rounds, vault, forced, escape: exits } = market.config
      for (const [name, value] of Object.entries({ ...rounds, ...vault, ...forced, ...exits }))
        if (name in terms) assert.equal(BigInt(terms[name as keyof Terms] as bigint), BigInt(value as bigint), name)
      assert.deepEqual(terms.caps, [1n << 62n, 1n << 62n, 0n, 0n, 0n, 0n, 0n, 0n])
    })

    it('by the admin, after grace, notice and forced delay together, for all contracts at once, by anyone', async () => {
      const next: Terms = {
        ...terms,
        maxAge: 1_000,
        roundMin: 400,
        grace: 8_000,
        noticePeriod: 4_000,
        depositDelay: 4_000,
        forcedSpacing: 90,
        openingFee: 2n * 10n ** 15n,
        forcedFee: 0n,
        parameterDelay: 20_000,
        caps: terms.caps.with(0, 5_000_000n),
      }
      await governance.refuses('NotAdmin', 'proposeTerms', [next], [], guardian)
      await market.settlement.write('settle', [[]])
      const receipt = await governance.write('proposeTerms', [next], admin)
      const readyAt = (await market.chain.now()) + later
      assert.deepEqual(governance.events(receipt), [{ name: 'TermsProposed', args: { terms: next, readyAt } }])
      await governance.refuses('NotReady', 'applyTerms', [next], [readyAt])
      await waited()
      await governance.refuses('NotProposed', 'applyTerms', [{ ...next, grace: 8_001 }])
      const before = await market.rounds.read<bigint>('liveTime')
      const applied = await governance.write('applyTerms', [next], eve)
      assert.deepEqual(governance.events(applied), [{ name: 'TermsApplied', args: { terms: next } }])
      assert.ok((await market.rounds.read<bigint>('liveTime')) - before <= 2n)
      assert.deepEqual(await governance.read('terms'), next)
      assert.equal((await market.rounds.read<{ maxAge: number }>('config')).maxAge, 1_000)
      assert.equal((await market.escape.read<{ grace: number }>('config')).grace, 8_000)
      await governance.refuses('NotProposed', 'applyTerms', [next])
      // They hold: the fee of an opening, a cap, the age of a round, the grace.
      await fund(market, ada!, 0, 10_000_000n)
      await market.vault.refuses(
        'WrongFee',
        'open',
        [0, 1_000n, ...keyOf(11n), false],
        [2n * 10n ** 15n],
        ada,
        10n ** 15n,
      )
      await market.vault.refuses(
        'CapExceeded',
        'open',
        [0, 5_000_001n, ...keyOf(11n), false],
        [0n, 5_000_000n],
        ada,
        2n * 10n ** 15n,
      )
      const { fresh, deposit } = {
        fresh: () => market.rounds.read<boolean>('fresh'),
        deposit: await market.vault.write('open', [0, 1_000n, ...keyOf(11n), false], ada, 2n * 10n ** 15n),
      }
      const { deadline } = market.vault.events(deposit)[0]!.args as { deadline: bigint }
      assert.equal(deadline - (await market.rounds.read<bigint>('liveTime')), 4_000n)
      const [, posted] = await market.rounds.read<[bigint, bigint]>('round')
      await market.chain.mineAt(posted + 999n)
      assert.equal(await fresh(), true)
      await market.chain.mineAt(posted + 1_000n)
      assert.equal(await fresh(), false)
    })

    it('not while parameters wait whose delay is of the terms before: owners would not be out in time', async () => {
      const next: Terms = {
        ...terms,
        grace: 604_800,
        noticePeriod: 604_800,
        expirySlack: 1_209_600,
        parameterDelay: 1_300_000,
      }
      await market.settlement.write('settle', [[]])
      await governance.write('proposeTerms', [next], admin)
      await waited()
      await market.rounds.write('proposeParameters', [2n, await market.rounds.read('parameters', 2n)], admin)
      const [, readyAt] = await market.rounds.read<[unknown, bigint]>('pendingParameters', 2n)
      assert.ok(readyAt < (await market.chain.now()) + BigInt(next.grace + next.noticePeriod + next.forcedDelay))
      await governance.refuses('ParametersPending', 'applyTerms', [next], [2n])
      while ((await market.chain.now()) < readyAt) {
        await wait(market, 3_000)
        await nextRound(market)
        await market.settlement.write('checkpoint')
      }
      await nextRound(market)
      await governance.write('applyTerms', [next])
    })

    it('in order, within bounds, and never the bond: InvalidTerms', async () => {
      const refuses = (what: string, edit: Partial<Terms>) =>
        governance.refuses('InvalidTerms', 'proposeTerms', [{ ...terms, ...edit }], [what], admin)
      await market.settlement.write('settle', [[]])
      await refuses('provingTime', { provingTime: 300 })
      await refuses('roundShort', { roundShort: 300 })
      await refuses('roundMin', { roundMin: 900 })
      await refuses('depositDelay', { depositDelay: 1_800 })
      await refuses('forcedDelay', { forcedDelay: 1_800 })
      await refuses('maxAge', {
        maxAge: 7_201,
        grace: 7_202,
        depositDelay: 14_403,
        forcedDelay: 14_403,
        parameterDelay: 604_800,
      })
      await refuses('grace', { grace: 900 })
      await refuses('grace', { grace: 3_599 })
      await refuses('grace', { grace: 604_801, expirySlack: 1_000_000, parameterDelay: 7_000_000 })
      await refuses('noticePeriod', { noticePeriod: 3_599 })
      await refuses('noticePeriod', { noticePeriod: 604_801, expirySlack: 1_000_000, parameterDelay: 7_000_000 })
      await refuses('expirySlack', { expirySlack: GRACE + NOTICE - 1 })
      await refuses('expirySlack', { expirySlack: 90 * 86_400 + 1 })
      await refuses('parameterDelay', { parameterDelay: GRACE + NOTICE + 3_600 })
      await refuses('parameterDelay', { forcedDelay: TIMES.parameterDelay - GRACE - NOTICE })
      await refuses('parameterDelay', { parameterDelay: 90 * 86_400 + 1 })
      await refuses('depositDelay', { depositDelay: 604_801 })
      await refuses('forcedDelay', { forcedDelay: 604_801, parameterDelay: 7_000_000 })
      await refuses('depositSpacing', { depositSpacing: 3_601 })
      await refuses('forcedSpacing', { forcedSpacing: 3_601 })
      await refuses('openingFee', { openingFee: 10n ** 16n + 1n })
      await refuses('forcedFee', { forcedFee: 10n ** 16n + 1n })
      await refuses('caps', { caps: terms.caps.with(0, 0n) })
      await refuses('caps', { caps: terms.caps.with(2, 1n) })
      await refuses('caps', { caps: terms.caps.with(1, (1n << 63n) + 1n) })
      assert.ok(!('bond' in terms))
    })

    it('not during a stall of the system or of a request, not without a fresh round, not after a freeze', async () => {
      await open(market, ada!, 0, 1_000_000n)
      await transact(market, [step.open(0n, 0n, 1_000_000n, keyOf(11n))])
      const next = { ...terms, grace: GRACE + 1 }
      await governance.write('proposeTerms', [next], admin)
      await waited()
      // The round is too old: its live time would not be the same before and after.
      await wait(market, 900)
      await governance.refuses('NoFreshRound', 'applyTerms', [next])
      await nextRound(market)
      await market.settlement.write('checkpoint')
      const { number } = await force(market, ada!, { index: 0n, asset: 0n, amount: 1_000n })
      await liveFor(market, 3_700)
      await market.settlement.write('checkpoint')
      assert.equal(await market.escape.read('stalled', 0n), false)
      assert.equal(await market.escape.read('stalled', number), true)
      await governance.refuses('Stalled', 'applyTerms', [next])
      await governance.refuses('Stalled', 'proposeTerms', [next], [], admin)
      await governance.refuses('Stalled', 'lowerCap', [0, 5n], [], admin)
      const request = {
        number,
        index: 0n,
        asset: 0n,
        amount: 1_000n,
        recipient: ada!,
        expiry: 0n,
        r8: keyOf(5n),
        s: 17n,
      }
      await transact(market, [step.forced(request)])
      await governance.write('applyTerms', [next])
      await wait(market, GRACE + 2)
      await governance.refuses('Stalled', 'proposeTerms', [next], [], admin)
      await freeze(market)
      await governance.refuses('Stalled', 'proposeTerms', [next], [], admin)
    })

    it('only by itself: NotGovernance', async () => {
      const { rounds, vault, forced, escape: exits, settlement } = market
      await rounds.refuses('NotGovernance', 'setClocks', [1, 2, 3, 4, 5], [], admin)
      await vault.refuses('NotGovernance', 'setTerms', [1, 2, 4n, terms.caps], [], admin)
      await vault.refuses('NotGovernance', 'lowerCap', [0, 1n], [], admin)
      await forced.refuses('NotGovernance', 'setTerms', [1, 2, 3, 4n], [], admin)
      await exits.refuses('NotGovernance', 'setClocks', [1, 2], [], admin)
      await settlement.refuses('NotGovernance', 'setOperator', [eve], [], admin)
      await settlement.refuses('NotGovernance', 'haltTrades', [1], [], guardian)
    })

    it('may be taken back; a cap is lowered at once, which takes a proposal back', async () => {
      const next = { ...terms, grace: GRACE + 1 }
      await governance.refuses('NotProposed', 'dropTerms', [], [], admin)
      await market.settlement.write('settle', [[]])
      await governance.write('proposeTerms', [next], admin)
      assert.deepEqual(governance.events(await governance.write('dropTerms', [], admin)), [
        { name: 'TermsDropped', args: undefined },
      ])
      await governance.write('proposeTerms', [next], admin)
      await governance.refuses('NotAdmin', 'lowerCap', [0, 5n], [], guardian)
      await governance.refuses('InvalidTerms', 'lowerCap', [0, 1n << 62n], ['caps'], admin)
      await governance.refuses('InvalidTerms', 'lowerCap', [0, 0n], ['caps'], admin)
      await governance.refuses('InvalidTerms', 'lowerCap', [2, 1n], ['caps'], admin)
      await governance.refuses('InvalidTerms', 'lowerCap', [8, 1n], ['caps'], admin)
      const receipt = await governance.write('lowerCap', [0, 5_000n], admin)
      assert.deepEqual(governance.events(receipt), [
        { name: 'TermsDropped', args: undefined },
        { name: 'CapLowered', args: { asset: 0, cap: 5_000n } },
      ])
      assert.deepEqual(await governance.read('proposal'), [`0x${'0'.repeat(64)}`, 0n])
      await fund(market, ada!, 0, 10_000n)
      await market.vault.refuses(
        'CapExceeded',
        'open',
        [0, 5_001n, ...keyOf(11n), false],
        [0n, 5_000n],
        ada,
        10n ** 15n,
      )
    })
  })
})
