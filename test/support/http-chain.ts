import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type Address, encodeDeployData, type Hex } from 'viem'
import { builtEnvironment, loadArtifact } from '../../chain/artifacts.ts'

/** Private key of the first of Hardhat's funded accounts, known to everybody. */
export const FUNDED_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'

/** Where the contracts that are placed keep their state. */
const SLOTS = ['0x0', '0x1', '0x2', '0x3']

export interface HttpChain {
  readonly url: string
  /** Puts a contract at an address as it is after its deployment on a local chain, for those that exist nowhere else. */
  place(address: Address, name: string, args: readonly unknown[]): Promise<void>
  close(): void
}

/** A chain in this process, of any chain id, behind HTTP on loopback. */
export async function serveChain(chainId: number, options: { hardfork?: string } = {}): Promise<HttpChain> {
  const { network } = await builtEnvironment()
  const { provider } = await network.create({ network: 'default', override: { chainId, ...options } })
  const request = <T>(method: string, params: unknown[] = []): Promise<T> =>
    provider.request({ method, params }) as Promise<T>
  const server = createServer(async (incoming, response) => {
    const { id, method, params } = (await json(incoming)) as { id: number; method: string; params?: unknown[] }
    const answer = await request<unknown>(method, params).then(
      (result) => ({ result }),
      (error: { code?: number; message: string; data?: unknown }) => ({
        error: { code: error.code ?? -32000, message: error.message, data: error.data },
      }),
    )
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    place: async (address, name, args) => {
      const local = (await network.create({ network: 'default', override: { chainId: 31337 } })).provider
      const ask = <T>(method: string, params: unknown[] = []): Promise<T> =>
        local.request({ method, params }) as Promise<T>
      const { abi, bytecode } = await loadArtifact(name)
      const [from] = await ask<Address[]>('eth_accounts')
      const hash = await ask<Hex>('eth_sendTransaction', [
        { from, data: encodeDeployData({ abi, bytecode, args: [...args] }) },
      ])
      const { contractAddress } = await ask<{ contractAddress: Address }>('eth_getTransactionReceipt', [hash])
      await request('hardhat_setCode', [address, await ask('eth_getCode', [contractAddress, 'latest'])])
      for (const slot of SLOTS)
        await request('hardhat_setStorageAt', [
          address,
          slot,
          await ask('eth_getStorageAt', [contractAddress, slot, 'latest']),
        ])
    },
    close: () => server.close(),
  }
}
