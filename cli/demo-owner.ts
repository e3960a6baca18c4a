import type { Address } from 'viem'
import type { Deployed } from '../deploy/deploy.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { MOCK_TOKEN_ABI } from '../sdk/abi/mock-token.ts'
import { TOKEN_ABI } from '../sdk/abi/token.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { connectSigner, type SigningClient } from '../sdk/chain/client.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { PlimsollClient } from '../sdk/client.ts'
import { deriveOwnerKey } from '../sdk/owner-key.ts'
import { OwnerWallet } from '../sdk/owner-wallet.ts'

export interface DemoOwner {
  readonly address: Address
  readonly signer: SigningClient
  readonly wallet: OwnerWallet
  open(asset: number, amount: bigint): Promise<void>
  tokens(asset: number): Promise<bigint>
}

/** An owner with the chain's unlocked account of that number. */
export async function demoOwner(
  name: string,
  operator: SigningClient,
  rpc: string,
  deployed: Deployed,
  node: string,
  number: number,
): Promise<DemoOwner> {
  const from = (await operator.write.getAddresses())[number]
  if (from === undefined) throw new PlimsollError(`The local chain has no account for ${name}.`)
  const signer = await connectSigner(rpc, from)
  const client = new PlimsollClient({ node })
  const deployment = await client.deployment()
  const wallet = OwnerWallet.open(
    client,
    deployment,
    await deriveOwnerKey(
      (typedData) => signer.write.signTypedData(typedData),
      deployment.chainId,
      deployment.settlement,
    ),
  )
  const token = (asset: number) => deployment.assets[asset]!.token!
  return {
    address: from,
    signer,
    wallet,
    async open(asset, amount) {
      await sendCall(signer, { address: token(asset), abi: MOCK_TOKEN_ABI, functionName: 'mint', args: [from, amount] })
      await sendCall(signer, {
        address: token(asset),
        abi: TOKEN_ABI,
        functionName: 'approve',
        args: [deployed.vault, amount],
      })
      const [x, y] = wallet.key.publicKey
      await sendCall(signer, {
        address: deployed.vault,
        abi: VAULT_ABI,
        functionName: 'open',
        args: [asset, amount, x, y, false],
        value: deployment.openingFee,
      })
    },
    tokens: (asset) =>
      signer.read.readContract({ address: token(asset), abi: TOKEN_ABI, functionName: 'balanceOf', args: [from] }),
  }
}
