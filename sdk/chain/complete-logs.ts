import { type Address, type Hex, hexToBytes, keccak256, numberToHex } from 'viem'
import type { RawLog } from './answers.ts'
import { ChainFailure } from './chain-failure.ts'
import type { ReadClient } from './client.ts'
import { inOrder } from './in-order.ts'

/** Blocks whose headers are looked at, at the most: the newest of a range, where an endpoint that is behind shows. */
const MOST_BLOCKS = 20_000n

interface Header {
  readonly number: Hex
  readonly hash: Hex
  readonly logsBloom?: Hex
  readonly transactions: readonly Hex[]
}

/**
 * Makes sure that what an endpoint says of events is all there is, before anything is concluded from it: events are asked for
 * once more, and compared with the bloom filters of the blocks' headers and, where those say that there may be events or the
 * endpoint has some, with the receipts of the transactions.
 * @throws ChainFailure when the endpoint has left out events, or invented some: it may be behind
 */
export async function requireCompleteLogs(
  { endpoint }: ReadClient,
  addresses: readonly Address[],
  fromBlock: bigint,
  toBlock: bigint,
): Promise<void> {
  // Without a contract that counts there is nothing that could be left out; no address would ask for those of all.
  if (addresses.length === 0) return
  const first = toBlock - fromBlock < MOST_BLOCKS ? fromBlock : toBlock - MOST_BLOCKS + 1n
  const range = { fromBlock: numberToHex(first), toBlock: numberToHex(toBlock) }
  const logs = (await endpoint.request({
    method: 'eth_getLogs',
    params: [{ address: addresses, ...range }],
  })) as RawLog[]
  const listed = new Map<bigint, string[]>()
  for (const log of logs) {
    const block = BigInt(log.blockNumber)
    listed.set(block, [...(listed.get(block) ?? []), keyOf(log)])
  }
  const numbers = Array.from({ length: Number(toBlock - first + 1n) }, (_, i) => first + BigInt(i))
  const headers = inOrder(numbers, async (number) => {
    const params = [numberToHex(number), false]
    const header = (await endpoint.request({ method: 'eth_getBlockByNumber', params })) as Header
    const possible = header.logsBloom === undefined || addresses.some((address) => inBloom(header.logsBloom!, address))
    const keys = listed.get(number) ?? []
    if (!possible && keys.length === 0) return
    const mined = await receiptKeys(endpoint, header, addresses)
    if (mined.join(' ') !== keys.join(' '))
      throw new ChainFailure(
        `The endpoint ${endpoint.name} ${mined.length > keys.length ? 'left out' : 'changed'} events of block ${number}: eth_getLogs has ${keys.length} of the ${mined.length} that its receipts have.`,
        { hint: 'It may be behind, or still indexing: try again, or another --rpc.' },
      )
  })
  for await (const _ of headers) {
    // Each is checked as it comes.
  }
}

async function receiptKeys(
  endpoint: ReadClient['endpoint'],
  { transactions }: Header,
  addresses: readonly Address[],
): Promise<string[]> {
  const wanted = new Set(addresses.map((address) => address.toLowerCase()))
  const keys: string[] = []
  for await (const receipt of inOrder(transactions, (hash) =>
    endpoint.request({ method: 'eth_getTransactionReceipt', params: [hash] }),
  )) {
    const { logs } = (receipt ?? { logs: [] }) as { logs: readonly RawLog[] }
    keys.push(...logs.filter(({ address }) => wanted.has(address.toLowerCase())).map(keyOf))
  }
  return keys
}

function keyOf({ address, topics, data, logIndex }: RawLog): string {
  return [BigInt(logIndex), address, ...topics, data].join().toLowerCase()
}

/** Whether a block's bloom filter says that there may be events of an address: three bits of 2,048. */
export function inBloom(bloom: Hex, address: Address): boolean {
  const bits = hexToBytes(bloom)
  const digest = hexToBytes(keccak256(address))
  return [0, 2, 4].every((i) => {
    const bit = ((digest[i]! << 8) | digest[i + 1]!) & 2047
    return (bits[255 - (bit >> 3)]! & (1 << (bit & 7))) !== 0
  })
}
