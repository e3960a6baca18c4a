import type { Contracts } from '../../chain/contracts.ts'
import type { SourceSaid } from '../../chain/oracles.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { abs } from '../../protocol/integer.ts'
import { GRID_SECONDS } from '../../protocol/margin-rule.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { LOCAL_CHAINS, type SigningClient } from '../../sdk/chain/client.ts'
import { ContractRefusal } from '../../sdk/chain/contract-errors.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import type { NodeLog } from '../state/node-log.ts'
import { mine, type NodeSnapshot } from './chain-view.ts'
import type { PythUpdates } from './pyth-updates.ts'

/** A source whose price lags says a new one all the time: only a move by one part of so many is a reason for a round. */
const LAGGING_MOVE = 1_000n

/** Posts a round when the market has moved, a source's state has changed, a grid step began, or the latest grows old. */
export class RoundPoster {
  /** A forced request can only be discharged, and a forced close only served, at a round that is younger than it. */
  wanted = false
  readonly #contracts: Contracts
  readonly #signer: SigningClient
  readonly #updates: PythUpdates | undefined
  readonly #log: NodeLog
  /** Answers of the sources when the latest round of this process was posted. */
  #posted: readonly SourceSaid[] | undefined

  /** @param updates brings the prices of Pyth before each round, where somebody is to */
  constructor(contracts: Contracts, signer: SigningClient, updates: PythUpdates | undefined, log: NodeLog) {
    this.#contracts = contracts
    this.#signer = signer
    this.#updates = updates
    this.#log = log
  }

  /**
   * Posts a round where there is reason to, and returns the gas it took: 0 where there is none, or the contract's clock wants
   * another look first.
   * @throws PlimsollError when the contract refuses
   */
  async post({ now, round, oracles, risks }: NodeSnapshot): Promise<bigint> {
    if (oracles.down) return 0n
    // Of rounds that this process has not posted only their time is known.
    const moved =
      this.#posted === undefined ? isOlder(round.timestamp, oracles.sources) : isMoved(this.#posted, oracles.sources)
    const stale = now - Number(round.timestamp) >= this.#contracts.clocks.maxAge / 2
    const due = risks.some(({ ruled }) => ruled) && gridStep(BigInt(now)) > gridStep(round.timestamp)
    if (round.number > 0 && !moved && !stale && !due && !this.wanted) return 0n
    await this.#wakeFor(round.timestamp, now)
    const brought = await this.#bring()
    try {
      const { gasUsed } = await sendCall(this.#signer, {
        address: this.#contracts.rounds.address,
        abi: ROUNDS_ABI,
        functionName: 'postRound',
        args: [],
      })
      this.#posted = oracles.sources
      this.wanted = false
      return brought + gasUsed
    } catch (error) {
      // The contract's clock decides: another look will do. A frozen system says so later in the look.
      if (error instanceof ContractRefusal && ['RoundTooEarly', 'Frozen', 'Down'].includes(error.errorName)) return 0n
      throw error
    }
  }

  /** Brings the prices of Pyth where a round can be posted at all: else nothing is paid for. The round can go without. */
  async #bring(): Promise<bigint> {
    if (this.#updates === undefined) return 0n
    const { read, sender } = this.#signer
    const call = { address: this.#contracts.rounds.address, abi: ROUNDS_ABI, functionName: 'postRound' } as const
    const due = await read.simulateContract({ ...call, account: sender }).then(
      () => true,
      () => false,
    )
    if (!due) return 0n
    return this.#updates.bring().catch((error: unknown) => {
      if (!(error instanceof PlimsollError)) throw error
      this.#log.error({ event: 'pyth' }, error.message)
      return 0n
    })
  }

  /**
   * Has a development chain that mines on demand mine a block where the contract's clock forbids a round only because the chain
   * stands still: its next block would be late enough.
   */
  async #wakeFor(posted: bigint, now: number): Promise<void> {
    const { read, chainId } = this.#signer
    if (!LOCAL_CHAINS.includes(chainId)) return
    const { roundShort, roundMin } = this.#contracts.clocks
    const next = Number((await read.getBlock({ blockTag: 'pending' })).timestamp)
    const passes = (clock: number) => now <= Number(posted) + clock && next > Number(posted) + clock
    if (passes(roundShort) || passes(roundMin)) await mine(this.#signer)
  }
}

function gridStep(time: bigint): bigint {
  return time / GRID_SECONDS
}

/** Whether a source may have been updated since. */
function isOlder(timestamp: bigint, sources: readonly SourceSaid[]): boolean {
  return sources.some(({ time, timeWeighted }) => !timeWeighted && time >= timestamp)
}

/** Whether a source has another state than before, was updated, or, where its price lags, has moved enough. */
function isMoved(before: readonly SourceSaid[], after: readonly SourceSaid[]): boolean {
  if (before.length !== after.length) return true
  return after.some((said, i) => {
    const was = before[i]!
    if (said.fault !== was.fault || said.source !== was.source) return true
    return said.timeWeighted
      ? abs(said.quote - was.quote) * LAGGING_MOVE > was.quote
      : said.quote !== was.quote || said.time !== was.time
  })
}

/** The trouble with the sources of prices, in a sentence; undefined where every one counts. */
export function sourceProblem(
  { oracles, risks }: Pick<NodeSnapshot, 'oracles' | 'risks'>,
  symbol: (asset: number) => string,
): string | undefined {
  if (oracles.down) return "The chain's sequencer is down, or has not been up for long: no round can be posted."
  const faulty = oracles.sources.find(({ fault }) => fault !== 'none' && fault !== 'disabled')
  const held = risks.findIndex(({ heldSince }) => heldSince > 0) + 1
  const holds = held === 0 ? '' : ` ${symbol(held)} is held at its last price.`
  if (faulty !== undefined)
    return faulty.fault === 'no answer'
      ? `The feed ${faulty.feed} does not answer.${holds}`
      : `The price of ${symbol(faulty.asset)} from ${faulty.feed} does not count: ${faulty.fault}.${holds}`
  return held === 0 ? undefined : `${symbol(held)} has no price that counts:${holds}`
}
