import assert from 'node:assert/strict'
import { decodeAbiParameters } from 'viem'
import { OracleBooks } from '../../audit/oracle-books.ts'
import { type Fault, parseWord } from '../../protocol/oracle.ts'
import type { SystemEvent } from '../../sdk/chain/settlement-history.ts'
import {
  type Bench,
  CONFIRM,
  DELAY,
  deployBench,
  HEARTBEAT,
  MODE,
  oracleEvents,
  quoteOf,
  sourceConfig,
} from './oracles-bench.ts'

const P = 200_00000000n
const PAR = 1_00000000n

function faults(words: readonly { readonly asset: number; readonly said: { readonly fault: Fault } }[], asset: number) {
  return words.filter((word) => word.asset === asset).map(({ said }) => said.fault)
}

/** A sound reading without an interval. */
function sound(price: bigint) {
  return { price, low: price, high: price, heldSince: 0n }
}

describe('oracles of three sources', () => {
  let bench: Bench

  beforeEach(async () => {
    bench = await deployBench({ counts: [0, 3, 1] })
    await bench.say(1, P, P + 100n, P - 100n)
    await bench.say(2, P)
  })

  it('read the median, and what counted as an interval', async () => {
    const { readings, words } = await bench.update()
    const [price, low, high] = [quoteOf(P), quoteOf(P - 100n), quoteOf(P + 100n)]
    assert.deepEqual(readings, [{ price, low, high, heldSince: 0n }, sound(quoteOf(P))])
    assert.deepEqual(faults(words, 1), ['none', 'none', 'none'])
  })

  it('are not moved by one that lies, by any factor', async () => {
    await bench.update()
    for (const lie of [
      1n,
      P / 1_000n,
      P / 2n,
      (P * 96n) / 100n,
      (P * 104n) / 100n,
      2n * P,
      1_000n * P,
      1n << 127n,
      1n << 255n,
    ]) {
      await bench.say(1, P, P, lie)
      const { readings, words } = await bench.update()
      assert.deepEqual(readings[0], sound(quoteOf(P)))
      assert.deepEqual(faults(words, 1).slice(0, 2), ['none', 'none'])
      assert.ok(['deviates', 'too high'].includes(faults(words, 1)[2]!))
    }
  })

  it('let a lie within the deviation widen the interval, and move the price no further than the others stand apart', async () => {
    await bench.say(1, P, P + 100n, (P * 102n) / 100n)
    const { readings } = await bench.update()
    assert.equal(readings[0]!.price, quoteOf(P + 100n))
    assert.equal(readings[0]!.high, quoteOf((P * 102n) / 100n))
  })

  it('go on when one freezes, and hold when two have', async () => {
    await bench.update()
    await bench.say(1, P, P, undefined)
    await bench.chain.mineAt((await bench.chain.now()) + BigInt(HEARTBEAT))
    await bench.say(1, P, P, undefined)
    const round = await bench.update()
    assert.deepEqual(faults(round.words, 1), ['none', 'none', 'stale'])
    assert.deepEqual(round.readings[0], sound(quoteOf(P)))
    await bench.chain.mineAt((await bench.chain.now()) + BigInt(HEARTBEAT))
    await bench.say(1, P, undefined, undefined)
    const { readings, events, time } = await bench.update()
    assert.deepEqual(readings[0], { ...sound(quoteOf(P)), heldSince: time })
    assert.deepEqual(
      events.filter(({ args }) => args.asset === 1n),
      [{ name: 'Held', args: { asset: 1n, jump: 0n } }],
    )
  })

  it('keep the last price of an asset all of whose sources are dead for a week, and that of nobody else', async () => {
    await bench.update()
    for (const source of bench.sources[1]!) await source.write('setMode', [MODE.Revert, 0n])
    let since = 0n
    for (let hour = 0; hour < 168; hour += 24) {
      await bench.chain.mineAt((await bench.chain.now()) + 86_400n)
      await bench.say(2, P + BigInt(hour))
      const { readings, time } = await bench.update()
      since ||= time
      assert.deepEqual(readings, [{ ...sound(quoteOf(P)), heldSince: since }, sound(quoteOf(P + BigInt(hour)))])
    }
    for (const source of bench.sources[1]!) await source.write('setMode', [MODE.Answer, 0n])
    // Two that agree are believed at once, however far they went meanwhile.
    await bench.say(1, P / 2n, P / 2n, 7n)
    const { readings, events } = await bench.update()
    assert.deepEqual(readings[0], sound(quoteOf(P / 2n)))
    assert.deepEqual(events, [{ name: 'Released', args: { asset: 1n, heldSince: since } }])
  })

  it('drop a source alone that reverts, is gone, floods, burns its gas, says too little or changes its decimals', async () => {
    const [, , third] = bench.sources[1]!
    await bench.update()
    for (const mode of [MODE.Revert, MODE.Flood, MODE.Burn, MODE.Short]) {
      await bench.say(1, P, P, P)
      await third!.write('setMode', [mode, 0n])
      const { readings, words, gas } = await bench.update()
      // A flood of words that are copied no further than the fourth: the first says 1, the others are 0.
      assert.deepEqual(faults(words, 1), ['none', 'none', mode === MODE.Flood ? 'decimals changed' : 'no answer'])
      assert.deepEqual(readings[0], sound(quoteOf(P)))
      assert.ok(gas < 500_000n)
    }
    await bench.say(1, P, P, P)
    await third!.write('set', [P, 0n, await bench.chain.now(), 18n, MODE.Answer])
    assert.deepEqual(faults((await bench.update()).words, 1), ['none', 'none', 'decimals changed'])
    await bench.chain.client.setCode({ address: third!.address, bytecode: '0x' })
    await bench.say(1, P, P)
    const { readings, words } = await bench.update()
    assert.deepEqual(faults(words, 1), ['none', 'none', 'no answer'])
    assert.deepEqual(readings[0], sound(quoteOf(P)))
  })

  it('drop a source alone whose confidence explodes, and widen the interval by a small one', async () => {
    const [, , third] = bench.sources[1]!
    await bench.say(1, P, P, P)
    const small = P / 100n
    await third!.write('set', [P, small, await bench.chain.now(), 8n, MODE.Answer])
    const { readings, words } = await bench.update()
    const { confidence } = words.find((word) => word.asset === 1 && word.index === 2)!.said
    assert.equal(confidence, quoteOf(small) + 1n)
    const [low, high] = [quoteOf(P) - confidence, quoteOf(P) + confidence]
    assert.deepEqual(readings[0], { price: quoteOf(P), low, high, heldSince: 0n })
    for (const confidence of [P / 49n, 10n * P, 1n << 200n]) {
      await bench.say(1, P, P)
      await third!.write('set', [P, confidence, await bench.chain.now(), 8n, MODE.Answer])
      const { readings, words } = await bench.update()
      assert.deepEqual(faults(words, 1), ['none', 'none', 'uncertain'])
      assert.deepEqual(readings[0], sound(quoteOf(P)))
    }
  })

  it('take an answer of exactly the heartbeat, and none of the future, of 0, or of too much', async () => {
    const [, , third] = bench.sources[1]!
    const cases: [bigint, (now: bigint) => bigint, Fault][] = [
      [P, (now) => now - BigInt(HEARTBEAT), 'none'],
      [P, (now) => now - BigInt(HEARTBEAT) - 1n, 'stale'],
      [P, (now) => now + 1n, 'from the future'],
      [P, () => 1n << 200n, 'from the future'],
      [0n, (now) => now, 'not positive'],
      // A unit of 10^-8 is 0.43 of the quote's scale, whose end is 2^60.
      [1n << 62n, (now) => now, 'too high'],
    ]
    for (const [price, time, fault] of cases) {
      await bench.say(1, P, P, P)
      const now = await bench.chain.now()
      await third!.write('set', [price, 0n, time(now + 62n), 8n, MODE.Answer])
      const { words, time: at } = await bench.update(60)
      assert.equal(at, now + 62n)
      assert.equal(faults(words, 1)[2], fault)
    }
  })

  it('believe two sources that fell by 40 %, at once', async () => {
    await bench.update()
    const fallen = (P * 6n) / 10n
    await bench.say(1, fallen, fallen + 50n, P)
    const { readings, events } = await bench.update()
    assert.deepEqual(readings[0], {
      price: quoteOf(fallen + 25n),
      low: quoteOf(fallen),
      high: quoteOf(fallen + 50n),
      heldSince: 0n,
    })
    assert.deepEqual(events, [])
  })

  it('cannot be starved: a posting with too little gas is refused, whatever a source would say to less', async () => {
    const { caller, chain } = bench
    await bench.update()
    // The third source answers only what is given its whole share, and the others would make the round without it.
    const data = caller.encode('update', [])
    const share = 200_000n
    const sourcesFor = async (gas: bigint) => {
      const { data: said } = await chain.client.call({ to: caller.address, data, gas, account: chain.accounts[0]! })
      return decodeAbiParameters([{ type: 'uint256[]' }], said!)[0].map((word) => parseWord(word)!.said.fault)
    }
    // As hungry as it can be where there is gas enough.
    for (let hunger = share; ; hunger -= 100n) {
      await bench.sources[1]![2]!.write('setMode', [MODE.Hungry, hunger])
      if (!(await sourcesFor(5_000_000n)).includes('no answer')) break
      assert.ok(hunger > share - 6_000n)
    }
    const posts = (gas: bigint) =>
      sourcesFor(gas).then(
        () => true,
        () => false,
      )
    let [refused, least] = [100_000n, 900_000n]
    while (least - refused > 500n) {
      const gas = (least + refused) / 2n
      if (await posts(gas)) least = gas
      else refused = gas
    }
    assert.ok(least > share)
    // With the least gas that posts, and with more, every source gets its share: nobody is left out.
    for (const more of [0n, 500n, 1_000n, 5_000n, 50_000n])
      assert.deepEqual(await sourcesFor(least + more), ['none', 'none', 'none', 'none'])
  })
})

