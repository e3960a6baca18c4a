import assert from 'node:assert/strict'

import { zeroAddress, zeroHash } from 'viem'

import { loadArtifact } from '../../chain/artifacts.ts'
import { CONTRACTS, type ContractName, type DeploymentConfig, deployContracts } from '../../chain/deployment.ts'
import { type Chain, type Contract, startChain } from './chain.ts'
import {
  BTC,
  custodyOf,
  DEPTH,
  deployMarket,
  deployParts,
  EMPTY_ROOT,
  ETH,
  type Market,
  type Parts,
  RESOLVE_STEPS,
  RULE_OFF,
  RUNGS,
  SEQUENCER_KEY,
  TRANSACT_STEPS,
} from './market.ts'
import { R } from './mirror.ts'

/** Ceilings of code, in bytes: a change that needs more says so here. */
const CODE_SIZE: Readonly<Record<ContractName, number>> = {
  Governance: 18_000,
  Oracles: 14_500,
  Rounds: 24_450,
  Vault: 24_500,
  Forced: 17_500,
  Insurance: 10_500,
  Settlement: 18_000,
  Escape: 14_500,
  Market: 20_000,
}

type Section = Exclude<keyof DeploymentConfig, 'assets' | 'custody' | 'oracles'>

describe('deployment of a system', () => {
  let parts: Parts

  before(async () => {
    parts = await deployParts()
  })

  /** The deployment must fail at this contract with InvalidConfig. */
  async function refuses(
    name: ContractName,
    what: string,
    config: DeploymentConfig,
    error = 'InvalidConfig',
  ): Promise<void> {
    let reached = false
    const create = async (at: ContractName, args: readonly unknown[]) => {
      if (at !== name) return (await parts.chain.contract(at, args)).address
      reached = true
      await parts.chain.refusesDeployment(error, at, [...args], [what])
      throw new Error('refused as it should be')
    }
    await assert.rejects(
      deployContracts(config, create, async () => undefined),
      /as it should be/,
    )
    assert.ok(reached)
  }

  const changed = (section: Section, edit: object): DeploymentConfig => ({
    ...parts.config,
    [section]: { ...parts.config[section], ...edit },
  })
  const asset = (edit: object): DeploymentConfig => ({
    ...parts.config,
    assets: [{ ...parts.config.assets[0], ...edit }, parts.config.assets[1]!],
  })
  const custody = (number: number, edit: object): DeploymentConfig => ({
    ...parts.config,
    custody: parts.config.custody.map((entry, i) => (i === number ? { ...entry, ...edit } : entry)),
  })

  it('keeps what it is given', async () => {
    const market = await deployMarket()
    const { settlement, rounds, vault, forced, escape: exits, config } = market
    const same = async (contract: Contract, expected: object) => {
      const kept = await contract.read<Record<string, unknown>>('config')
      for (const [key, value] of Object.entries(expected)) {
        assert.equal(String(kept[key]).toLowerCase(), String(value).toLowerCase(), key)
      }
    }
    await same(settlement, { ...config.settlement, vault: vault.address })
    await same(rounds, config.rounds)
    await same(vault, { ...config.vault, rounds: rounds.address })
    await same(forced, { ...config.forced, vault: vault.address })
    await same(exits, {
      ...config.escape,
      vault: vault.address,
      settlement: settlement.address,
      forced: forced.address,
      insurance: market.insurance.address,
    })
    assert.equal(await rounds.read('assetCount'), 2n)
    assert.deepEqual(await rounds.read('rule', 1n), RULE_OFF)
    assert.deepEqual(await rounds.read('parameters', 1n), ETH)
    assert.deepEqual(await rounds.read('parameters', 2n), BTC)
    assert.deepEqual(await settlement.read('batchSizes'), [RUNGS, BigInt(RESOLVE_STEPS), BigInt(TRANSACT_STEPS)])
    const { timestamp } = await market.chain.client.getBlock({ blockNumber: market.oracles.deployment.blockNumber })
    assert.equal(await settlement.read('deployedAt'), timestamp)
    assert.equal(await rounds.read('deployedAt'), timestamp)
    assert.equal(await settlement.read('accountsRoot'), EMPTY_ROOT)
    assert.equal(await settlement.read('accountsMax'), 4n ** DEPTH)
    assert.deepEqual(
      rounds.events(rounds.deployment).map(({ name, args }) => [name, args.asset]),
      [
        ['ParametersApplied', 1n],
        ['ParametersApplied', 2n],
      ],
    )
    const [token, tokenDecimals, decimals] = await vault.read<[string, number, number]>('assetInfo', 1)
    assert.deepEqual([token.toLowerCase(), tokenDecimals, decimals], [market.tokens[1]!.address.toLowerCase(), 18, 8])
  })

  it('has contracts below the limit of 24,576 bytes, and creations below the cap on a transaction', async () => {
    for (const name of CONTRACTS) {
      const { deployedBytecode } = await loadArtifact(name)
      const size = deployedBytecode.length / 2 - 1
      assert.ok(CODE_SIZE[name] < 24_576)
      assert.ok(size <= CODE_SIZE[name], `${name}: ${size} bytes; the ceiling is ${CODE_SIZE[name]}`)
    }
    const { governance, rounds, vault, forced, insurance, settlement, escape: exits, market } = await deployMarket()
    for (const { deployment } of [governance, rounds, vault, forced, insurance, settlement, exits, market])
      assert.ok(deployment.gasUsed < 1n << 24n)
  })

  it('needs proving time < roundMin < maxAge < grace, and roundShort < roundMin', async () => {
    await refuses('Rounds', 'provingTime', changed('rounds', { provingTime: 300 }))
    await refuses('Rounds', 'roundMin', changed('rounds', { roundMin: 900 }))
    await refuses('Rounds', 'roundShort', changed('rounds', { roundShort: 300 }))
    await refuses('Escape', 'grace', changed('escape', { grace: 900 }))
  })

  it('needs deadlines of more than two rounds, a notice of four steps, and signatures that outlive both', async () => {
    await refuses('Vault', 'depositDelay', changed('vault', { depositDelay: 1800 }))
    await refuses('Forced', 'forcedDelay', changed('forced', { forcedDelay: 1800 }))
    await refuses('Escape', 'noticePeriod', changed('escape', { noticePeriod: 3 }))
    await refuses('Escape', 'expirySlack', changed('forced', { expirySlack: 7200 + 3600 - 1 }))
  })

  it('needs an admin, an operator, sane decimals and 3 to 64 slots', async () => {
    await refuses('Governance', 'admin', changed('governance', { admin: zeroAddress }))
    await refuses('Governance', 'handoverDelay', changed('governance', { handoverDelay: 0 }))
    await refuses('Governance', 'handoverDelay', changed('governance', { handoverDelay: 7 * 86_400 + 1 }))
    await refuses('Settlement', 'operator', changed('settlement', { operator: zeroAddress }))
    await refuses('Rounds', 'patience', changed('rounds', { patience: 7 * 86_400 + 1 }))
    await refuses('Rounds', 'tipShare', changed('rounds', { tipShare: 5_001 }))
    for (const concentration of [1, 9_999, 80_001])
      await refuses('Rounds', 'concentration', changed('rounds', { concentration }))
    await refuses('Settlement', 'slots', changed('settlement', { slots: 2 }))
    await refuses('Settlement', 'slots', changed('settlement', { slots: 65 }))
    await refuses('Rounds', 'gap', asset({ rule: { ...RULE_OFF, on: true } }))
    await refuses('Rounds', 'rule', asset({ rule: { ...RULE_OFF, gap: 1_000 } }))
  })

  it('needs 1 to 7 assets, and custody for each', async () => {
    await refuses('Rounds', 'assets', { ...parts.config, assets: [] })
    await refuses('Rounds', 'assets', { ...parts.config, assets: Array(8).fill(parts.config.assets[0]) })
    await refuses('Vault', 'assets', { ...parts.config, custody: parts.config.custody.slice(0, 2) })
  })

  it('refuses verifiers exchanged, of another tree, or with a window larger than the slots', async () => {
    const { sweepVerifier, resolveVerifier, chain } = parts
    const ladder = (...verifiers: Contract[]) =>
      changed('settlement', { sweepVerifiers: verifiers.map(({ address }) => address) })
    await refuses('Settlement', 'sweepVerifiers', ladder(resolveVerifier))
    await refuses('Settlement', 'sweepVerifiers', ladder(sweepVerifier, resolveVerifier))
    await refuses('Settlement', 'sweepVerifiers', ladder())
    await refuses('Settlement', 'sweepVerifiers', ladder(...Array<Contract>(5).fill(sweepVerifier)))
    await refuses('Settlement', 'sweepVerifiers', ladder(await chain.contract('StubVerifier', [65_536n, 3n, 0n])))
    await refuses('Settlement', 'resolveVerifier', changed('settlement', { resolveVerifier: sweepVerifier.address }))
    await refuses('Settlement', 'transactVerifier', changed('settlement', { transactVerifier: sweepVerifier.address }))
    const wide = await chain.contract('StubVerifier', [4n, 9n, 0n])
    await refuses('Settlement', 'sweepVerifiers', ladder(sweepVerifier, wide))
    const deep = await chain.contract('StubVerifier', [1n, 0n, DEPTH + 1n])
    await refuses('Escape', 'exitVerifier', changed('escape', { exitVerifier: deep.address }))
    await refuses('Escape', 'exitVerifier', changed('escape', { exitVerifier: parts.transactVerifier.address }))
  })

  it("refuses a sequencer's key that is not a point of the curve, not canonical, or of small order", async () => {
    const [x, y] = SEQUENCER_KEY
    for (const key of [
      [x! + 1n, y],
      [x! + R, y],
      [0n, 1n],
      [0n, R - 1n],
    ]) {
      await refuses('Settlement', 'sequencerKey', changed('settlement', { sequencerKey: key }))
    }
  })

  it('refuses parameters out of order', async () => {
    await refuses('Rounds', 1n as never, asset({ parameters: { ...ETH, collateralFactor: 9801 } }), 'InvalidParameters')
  })

  it('refuses a token twice, synthetic cash, a cap above 2^63 or none, no minimum, and more than 36 decimals', async () => {
    await refuses('Vault', 'token', custody(1, { token: parts.tokens[0]!.address }))
    await refuses('Vault', 'cash', custody(0, custodyOf(undefined)))
    await refuses('Vault', 'cap', custody(1, { cap: (1n << 63n) + 1n }))
    await refuses('Vault', 'cap', custody(1, { cap: 0n }))
    await refuses('Vault', 'minimum', custody(1, { minOpen: 0n }))
    await refuses('Vault', 'minimum', custody(1, { minDeposit: 0n }))
    const fine = await parts.chain.contract('MockToken', ['F', 37])
    await refuses('Vault', 'tokenDecimals', custody(1, { token: fine.address }))
  })

  it('binds contracts that name one another only, once, by the deployer; before that nothing works', async () => {
    const one = await deployMarket()
    const { chain, vault, rounds, settlement, forced, insurance, escape: exits, market } = one
    const peers = [settlement.address, forced.address, insurance.address, exits.address, market.address]
    await vault.refuses('AlreadyBound', 'bind', peers)
    await vault.refuses('NotDeployer', 'bind', peers, [], chain.accounts[3])
    await rounds.refuses('AlreadyBound', 'bind', [settlement.address, market.address])
    await rounds.refuses('NotDeployer', 'bind', [settlement.address, market.address], [], chain.accounts[3])

    const fresh = await chain.contract('Vault', [{ ...one.config.vault, rounds: rounds.address }, one.config.custody])
    const other = await chain.contract('Settlement', [{ ...one.config.settlement, vault: fresh.address }])
    const own = [
      other.address,
      (await chain.contract('Forced', [{ ...one.config.forced, vault: fresh.address }])).address,
      (await chain.contract('Insurance', [fresh.address])).address,
    ]
    for (const [i, what] of ['settlement', 'forced', 'insurance', 'escape'].entries()) {
      await fresh.refuses('InvalidConfig', 'bind', [...own.slice(0, i), ...peers.slice(i)], [what])
    }
    // The rounds of another settlement would let that one say when this one is complete.
    const parts = { vault: fresh.address, settlement: own[0], forced: own[1], insurance: own[2] }
    const exit = await chain.contract('Escape', [{ ...(await exits.read<object>('config')), ...parts }])
    const sale = await chain.contract('Market', [{ ...one.config.market, vault: fresh.address }])
    await fresh.refuses('InvalidConfig', 'bind', [...own, exit.address, sale.address], ['rounds'])
    await fresh.refuses('NotBound', 'open', [0, 1000n, ...SEQUENCER_KEY, false])
    await fresh.refuses('NotBound', 'topUp', [0, zeroHash, 0, 1000n])
    await fresh.refuses('NotBound', 'donate', [0, 1000n])
    await other.refuses('NotBound', 'settle', [[]])
    const config = { ...one.config.rounds, governance: one.governance.address, oracles: one.oracles.address }
    const young = await chain.contract('Rounds', [config, one.config.assets])
    await young.refuses('NotBound', 'postRound')
    await young.refuses('InvalidConfig', 'bind', [settlement.address, market.address], ['settlement'])
    const vaultOfYoung = await chain.contract('Vault', [
      { ...one.config.vault, rounds: young.address },
      one.config.custody,
    ])
    const its = await chain.contract('Settlement', [{ ...one.config.settlement, vault: vaultOfYoung.address }])
    await young.refuses('InvalidConfig', 'bind', [its.address, market.address], ['market'])
    const own2 = await chain.contract('Market', [{ ...one.config.market, vault: vaultOfYoung.address }])
    await young.write('bind', [its.address, own2.address])
    const ends = { vault: vaultOfYoung.address, settlement: its.address }
    const queue = await chain.contract('Forced', [{ ...one.config.forced, vault: vaultOfYoung.address }])
    const fund = await chain.contract('Insurance', [vaultOfYoung.address])
    const way = await chain.contract('Escape', [
      { ...(await exits.read<object>('config')), ...ends, forced: queue.address, insurance: fund.address },
    ])
    const named = [its.address, queue.address, fund.address, way.address]
    await vaultOfYoung.refuses('InvalidConfig', 'bind', [...named, market.address], ['market'])
    await vaultOfYoung.write('bind', [...named, own2.address])
    assert.equal((await vaultOfYoung.read<string>('market')).toLowerCase(), own2.address)
  })

  it('needs a time between blocks, a floor of 20 points below at most, and an impact', async () => {
    for (const [what, values] of [
      ['blockTime', [0]],
      ['floorDiscount', [2_001]],
      ['maxImpact', [0, 10_001]],
    ] as const)
      for (const value of values) await refuses('Market', what, changed('market', { [what]: value }))
  })
})

