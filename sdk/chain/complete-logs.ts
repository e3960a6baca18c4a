import { type Address, type Hex, hexToBytes, keccak256, numberToHex } from 'viem'
import { PlimsollError } from '../../protocol/errors.ts'
import type { RawLog } from './answers.ts'
import { ChainFailure } from './chain-failure.ts'
import type { ReadClient } from './client.ts'
import { inOrder } from './in-order.ts'
import { deploymentBlock } from './settlement-history.ts'
import { systemContracts } from './system-contracts.ts'

/** Blocks whose headers are looked at, at the most: the newest of a range, where an endpoint that is behind shows. */
const MOST_BLOCKS = 20_000n
/** As many where somebody waits for the answer and may only have used the wrong key. */
const FEW_BLOCKS = 2_000n

interface Header {
  readonly number: Hex
  readonly hash: Hex
  readonly logsBloom?: Hex
  readonly transactions: readonly Hex[]
}

/**
 * Draws a conclusion from events of a settlement's contracts. Where it is that something is wrong or not there, the events are
 * first made sure of, so that an endpoint that is behind reads neither like a verdict on a contract nor like a lost account.
 * @throws ChainFailure when the endpoint has left out events among the newest blocks; else whatever was concluded
 */
export async function concludeFromLogs<T>(
  client: ReadClient,
  settlement: Address,
  conclude: () => Promise<T>,
): Promise<T> {
  try {
    return await conclude()
  } catch (error) {
    if (!(error instanceof PlimsollError) || error instanceof ChainFailure) throw error
    const { read } = client
    const end = await read.getBlockNumber()
    const contracts = await systemContracts(read, settlement)
    const first = await deploymentBlock(read, settlement, end)
    await requireCompleteLogs(client, Object.values(contracts), first, end, FEW_BLOCKS)
    throw error
  }
}

/**
 * Makes sure that what an endpoint says of events is all there is, before anything is concluded from it: events are asked for
 * once more, and compared with the bloom filters of the blocks' headers and, where those say that there may be events or the
 * endpoint has some, with the receipts of the transactions.
 * @param most blocks that are looked at, the newest ones
 * @throws ChainFailure when the endpoint has left out events, or invented some: it may be behind
 */
export async function requireCompleteLogs(
  { endpoint }: ReadClient,
  addresses: readonly Address[],
  fromBlock: bigint,
  toBlock: bigint,
  most = MOST_BLOCKS,
): Promise<void> {
  // Without a contract that counts there is nothing that could be left out; no address would ask for those of all.
  if (addresses.length === 0) return
  const first = toBlock - fromBlock < most ? fromBlock : toBlock - most + 1n
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
function inBloom(bloom: Hex, address: Address): boolean {
  const bits = hexToBytes(bloom)
  const digest = hexToBytes(keccak256(address))
  return [0, 2, 4].every((i) => {
    const bit = ((digest[i]! << 8) | digest[i + 1]!) & 2047
    return (bits[255 - (bit >> 3)]! & (1 << (bit & 7))) !== 0
  })
}