describe('oracles of one source', () => {
  let bench: Bench

  beforeEach(async () => {
    bench = await deployBench({ counts: [0, 1, 1] })
    await bench.say(1, P)
    await bench.say(2, P)
    await bench.update()
  })

  it('hold a fall of 40 % until it says so again after the time of confirmation', async () => {
    const fallen = (P * 6n) / 10n
    await bench.say(1, fallen)
    const first = await bench.update()
    assert.deepEqual(first.readings[0], { ...sound(quoteOf(P)), heldSince: first.time })
    assert.deepEqual(first.events, [{ name: 'Held', args: { asset: 1n, jump: quoteOf(fallen) } }])
    await bench.say(1, fallen - 5n)
    assert.equal((await bench.update(CONFIRM - 100)).readings[0]!.heldSince, first.time)
    await bench.say(1, fallen - 6n)
    const { readings } = await bench.update(100)
    assert.deepEqual(readings[0], sound(quoteOf(fallen - 6n)))
  })

  it('forget a jump that was none: a reading within, and one on the other side, begin anew', async () => {
    await bench.say(1, (P * 6n) / 10n)
    await bench.update()
    await bench.say(1, P + 1n)
    assert.deepEqual((await bench.update()).readings[0], sound(quoteOf(P + 1n)))
    await bench.say(1, (P * 6n) / 10n)
    const { time } = await bench.update(CONFIRM)
    await bench.say(1, (P * 14n) / 10n)
    const other = await bench.update(CONFIRM)
    assert.equal(other.readings[0]!.heldSince, time)
    assert.deepEqual(other.events, [{ name: 'Held', args: { asset: 1n, jump: quoteOf((P * 14n) / 10n) } }])
    await bench.say(1, (P * 14n) / 10n)
    assert.deepEqual((await bench.update(CONFIRM)).readings[0], sound(quoteOf((P * 14n) / 10n)))
  })

  it('take exactly the jump, and not a bit more, without confirmation', async () => {
    const at = (percent: bigint) => (P * percent) / 100n
    await bench.say(1, at(120n))
    assert.equal((await bench.update()).readings[0]!.heldSince, 0n)
    await bench.say(1, at(96n))
    assert.equal((await bench.update()).readings[0]!.heldSince, 0n)
    await bench.say(1, (at(96n) * 4n) / 5n - 1n)
    assert.notEqual((await bench.update()).readings[0]!.heldSince, 0n)
  })

  it('hold what says nothing, and take no reading of others for it', async () => {
    await bench.sources[1]![0]!.write('setMode', [MODE.Revert, 0n])
    const { readings, time } = await bench.update()
    assert.deepEqual(readings, [{ ...sound(quoteOf(P)), heldSince: time }, sound(quoteOf(P))])
  })
})

