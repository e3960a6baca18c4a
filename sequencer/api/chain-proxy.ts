import { RpcRequestError } from 'viem'
import { parseJson } from '../../protocol/json.ts'
import { ChainFailure } from '../../sdk/chain/chain-failure.ts'
import { LOCAL_CHAINS } from '../../sdk/chain/client.ts'
import type { ChainEndpoint } from '../../sdk/chain/endpoint.ts'
import { rpcError } from './page.ts'

/** Methods that a page may call: they read the chain, or hand over what its owner has signed. */
const METHODS = new Set([
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getCode',
  'eth_getLogs',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  'eth_sendRawTransaction',
  'net_version',
])
/** Those of a development chain besides, whose own accounts sign. */
const LOCAL_METHODS = new Set(['eth_accounts', 'eth_sendTransaction', 'eth_signTypedData_v4'])

/**
 * Answers JSON-RPC questions of a page by a node's own endpoint; what is not on the list is refused.
 * @param reading serves nothing that could change the chain
 */
export function chainProxy(
  endpoint: ChainEndpoint,
  chainId: number,
  reading = false,
): (body: string) => Promise<string> {
  const local = LOCAL_CHAINS.includes(chainId) && !reading
  const served = (method: string) =>
    (METHODS.has(method) && !(reading && method === 'eth_sendRawTransaction')) || (local && LOCAL_METHODS.has(method))
  return async (body) => {
    let question: unknown
    try {
      question = parseJson(body)
    } catch {
      return rpcError('The question is not JSON.')
    }
    const { id = null, method, params = [] } = (question ?? {}) as { id?: unknown; method?: unknown; params?: unknown }
    if (typeof method !== 'string' || !Array.isArray(params))
      return rpcError('The question is not one of JSON-RPC.', id)
    if (!served(method)) return rpcError('This method is not served here.', id, { code: -32_601 })
    try {
      const result = (await endpoint.request({ method, params })) ?? null
      return JSON.stringify({ jsonrpc: '2.0', id, result })
    } catch (error) {
      if (error instanceof RpcRequestError) {
        const { code, data, details } = error
        return rpcError(details ?? error.shortMessage, id, { code, data })
      }
      const words = error instanceof ChainFailure ? error.publicly : undefined
      return rpcError(words ?? 'The chain did not answer.', id)
    }
  }
}
