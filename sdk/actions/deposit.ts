import { type Address, type Hex, parseEventLogs } from 'viem'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { approve } from '../chain/approve.ts'
import { chainAsset } from '../chain/assets.ts'
import { type ChainFailure, chainFailureIn, OutcomeUnknown } from '../chain/chain-failure.ts'
import type { ReadClient, SigningClient } from '../chain/client.ts'
import type { ContractRefusal } from '../chain/contract-errors.ts'
import { ownerOf } from '../chain/owner-of.ts'
import { sendCall } from '../chain/send-call.ts'
import { settlementConfig } from '../chain/settlement-config.ts'
import { sleep } from '../chain/sleep.ts'
import { toTokenUnits } from '../token-units.ts'

const OPEN = 1
const SETTLED = 1
const QUEUED = 0

export interface DepositParameters {
  readonly settlement: Address
  /** Number of the asset; 0 is cash. */
  readonly asset: number
  /** Base units of the asset. */
  readonly amount: bigint
  /** The account that is credited; without it the deposit opens an account for `publicKey`. */
  readonly index?: number
  /** Whether the account is of whomever, in place of being of `publicKey`. */
  readonly anyones?: boolean
  /** The owner's BabyJubJub key: of the account that the deposit opens. */
  readonly publicKey: Point
  /** Whether to open an account although the backstop was under water at the last checkpoint, so that withdrawals are cut. */
  readonly evenUnderWater?: boolean
}

export interface DepositReturnType {
  readonly depositId: bigint
  /** The account that is credited once the sequencer has settled the deposit. */
  readonly index: number
  readonly kind: 'open' | 'topup'
  readonly transaction: Hex
}

export type DepositErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Puts tokens of the signer into the vault, after approving them: into a new account of a key, or into one that exists.
 * @throws PlimsollError where the asset is a synthetic or the signer's tokens do not suffice, ContractRefusal where the vault
 * refuses, such as where the account is another's
 * @example
 * import { deposit } from '../../sdk/actions/deposit.ts'
 *
 * const { depositId, index } = await deposit(signer, { settlement, publicKey: key.publicKey, asset: 0, amount: 1_000_000_000n })
 */
export async function deposit(
  signer: SigningClient,
  { settlement, asset, amount, index, anyones = false, publicKey, evenUnderWater = false }: DepositParameters,
): Promise<DepositReturnType> {
  const { vault } = await settlementConfig(signer.read, settlement)
  const info = await chainAsset(signer.read, vault, asset)
  if (info.token === null) throw new PlimsollError(`${info.symbol} is a synthetic: there is no token to deposit.`)
  const tokenAmount = toTokenUnits(amount, info)
  await approve(signer, info.token, vault, tokenAmount)
  const contract = { address: vault, abi: VAULT_ABI } as const
  const { logs, transactionHash } =
    index === undefined
      ? await sendCall(signer, {
          ...contract,
          functionName: 'open',
          args: [asset, tokenAmount, ...publicKey, evenUnderWater],
          value: (await signer.read.readContract({ ...contract, functionName: 'config' })).openingFee,
        })
      : await sendCall(signer, {
          ...contract,
          functionName: 'topUp',
          args: [index, await ownerNamed(signer, vault, index, anyones ? undefined : publicKey), asset, tokenAmount],
        })
  const [event] = parseEventLogs({ abi: VAULT_ABI, eventName: 'Deposited', logs })
  if (event === undefined) throw new PlimsollError(`Transaction ${transactionHash} has no deposit in it.`)
  return {
    depositId: event.args.id,
    index: Number(event.args.index),
    kind: index === undefined ? 'open' : 'topup',
    transaction: transactionHash,
  }
}

/** The owner that a top-up names: in a reorganization of the chain it credits nobody else. */
async function ownerNamed(
  { read }: ReadClient,
  address: Address,
  index: number,
  publicKey: Point | undefined,
): Promise<Hex> {
  return publicKey === undefined
    ? read.readContract({ address, abi: VAULT_ABI, functionName: 'ownerOf', args: [index] })
    : ownerOf(publicKey)
}

/** The account that a deposit in the queue is about to open for a key: a second one would be another account. */
export async function findQueuedAccount(
  { read }: ReadClient,
  { vault, publicKey }: { readonly vault: Address; readonly publicKey: Point },
): Promise<number | undefined> {
  const contract = { address: vault, abi: VAULT_ABI } as const
  const [first, end] = await read.readContract({ ...contract, functionName: 'depositQueue' })
  for (let id = first; id < end; id++) {
    const { kind, index } = await read.readContract({ ...contract, functionName: 'deposit', args: [id] })
    if (kind !== OPEN) continue
    const owner = await read.readContract({ ...contract, functionName: 'ownerOf', args: [index] })
    if (owner === ownerOf(publicKey)) return index
  }
  return undefined
}

export interface WaitForDepositParameters {
  readonly vault: Address
  readonly depositId: bigint
  /** Milliseconds to wait. */
  readonly timeout?: number
  readonly interval?: number
}

/** Fate of a deposit, once it has left the queue. @throws OutcomeUnknown when it is still there after `timeout` */
export async function waitForDeposit(
  { read }: ReadClient,
  { vault, depositId, timeout = 600_000, interval = 500 }: WaitForDepositParameters,
): Promise<'settled' | 'bounced'> {
  for (const end = Date.now() + timeout; ; ) {
    // A chain that does not answer for a while is waited for: the deposit is made.
    const answer = await read
      .readContract({ address: vault, abi: VAULT_ABI, functionName: 'deposit', args: [depositId] })
      .catch((error: unknown) => {
        const failure = chainFailureIn(error)
        if (failure === undefined) throw error
        if (Date.now() > end)
          throw new OutcomeUnknown(`What became of deposit ${depositId} is not known. ${failure.message}`, undefined)
      })
    const state = answer?.state ?? QUEUED
    if (state !== QUEUED) return state === SETTLED ? 'settled' : 'bounced'
    if (Date.now() > end)
      throw new OutcomeUnknown(
        `Deposit ${depositId} is still in the queue after ${timeout / 1_000} seconds.`,
        undefined,
        {
          hint: 'If the sequencer is gone, the escape refunds it.',
        },
      )
    await sleep(interval)
  }
}
