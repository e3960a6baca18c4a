import { type Address, zeroAddress } from 'viem'
import { nominateSequencer, sequencerRoles } from '../../chain/sequencer-handover.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { printJson, printText } from '../output.ts'
import { openSigner } from '../signer.ts'
import { keyText } from './key-text.ts'

interface Options {
  readonly who: string
  readonly key: Point
  readonly rpc: readonly string[]
  readonly settlement: Address
  readonly json?: true
}

/** Nominates the next sequencer. */
export async function run({ who, key, rpc, settlement, json }: Options): Promise<void> {
  if (!/^0x[0-9a-fA-F]{40}$/.test(who) || BigInt(who) === BigInt(zeroAddress))
    throw new PlimsollError(`${who} is not an address: 0x and 40 hexadecimal digits, not all 0.`)
  const signer = await openSigner(rpc)
  const { governance, keys } = await sequencerRoles(signer.read, settlement)
  if (keys.at(-1)!.join() === key.join())
    throw new PlimsollError('That key of the sequencer is in force already.', {
      hint: 'plimsoll sequencer key draws the next one.',
    })
  const { transactionHash } = await nominateSequencer(signer, governance, who as Address, key)
  const { nomination } = await sequencerRoles(signer.read, settlement)
  const readyAt = nomination?.readyAt ?? 0
  if (json) return printJson({ operator: who, key: keyText(key), readyAt, transaction: transactionHash })
  printText(
    `${who} is nominated as the sequencer with this key, and may accept from ${new Date(1_000 * readyAt).toISOString()} on: transaction ${transactionHash}`,
  )
  printText('Until then it needs the private state and the secrets of all former keys.')
}