describe('oracles of a time-weighted source', () => {
  it('have no quorum by it, and hold when it is one of the two that are left', async () => {
    const bench = await deployBench({ counts: [0, 3, 4], weighted: [false, true, true] })
    await bench.say(1, P, P, P)
    await bench.say(2, P, P, P, P)
    await bench.update()
    // It lags in the crash, and is dropped.
    const fallen = (P * 7n) / 10n
    await bench.say(1, fallen, fallen, P)
    await bench.say(2, fallen, fallen, undefined, P)
    const crash = await bench.update()
    assert.deepEqual(crash.readings[0], sound(quoteOf(fallen)))
    // Of two that fell and two that did not, nothing is near the mean of the middle.
    assert.notEqual(crash.readings[1]!.heldSince, 0n)
    await bench.sources[1]![0]!.write('setMode', [MODE.Revert, 0n])
    await bench.say(1, undefined, fallen, fallen)
    const { readings, words } = await bench.update()
    assert.deepEqual(faults(words, 1), ['no answer', 'none', 'none'])
    assert.notEqual(readings[0]!.heldSince, 0n)
  })

  it('cannot be of one or two sources, nor two of more', async () => {
    for (const count of [1, 2])
      await assert.rejects(deployBench({ counts: [0, count], weighted: [false, true] }), /TimeWeighted/)
    const bench = await deployBench({ counts: [0, 3], weighted: [false, true] })
    const { oracles, chain, admin } = bench
    const second = await chain.contract('ScriptedSource', [8, true])
    const args = [1n, 0n, sourceConfig(second.address)]
    await oracles.refuses('TimeWeighted', 'proposeSource', args, [1n], admin)
    await oracles.write('proposeSource', [1n, 2n, sourceConfig(second.address)], admin)
  })
})

