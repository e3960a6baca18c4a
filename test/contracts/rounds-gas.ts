import { parseAbi } from 'viem'

import { GRID_SECONDS, packMargin, startMargin } from '../../protocol/margin-rule.ts'
import { type Contract, startChain } from './chain.ts'
import { deployMarket, type Market, RULE_OFF, refreshFeeds } from './market.ts'

// What a round costs: `npm run bench:rounds`.

export interface RoundGas {
  /** A round of three sources an asset, two assets, in a new grid step. */
  readonly off: number
  readonly on: number
  /** What the rule adds to it, an asset: storage cold, depth where it does not move. */
  readonly perAsset: number
}

/** Chainlink's feeds three times an asset, each an adapter of its own. */
function threeSources(on: boolean): Promise<Market> {
  return deployMarket({}, async (config, chain) => {
    const again = async (asset: object) => {
      const { sources } = asset as { sources: { source: `0x${string}` }[] }
      if (sources.length === 0) return asset
      const [first] = sources
      const abi = parseAbi(['function feed() view returns (address)'])
      const address = await chain.client.readContract({ address: first!.source, abi, functionName: 'feed' })
      const more = [
        await chain.contract('ChainlinkSource', [address]),
        await chain.contract('ChainlinkSource', [address]),
      ]
      return { ...asset, sources: [first, ...more.map((one) => ({ ...first, source: one.address }))] }
    }
    const assets = await Promise.all(config.oracles.assets.map(again))
    const rule = on ? { ...RULE_OFF, on: true, gap: 1_000 } : RULE_OFF
    return {
      ...config,
      oracles: { ...config.oracles, assets },
      assets: config.assets.map((asset) => ({ ...asset, rule })),
    }
  })
}

/** Gas of the third round, an hour after the second, at prices a little apart. */
async function gasOf(market: Market): Promise<number> {
  let gas = 0
  for (const [eth, btc] of [
    [194_61000000n, 5_000_00000000n],
    [194_80000000n, 5_001_00000000n],
    [194_90000000n, 5_002_00000000n],
  ] as const) {
    await market.chain.mineAt((await market.chain.now()) + 3_600n)
    await refreshFeeds(market, eth, btc)
    gas = Number((await market.rounds.write('postRound')).gasUsed)
  }
  return gas
}

export interface RuleGas {
  /** Grid steps since the last sample. */
  readonly steps: bigint
  /** The arithmetic of `MarginRule.step`, unpacking and packing included. */
  readonly arithmetic: number
}

/** A cold slot read, and written where it holds another value (EIP-2929, EIP-2200): 2,100 and 2,900. */
export const COLD_SLOT = 5_000

/**
 * What the rule itself takes after silences of a step, an hour, a day, five days, and the longest that is counted: numbers whose
 * bits are all set are the dearest of their length.
 */
export async function ruleGas(
  harness: Contract,
  state = startMargin(1n << 40n, 0n, 1_000n).state,
  price = (1n << 40n) + 12_345n,
): Promise<RuleGas[]> {
  return Promise.all(
    [1n, 4n, 96n, 511n, (1n << 15n) - 1n].map(async (steps) => {
      const gas = await harness.read<bigint>(
        'gasOf',
        packMargin({ ...state, step: 0n }),
        1_000n,
        price,
        steps * GRID_SECONDS,
        1_000n,
      )
      return { steps, arithmetic: Number(gas) }
    }),
  )
}

export async function roundGas(): Promise<RoundGas> {
  const off = await gasOf(await threeSources(false))
  const on = await gasOf(await threeSources(true))
  return { off, on, perAsset: Math.round((on - off) / 2) }
}

if (import.meta.main) {
  const { off, on, perAsset } = await roundGas()
  const harness = await (await startChain()).contract('MarginHarness')
  for (const { steps, arithmetic } of await ruleGas(harness))
    console.log(
      `The rule itself ${steps} grid steps after its last sample: ${arithmetic} gas of arithmetic, ${arithmetic + COLD_SLOT} with its slot, cold and written.`,
    )
  console.log(`A round of three sources and two assets: ${off} gas; with the rule ${on}, ${perAsset} an asset more.`)
}
