import { ownerHash } from '../../protocol/keys.ts'
import { connect } from '../../sdk/chain/client.ts'
import { printJson, printText } from '../output.ts'
import { ownerKey, type WalletOptions } from './session.ts'

export async function run(
  options: WalletOptions & { rpc: readonly string[]; settlement: `0x${string}` },
): Promise<void> {
  const { chainId } = await connect(options.rpc)
  const { ethereum, publicKey } = await ownerKey(options, chainId, options.settlement)
  const [x, y] = publicKey
  const owner = ownerHash(publicKey)
  if (options.json) return printJson({ ethereum, publicKey: [x.toString(), y.toString()], owner: owner.toString() })
  printText(
    `Public key of account ${options.account} of ${ethereum}:\n  x ${x}\n  y ${y}\nIts commitment in the leaves: ${owner}`,
  )
}