describe('oracles of cash', () => {
  let bench: Bench

  beforeEach(async () => {
    bench = await deployBench({ counts: [2, 1, 2] })
    await bench.say(0, PAR, PAR)
    await bench.say(1, P)
    await bench.say(2, P, P)
    await bench.update()
  })

  it('see a cash off its peg: every price is in it, and its interval widens theirs', async () => {
    const fallen = (PAR * 88n) / 100n
    await bench.say(0, fallen, fallen + 1_00000n)
    await bench.say(1, P)
    const { readings } = await bench.update()
    const cash = (quoteOf(fallen, true) + quoteOf(fallen + 1_00000n, true)) / 2n
    assert.deepEqual(readings[0], {
      price: (quoteOf(P) << 32n) / cash,
      low: (quoteOf(P) << 32n) / quoteOf(fallen + 1_00000n, true),
      high: ((quoteOf(P) << 32n) + quoteOf(fallen, true) - 1n) / quoteOf(fallen, true),
      heldSince: 0n,
    })
    assert.ok(readings[0]!.price > quoteOf((P * 100n) / 89n))
  })

  it('hold every asset while cash has no quote, and release them together', async () => {
    await bench.sources[0]![0]!.write('setMode', [MODE.Revert, 0n])
    await bench.say(1, P + 7n)
    const { readings, time, events } = await bench.update()
    for (const reading of readings) assert.deepEqual(reading, { ...sound(quoteOf(P)), heldSince: time })
    assert.deepEqual(
      events.map(({ name, args }) => [name, args.asset]),
      [
        ['Held', 0n],
        ['Held', 1n],
        ['Held', 2n],
      ],
    )
    await bench.sources[0]![0]!.write('setMode', [MODE.Answer, 0n])
    await bench.say(0, PAR, PAR)
    const after = await bench.update()
    assert.deepEqual(after.readings, [sound(quoteOf(P + 7n)), sound(quoteOf(P))])
    assert.deepEqual(
      after.events.map(({ name }) => name),
      ['Released', 'Released', 'Released'],
    )
  })
})

