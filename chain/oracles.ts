import type { Address, PublicClient } from 'viem'
import { type Fault, parseWord } from '../protocol/oracle.ts'
import { ORACLES_ABI } from '../sdk/abi/oracles.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import type { AtBlock } from './contracts.ts'

/** Milliseconds for which the names of sources are not asked for again. */
const FRESH = 60_000

/** A source of an asset's prices, as the oracles name it. */
export interface NamedSource {
  readonly asset: number
  readonly index: number
  readonly source: Address
  readonly timeWeighted: boolean
  readonly disabled: boolean
}

export interface PriceSource extends NamedSource {
  /** The aggregator behind an adapter for Chainlink; the source itself otherwise. */
  readonly feed: Address
}

/** A source's answer now: its quote is a price mark in the quote currency, 0 where there is none. */
export interface SourceSaid extends PriceSource {
  readonly quote: bigint
  /** Unix seconds. */
  readonly time: bigint
  readonly fault: Fault
}

/** Answers of all sources at a block. */
export interface OracleSnapshot {
  readonly sources: readonly SourceSaid[]
  /** Whether the chain's sequencer is down, or not up for long enough: no round can be posted. */
  readonly down: boolean
}

/** An asset at the latest round, and where its rule stands. */
export interface AssetRisk {
  readonly low: bigint
  readonly high: bigint
  /** Unix seconds of the first round at which it was held; 0: it is not. */
  readonly heldSince: number
  /** Points by which the marks of a held asset are widened. */
  readonly widened: number
  /** Whether its parameters follow the market. */
  readonly ruled: boolean
  /** Drop that the next six hours exceed once in a hundred, times 2^48; null where the rule is off. */
  readonly quantile: bigint | null
  /** In 1/10^4. */
  readonly initialCollateralFactor: number
  readonly initialLiabilityFactor: number
  readonly depth: bigint
}

/** The oracles of a deployment. */
export class Oracles {
  readonly address: Address
  readonly rounds: Address
  readonly #client: { readonly read: PublicClient }
  #sources: Promise<readonly PriceSource[]> | undefined
  /** Moment at which the sources were asked for, by a clock in milliseconds that only counts. */
  #asked = 0
  /** Whether the rule is on, of assets 1, 2, ...: it never changes. */
  #ruled: readonly boolean[] | undefined

  constructor(client: { readonly read: PublicClient }, rounds: Address, address: Address) {
    this.#client = client
    this.rounds = rounds
    this.address = address
  }

  /** The sources of all assets, cash first, as the oracles named them a minute ago or later: an admin replaces and disables them. */
  sources(): Promise<readonly PriceSource[]> {
    const now = performance.now()
    if (this.#sources !== undefined && now < this.#asked + FRESH) return this.#sources
    this.#asked = now
    const sources = this.#readSources()
    this.#sources = sources
    sources.catch(() => {
      if (this.#sources === sources) this.#sources = undefined
    })
    return sources
  }

  /** Reads the answers of all sources at a block. */
  async said(at: AtBlock = {}): Promise<OracleSnapshot> {
    const contract = { address: this.address, abi: ORACLES_ABI, ...at } as const
    const { read } = this.#client
    const [words, down, named] = await Promise.all([
      read.readContract({ ...contract, functionName: 'answers' }),
      read.readContract({ ...contract, functionName: 'down' }),
      this.sources(),
    ])
    const sources = words.flatMap((word): SourceSaid[] => {
      const parsed = parseWord(word)
      const source = named.find(({ asset, index }) => asset === parsed?.asset && index === parsed.index)
      if (parsed === undefined || source === undefined) return []
      const { quote, time, fault } = parsed.said
      return [{ ...source, quote, time, fault }]
    })
    return { sources, down }
  }

  /** Assets 1, 2, ... at the latest round. */
  async risks(at: AtBlock = {}): Promise<readonly AssetRisk[]> {
    const contract = { address: this.rounds, abi: ROUNDS_ABI, ...at } as const
    const { read } = this.#client
    this.#ruled ??= await this.#readRuled(at)
    return Promise.all(
      this.#ruled.map(async (ruled, i): Promise<AssetRisk> => {
        const args = [BigInt(i + 1)] as const
        const [standing, parameters, margin] = await Promise.all([
          read.readContract({ ...contract, functionName: 'standing', args }),
          read.readContract({ ...contract, functionName: 'parameters', args }),
          read.readContract({ ...contract, functionName: 'margin', args }),
        ])
        return {
          low: standing.low,
          high: standing.high,
          heldSince: standing.heldSince,
          widened: standing.widened,
          ruled,
          quantile: ruled ? margin.quantile : null,
          initialCollateralFactor: parameters.initialCollateralFactor,
          initialLiabilityFactor: parameters.initialLiabilityFactor,
          depth: parameters.depth,
        }
      }),
    )
  }

  async #readRuled(at: AtBlock): Promise<readonly boolean[]> {
    const contract = { address: this.rounds, abi: ROUNDS_ABI, ...at } as const
    const { read } = this.#client
    const count = Number(await read.readContract({ ...contract, functionName: 'assetCount' }))
    const rules = Array.from({ length: count }, (_, i) =>
      read.readContract({ ...contract, functionName: 'rule', args: [BigInt(i + 1)] }),
    )
    return (await Promise.all(rules)).map(({ on }) => on)
  }

  async #readSources(): Promise<readonly PriceSource[]> {
    const named = await namedSources(this.#client.read, this.address)
    return Promise.all(named.map(async (one) => ({ ...one, feed: await this.#feedOf(one.source) })))
  }

  #feedOf(source: Address): Promise<Address> {
    const call = { address: source, abi: FEED_OF_ABI, functionName: 'feed' } as const
    return this.#client.read.readContract(call).catch(() => source)
  }
}

/** The sources of all assets, cash first, as an oracles' contract names them now. */
export async function namedSources(read: PublicClient, oracles: Address): Promise<readonly NamedSource[]> {
  const contract = { address: oracles, abi: ORACLES_ABI } as const
  const assets = 1 + Number(await read.readContract({ ...contract, functionName: 'assetCount' }))
  const perAsset = Array.from({ length: assets }, async (_, asset): Promise<NamedSource[]> => {
    const [, , , count] = await read.readContract({ ...contract, functionName: 'assetConfig', args: [BigInt(asset)] })
    return Promise.all(
      Array.from({ length: Number(count) }, async (_, index): Promise<NamedSource> => {
        const args = [BigInt(asset), BigInt(index)] as const
        const { source, timeWeighted, disabled } = await read.readContract({
          ...contract,
          functionName: 'source',
          args,
        })
        return { asset, index, source, timeWeighted, disabled }
      }),
    )
  })
  return (await Promise.all(perAsset)).flat()
}

const FEED_OF_ABI = [
  { type: 'function', name: 'feed', inputs: [], outputs: [{ type: 'address' }], stateMutability: 'view' },
] as const
