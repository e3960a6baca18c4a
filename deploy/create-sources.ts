import type { Address } from 'viem'
import { type BookAsset, QUOTE_DECIMALS } from '../protocol/book.ts'
import { type AssetOracle, feedAlone, type OraclePlan, type SourcePlan } from './oracle-plan.ts'

/** Ten years: nobody updates a mock feed that is to stay where it is. */
const MOCK_HEARTBEAT = 315_360_000
/** Cash without sources: it is worth its amount. */
const NO_SOURCES: AssetOracle = { sources: [], jump: 0, confirm: 0 }

type Create = (name: string, args: readonly unknown[]) => Promise<Address>

/** An asset as the oracles' constructor takes it. */
interface AssetConfig {
  readonly decimals: number
  readonly jump: number
  readonly confirm: number
  readonly sources: readonly {
    readonly source: Address
    readonly heartbeat: number
    readonly deviation: number
    readonly maxConfidence: number
  }[]
}

export interface CreatedSources {
  /** By symbol: the feed of an asset whose only or first source is one. */
  readonly feeds: Readonly<Record<string, Address>>
  /** By symbol, of the assets that have any: what the oracles ask. */
  readonly sources: Readonly<Record<string, readonly Address[]>>
  /** In the order of the market's assets. */
  readonly assets: readonly AssetConfig[]
}

/**
 * Creates the adapters of all sources: those that the market names, or of a feed named alone, or of a mock feed at the
 * market's price; cash may have none.
 * @param heartbeat seconds, of the feeds that are named alone
 */
export async function createSources(
  assets: readonly BookAsset[],
  { assets: named }: OraclePlan,
  alone: Readonly<Record<string, Address>>,
  heartbeat: number,
  create: Create,
): Promise<CreatedSources> {
  const feeds: [string, Address][] = []
  const sources: [string, Address[]][] = []
  const configs: AssetConfig[] = []
  for (const [a, { symbol, decimals, price }] of assets.entries()) {
    const plan = Object.hasOwn(named, symbol)
      ? named[symbol]!
      : a === 0
        ? NO_SOURCES
        : Object.hasOwn(alone, symbol)
          ? feedAlone(alone[symbol]!, heartbeat)
          : feedAlone(await create('MockFeed', [QUOTE_DECIMALS, price]), MOCK_HEARTBEAT)
    const asked: AssetConfig['sources'][number][] = []
    for (const source of plan.sources) {
      const { heartbeat, deviation, maxConfidence } = source
      asked.push({ source: await adapterOf(source, create), heartbeat, deviation, maxConfidence })
    }
    const [first] = plan.sources
    if (a > 0 && first?.kind === 'chainlink') feeds.push([symbol, first.feed])
    if (asked.length > 0) sources.push([symbol, asked.map(({ source }) => source)])
    configs.push({ decimals, jump: plan.jump, confirm: plan.confirm, sources: asked })
  }
  return { feeds: Object.fromEntries(feeds), sources: Object.fromEntries(sources), assets: configs }
}

/** One that is of the oracles' interface itself needs no adapter. */
async function adapterOf(plan: SourcePlan, create: Create): Promise<Address> {
  switch (plan.kind) {
    case 'chainlink':
      return create('ChainlinkSource', [plan.feed])
    case 'pyth':
      return create('PythSource', [plan.pyth, plan.id])
    case 'uniswap-v3':
      return create('UniswapV3Source', [plan.pool, plan.token, plan.window])
    case 'contract':
      return plan.source
  }
}
