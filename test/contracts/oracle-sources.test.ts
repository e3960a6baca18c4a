import assert from 'node:assert/strict'
import { keccak256, toHex } from 'viem'
import { deployPyth, updatePyth } from '../support/pyth.ts'
import { deployPool } from '../support/uniswap.ts'
import { type Contract, startChain } from './chain.ts'
import { deployBench, HEARTBEAT, quoteOf } from './oracles-bench.ts'
import { POOL, pushPool, WINDOW } from './push-pool.ts'

type Answer = [price: bigint, confidence: bigint, time: bigint, decimals: bigint]

const ID = keccak256(toHex('ETH/USD'))
const read = (source: Contract) => source.read<Answer>('read')

describe('a Chainlink source', () => {
  it('says the latest answer, its time and its decimals, and nothing of confidence', async () => {
    const chain = await startChain()
    const feed = await chain.contract('MockFeed', [8, 200_00000000n])
    const updated = await chain.now()
    const source = await chain.contract('ChainlinkSource', [feed.address])
    assert.deepEqual(await read(source), [200_00000000n, 0n, updated, 8n])
    await feed.write('setDecimals', [18])
    assert.equal((await read(source))[3], 18n)
    for (const answer of [0n, -1n]) {
      await feed.write('setAnswer', [answer])
      assert.equal((await read(source))[0], 0n)
    }
  })

  it('is a source of the oracles, which drop it when its feed fails, alone', async () => {
    let feed: Contract
    const bench = await deployBench({
      counts: [0, 3],
      others: async (chain) => {
        feed = await chain.contract('MockFeed', [8, 200_00000000n])
        return { 1: [{ address: (await chain.contract('ChainlinkSource', [feed.address])).address }] }
      },
    })
    await bench.say(1, 200_00000000n, 200_00000000n)
    assert.deepEqual(
      (await bench.update()).words.map(({ said }) => said.fault),
      ['none', 'none', 'none'],
    )
    await feed!.write('setReverting', [true])
    assert.deepEqual(
      (await bench.update()).words.map(({ said }) => said.fault),
      ['no answer', 'none', 'none'],
    )
    await feed!.write('setReverting', [false])
    await feed!.write('setDecimals', [7])
    assert.equal((await bench.update()).words[0]!.said.fault, 'decimals changed')
    await feed!.write('setDecimals', [8])
    await feed!.write('setAnswer', [-5n])
    assert.equal((await bench.update()).words[0]!.said.fault, 'not positive')
  })
})

describe('a source of Pyth', () => {
  async function withPyth() {
    let pyth: Contract | undefined
    const update = (price: bigint, confidence: bigint, exponent: number, time: bigint) =>
      updatePyth(pyth!, ID, { price, confidence, exponent, time })
    const bench = await deployBench({
      counts: [0, 3],
      others: async (chain) => {
        pyth = await deployPyth(chain)
        await update(200_00000000n, 1000n, -8, await chain.now())
        const source = await chain.contract('PythSource', [pyth.address, ID])
        return { 1: [{ address: source.address, heartbeat: HEARTBEAT }] }
      },
    })
    return { bench, update, now: () => bench.chain.now() }
  }

  it('says price and confidence for a minute, whatever the heartbeat, and is stale by itself then', async () => {
    const { bench, update, now } = await withPyth()
    await bench.say(1, 200_00000000n, 200_00000000n)
    await update(200_00000000n, 1000n, -8, await now())
    const published = await now()
    const first = await bench.update(30)
    assert.deepEqual(first.words[0]!.said.fault, 'none')
    assert.equal(first.readings[0]!.low, quoteOf(200_00000000n) - first.words[0]!.said.confidence)
    assert.equal(first.words[0]!.said.confidence, quoteOf(1000n) + 1n)
    await bench.chain.mineAt(published + 57n)
    assert.equal((await bench.update(1)).words[0]!.said.fault, 'none')
    await bench.chain.mineAt(published + 63n)
    assert.equal((await bench.update(1)).words[0]!.said.fault, 'no answer')
  })

  it('is dropped alone when its confidence explodes, its exponent changes, or its price is not positive', async () => {
    const { bench, update, now } = await withPyth()
    await bench.say(1, 200_00000000n, 200_00000000n)
    const cases: [bigint, bigint, number, string][] = [
      [200_00000000n, 5_00000000n, -8, 'uncertain'],
      [200_0000000n, 1000n, -7, 'decimals changed'],
      [200n, 0n, 1, 'decimals changed'],
      [-200_00000000n, 1000n, -8, 'not positive'],
      [0n, 1000n, -8, 'not positive'],
      [200_00000000n, 0n, -8, 'none'],
    ]
    for (const [price, confidence, exponent, fault] of cases) {
      await update(price, confidence, exponent, (await now()) + 1n)
      const { words, readings } = await bench.update(5)
      assert.equal(words[0]!.said.fault, fault)
      assert.equal(readings[0]!.price, quoteOf(200_00000000n))
    }
  })
})

