import type { Address, PublicClient } from 'viem'
import { Oracles } from '../chain/oracles.ts'
import { formatDecimal, parseDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { FEED_ABI } from '../sdk/abi/feed.ts'
import { MOCK_FEED_ABI } from '../sdk/abi/mock-feed.ts'
import { chainAssets } from '../sdk/chain/assets.ts'
import { connect, LOCAL_CHAINS } from '../sdk/chain/client.ts'
import { ContractRefusal } from '../sdk/chain/contract-errors.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { systemContracts } from '../sdk/chain/system-contracts.ts'
import { PlimsollClient } from '../sdk/client.ts'
import { printJson, printText } from './output.ts'
import { duration } from './progress.ts'
import { openSigner } from './signer.ts'

interface Options {
  readonly rpc: readonly string[]
  readonly settlement?: Address
  readonly node?: string
  readonly from?: Address
  readonly json?: true
}

/** A feed of Chainlink's form, the first of its asset. */
interface Feed {
  readonly symbol: string
  readonly address: Address
  readonly decimals: number
}

/** Prints every feed with its answer and its age by the chain's clock. */
export async function list(options: Options): Promise<void> {
  const { read } = await connect(options.rpc)
  const { timestamp } = await read.getBlock()
  const feeds = await Promise.all(
    (await feedsOf(read, options)).map(async ({ symbol, address, decimals }) => {
      const [, answer, , updatedAt] = await read.readContract({
        address,
        abi: FEED_ABI,
        functionName: 'latestRoundData',
      })
      const age = Number(timestamp - updatedAt)
      return { symbol, feed: address, price: formatDecimal(answer, decimals), age: Math.max(0, age) }
    }),
  )
  if (options.json) return printJson(feeds)
  for (const { symbol, feed, price, age } of feeds)
    printText(`${symbol.padEnd(9)} ${price.padStart(12)}  ${duration(age)} old  ${feed}`)
}

/**
 * Sets the answer of a mock feed.
 * @throws PlimsollError off local chains, for an asset that there is not, a price that is none, and a feed that is no mock
 */
export async function set(symbol: string, price: string, options: Options): Promise<void> {
  const signer = await openSigner(options.rpc, options.from === undefined ? {} : { from: options.from })
  if (!LOCAL_CHAINS.includes(signer.chainId))
    throw new PlimsollError(`Feeds can be set on local chains only, and ${signer.url} is chain ${signer.chainId}.`)
  const feeds = await feedsOf(signer.read, options)
  const feed = feeds.find((one) => one.symbol === symbol)
  if (feed === undefined)
    throw new PlimsollError(`There is no feed of ${JSON.stringify(symbol)}.`, {
      hint: `There are those of ${feeds.map((one) => one.symbol).join(', ')}.`,
    })
  const { address, decimals } = feed
  const answer = parseDecimal(price, decimals, 'The price')
  if (answer === 0n) throw new PlimsollError('The price is 0, at which no round can be posted.')
  const [, before] = await signer.read.readContract({ address, abi: FEED_ABI, functionName: 'latestRoundData' })
  const { transactionHash } = await sendCall(signer, {
    address,
    abi: MOCK_FEED_ABI,
    functionName: 'setAnswer',
    args: [answer],
  }).catch((error: unknown) => {
    throw error instanceof ContractRefusal
      ? new PlimsollError(`The feed of ${symbol} at ${address} is no mock feed: nobody here can set it.`)
      : error
  })
  const was = formatDecimal(before, decimals)
  if (options.json)
    return printJson({
      symbol,
      feed: address,
      was,
      price: formatDecimal(answer, decimals),
      transaction: transactionHash,
    })
  printText(
    `The feed of ${symbol} went from ${was} to ${formatDecimal(answer, decimals)}, transaction ${transactionHash}`,
  )
}

/** The feeds of the market that the options name, in the order of its assets. */
async function feedsOf(read: PublicClient, { node, settlement, rpc }: Options): Promise<Feed[]> {
  const deployment = node === undefined ? undefined : await new PlimsollClient({ node }).deployment()
  const market = settlement ?? deployment?.settlement
  if (market === undefined)
    throw new PlimsollError('The market is not named.', { hint: 'Give --settlement or --node.' })
  if (deployment !== undefined && deployment.settlement.toLowerCase() !== market.toLowerCase())
    throw new PlimsollError(`The node is of the settlement ${deployment.settlement}, not ${market}.`)
  const { rounds, oracles } = await systemContracts(read, market)
  const symbols = (deployment?.assets ?? (await chainAssets(read, market))).map((asset) => asset.symbol)
  if (symbols.length < 2)
    throw new PlimsollError(`The market at ${market} on ${rpc.join(', ')} has no asset but its cash.`)
  const named = await new Oracles({ read }, rounds, oracles).sources()
  const feeds = symbols.slice(1).map(async (symbol, i): Promise<Feed[]> => {
    const address = named.find(({ asset, feed, source }) => asset === i + 1 && feed !== source)?.feed
    if (address === undefined) return []
    const decimals = await read.readContract({ address, abi: FEED_ABI, functionName: 'decimals' })
    return [{ symbol, address, decimals }]
  })
  return (await Promise.all(feeds)).flat()
}
