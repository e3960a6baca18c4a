import type { Address, PublicClient } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import { ESCAPE_ABI } from '../abi/escape.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import type { ChainFailure } from '../chain/chain-failure.ts'
import type { SigningClient } from '../chain/client.ts'
import { ContractRefusal } from '../chain/contract-errors.ts'
import { sendCall } from '../chain/send-call.ts'
import { sleep } from '../chain/sleep.ts'
import { countedNotice, oldestNotice } from '../chain/stall.ts'
import { type SystemContracts, systemContracts } from '../chain/system-contracts.ts'

/** Milliseconds between two looks at the chain. */
const POLL = 1_000
/** Refusals of a step that the chain's state between look and step explains. */
const OVERTAKEN = ['AlreadyDeclared', 'AlreadyFrozen', 'NotDeclared', 'NotStalled', 'NoticeRunning']

export interface FreezeParameters {
  readonly settlement: Address
  /** Called with the seconds of notice that are counted, and those that are demanded. */
  readonly onNotice?: (elapsed: number, period: number) => void | Promise<void>
}

export type FreezeErrorType = PlimsollError | ContractRefusal | ChainFailure

/**
 * Brings a stalled system to its end: declares the stall, counts the notice off in quarters, and freezes. Anyone may do any
 * of it at the same time, and it can be broken off and begun again.
 * @throws PlimsollError when the system is not stalled, or is not any more
 * @example
 * import { freeze } from '../../sdk/actions/freeze.ts'
 *
 * await freeze(signer, { settlement, onNotice: (elapsed, period) => console.log(`${elapsed} of ${period} s of notice`) })
 */
export async function freeze(
  signer: SigningClient,
  { settlement, onNotice = () => {} }: FreezeParameters,
): Promise<void> {
  const { read } = signer
  const contracts = await systemContracts(read, settlement)
  const contract = { address: contracts.escape, abi: ESCAPE_ABI } as const
  const { grace, noticePeriod } = await read.readContract({ ...contract, functionName: 'config' })
  while (!(await read.readContract({ address: contracts.vault, abi: VAULT_ABI, functionName: 'frozen' }))) {
    const notice = await oldestNotice(read, contracts)
    if (notice === undefined) throw await notStalled(read, contracts, grace)
    const { cause, declared } = notice
    if (!declared) {
      await act('declareStall', cause)
      continue
    }
    const { timestamp } = await read.getBlock({ blockTag: 'pending' })
    const { counted, period, quarter, since } = countedNotice(notice, noticePeriod, timestamp)
    await onNotice(counted, period)
    if (counted >= period) await act('freeze', cause)
    else if (since >= quarter) await act('tick', cause)
    else await sleep(POLL)
  }

  /** One step, unless somebody else has just taken it, or it is a second too early: the next look tells. */
  async function act(functionName: 'declareStall' | 'tick' | 'freeze', cause: bigint): Promise<void> {
    await sendCall(signer, { ...contract, functionName, args: [cause] }).catch(async (error: unknown) => {
      if (!(error instanceof ContractRefusal && OVERTAKEN.includes(error.errorName))) throw error
      await sleep(POLL)
    })
  }
}

async function notStalled(read: PublicClient, { vault }: SystemContracts, grace: number): Promise<PlimsollError> {
  const at = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'checkpointedAt' })
  const { timestamp } = await read.getBlock({ blockTag: 'pending' })
  return new PlimsollError(
    `The system is not stalled: its last checkpoint is ${timestamp - at} s old, of ${grace} that it may be, and no deposit or forced request is overdue.`,
    {
      hint: 'plimsoll wallet withdraw --forced asks the contract for a withdrawal.',
    },
  )
}
