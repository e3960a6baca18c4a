import { withDirectory } from '../../lib/directory-lock.ts'
import { sequencerKey } from '../../protocol/keys.ts'
import { addSequencerKey } from '../../sequencer/state/sequencer-key.ts'
import { printJson, printText } from '../output.ts'
import { keyText } from './key-text.ts'

/** Draws the next key of a sequencer. */
export async function run({ data, json }: { readonly data: string; readonly json?: true }): Promise<void> {
  const secret = await withDirectory(data, () => addSequencerKey(data))
  const key = keyText(sequencerKey(secret).publicKey)
  if (json) return printJson({ key, data })
  printText(`The next key of the sequencer, whose secret is in ${data}/sequencer.key: keep a copy.`)
  printText(key)
}
