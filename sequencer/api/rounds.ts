import type { Hex } from 'viem'
import type { Contracts } from '../../chain/contracts.ts'
import type { Shape } from '../../protocol/batch.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { type PastRound, RoundHistory } from '../../sdk/chain/round-history.ts'
import { settlementShape } from '../../sdk/chain/settlement-history.ts'
import { type StallClocks, stallClocks } from '../../sdk/chain/stall.ts'
import { type SystemContracts, systemContracts } from '../../sdk/chain/system-contracts.ts'
import type { RoundsInfo } from '../../sdk/schemas.ts'
import { isOnChain, type ReadBlock } from './read-block.ts'

/** Blocks before the last one read that are read again: a shallow reorganization may have changed them. */
const REREAD = 64n
/** Rounds of an answer. */
const LISTED = 50
/** Milliseconds for which what was read is good enough. */
const FRESH = 500

interface Reading extends ReadBlock {
  readonly rounds: RoundHistory
}

/** Rounds before the latest, and the clocks of the system: read from the chain when somebody asks. */
export class RoundBook {
  readonly #contracts: Contracts
  /** Rounds up to a block that no shallow reorganization changes. */
  #settled: Reading | undefined
  #system: Promise<{ contracts: SystemContracts; shape: Shape }> | undefined
  readonly #times = new Map<bigint, number>()
  readonly #gas = new Map<Hex, bigint | null>()
  #latest: { readonly at: number; readonly rounds: Promise<readonly PastRound[]> } | undefined
  #clocks: { readonly at: number; readonly clocks: Promise<StallClocks> } | undefined

  constructor(contracts: Contracts) {
    this.#contracts = contracts
  }

  /**
   * Rounds below a number, the latest first, at most fifty.
   * @throws ChainFailure when the chain does not answer
   */
  async before(number: number | undefined): Promise<RoundsInfo> {
    try {
      const all = await this.#all()
      const earlier = number === undefined ? all : all.filter((round) => round.number < number)
      const listed = earlier.slice(-LISTED).toReversed()
      return {
        rounds: await Promise.all(listed.map((round) => this.#told(round))),
        more: earlier.length > LISTED,
      }
    } catch (error) {
      throw refusal(error, 'the rounds')
    }
  }

  /** @throws ChainFailure when the chain does not answer */
  async clocks(): Promise<StallClocks> {
    const now = performance.now()
    if (this.#clocks === undefined || now - this.#clocks.at > FRESH) {
      const clocks = this.#parts().then(({ contracts }) =>
        stallClocks(this.#contracts.settlement.client.read, contracts),
      )
      clocks.catch(() => {
        this.#clocks = undefined
      })
      this.#clocks = { at: now, clocks }
    }
    return this.#clocks.clocks
  }

  async #told({ block, transaction, settlements, prices, ...round }: PastRound): Promise<RoundsInfo['rounds'][number]> {
    return {
      ...round,
      block: Number(block),
      transaction,
      prices: [...prices],
      gas: await this.#gasOf(transaction),
      settlements: await Promise.all(
        settlements.map(async ({ block: at, transaction: hash, ...settlement }) => ({
          ...settlement,
          block: Number(at),
          transaction: hash,
          timestamp: await this.#timeOf(at),
          gas: await this.#gasOf(hash),
        })),
      ),
    }
  }

  #all(): Promise<readonly PastRound[]> {
    const now = performance.now()
    if (this.#latest === undefined || now - this.#latest.at > FRESH) {
      const rounds = this.#read()
      rounds.catch(() => {
        this.#latest = undefined
      })
      this.#latest = { at: now, rounds }
    }
    return this.#latest.rounds
  }

  async #read(): Promise<readonly PastRound[]> {
    const { settlement } = this.#contracts
    const { read } = settlement.client
    const { contracts, shape } = await this.#parts()
    const end = await read.getBlockNumber()
    const deep = end > REREAD ? end - REREAD : 0n
    if (this.#settled === undefined || !(await isOnChain(read, this.#settled))) {
      this.#settled = undefined
      this.#times.clear()
      this.#gas.clear()
    }
    const kept = this.#settled?.rounds ?? new RoundHistory()
    const before = this.#settled?.number ?? (await settlement.firstBlock(end)) - 1n
    if (before < deep) {
      await kept.readTo(read, contracts, shape, deep)
      this.#settled = { number: deep, hash: (await read.getBlock({ blockNumber: deep })).hash, rounds: kept }
    }
    for (const block of this.#times.keys()) if (block > deep) this.#times.delete(block)
    const all = kept.copy()
    await all.readTo(read, contracts, shape, end)
    return all.rounds
  }

  #parts() {
    const { address, client } = this.#contracts.settlement
    const read = async () => {
      const [contracts, shape] = await Promise.all([
        systemContracts(client.read, address),
        settlementShape(client.read, address),
      ])
      return { contracts, shape }
    }
    this.#system ??= read().catch((error: unknown) => {
      this.#system = undefined
      throw error
    })
    return this.#system
  }

  async #timeOf(blockNumber: bigint): Promise<number> {
    const known = this.#times.get(blockNumber)
    if (known !== undefined) return known
    const time = Number((await this.#contracts.settlement.client.read.getBlock({ blockNumber })).timestamp)
    this.#times.set(blockNumber, time)
    return time
  }

  /** Gas of a transaction; null where the endpoint has no receipt of it. */
  async #gasOf(hash: Hex): Promise<bigint | null> {
    const known = this.#gas.get(hash)
    if (known !== undefined) return known
    const receipt = await this.#contracts.settlement.client.read.getTransactionReceipt({ hash }).catch(() => undefined)
    if (receipt !== undefined) this.#gas.set(hash, receipt.gasUsed)
    return receipt?.gasUsed ?? null
  }
}