describe("oracles' sources", () => {
  let bench: Bench

  beforeEach(async () => {
    bench = await deployBench({ counts: [0, 3, 1, 2] })
    await bench.say(1, P, P, P)
    await bench.say(2, P)
    await bench.say(3, P, P)
  })

  it('are replaced by the admin, announced, after the long delay', async () => {
    const { oracles, chain, admin, guardian } = bench
    const next = await chain.contract('ScriptedSource', [6, false])
    const args = [2n, 0n, sourceConfig(next.address, { heartbeat: 60 })]
    await oracles.refuses('NotAdmin', 'proposeSource', args, [], guardian)
    await oracles.refuses('UnknownAsset', 'proposeSource', [4n, 0n, args[2]], [4n], admin)
    await oracles.refuses('UnknownSource', 'proposeSource', [2n, 1n, args[2]], [2n, 1n], admin)
    const proposed = await oracles.write('proposeSource', args, admin)
    const readyAt = (await chain.now()) + BigInt(DELAY)
    const source = {
      source: next.address,
      heartbeat: 60,
      deviation: 300,
      maxConfidence: 200,
      decimals: 6,
      timeWeighted: false,
      disabled: false,
    }
    const checksummed = (await oracles.read<[{ source: string }]>('pendingSource', 2n, 0n))[0].source
    const expected = { ...source, source: checksummed }
    assert.deepEqual(oracles.events(proposed), [
      { name: 'SourceProposed', args: { asset: 2n, index: 0n, source: expected, readyAt } },
    ])
    assert.equal(await oracles.read('pendingSources'), 1n)
    await chain.mineAt(readyAt - 1n)
    await oracles.refuses('NotReady', 'applySource', [2n, 0n], [readyAt])
    await chain.mineAt(readyAt)
    const applied = await oracles.write('applySource', [2n, 0n])
    assert.deepEqual(oracles.events(applied), [{ name: 'SourceSet', args: { asset: 2n, index: 0n, source: expected } }])
    assert.equal(await oracles.read('pendingSources'), 0n)
    await oracles.refuses('NotProposed', 'applySource', [2n, 0n], [2n, 0n])
    assert.deepEqual(await oracles.read('source', 2n, 0n), expected)
  })

  it('that are proposed can be taken back, and are no others than those of the interface', async () => {
    const { oracles, chain, admin } = bench
    const args = [2n, 0n, sourceConfig(bench.sources[1]![0]!.address)]
    await oracles.write('proposeSource', args, admin)
    await oracles.write('proposeSource', args, admin)
    assert.equal(await oracles.read('pendingSources'), 1n)
    await oracles.refuses('NotAdmin', 'dropSource', [2n, 0n], [])
    await oracles.write('dropSource', [2n, 0n], admin)
    assert.equal(await oracles.read('pendingSources'), 0n)
    await chain.mineAt((await chain.now()) + BigInt(DELAY))
    await oracles.refuses('NotProposed', 'applySource', [2n, 0n], [2n, 0n])
    const feed = await chain.contract('MockFeed', [8, 1n])
    const good = bench.sources[1]![0]!.address
    for (const wrong of [
      sourceConfig(feed.address),
      sourceConfig(chain.accounts[5]!),
      sourceConfig(good, { heartbeat: 0 }),
      sourceConfig(good, { deviation: 0 }),
      sourceConfig(good, { deviation: 10_000 }),
      sourceConfig(good, { maxConfidence: 10_000 }),
    ])
      await oracles.refuses('InvalidSource', 'proposeSource', [2n, 0n, wrong], [2n, 0n], admin)
  })

  it('are disabled by the guardian at once, where the quorum remains', async () => {
    const { oracles, guardian, admin } = bench
    await oracles.refuses('NotGuardian', 'disableSource', [1n, 0n], [], admin)
    await oracles.refuses('QuorumLost', 'disableSource', [2n, 0n], [2n], guardian)
    await oracles.refuses('QuorumLost', 'disableSource', [3n, 1n], [3n], guardian)
    await bench.update()
    const receipt = await oracles.write('disableSource', [1n, 2n], guardian)
    assert.deepEqual(oracles.events(receipt), [{ name: 'SourceDisabled', args: { asset: 1n, index: 2n } }])
    await oracles.refuses('QuorumLost', 'disableSource', [1n, 0n], [1n], guardian)
    await bench.say(1, P, P + 2n, 7n)
    const { readings, words } = await bench.update()
    assert.deepEqual(faults(words, 1), ['none', 'none', 'disabled'])
    assert.equal(readings[0]!.price, quoteOf(P + 1n))
  })

  it('that are replaced take what they said with them: nothing of it confirms a jump', async () => {
    const { oracles, chain, admin, sources } = bench
    await bench.update()
    await oracles.write('proposeSource', [2n, 0n, sourceConfig(sources[1]![2]!.address)], admin)
    await chain.mineAt((await chain.now()) + BigInt(DELAY) - 600n)
    await bench.say(2, P / 2n)
    await bench.say(1, P, P, P / 2n)
    await bench.update()
    assert.notEqual((await oracles.read<{ jumpSince: number }>('state', 2n)).jumpSince, 0)
    await chain.mineAt((await chain.now()) + BigInt(CONFIRM))
    await oracles.write('applySource', [2n, 0n])
    assert.equal((await oracles.read<{ jumpSince: number }>('state', 2n)).jumpSince, 0)
  })

  it('are only asked by the rounds, which the deployer names once', async () => {
    const { oracles, caller, chain } = bench
    await oracles.refuses('NotRounds', 'update')
    await oracles.refuses('AlreadyBound', 'bind', [caller.address])
    await oracles.refuses('NotDeployer', 'bind', [caller.address], [], chain.accounts[3])
  })
})