describe('a source of Uniswap v3', () => {
  it('says the mean of the window, in whole units, whichever token comes first', async () => {
    const chain = await startChain()
    const seen = new Set<boolean>()
    for (let i = 0; i < 12 && seen.size < 2; i++) {
      const pool = await deployPool(chain, POOL)
      if (seen.has(pool.baseIsToken0)) continue
      seen.add(pool.baseIsToken0)
      const source = await chain.contract('UniswapV3Source', [pool.address, pool.base.address, WINDOW])
      await assert.rejects(read(source), /OLD/)
      const start = await chain.now()
      await chain.mineAt(start + BigInt(WINDOW) + 10n)
      const near = (price: bigint, whole: number) =>
        assert.ok(Math.abs(Number(price) / 1e18 / whole - 1) < 5e-4, `${price} is not near ${whole}`)
      const [price, confidence, time, decimals] = await read(source)
      near(price, 2_000)
      assert.deepEqual([confidence, time, decimals], [0n, await chain.now(), 18n])
      // Half a window at another price: the geometric mean of the two.
      await pool.pushTo(2_400)
      await chain.mineAt((await chain.now()) + BigInt(WINDOW / 2))
      near((await read(source))[0], Math.sqrt(2_000 * 2_400))
      // The other token, seen from the pool's other side.
      const inverse = await chain.contract('UniswapV3Source', [pool.address, pool.quote.address, WINDOW])
      near((await read(inverse))[0], 1 / Math.sqrt(2_000 * 2_400))
    }
    assert.equal(seen.size, 2)
  })

  it("refuses a window too short, and a token that is not the pool's", async () => {
    const chain = await startChain()
    const pool = await deployPool(chain, POOL)
    await chain.refusesDeployment('InvalidPool', 'UniswapV3Source', [pool.address, pool.base.address, 59])
    await chain.refusesDeployment('InvalidPool', 'UniswapV3Source', [pool.address, pool.actor.address, WINDOW])
  })

  it('pushed tenfold for one block moves by less than 2 %, and the price not at all', async () => {
    const { said, reading, fees, capital, honest } = await pushPool(10, 12)
    assert.equal(reading.price, honest)
    assert.equal(reading.heldSince, 0n)
    const moved = Number(said.quote) / Number(honest) - 1
    assert.ok(moved > 0.01 && moved < 0.02, `moved by ${moved}`)
    // The fee of both ways, 0.3 % each, on what has to be put in.
    assert.ok(fees > 150_000 && capital > 40_000_000, `${fees} of ${capital}`)
  })

  it('pushed by half for a whole window is dropped, whatever that costs, and the price stays', async () => {
    const { said, reading, fees, capital, honest } = await pushPool(1.5, WINDOW)
    assert.equal(said.fault, 'deviates')
    assert.deepEqual(reading, { price: honest, low: honest, high: honest, heldSince: 0n })
    assert.ok(fees > 20_000 && capital > 4_000_000, `${fees} of ${capital}`)
  })
})
