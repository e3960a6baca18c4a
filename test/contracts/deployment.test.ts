import assert from 'node:assert/strict'

import { zeroAddress } from 'viem'

import { type Chain, startChain } from './chain.ts'
import { BTC, deployMarket, deployParts, ETH, type Market, RESOLVE_STEPS, SWEEP_STEPS, W } from './market.ts'
import { R } from './mirror.ts'

describe('deployment of a settlement', () => {
  let parts: Omit<Market, 'settlement'>

  before(async () => {
    parts = await deployParts()
  })

  const refuses = async (error: string, errorArgs: unknown[], config: object, asset: object = {}) => {
    const assets = [{ ...parts.assets[0], ...asset }, parts.assets[1]]
    await parts.chain.refusesDeployment(error, 'Settlement', [{ ...parts.config, ...config }, assets], errorArgs)
  }

  it('keeps what it is given', async () => {
    const { settlement, config, eth } = await deployMarket()
    const kept = await settlement.read<Record<string, unknown>>('config')
    for (const [key, value] of Object.entries(config)) {
      assert.equal(String(kept[key]).toLowerCase(), String(value).toLowerCase(), key)
    }
    assert.equal(await settlement.read('assetCount'), 2n)
    const [feed, ...rest] = await settlement.read<[string, ...number[]]>('assetConfig', 1n)
    assert.equal(feed.toLowerCase(), eth.address.toLowerCase())
    assert.deepEqual(rest, [8, 8, 3600])
    assert.deepEqual(await settlement.read('parameters', 1n), ETH)
    assert.deepEqual(await settlement.read('parameters', 2n), BTC)
    assert.deepEqual(await settlement.read('batchSizes'), [SWEEP_STEPS, BigInt(W), BigInt(RESOLVE_STEPS)])
    assert.equal(await settlement.read('deployedAt'), settlement.deployment.blockNumber)
    assert.deepEqual(
      settlement.events(settlement.deployment).map(({ name, args }) => [name, args.asset]),
      [
        ['ParametersApplied', 1n],
        ['ParametersApplied', 2n],
      ],
    )
  })

  it('needs proving time < roundMin < maxAge < grace, and roundShort < roundMin', async () => {
    await refuses('InvalidConfig', ['provingTime'], { provingTime: 300 })
    await refuses('InvalidConfig', ['roundMin'], { roundMin: 900 })
    await refuses('InvalidConfig', ['maxAge'], { maxAge: 86_400 })
    await refuses('InvalidConfig', ['roundShort'], { roundShort: 300 })
  })

  it('needs an admin, an operator, sane decimals and 3 to 64 slots', async () => {
    await refuses('InvalidConfig', ['admin'], { admin: zeroAddress })
    await refuses('InvalidConfig', ['operator'], { operator: zeroAddress })
    await refuses('InvalidConfig', ['cashDecimals'], { cashDecimals: 9 })
    await refuses('InvalidConfig', ['slots'], { slots: 2 })
    await refuses('InvalidConfig', ['slots'], { slots: 65 })
    await refuses('InvalidConfig', ['decimals'], {}, { decimals: 9 })
    await refuses('InvalidConfig', ['heartbeat'], {}, { heartbeat: 0 })
  })

  it('needs 1 to 7 assets', async () => {
    const { chain, config, assets } = parts
    await chain.refusesDeployment('InvalidConfig', 'Settlement', [config, []], ['assets'])
    const eight = Array(8).fill(assets[0])
    await chain.refusesDeployment('InvalidConfig', 'Settlement', [config, eight], ['assets'])
  })

  it('refuses the two verifiers exchanged, and a window larger than the slots', async () => {
    const { sweepVerifier, resolveVerifier } = parts
    await refuses('InvalidConfig', ['sweepVerifier'], { sweepVerifier: resolveVerifier.address })
    await refuses('InvalidConfig', ['resolveVerifier'], { resolveVerifier: sweepVerifier.address })
    const wide = await parts.chain.contract('StubVerifier', [4n, 9n])
    await refuses('InvalidConfig', ['sweepVerifier'], { sweepVerifier: wide.address })
  })

  it('refuses parameters out of order and feeds of more than 18 decimals', async () => {
    await refuses('InvalidParameters', [1n], {}, { parameters: { ...ETH, collateralFactor: 9801 } })
    const fine = await parts.chain.contract('MockFeed', [19, 1n])
    await refuses('InvalidConfig', ['feed'], {}, { feed: fine.address })
  })
})

describe('genesis', () => {
  let market: Market

  before(async () => {
    market = await deployMarket()
  })

  it("is the operator's, below the field's order, and before any round or settlement", async () => {
    const { settlement, chain } = market
    await settlement.refuses('NotOperator', 'genesis', [1n, 2n, [3n]], [], chain.accounts[1])
    await settlement.refuses('InvalidConfig', 'genesis', [R, 2n, [3n]], ['genesis'])
    await settlement.refuses('InvalidConfig', 'genesis', [1n, R, [3n]], ['genesis'])
    await settlement.refuses('GenesisMissing', 'postRound')
    await settlement.refuses('GenesisMissing', 'settle', [[]])
    await settlement.refuses('GenesisMissing', 'openEnvelopes', [[]])
  })

  it('puts the accounts in the inbox, once', async () => {
    const { settlement } = market
    const receipt = await settlement.write('genesis', [1n, 2n, [3n, 4n]])
    assert.deepEqual(settlement.events(receipt), [{ name: 'Genesis', args: { root: 1n, inboxHead: 2n, count: 2n } }])
    assert.equal(await settlement.read('accountsRoot'), 1n)
    assert.deepEqual(await settlement.read('heads'), [0n, 2n, 0n, 0n, 0n, 0n, 0n, 0n])
    await settlement.refuses('GenesisDone', 'genesis', [1n, 2n, [3n]])
  })
})

describe('the mock feed', () => {
  it('exists on chains 31337 and 1337 only', async () => {
    const local: Chain = await startChain(1337)
    assert.equal(await (await local.contract('MockFeed', [8, 1n])).read('decimals'), 8)
    const elsewhere = await startChain(1)
    await elsewhere.refusesDeployment('LocalChainsOnly', 'MockFeed', [8, 1n], [1n])
  })
})