describe('the uptime feed', () => {
  const GRACE = 3_600n
  let bench: Bench
  let feed: Awaited<ReturnType<Bench['chain']['contract']>>

  beforeEach(async () => {
    bench = await deployBench({
      counts: [0, 1],
      uptimeFeed: async (chain) => {
        feed = await chain.contract('MockFeed', [0, 0n])
        return feed
      },
      uptimeGrace: Number(GRACE),
    })
  })

  it('stops rounds by an answer of 1, and for the grace after it is over', async () => {
    const { oracles, chain } = bench
    const started = await chain.now()
    await chain.mineAt(started + GRACE + 100n)
    assert.equal(await oracles.read('down'), false)
    await feed.write('setAnswer', [1n])
    assert.equal(await oracles.read('down'), true)
    await chain.mineAt((await chain.now()) + 10n * GRACE)
    assert.equal(await oracles.read('down'), true)
    await feed.write('setAnswer', [0n])
    const up = await chain.now()
    assert.equal(await oracles.read('down'), true)
    await chain.mineAt(up + GRACE - 1n)
    assert.equal(await oracles.read('down'), true)
    await chain.mineAt(up + GRACE)
    assert.equal(await oracles.read('down'), false)
  })

  it('stops nothing when it is dead, or says anything else', async () => {
    const { oracles, chain } = bench
    await feed.write('setAnswer', [2n])
    assert.equal(await oracles.read('down'), false)
    await feed.write('setAnswer', [-1n])
    assert.equal(await oracles.read('down'), false)
    await feed.write('setAnswer', [1n])
    await feed.write('setReverting', [true])
    assert.equal(await oracles.read('down'), false)
    await chain.client.setCode({ address: feed.address, bytecode: '0x' })
    assert.equal(await oracles.read('down'), false)
  })
})

