import type { FeedAnswer } from '../../chain/chain-snapshot.ts'
import type { Contracts } from '../../chain/contracts.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { LOCAL_CHAINS, type SigningClient } from '../../sdk/chain/client.ts'
import { ContractRefusal } from '../../sdk/chain/contract-errors.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { mine, type NodeSnapshot } from './chain-view.ts'

/** Posts a round when a feed has moved, the latest grows old, or somebody wants one. */
export class RoundPoster {
  /** A forced request can only be discharged at a round that is younger than it. */
  wanted = false
  readonly #contracts: Contracts
  readonly #signer: SigningClient
  /** The feeds' answers that the latest round was posted for. */
  #posted: string | undefined

  constructor(contracts: Contracts, signer: SigningClient) {
    this.#contracts = contracts
    this.#signer = signer
  }

  /**
   * Posts a round where there is reason to, and returns the gas it took: 0 where there is none, or the contract's clock wants
   * another look first.
   * @throws PlimsollError when a feed does not answer, or the contract refuses
   */
  async post({ now, round, feeds }: NodeSnapshot): Promise<bigint> {
    for (const { feed, answer } of feeds)
      if (answer === undefined) throw new PlimsollError(`The feed ${feed} does not answer.`)
    const answers = feeds.map(({ answer, updatedAt }) => `${answer}@${updatedAt}`).join()
    // Of rounds that this process has not posted only their time is known.
    const moved = this.#posted === undefined ? isOlder(round.timestamp, feeds) : answers !== this.#posted
    const stale = now - Number(round.timestamp) >= this.#contracts.clocks.maxAge / 2
    if (round.number > 0 && !moved && !stale && !this.wanted) return 0n
    await this.#wakeFor(round.timestamp, now)
    try {
      const { gasUsed } = await sendCall(this.#signer, {
        address: this.#contracts.rounds.address,
        abi: ROUNDS_ABI,
        functionName: 'postRound',
        args: [],
      })
      this.#posted = answers
      this.wanted = false
      return gasUsed
    } catch (error) {
      // The contract's clock decides: another look will do. A frozen system says so later in the look.
      if (error instanceof ContractRefusal && (error.errorName === 'RoundTooEarly' || error.errorName === 'Frozen'))
        return 0n
      throw error
    }
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

/** Whether a feed may have been updated since. */
function isOlder(timestamp: bigint, feeds: readonly FeedAnswer[]): boolean {
  return feeds.some(({ updatedAt }) => updatedAt >= timestamp)
}
