import type { Contracts } from '../../chain/contracts.ts'
import { blockRanges } from '../../sdk/chain/block-ranges.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import type { WithdrawalInfo } from '../../sdk/schemas.ts'
import { isOnChain, type ReadBlock } from './read-block.ts'

/** Blocks before the last one read that are read again: a shallow reorganization may have changed them. */
const REREAD = 64n

interface Pending {
  readonly index: number
  readonly block: bigint
  /** Block of its claim; undefined before. */
  claimed: bigint | undefined
}

/** Whose withdrawals are which: the contract's events name the account, its storage does not. */
export class WithdrawalBook {
  readonly #contracts: Contracts
  readonly #byId = new Map<bigint, Pending>()
  /** First block to read next; where its hash is another by then, a deeper reorganization has changed what was read before. */
  #next: ReadBlock | undefined
  #reading: Promise<void> = Promise.resolve()

  constructor(contracts: Contracts) {
    this.#contracts = contracts
  }

  /** Withdrawals of an account that nobody has claimed yet, in order. */
  async of(index: number): Promise<WithdrawalInfo[]> {
    try {
      // One after the other: an older reading must not undo a newer one.
      this.#reading = this.#reading.catch(() => {}).then(() => this.#read())
      await this.#reading
      const {
        vault,
        settlement: {
          client: { read },
        },
      } = this.#contracts
      const ids = [...this.#byId]
        .filter(([, pending]) => pending.index === index && pending.claimed === undefined)
        .map(([id]) => id)
      const list = await Promise.all(
        ids.map(async (id) => ({
          id,
          ...(await read.readContract({ ...vault, functionName: 'withdrawal', args: [id] })),
        })),
      )
      return await Promise.all(
        list
          .filter(({ claimed }) => !claimed)
          .map(async ({ id, asset, amount, recipient }) => {
            const [num, den] = await read.readContract({ ...vault, functionName: 'payout', args: [id] })
            return {
              id: Number(id),
              asset,
              amount,
              recipient,
              pays: den === 0n ? amount : this.#contracts.payable(asset, (amount * num) / den),
              claimable: den !== 0n,
            }
          }),
      )
    } catch (error) {
      throw refusal(error, 'the withdrawals')
    }
  }

  async #read(): Promise<void> {
    const { vault, settlement } = this.#contracts
    const { read } = settlement.client
    const end = await read.getBlockNumber()
    const known = this.#next !== undefined && (await isOnChain(read, this.#next)) ? this.#next.number : undefined
    const start = known ?? (await settlement.firstBlock(end))
    const [made, claimed]: [[bigint, Pending][], [bigint, bigint][]] = [[], []]
    for (const range of blockRanges(start, end)) {
      const [pendings, claims] = await Promise.all([
        read.getContractEvents({ ...vault, eventName: 'WithdrawalPending', ...range, strict: true }),
        read.getContractEvents({ ...vault, eventName: 'Claimed', ...range, strict: true }),
      ])
      for (const { args, blockNumber } of pendings)
        made.push([args.id, { index: Number(args.index), block: blockNumber, claimed: undefined }])
      for (const { args, blockNumber } of claims) claimed.push([args.id, blockNumber])
    }
    // Whoever reads the book meanwhile finds it as it was before or as it is after.
    for (const [id, pending] of this.#byId) {
      if (pending.block >= start) this.#byId.delete(id)
      if (pending.claimed !== undefined && pending.claimed >= start) pending.claimed = undefined
    }
    for (const [id, pending] of made) this.#byId.set(id, pending)
    for (const [id, block] of claimed) {
      const pending = this.#byId.get(id)
      if (pending !== undefined) pending.claimed = block
    }
    const number = end > REREAD ? end - REREAD : 0n
    this.#next = { number, hash: (await read.getBlock({ blockNumber: number })).hash }
    // A claim that no reorganization can undo is nothing to remember.
    for (const [id, { claimed: block }] of this.#byId) if (block !== undefined && block < number) this.#byId.delete(id)
  }
}
