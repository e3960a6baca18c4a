import { setTimeout as sleep } from 'node:timers/promises'
import type { PublicClient } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import { ESCAPE_ABI, VAULT_ABI } from '../sdk/abi.ts'
import type { EscapeRoute } from './leave.ts'
import { ContractRefusal } from './refusal.ts'
import type { SigningClient } from './rpc.ts'
import { sendCall } from './send-call.ts'

/** Milliseconds between two looks at the chain. */
const POLL = 1_000
/** Refusals of a step that the chain's state between look and step explains. */
const OVERTAKEN = ['AlreadyDeclared', 'AlreadyFrozen', 'NotDeclared', 'NotStalled', 'NoticeRunning']

/**
 * Brings a stalled system to its end: declares the stall, counts the notice off in quarters, and freezes. Anyone may do any
 * of it at the same time, and it can be broken off and begun again.
 * @param onNotice Called with the seconds of notice that are counted, and those that are demanded.
 * @throws PlimsollError when the system is not stalled, or is not any more
 */
export async function freezeStalled(signer: SigningClient, route: EscapeRoute, onNotice: (elapsed: number, period: number) => void | Promise<void> = () => {}): Promise<void> {
  const { read } = signer
  const contract = { address: route.escape, abi: ESCAPE_ABI } as const
  const { grace, noticePeriod } = await read.readContract({ ...contract, functionName: 'config' })
  const quarter = Math.floor(noticePeriod / 4)
  while (!(await isFrozen(read, route))) {
    if (!(await read.readContract({ ...contract, functionName: 'stalled' }))) throw await notStalled(read, route, grace)
    const [declared, elapsed, lastTick] = await read.readContract({ ...contract, functionName: 'notice' })
    if (!declared) {
      await act('declareStall')
      continue
    }
    const since = Number((await read.getBlock({ blockTag: 'pending' })).timestamp - lastTick)
    const counted = Number(elapsed) + Math.min(since, quarter)
    await onNotice(counted, noticePeriod)
    if (counted >= noticePeriod) await act('freeze')
    else if (since >= quarter) await act('tick')
    else await sleep(POLL)
  }

  /** One step, unless somebody else has just taken it, or it is a second too early: the next look tells. */
  async function act(functionName: 'declareStall' | 'tick' | 'freeze'): Promise<void> {
    await sendCall(signer, { ...contract, functionName, args: [] }).catch(async (error: unknown) => {
      if (!(error instanceof ContractRefusal && OVERTAKEN.includes(error.errorName))) throw error
      await sleep(POLL)
    })
  }
}

function isFrozen(read: PublicClient, { vault }: EscapeRoute): Promise<boolean> {
  return read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'frozen' })
}

async function notStalled(read: PublicClient, { vault }: EscapeRoute, grace: number): Promise<PlimsollError> {
  const at = await read.readContract({ address: vault, abi: VAULT_ABI, functionName: 'checkpointedAt' })
  const { timestamp } = await read.getBlock({ blockTag: 'pending' })
  return new PlimsollError(`The system is not stalled: its last checkpoint is ${timestamp - at} s old, of ${grace} that it may be, and no deposit or forced request is overdue.`, {
    hint: 'plimsoll wallet withdraw --forced asks the contract for a withdrawal.',
  })
}
