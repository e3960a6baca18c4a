import { type Address, isAddressEqual } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { SETTLEMENT_ABI } from '../abi/settlement.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { blockRanges } from '../chain/block-ranges.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { firstBlockSince } from '../chain/first-block.ts'

// As the contracts number them.
const DEPOSIT = { bounced: 2, refunded: 3 } as const
export const REQUEST = { reserved: 1, pending: 2 } as const

export interface RefundableParameters {
  readonly settlement: Address
  readonly owner: Address
}

/** Deposits, bonds and other sums that the contracts hold for somebody besides accounts and withdrawals. */
export interface RefundableReturnType {
  readonly vault: Address
  readonly forced: Address
  /** Deposits that bounced, or that a freeze voided. */
  readonly deposits: readonly { readonly id: bigint; readonly asset: number }[]
  /** Forced requests with a bond in them that can be had back, and by which call. */
  readonly requests: readonly { readonly number: bigint; readonly call: 'release' | 'closeExpired' | 'takeBond' }[]
}

export type RefundableErrorType = PlimsollError | ChainFailure

/**
 * Reads from the chain alone what an address may take back.
 * @example
 * import { refundable } from '../../sdk/actions/refundable.ts'
 *
 * const { deposits, requests } = await refundable(signer, { settlement, owner: signer.sender })
 */
export async function refundable(
  { read: client }: ReadClient,
  { settlement, owner }: RefundableParameters,
): Promise<RefundableReturnType> {
  const contract = { address: settlement, abi: SETTLEMENT_ABI } as const
  const { number: end, timestamp } = await client.getBlock()
  const [{ vault }, deployedAt] = await Promise.all([
    client.readContract({ ...contract, functionName: 'config' }),
    client.readContract({ ...contract, functionName: 'deployedAt' }),
  ])
  const start = await firstBlockSince(client, deployedAt, end)
  const custody = { address: vault, abi: VAULT_ABI } as const
  const [forced, frozen, record] = await Promise.all([
    client.readContract({ ...custody, functionName: 'forced' }),
    client.readContract({ ...custody, functionName: 'frozen' }),
    client.readContract({ ...custody, functionName: 'lastCheckpoint' }),
  ])
  const requesting = { address: forced, abi: FORCED_ABI } as const
  const deposits: { id: bigint; asset: number }[] = []
  const requests: { number: bigint; call: 'release' | 'closeExpired' | 'takeBond' }[] = []
  for (const range of blockRanges(start, end)) {
    for (const { args } of await client.getContractEvents({
      ...custody,
      eventName: 'Deposited',
      ...range,
      strict: true,
    })) {
      if (!isAddressEqual(args.depositor, owner)) continue
      const { state, amount } = await client.readContract({ ...custody, functionName: 'deposit', args: [args.id] })
      const voided = frozen && args.id >= record.deposits && state !== DEPOSIT.refunded && amount > 0n
      if (state === DEPOSIT.bounced || voided) deposits.push({ id: args.id, asset: args.asset })
    }
    for (const { args } of await client.getContractEvents({
      ...requesting,
      eventName: 'Reserved',
      args: { requester: owner },
      ...range,
      strict: true,
    })) {
      const { state, expiry } = await client.readContract({
        ...requesting,
        functionName: 'request',
        args: [args.number],
      })
      if (state === REQUEST.reserved) requests.push({ number: args.number, call: 'release' })
      else if (state === REQUEST.pending && frozen) requests.push({ number: args.number, call: 'takeBond' })
      else if (state === REQUEST.pending && expiry < timestamp)
        requests.push({ number: args.number, call: 'closeExpired' })
    }
  }
  return { vault, forced, deposits, requests }
}