describe('genesis', () => {
  let market: Market

  before(async () => {
    market = await deployMarket()
  })

  it("is the operator's, below the field's order, and not larger than the tree", async () => {
    const { settlement, chain } = market
    await settlement.refuses('NotOperator', 'genesis', [1n, 2n, [3n]], [], chain.accounts[1])
    await settlement.refuses('InvalidConfig', 'genesis', [R, 2n, [3n]], ['genesis'])
    await settlement.refuses('InvalidConfig', 'genesis', [1n, R, [3n]], ['genesis'])
    await settlement.refuses('AccountsFull', 'genesis', [1n, 2n, Array(17).fill(3n)])
  })

  it('puts the accounts in the inbox, once', async () => {
    const { settlement, vault } = market
    const receipt = await settlement.write('genesis', [1n, 2n, [3n, 4n]])
    assert.deepEqual(settlement.events(receipt), [
      { name: 'Genesis', args: { root: 1n, inboxHead: 2n, leaves: [3n, 4n] } },
    ])
    assert.equal(await settlement.read('accountsRoot'), 1n)
    assert.deepEqual(await settlement.read('heads'), [0n, 2n, 0n, 0n, 0n, 0n, 0n, 0n])
    assert.equal(await vault.read('nextIndex'), 2)
    assert.equal(await vault.read('opened'), 2)
    await settlement.refuses('GenesisDone', 'genesis', [1n, 2n, [3n]])
    await vault.refuses('IndicesTaken', 'reserveIndices', [1n], [], settlement.address)
  })

  it('is refused on any chain but a local one: LocalChainsOnly', async () => {
    const elsewhere = await startChain(10)
    // The mocks' constructors refuse the chain, so their code is put there.
    const parts = await deployParts()
    await elsewhere.client.setNonce({ address: elsewhere.accounts[0]!, nonce: 100 })
    const addresses = [
      parts.eth,
      parts.btc,
      parts.uptime,
      parts.ethSource,
      parts.btcSource,
      parts.sweepVerifier,
      parts.wideVerifier,
      parts.resolveVerifier,
      parts.transactVerifier,
      parts.exitVerifier,
      parts.tokens[0]!,
      parts.tokens[1]!,
    ]
    for (const { address } of addresses) {
      await elsewhere.client.setCode({ address, bytecode: (await parts.chain.client.getCode({ address }))! })
    }
    let settlement: Contract | undefined
    await deployContracts(
      parts.config,
      async (name, args) => {
        const contract = await elsewhere.contract(name, args)
        if (name === 'Settlement') settlement = contract
        return contract.address
      },
      async () => undefined,
    )
    await settlement!.refuses('LocalChainsOnly', 'genesis', [1n, 2n, [3n]], [10n])
  })
})

describe('the mock feed and token', () => {
  it('exist on chains 31337 and 1337 only', async () => {
    const local: Chain = await startChain(1337)
    assert.equal(await (await local.contract('MockFeed', [8, 1n])).read('decimals'), 8)
    assert.equal(await (await local.contract('MockToken', ['T', 8])).read('decimals'), 8)
    const elsewhere = await startChain(1)
    await elsewhere.refusesDeployment('LocalChainsOnly', 'MockFeed', [8, 1n], [1n])
    await elsewhere.refusesDeployment('LocalChainsOnly', 'MockToken', ['T', 8], [1n])
  })
})
