import { parseArgs } from 'node:util'
import { deployBench } from './oracles-bench.ts'
import { pushPool, WINDOW } from './push-pool.ts'

// `npm run bench:oracles [-- --json]`: gas of reading sources, and what it costs to push a pool (docs/oracles.md).

const P = 200_00000000n
const BLOCK = 12

/** Gas of a steady `update` (storage cold, prices moving), of assets with so many sources each. */
async function gasOf(counts: readonly number[], chainlink = false): Promise<number> {
  const bench = await deployBench({
    counts,
    ...(chainlink && {
      others: async (chain) => {
        const feeds = (count: number) =>
          Promise.all(
            Array.from({ length: count }, async () => {
              const feed = await chain.contract('MockFeed', [8, P])
              return { address: (await chain.contract('ChainlinkSource', [feed.address])).address }
            }),
          )
        return Object.fromEntries(await Promise.all(counts.map(async (count, a) => [a, await feeds(count)] as const)))
      },
    }),
  })
  let gas = 0n
  for (const price of [P, P + 1n, P + 2n]) {
    if (!chainlink) for (const [a, count] of counts.entries()) await bench.say(a, ...Array<bigint>(count).fill(price))
    gas = (await bench.update()).gas
  }
  return Number(gas)
}

const push = async (factor: number, seconds: number) => {
  const { said, honest, capital, fees, reading } = await pushPool(factor, seconds)
  return {
    factor,
    seconds,
    movedPercent: Number((100 * (Number(said.quote) / Number(honest) - 1)).toFixed(2)),
    fault: said.fault,
    priceMovedPercent: Number((100 * (Number(reading.price) / Number(honest) - 1)).toFixed(2)),
    capital: Math.round(capital),
    fees: Math.round(fees),
  }
}

const gas = {
  oneSourceOneAsset: await gasOf([0, 1]),
  oneChainlinkOneAsset: await gasOf([0, 1], true),
  threeSourcesTwoAssets: await gasOf([0, 3, 3]),
  threeChainlinkTwoAssets: await gasOf([0, 3, 3], true),
  threeSourcesTwoAssetsAndCash: await gasOf([2, 3, 3]),
}
const pushes = [
  await push(1.1, BLOCK),
  await push(2, BLOCK),
  await push(10, BLOCK),
  await push(1.05, WINDOW),
  await push(1.5, WINDOW),
]
const { json } = parseArgs({ options: { json: { type: 'boolean' } } }).values
if (json) console.log(JSON.stringify({ gas, pushes }, null, 1))
else {
  for (const [name, used] of Object.entries(gas)) console.log(`${name.padEnd(30)} ${used} gas`)
  for (const { factor, seconds, movedPercent, fault, priceMovedPercent, capital, fees } of pushes)
    console.log(
      `x ${factor} for ${seconds} s: source ${movedPercent} % (${fault}), price ${priceMovedPercent} %, capital ${capital}, fees ${fees}`,
    )
}
process.exit()