describe('the books of an audit', () => {
  it('refuse words that are not those of the sources, and changes without a delay', async () => {
    const bench = await deployBench({ counts: [0, 3, 1] })
    const { oracles, chain, sources, admin } = bench
    await bench.say(1, P, P + 100n, (P * 11n) / 10n)
    await bench.say(2, P)
    const { time } = await bench.update()
    const events = await oracleEvents(chain, oracles.address, 0n)
    const booksOf = (change: (events: [SystemEvent<'oracles'>, bigint][]) => void = () => {}) => {
      const books = new OracleBooks()
      const said = [...events]
      change(said)
      for (const [event, at] of said) books.event(event, at)
      return books
    }
    const words = bench.published()
    const changed = (i: number, by: bigint) => words.map((word, j) => (i === j ? word + by : word))
    assert.equal(booksOf().round(words, time)[0]!.price, quoteOf(P + 50n))
    // A fault that the answer does not have, one that it has left out, another time, source or number of words.
    assert.throws(() => booksOf().round(changed(0, 6n << 168n), time), /takes source 0 of asset 1 for "stale", and its/)
    assert.throws(() => booksOf().round(changed(2, -(8n << 168n)), time), /for "none", and its answer is "deviates"/)
    assert.throws(() => booksOf().round(changed(0, (1n << 39n) << 128n), time), /and its answer is "from the future"/)
    assert.throws(() => booksOf().round(changed(1, 1n << 176n), time), /one thing of every source, in order/)
    assert.throws(() => booksOf().round(words.slice(1), time), /one thing of every source, in order/)
    assert.throws(() => booksOf().round(changed(0, 1n << 192n), time), /one thing of every source, in order/)
    // An asset said to have no answer has to have been said to be held.
    const silent = words.map((word, i) => (i === 3 ? (1n << 168n) | (word & (0xffffn << 176n)) : word))
    assert.throws(
      () => booksOf().round(silent, time),
      /says "" of held assets, and its answers lead to "asset 2 is held"/,
    )
    // A quote that was changed leads to another price than the round's, which the books of marks refuse.
    assert.notEqual(booksOf().round(changed(3, 1n), time)[1]!.price, quoteOf(P))
    assert.equal(booksOf().round(words, time)[1]!.price, quoteOf(P))

    await oracles.write('proposeSource', [2n, 0n, sourceConfig(sources[1]![0]!.address)], admin)
    await chain.mineAt((await chain.now()) + BigInt(DELAY))
    await oracles.write('applySource', [2n, 0n])
    const [proposed, set] = (await oracleEvents(chain, oracles.address, 0n)).slice(-2)
    const books = booksOf()
    books.event(...proposed!)
    books.event(...set!)
    assert.throws(() => booksOf().event(...set!), /was not proposed, or before its delay is over/)
    assert.throws(() => {
      const early = booksOf()
      early.event(...proposed!)
      early.event(set![0], proposed![1])
    }, /before its delay is over/)
  })
})
