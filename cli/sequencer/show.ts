import type { Address } from 'viem'
import { sequencerRoles } from '../../chain/sequencer-handover.ts'
import { connect } from '../../sdk/chain/client.ts'
import { printJson, printText } from '../output.ts'
import { keyText } from './key-text.ts'

interface Options {
  readonly rpc: readonly string[]
  readonly settlement: Address
  readonly json?: true
}

/** Says who the sequencer is, and who is to be. */
export async function run({ rpc, settlement, json }: Options): Promise<void> {
  const { read } = await connect(rpc)
  const { operator, keys, handoverDelay, nomination } = await sequencerRoles(read, settlement)
  const texts = keys.map(keyText)
  const next = nomination && {
    operator: nomination.who,
    key: nomination.key === undefined ? null : keyText(nomination.key),
    readyAt: nomination.readyAt,
    byAdmin: nomination.byAdmin,
  }
  if (json)
    return printJson({
      operator,
      key: texts.at(-1),
      formerKeys: texts.slice(0, -1),
      handoverDelay,
      nomination: next ?? null,
    })
  printText(`The operator is ${operator}, and the sequencer's key ${texts.at(-1)}.`)
  if (texts.length > 1) printText(`It had other keys before, the first one first: ${texts.slice(0, -1).join(' ')}`)
  if (nomination === undefined) return printText('Nobody is nominated.')
  const key = nomination.key === undefined ? 'without a key' : `with the key ${keyText(nomination.key)}`
  const when = new Date(1_000 * nomination.readyAt).toISOString()
  printText(
    `${nomination.who} is nominated ${key}${nomination.byAdmin ? ' by the admin' : ''}, and may accept from ${when} on.`,
  )
}
