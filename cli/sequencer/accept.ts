import type { Address } from 'viem'
import { acceptableKey, acceptSequencer, sequencerRoles } from '../../chain/sequencer-handover.ts'
import { Settlement } from '../../chain/settlement.ts'
import { withDirectory } from '../../lib/directory-lock.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'
import { requireSequencerKeys, secretOf } from '../../sequencer/state/sequencer-key.ts'
import { Store } from '../../sequencer/state/store.ts'
import { printJson, printText } from '../output.ts'
import { openSigner } from '../signer.ts'
import { keyText } from './key-text.ts'

interface Options {
  readonly data: string
  readonly rpc: readonly string[]
  readonly settlement: Address
  readonly json?: true
}

/** Takes the sequencer over. */
export async function run({ data, rpc, settlement, json }: Options): Promise<void> {
  const signer = await openSigner(rpc)
  const roles = await sequencerRoles(signer.read, settlement)
  const key = acceptableKey(roles, settlement, signer.sender)
  const secrets = await requireSequencerKeys(data)
  if (secretOf(secrets, key) === undefined)
    throw new PlimsollError(`The secret of the nominated key ${keyText(key)} is not at hand.`, {
      hint: 'It is in the directory that plimsoll sequencer key wrote it to: its sequencer.key.',
    })
  // A node that ran on with the former key would settle sweeps that nobody could rebuild.
  const { transactionHash } = await withDirectory(data, async () => {
    if (roles.keys.some((former) => secretOf(secrets, former) === undefined))
      await requireState(signer, settlement, data, roles.keys)
    return acceptSequencer(signer, roles.governance, key)
  })
  const report = { operator: signer.sender, key: keyText(key), transaction: transactionHash }
  if (json) return printJson(report)
  printText(`${signer.sender} is the sequencer now: transaction ${transactionHash}`)
  printText(`A node on ${data} rekeys the accounts that former keys can still read.`)
}

/** @throws PlimsollError unless the directory has the private state that the chain has */
async function requireState(
  signer: SigningClient,
  address: Address,
  data: string,
  keys: readonly Point[],
): Promise<void> {
  const settlement = await Settlement.at(signer, address)
  const [root, heads] = await Promise.all([settlement.view('accountsRoot'), settlement.view('heads')])
  const store = await Store.open(data).catch(() => undefined)
  if (store !== undefined && (await store.has(root, heads))) return
  throw new PlimsollError(
    `${data} has neither the private state that the chain has nor the secrets of all keys that the sequencer had, of which there are ${keys.length}: nobody could go on from here, and the system would end by the escape.`,
    { hint: 'The sequencer hands both over: its directory, with sequencer.key in it.' },
  )
}
