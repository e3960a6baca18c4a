import assert from 'node:assert/strict'

import { deployMarket, ETH, type Market, nextRound, refreshFeeds, TIMES } from './market.ts'
import { marksOf, type Parameters } from './mirror.ts'

const NEXT: Parameters = {
  ...ETH,
  collateralFactor: 8400,
  targetCollateralFactor: 7900,
  initialCollateralFactor: 7900,
  initialLiabilityFactor: 12400,
  depth: ETH.depth * 2n,
}

describe('risk parameters', () => {
  let market: Market
  let propose: (parameters: Parameters, asset?: bigint) => Promise<unknown>
  let refuses: (error: string, parameters: Parameters) => Promise<void>

  beforeEach(async () => {
    market = await deployMarket()
    const { settlement, rounds, chain } = market
    const admin = chain.accounts[1]!
    await settlement.write('genesis', [1n, 2n, [3n]])
    propose = (parameters, asset = 1n) => rounds.write('proposeParameters', [asset, parameters], admin)
    refuses = (error, parameters) => rounds.refuses(error, 'proposeParameters', [1n, parameters], [1n], admin)
  })

  it('are proposed by the admin, for assets that exist', async () => {
    const { rounds, chain } = market
    await rounds.refuses('NotAdmin', 'proposeParameters', [1n, NEXT], [], chain.accounts[0])
    for (const asset of [0n, 3n, 8n]) {
      await rounds.refuses('UnknownAsset', 'proposeParameters', [asset, NEXT], [asset], chain.accounts[1])
    }
  })

  it('are refused out of order', async () => {
    await refuses('InvalidParameters', { ...ETH, targetCollateralFactor: 8501 })
    await refuses('InvalidParameters', { ...ETH, collateralFactor: 9801 })
    await refuses('InvalidParameters', { ...ETH, targetLiabilityFactor: 11499 })
    await refuses('InvalidParameters', { ...ETH, liabilityFactor: 10199 })
    await refuses('InvalidParameters', { ...ETH, targetLiabilityFactor: 40001, initialLiabilityFactor: 40001 })
    await refuses('InvalidParameters', { ...ETH, initialCollateralFactor: 8001 })
    await refuses('InvalidParameters', { ...ETH, initialLiabilityFactor: 11999 })
    await refuses('InvalidParameters', { ...ETH, depth: (1n << 62n) + 1n })
  })

  it('are refused beyond one step', async () => {
    await refuses('BeyondStep', { ...ETH, collateralFactor: 9001 })
    await refuses('BeyondStep', { ...ETH, liabilityFactor: 10999 })
    await refuses('BeyondStep', { ...ETH, targetCollateralFactor: 7499, initialCollateralFactor: 7499 })
    await refuses('BeyondStep', { ...ETH, targetLiabilityFactor: 12501, initialLiabilityFactor: 12501 })
    await refuses('BeyondStep', { ...ETH, initialCollateralFactor: 7499 })
    await refuses('BeyondStep', { ...ETH, initialLiabilityFactor: 12501 })
    await refuses('BeyondStep', { ...ETH, penalty: 701 })
    await refuses('BeyondStep', { ...ETH, depth: 2n * ETH.depth + 1n })
    await refuses('BeyondStep', { ...ETH, depth: ETH.depth / 2n - 1n })
  })

  it('change nothing before the delay is over, and then only with a round', async () => {
    const { rounds, chain } = market
    await propose(NEXT)
    const readyAt = (await chain.now()) + BigInt(TIMES.parameterDelay)
    assert.deepEqual(await rounds.read('pendingParameters', 1n), [NEXT, readyAt])

    await chain.mineAt(readyAt - 10n)
    await refreshFeeds(market)
    await chain.nextBlockAt(readyAt - 1n)
    await rounds.write('postRound')
    assert.deepEqual(await rounds.read('parameters', 1n), ETH)

    await chain.mineAt(readyAt + 1000n)
    const before = await rounds.read<bigint[][]>('marks')
    assert.deepEqual(await rounds.read('parameters', 1n), ETH)

    const receipt = await nextRound(market)
    assert.deepEqual(rounds.events(receipt)[0], { name: 'ParametersApplied', args: { asset: 1n, parameters: NEXT } })
    assert.deepEqual(await rounds.read('parameters', 1n), NEXT)
    const none = Object.fromEntries(
      Object.entries(NEXT).map(([name, value]) => [name, typeof value === 'bigint' ? 0n : 0]),
    )
    assert.deepEqual(await rounds.read('pendingParameters', 1n), [none, 0n])
    const after = await rounds.read<bigint[][]>('marks')
    assert.notDeepEqual(after[0], before[0])
    assert.deepEqual(after[0], marksOf(after[0]![0]!, NEXT))
    assert.deepEqual(after[1], before[1])
  })

  it('apply at the very second that the delay ends', async () => {
    const { rounds, chain } = market
    await propose(NEXT)
    const readyAt = (await chain.now()) + BigInt(TIMES.parameterDelay)
    await chain.mineAt(readyAt - 10n)
    await refreshFeeds(market)
    await chain.nextBlockAt(readyAt)
    await rounds.write('postRound')
    assert.deepEqual(await rounds.read('parameters', 1n), NEXT)
  })

  it('start their delay anew when a proposal takes the place of another; steps count from the active ones', async () => {
    const { chain } = market
    await propose({ ...ETH, collateralFactor: 9000 })
    await chain.mineAt((await chain.now()) + BigInt(TIMES.parameterDelay) - 10n)
    await refuses('BeyondStep', { ...ETH, collateralFactor: 9500 })
    await propose(NEXT)
    await chain.mineAt((await chain.now()) + 60n)
    await nextRound(market)
    assert.deepEqual(await market.rounds.read('parameters', 1n), ETH)
  })
})
