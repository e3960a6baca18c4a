import { type Address, type Hex, parseEventLogs } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { rawCall } from '../../chain/development-chain.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { deriveOwnerKey } from '../../sdk/owner-key.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import type { EchoSystem } from './echo-system.ts'

/** An owner with an Ethereum key of its own, coins and tokens. */
export interface TestOwner {
  readonly privateKey: Hex
  readonly address: Address
  readonly signer: SigningClient
  readonly wallet: OwnerWallet
  /** Token units. */
  open(symbol: string, amount: bigint): Promise<{ id: bigint; index: number }>
  topUp(index: number, symbol: string, amount: bigint): Promise<bigint>
  tokens(symbol: string): Promise<bigint>
}

export async function newOwner(
  system: EchoSystem,
  node: string,
  privateKey: Hex = generatePrivateKey(),
): Promise<TestOwner> {
  const account = privateKeyToAccount(privateKey)
  const { address } = account
  await rawCall(system.signer, 'hardhat_setBalance', address, `0x${(10n ** 20n).toString(16)}`)
  const signer = await connectSigner(system.chain.url, account)
  const client = new PlimsollClient({ node })
  const deployment = await client.deployment()
  const key = await deriveOwnerKey(
    (typedData) => account.signTypedData(typedData),
    deployment.chainId,
    deployment.settlement,
  )
  const wallet = OwnerWallet.open(client, deployment, key)
  const { vault } = deployment
  const token = (symbol: string) => ({ address: system.deployed.tokens[symbol]!, abi: TOKEN_ABI }) as const
  const position = (symbol: string) => deployment.assets.findIndex((asset) => asset.symbol === symbol)
  const fund = async (symbol: string, amount: bigint) => {
    await system.mint(symbol, address, amount)
    await sendCall(signer, { ...token(symbol), functionName: 'approve', args: [vault, amount] })
  }
  return {
    privateKey,
    address,
    signer,
    wallet,
    async open(symbol, amount) {
      await fund(symbol, amount)
      const [x, y] = key.publicKey
      const { logs } = await sendCall(signer, {
        address: vault,
        abi: VAULT_ABI,
        functionName: 'open',
        args: [position(symbol), amount, x, y, false],
        value: deployment.openingFee,
      })
      const { id, index } = parseEventLogs({ abi: VAULT_ABI, eventName: 'Deposited', logs })[0]!.args
      return { id, index: Number(index) }
    },
    async topUp(index, symbol, amount) {
      await fund(symbol, amount)
      const contract = { address: vault, abi: VAULT_ABI } as const
      const owner = await signer.read.readContract({ ...contract, functionName: 'ownerOf', args: [index] })
      const { logs } = await sendCall(signer, {
        ...contract,
        functionName: 'topUp',
        args: [index, owner, position(symbol), amount],
      })
      return parseEventLogs({ abi: VAULT_ABI, eventName: 'Deposited', logs })[0]!.args.id
    },
    tokens: (symbol) => signer.read.readContract({ ...token(symbol), functionName: 'balanceOf', args: [address] }),
  }
}
