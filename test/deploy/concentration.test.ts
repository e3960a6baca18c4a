import assert from 'node:assert/strict'
import { explainDepths, requireDepths } from '../../deploy/concentration.ts'
import { parseDeployable } from '../../deploy/market-plan.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { ContractRefusal } from '../../sdk/chain/contract-errors.ts'
import { looseMarket } from '../support/echo-system.ts'

function parsed(change: (market: any) => void) {
  const market = looseMarket()
  change(market)
  return parseDeployable(JSON.stringify(market))
}

const refused = (run: () => unknown, complaint: RegExp) =>
  assert.throws(run, (error) => error instanceof PlimsollError && complaint.test(`${error.message} ${error.hint}`))

describe('concentration in a market file', () => {
  it('is 3 where it is left out, nothing at 0, and else from 1 to 8', () => {
    const factorOf = (concentration?: unknown) => parsed((m) => (m.concentration = concentration)).rules.concentration
    assert.equal(factorOf(), 30_000n)
    for (const [text, factor] of [
      ['0', 0n],
      ['0.0000', 0n],
      ['1', 10_000n],
      ['2.5', 25_000n],
      ['8.0000', 80_000n],
    ] as const)
      assert.equal(factorOf(text), factor)
    for (const text of ['0.9999', '8.0001', '-1', '-3', '0.0001', '1000000000000'])
      refused(() => factorOf(text), /^concentration is neither 0 nor from 1 to 8\. Name how many/)
    for (const [value, complaint] of [
      [3, /^concentration is not a string/],
      [null, /^concentration is not a string/],
      ['3.00001', /^concentration has 5 decimals, more than 4/],
      ['1e1', /^concentration is not a plain decimal/],
      ['three', /^concentration is not a plain decimal/],
    ] as const)
      refused(() => factorOf(value), complaint)
  })

  it('needs a depth at which kappa is below 2^56 at the market file’s price, where no source has another', () => {
    // 8,000 USD a BTC: price 80 2^32, F 30,000: kappa is 2^56 at a depth of 240 2^23 base units, 20.13 BTC.
    const market = (depth: string) => parsed((m) => (m.assets[2].depth = depth)).market
    const check = (depth: string, factor: bigint, sourced = false) =>
      requireDepths(market(depth), factor, (symbol) => sourced && symbol === 'BTC')
    check('20.13265921', 30_000n)
    refused(
      () => check('20.1326592', 30_000n),
      /^BTC: its depth of 20\.1326592 is too small to charge for concentration at its price\. Name a greater depth/,
    )
    check('20.1326592', 29_999n)
    check('20.1326592', 0n)
    check('20.1326592', 30_000n, true)
    check('0', 30_000n)
  })

  it('says what the contract means that finds the depth too small at what sources say', () => {
    const explained = (error: unknown) => () => explainDepths(30_000n)(error)
    refused(
      explained(new ContractRefusal('the deployment of Rounds', 'InvalidConfig', ['concentration'])),
      /^The depth of an asset is too small .* the factor is 3\. Name a greater depth/,
    )
    const other = new ContractRefusal('the deployment of Rounds', 'InvalidConfig', ['patience'])
    assert.throws(explained(other), (error) => error === other)
  })
})
