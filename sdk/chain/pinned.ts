import { custom, type Hex, numberToHex } from 'viem'
import { ChainFailure } from './chain-failure.ts'
import { type ReadClient, readClient } from './client.ts'
import { BLOCK_AT, type ChainEndpoint } from './endpoint.ts'
import type { PinnedBlock } from './head.ts'

/** A connection that reads at one block. */
export interface Pinned {
  readonly block: PinnedBlock
  /**
   * To be called once all is read.
   * @throws ChainFailure when the block is no longer the chain's: then what was read may be of two branches
   */
  confirm(): Promise<void>
}

/**
 * The same connection, whose `read` answers everything as of one block, the chain's latest now: views and simulations, events
 * and counts, whichever endpoint is asked. What names a block of its own, or the pending one, is asked as it is.
 * @throws ChainFailure when no endpoint answers, or they do not agree on the block
 * @example
 * const view = await pin(await connect('http://127.0.0.1:8545'))
 * const balance = await view.read.getBalance({ address })
 * await view.confirm()
 */
export async function pin<C extends ReadClient>(client: C, at?: PinnedBlock): Promise<C & Pinned> {
  const { endpoint, chainId, url } = client
  const { number, hash, timestamp } = at ?? (await endpoint.head())
  const block = { number, hash, timestamp }
  const transport = custom(
    {
      request: ({ method, params }: { method: string; params?: readonly unknown[] }) =>
        method === 'eth_blockNumber'
          ? Promise.resolve(numberToHex(block.number))
          : endpoint.request({ method, params: atBlock(method, params ?? [], numberToHex(block.number)) }),
    },
    { retryCount: 0 },
  )
  return { ...client, read: readClient(transport, chainId, url), block, confirm: () => confirmed(endpoint, block) }
}

function atBlock(method: string, params: readonly unknown[], block: Hex): readonly unknown[] {
  if (method === 'eth_getLogs') {
    const filter = params[0] as { fromBlock?: string; toBlock?: string; blockHash?: string }
    if (filter.blockHash !== undefined) return params
    const tag = (value: string | undefined) => (value === undefined || value === 'latest' ? block : value)
    return [{ ...filter, fromBlock: tag(filter.fromBlock), toBlock: tag(filter.toBlock) }]
  }
  const place = BLOCK_AT[method]
  // What a transaction may use is estimated for the block to come.
  if (place === undefined || method === 'eth_estimateGas') return params
  const tag = params[place]
  if (tag !== undefined && tag !== 'latest') return params
  const filled: unknown[] = [...params]
  filled[place] = block
  return filled
}

async function confirmed(endpoint: ChainEndpoint, { number, hash }: PinnedBlock): Promise<void> {
  const now = (await endpoint.request({
    method: 'eth_getBlockByNumber',
    params: [numberToHex(number), false],
  })) as { hash: Hex }
  if (now.hash !== hash)
    throw new ChainFailure(`Block ${number} was replaced while it was read: it was ${hash} and is ${now.hash} now.`, {
      hint: 'Try again.',
    })
}
