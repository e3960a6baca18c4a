import assert from 'node:assert/strict'
import { type Address, getAddress } from 'viem'
import { parseDeployable } from '../../deploy/market-plan.ts'
import { marketTemplate, TEMPLATE_NAMES } from '../../deploy/market-templates.ts'
import { requireContracts } from '../../deploy/require-contracts.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import type { SigningClient } from '../../sdk/chain/client.ts'

/** A chain on which every address has a contract but these. */
function chainWithout(...bare: readonly Address[]): SigningClient {
  const getCode = async ({ address }: { address: Address }) =>
    bare.some((one) => getAddress(one) === getAddress(address)) ? undefined : '0x00'
  return { chainId: 5, read: { getCode } } as unknown as SigningClient
}

const POOL = getAddress(`0x${'a'.repeat(40)}`)
const RULE = { gap: '0.10', pool: { address: POOL, window: 1800, share: '0.5', most: '100000' } }

/** A template whose ether has a rule with a pool, with an uptime feed. */
function named(name: (typeof TEMPLATE_NAMES)[number]) {
  const market = structuredClone(marketTemplate(name)) as any
  market.assets[1].rule = RULE
  market.uptimeFeed ??= getAddress(`0x${'b'.repeat(40)}`)
  const { custody, oracles, rules } = parseDeployable(JSON.stringify(market))
  return { market, plan: { feeds: { SOL: getAddress(`0x${'c'.repeat(40)}`) }, custody, oracles, rules } }
}

describe('contracts that a market names', () => {
  it('are refused by name where the chain has none, each, and passed where it has them all', async () => {
    for (const name of TEMPLATE_NAMES) {
      const { market, plan } = named(name)
      await requireContracts(chainWithout(), plan)
      const text = JSON.stringify({ ...market, feeds: plan.feeds })
      const addresses = [...new Set(text.match(/0x[0-9a-fA-F]{40}(?![0-9a-fA-F])/g) as Address[])]
      assert.ok(addresses.length > 6)
      for (const address of addresses)
        await assert.rejects(requireContracts(chainWithout(address), plan), (error: unknown) => {
          assert.ok(error instanceof PlimsollError)
          assert.match(error.message, new RegExp(`, ${address}, has no contract on chain 5\\.$`))
          return true
        })
    }
  })

  it('are told by their place in the market', async () => {
    const { market, plan } = named('ethereum')
    const [eth] = [market.assets[1]]
    const cases: readonly (readonly [Address, string])[] = [
      [eth.sources[0].feed, 'sources[0].feed of ETH'],
      [eth.sources[2].pool, 'sources[2].pool of ETH'],
      [market.custody.USDC.token, 'custody.USDC.token'],
      [market.uptimeFeed, 'uptimeFeed'],
      [POOL, 'rule.pool.address of ETH'],
      [plan.feeds.SOL, 'The feed of SOL'],
    ]
    for (const [address, place] of cases)
      await assert.rejects(requireContracts(chainWithout(address), plan), (error: Error) => {
        assert.equal(error.message, `${place}, ${address}, has no contract on chain 5.`)
        return true
      })
  })
})
