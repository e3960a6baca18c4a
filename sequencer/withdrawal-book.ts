import type { WithdrawalInfo } from '../sdk/schemas.ts'
import type { Contracts } from './contracts.ts'
import { refusal } from './refusal.ts'

/** Blocks asked for at a time, and blocks read again because they may have been reorganized. */
const BLOCK_RANGE = 5_000n
const REREAD = 64n

interface Pending {
  readonly index: number
  readonly block: bigint
}

/** Whose withdrawals are which: the contract's events name the account, its storage does not. */
export class WithdrawalBook {
  private readonly contracts: Contracts
  private readonly byId = new Map<bigint, Pending>()
  private next: bigint | undefined

  constructor(contracts: Contracts) {
    this.contracts = contracts
  }

  /** What an account has withdrawn and nobody has claimed yet, in order. */
  async of(index: number): Promise<WithdrawalInfo[]> {
    try {
      await this.read()
      const { vault, settlement: { client: { read } } } = this.contracts
      const epochs = await read.readContract({ ...vault, functionName: 'epochs' })
      const ids = [...this.byId].filter(([, pending]) => pending.index === index).map(([id]) => id)
      const list = await Promise.all(ids.map(async (id) => ({ id, ...(await read.readContract({ ...vault, functionName: 'withdrawal', args: [id] })) })))
      return list.filter(({ claimed }) => !claimed).map(({ id, asset, amount, recipient, epoch }) => ({ id: Number(id), asset, amount, recipient, claimable: epoch < epochs }))
    } catch (error) {
      throw refusal(error, 'the withdrawals')
    }
  }

  private async read(): Promise<void> {
    const { vault, settlement } = this.contracts
    const { read } = settlement.client
    const end = await read.getBlockNumber()
    let from = this.next ?? (await settlement.view<bigint>('deployedAt'))
    for (const [id, { block }] of this.byId) if (block >= from) this.byId.delete(id)
    for (; from <= end; from += BLOCK_RANGE) {
      const toBlock = from + BLOCK_RANGE - 1n < end ? from + BLOCK_RANGE - 1n : end
      const logs = await read.getContractEvents({ ...vault, eventName: 'WithdrawalPending', fromBlock: from, toBlock, strict: true })
      for (const { args, blockNumber } of logs) this.byId.set(args.id, { index: Number(args.index), block: blockNumber })
    }
    this.next = end > REREAD ? end - REREAD : 0n
  }
}
