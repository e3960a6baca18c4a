import { type Address, isAddressEqual } from 'viem'
import type { PlimsollError } from '../../protocol/errors.ts'
import { FORCED_ABI } from '../abi/forced.ts'
import { INSURANCE_ABI } from '../abi/insurance.ts'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { ReadClient } from '../chain/client.ts'
import { REQUEST } from '../chain/file-request.ts'
import { systemEvents } from '../chain/settlement-history.ts'
import { systemContracts } from '../chain/system-contracts.ts'

// As the contracts number them.
const DEPOSIT = { queued: 0, bounced: 2, refunded: 3 } as const

const NAMES = ['Deposited', 'WithdrawalPending', 'Reserved', 'OwedCollected']

export interface RefundableParameters {
  readonly settlement: Address
  readonly owner: Address
}

/** Deposits, bonds and other sums that the contracts hold for somebody besides accounts and withdrawals. */
export interface RefundableReturnType {
  readonly vault: Address
  readonly forced: Address
  readonly insurance: Address
  readonly escape: Address
  /** Deposits that bounced or that a freeze voided, and those that wait in the queue beyond their time. */
  readonly deposits: readonly {
    readonly id: bigint
    readonly asset: number
    readonly call: 'refund' | 'takeBack'
  }[]
  /** Forced requests with a bond in them that can be had back, and by which call. */
  readonly requests: readonly { readonly number: bigint; readonly call: 'release' | 'closeExpired' | 'takeBond' }[]
  /** Withdrawals that a checkpoint cut: base units of cash that are due of what is owed for them now. */
  readonly owed: readonly { readonly withdrawalId: bigint; readonly amount: bigint }[]
  /** After a freeze: withdrawals with a part in the tokens for what is owed for them still. */
  readonly shares: readonly bigint[]
}

export type RefundableErrorType = PlimsollError | ChainFailure

/**
 * Reads from the chain alone what an address may take back.
 * @example
 * import { refundable } from '../../sdk/actions/refundable.ts'
 *
 * const { deposits, requests, owed } = await refundable(signer, { settlement, owner: signer.sender })
 */
export async function refundable(
  { read }: ReadClient,
  { settlement, owner }: RefundableParameters,
): Promise<RefundableReturnType> {
  const contracts = await systemContracts(read, settlement)
  const vault = { address: contracts.vault, abi: VAULT_ABI } as const
  const forced = { address: contracts.forced, abi: FORCED_ABI } as const
  const insurance = { address: contracts.insurance, abi: INSURANCE_ABI } as const
  const { number: end, timestamp } = await read.getBlock()
  const [frozen, record, [first], liveTime, [totalOwed, repaid]] = await Promise.all([
    read.readContract({ ...vault, functionName: 'frozen' }),
    read.readContract({ ...vault, functionName: 'lastCheckpoint' }),
    read.readContract({ ...vault, functionName: 'depositQueue' }),
    read.readContract({ address: contracts.rounds, abi: ROUNDS_ABI, functionName: 'liveTime' }),
    read.readContract({ ...insurance, functionName: 'owed' }),
  ])
  const deposits: RefundableReturnType['deposits'][number][] = []
  const requests: RefundableReturnType['requests'][number][] = []
  const withdrawals: bigint[] = []
  const collected = new Map<bigint, bigint>()
  const of = ['vault', 'forced', 'insurance'] as const
  for await (const event of systemEvents(read, { contracts, of, names: NAMES, end })) {
    if (event.eventName === undefined) continue
    const { eventName, args } = event
    if (eventName === 'Deposited' && isAddressEqual(args.depositor, owner)) {
      const { id, asset } = args
      const { state, amount, deadline } = await read.readContract({ ...vault, functionName: 'deposit', args: [id] })
      const voided = frozen && id >= record.deposits && state !== DEPOSIT.refunded && amount > 0n
      const queued = state === DEPOSIT.queued && id >= first && amount > 0n
      if (state === DEPOSIT.bounced || voided) deposits.push({ id, asset, call: 'refund' })
      else if (!frozen && queued && BigInt(deadline) < liveTime) deposits.push({ id, asset, call: 'takeBack' })
    } else if (eventName === 'Reserved' && isAddressEqual(args.requester, owner)) {
      const { number } = args
      const { state, expiry } = await read.readContract({ ...forced, functionName: 'request', args: [number] })
      if (state === REQUEST.reserved) requests.push({ number, call: 'release' })
      else if (state === REQUEST.pending && frozen) requests.push({ number, call: 'takeBond' })
      else if (state === REQUEST.pending && expiry < timestamp) requests.push({ number, call: 'closeExpired' })
    } else if (eventName === 'WithdrawalPending' && isAddressEqual(args.recipient, owner)) withdrawals.push(args.id)
    else if (eventName === 'OwedCollected')
      collected.set(args.withdrawalId, (collected.get(args.withdrawalId) ?? 0n) + args.amount)
  }
  const owed: { withdrawalId: bigint; amount: bigint }[] = []
  const shares: bigint[] = []
  if (totalOwed > 0n) {
    const owedTo = (id: bigint, upTo: bigint) =>
      read.readContract({ ...insurance, functionName: 'owedTo', args: [id, upTo] })
    for (const withdrawalId of withdrawals) {
      const [now, whole] = await Promise.all([owedTo(withdrawalId, repaid), owedTo(withdrawalId, totalOwed)])
      const amount = now - (collected.get(withdrawalId) ?? 0n)
      if (amount > 0n) owed.push({ withdrawalId, amount })
      if (frozen && whole > now) shares.push(withdrawalId)
    }
  }
  const { vault: custody, forced: queue, insurance: cash, escape: way } = contracts
  return { vault: custody, forced: queue, insurance: cash, escape: way, deposits, requests, owed, shares }
}
