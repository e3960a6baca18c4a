import { type Address, type PublicClient, zeroAddress } from 'viem'
import { ROUNDS_ABI } from '../abi/rounds.ts'
import { TOKEN_ABI } from '../abi/token.ts'
import { VAULT_ABI } from '../abi/vault.ts'
import { distinctSymbols } from '../symbols.ts'
import { isUnserved } from './chain-failure.ts'
import { settlementConfig } from './settlement-config.ts'

/** An asset as the contracts know it: a synthetic has no token and so no symbol on the chain. */
export interface ChainAsset {
  readonly symbol: string
  readonly token: Address | null
  readonly tokenDecimals: number
  readonly decimals: number
}

/**
 * The assets of a settlement, from the chain alone; synthetics are called by their number, such as `#3`.
 * @throws PlimsollError when there is no settlement at the address
 */
export async function chainAssets(read: PublicClient, settlement: Address): Promise<ChainAsset[]> {
  const { vault } = await settlementConfig(read, settlement)
  const custody = { address: vault, abi: VAULT_ABI } as const
  const rounds = await read.readContract({ ...custody, functionName: 'rounds' })
  const traded = Number(await read.readContract({ address: rounds, abi: ROUNDS_ABI, functionName: 'assetCount' }))
  const assets = await Promise.all(Array.from({ length: traded + 1 }, (_, asset) => chainAsset(read, vault, asset)))
  const symbols = distinctSymbols(assets.map(({ symbol }) => symbol))
  return assets.map((asset, a) => ({ ...asset, symbol: symbols[a]! }))
}

/** One asset of a vault. */
export async function chainAsset(read: PublicClient, vault: Address, asset: number): Promise<ChainAsset> {
  const [token, tokenDecimals, decimals] = await read.readContract({
    address: vault,
    abi: VAULT_ABI,
    functionName: 'assetInfo',
    args: [asset],
  })
  if (token === zeroAddress) return { symbol: `#${asset}`, token: null, tokenDecimals: 0, decimals }
  const symbol = await read
    .readContract({ address: token, abi: TOKEN_ABI, functionName: 'symbol' })
    .catch((error: unknown) => {
      if (isUnserved(error)) throw error
      return `#${asset}`
    })
  return { symbol, token, tokenDecimals, decimals }
}
