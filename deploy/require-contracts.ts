import type { Address } from 'viem'
import { PlimsollError } from '../protocol/errors.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import type { CustodyPlan } from './market-plan.ts'
import type { OraclePlan, SourcePlan } from './oracle-plan.ts'
import type { RulePlan } from './rule-plan.ts'

/** Contracts that a deployment names, which have to be on the chain already. */
export interface NamedContracts {
  readonly feeds: Readonly<Record<string, Address>>
  readonly custody: CustodyPlan
  readonly oracles: OraclePlan
  readonly rules: RulePlan
}

/**
 * Looks for everything that a market names on the chain, before anything is created: a market of another chain costs nothing.
 * @throws PlimsollError naming the first address that has no contract
 */
export async function requireContracts(signer: SigningClient, named: NamedContracts): Promise<void> {
  const places = placesOf(named)
  const addresses = [...new Set(places.map(([, address]) => address))]
  const codes = await Promise.all(addresses.map((address) => signer.read.getCode({ address })))
  const bare = new Set(addresses.filter((_, i) => (codes[i] ?? '0x') === '0x'))
  const missing = places.find(([, address]) => bare.has(address))
  if (missing !== undefined)
    throw new PlimsollError(`${missing[0]}, ${missing[1]}, has no contract on chain ${signer.chainId}.`, {
      hint: 'Compare the address with its publisher, and the chain with the one that --rpc names.',
    })
}

function placesOf({ feeds, custody, oracles, rules }: NamedContracts): (readonly [string, Address])[] {
  const tokens = Object.entries(custody).flatMap(([symbol, { token }]) =>
    token === undefined ? [] : [[`custody.${symbol}.token`, token] as const],
  )
  const alone = Object.entries(feeds).map(([symbol, feed]) => [`The feed of ${symbol}`, feed] as const)
  const sources = Object.entries(oracles.assets).flatMap(([symbol, asset]) =>
    asset.sources.flatMap((source, i) =>
      placesOfSource(source).map(([name, address]) => [`sources[${i}].${name} of ${symbol}`, address] as const),
    ),
  )
  const uptime = oracles.uptimeFeed === undefined ? [] : [['uptimeFeed', oracles.uptimeFeed] as const]
  const pools = Object.entries(rules.assets).flatMap(([symbol, { pool }]) =>
    pool === undefined ? [] : [[`rule.pool.address of ${symbol}`, pool.address] as const],
  )
  return [...tokens, ...alone, ...sources, ...uptime, ...pools]
}

function placesOfSource(source: SourcePlan): (readonly [string, Address])[] {
  switch (source.kind) {
    case 'chainlink':
      return [['feed', source.feed]]
    case 'pyth':
      return [['pyth', source.pyth]]
    case 'uniswap-v3':
      return [
        ['pool', source.pool],
        ['token', source.token],
      ]
    case 'contract':
      return [['source', source.source]]
  }
}
