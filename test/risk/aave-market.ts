import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Abi, type Address, encodeDeployData, encodeFunctionData, type Hex, zeroAddress } from 'viem'
import { type Chain, startChain } from '../contracts/chain.ts'

interface Artifact {
  readonly abi: Abi
  readonly bytecode: string
  readonly linkReferences: Readonly<
    Record<string, Readonly<Record<string, readonly { readonly start: number; readonly length: number }[]>>>
  >
}

const require = createRequire(import.meta.url)
/** Multicall3 (mds1/multicall), which viem carries along but does not export. */
const { multicall3Bytecode: MULTICALL } = require(join(dirname(require.resolve('viem')), 'constants/contracts.js')) as {
  multicall3Bytecode: Hex
}
const CONTRACTS = '@aave/core-v3/artifacts/contracts'
const LOGIC = [
  'BorrowLogic',
  'BridgeLogic',
  'EModeLogic',
  'FlashLoanLogic',
  'LiquidationLogic',
  'PoolLogic',
  'SupplyLogic',
  'ConfiguratorLogic',
]

function artifact(path: string): Artifact {
  return JSON.parse(readFileSync(require.resolve(`${CONTRACTS}/${path}`), 'utf8')) as Artifact
}

/** A reserve of the market: prices have 8 decimals, thresholds and bonuses are in 1/10^4. */
export interface Reserve {
  readonly symbol: string
  readonly decimals: number
  readonly price: bigint
  readonly threshold: bigint
  /** 10,500 for a bonus of 5 %. */
  readonly bonus: bigint
}

export interface AavePair {
  readonly collateral: number
  readonly debt: number
}

/** The position before the first call of a liquidator, and after each. */
export type AaveOutcome = readonly { readonly healthFactor: bigint; readonly balances: readonly bigint[] }[]

/** Aave v3's compiled contracts on a chain of its own in this process, with reserves that bear no interest. */
export class AaveMarket {
  readonly tokens: readonly Address[]
  /** Claims and variable debt of each reserve. */
  readonly #claims: readonly (readonly [Address, Address])[]
  /** Who holds the positions, and liquidates them: the contract that makes the calls. */
  readonly #borrower: Address
  readonly #chain: Chain
  readonly #pool: Address
  readonly #oracle: Address
  readonly #abi = artifact('protocol/pool/Pool.sol/Pool.json').abi
  readonly #erc20 = artifact('mocks/tokens/MintableERC20.sol/MintableERC20.json').abi
  readonly #oracleAbi = artifact('mocks/oracle/PriceOracle.sol/PriceOracle.json').abi

  private constructor(
    chain: Chain,
    pool: Address,
    oracle: Address,
    tokens: readonly Address[],
    claims: readonly (readonly [Address, Address])[],
    borrower: Address,
  ) {
    this.#chain = chain
    this.#claims = claims
    this.#borrower = borrower
    this.#pool = pool
    this.#oracle = oracle
    this.tokens = tokens
  }

  /** Deploys the protocol; the first account of the chain is its admin and provides the liquidity. */
  static async deploy(reserves: readonly Reserve[]): Promise<AaveMarket> {
    const chain = await startChain()
    const admin = chain.accounts[0]!
    const libraries = new Map<string, Address>()

    async function create(path: string, args: unknown[] = []): Promise<Address> {
      const { abi, bytecode, linkReferences } = artifact(path)
      let linked = bytecode
      for (const names of Object.values(linkReferences)) {
        for (const [name, places] of Object.entries(names)) {
          const address = libraries.get(name)!.slice(2).toLowerCase()
          for (const { start, length } of places)
            linked = linked.slice(0, 2 + 2 * start) + address + linked.slice(2 + 2 * (start + length))
        }
      }
      const receipt = await chain.send({ data: encodeDeployData({ abi, bytecode: linked as Hex, args }) })
      if (receipt.status !== 'success') throw new Error(`${path} is not deployed`)
      return receipt.contractAddress!
    }
    async function write(to: Address, abi: Abi, functionName: string, args: unknown[]): Promise<void> {
      const receipt = await chain.send({ to, data: encodeFunctionData({ abi, functionName, args }) })
      if (receipt.status !== 'success') throw new Error(`${functionName} reverts`)
    }

    for (const name of LOGIC) libraries.set(name, await create(`protocol/libraries/logic/${name}.sol/${name}.json`))
    const providerPath = 'protocol/configuration/PoolAddressesProvider.sol/PoolAddressesProvider.json'
    const providerAbi = artifact(providerPath).abi
    const provider = await create(providerPath, ['test', admin])
    const provide = (functionName: string, value: unknown) => write(provider, providerAbi, functionName, [value])
    await provide('setACLAdmin', admin)
    const aclPath = 'protocol/configuration/ACLManager.sol/ACLManager.json'
    const acl = await create(aclPath, [provider])
    await provide('setACLManager', acl)
    await write(acl, artifact(aclPath).abi, 'addPoolAdmin', [admin])
    const oracle = await create('mocks/oracle/PriceOracle.sol/PriceOracle.json')
    await provide('setPriceOracle', oracle)
    await provide('setPoolImpl', await create('protocol/pool/Pool.sol/Pool.json', [provider]))
    const configuratorPath = 'protocol/pool/PoolConfigurator.sol/PoolConfigurator.json'
    await provide('setPoolConfiguratorImpl', await create(configuratorPath))
    const address = (functionName: string) =>
      chain.client.readContract({ address: provider, abi: providerAbi, functionName }) as Promise<Address>
    const pool = await address('getPool')
    const configurator = await address('getPoolConfigurator')

    const ray = 10n ** 27n
    const rates = await create(
      'protocol/pool/DefaultReserveInterestRateStrategy.sol/DefaultReserveInterestRateStrategy.json',
      [provider, (8n * ray) / 10n, 0n, 0n, 0n, 0n, 0n, 0n, 0n, (2n * ray) / 10n],
    )
    const aToken = await create('protocol/tokenization/AToken.sol/AToken.json', [pool])
    const stableDebt = await create('protocol/tokenization/StableDebtToken.sol/StableDebtToken.json', [pool])
    const variableDebt = await create('protocol/tokenization/VariableDebtToken.sol/VariableDebtToken.json', [pool])
    const tokens: Address[] = []
    for (const { symbol, decimals } of reserves)
      tokens.push(await create('mocks/tokens/MintableERC20.sol/MintableERC20.json', [symbol, symbol, decimals]))
    const configuratorAbi = artifact(configuratorPath).abi
    await write(configurator, configuratorAbi, 'initReserves', [
      reserves.map(({ symbol, decimals }, i) => ({
        aTokenImpl: aToken,
        stableDebtTokenImpl: stableDebt,
        variableDebtTokenImpl: variableDebt,
        underlyingAssetDecimals: decimals,
        interestRateStrategyAddress: rates,
        underlyingAsset: tokens[i]!,
        treasury: admin,
        incentivesController: zeroAddress,
        aTokenName: `a${symbol}`,
        aTokenSymbol: `a${symbol}`,
        variableDebtTokenName: `v${symbol}`,
        variableDebtTokenSymbol: `v${symbol}`,
        stableDebtTokenName: `s${symbol}`,
        stableDebtTokenSymbol: `s${symbol}`,
        params: '0x10',
      })),
    ])
    for (const [i, { threshold, bonus }] of reserves.entries()) {
      // Loans up to the threshold itself, so that any position can be made.
      await write(configurator, configuratorAbi, 'configureReserveAsCollateral', [
        tokens[i]!,
        threshold,
        threshold,
        bonus,
      ])
      await write(configurator, configuratorAbi, 'setReserveBorrowing', [tokens[i]!, true])
    }
    const poolAbi = artifact('protocol/pool/Pool.sol/Pool.json').abi
    const claims: (readonly [Address, Address])[] = []
    for (const token of tokens) {
      const data = (await chain.client.readContract({
        address: pool,
        abi: poolAbi,
        functionName: 'getReserveData',
        args: [token],
      })) as { aTokenAddress: Address; variableDebtTokenAddress: Address }
      claims.push([data.aTokenAddress, data.variableDebtTokenAddress])
    }
    const market = new AaveMarket(
      chain,
      pool,
      oracle,
      tokens,
      claims,
      (await chain.send({ data: MULTICALL })).contractAddress!,
    )
    for (const [i, token] of tokens.entries()) {
      await market.#write(oracle, market.#oracleAbi, 'setAssetPrice', [token, reserves[i]!.price])
      await market.#write(token, market.#erc20, 'mint', [10n ** 24n])
      await market.#write(token, market.#erc20, 'approve', [pool, 2n ** 255n])
      await market.#write(pool, market.#abi, 'supply', [token, 10n ** 23n, admin, 0])
    }
    // Calls must not run at a time before that of the last block.
    await chain.mineAt((await chain.now()) + 3600n)
    return market
  }

  async #write(to: Address, abi: Abi, functionName: string, args: unknown[]): Promise<void> {
    const receipt = await this.#chain.send({ to, data: encodeFunctionData({ abi, functionName, args }) })
    if (receipt.status !== 'success') throw new Error(`${functionName} reverts`)
  }

  /**
   * Makes a position, moves prices and liquidates it by the pairs given, as far as the contract allows at each, all within one call that
   * leaves no trace. Balances are above 0 for collateral and below for debt.
   */
  async liquidate(
    balances: readonly bigint[],
    prices: readonly bigint[],
    pairs: readonly AavePair[],
  ): Promise<AaveOutcome> {
    const oracle = { address: this.#oracle, abi: this.#oracleAbi }
    const pool = { address: this.#pool, abi: this.#abi }
    const user = this.#borrower
    const held = balances.flatMap((balance, i) => (balance === 0n ? [] : [i]))
    const look = [
      { ...pool, functionName: 'getUserAccountData', args: [user] },
      ...held.map((i) => ({
        address: balances[i]! > 0n ? this.#claims[i]![0] : this.#claims[i]![1],
        abi: this.#erc20,
        functionName: 'balanceOf',
        args: [user],
      })),
    ]
    const contracts = [
      ...held.flatMap((i) => [
        { address: this.tokens[i]!, abi: this.#erc20, functionName: 'mint', args: [10n ** 24n] },
        { address: this.tokens[i]!, abi: this.#erc20, functionName: 'approve', args: [this.#pool, 2n ** 255n] },
      ]),
      ...held
        .filter((i) => balances[i]! > 0n)
        .map((i) => ({ ...pool, functionName: 'supply', args: [this.tokens[i]!, balances[i]!, user, 0] })),
      ...held
        .filter((i) => balances[i]! < 0n)
        .map((i) => ({ ...pool, functionName: 'borrow', args: [this.tokens[i]!, -balances[i]!, 2n, 0, user] })),
      ...held.map((i) => ({ ...oracle, functionName: 'setAssetPrice', args: [this.tokens[i]!, prices[i]!] })),
      ...look,
      ...pairs.flatMap(({ collateral, debt }) => [
        {
          ...pool,
          functionName: 'liquidationCall',
          args: [this.tokens[collateral]!, this.tokens[debt]!, user, 2n ** 255n, false],
        },
        ...look,
      ]),
    ]
    const results = (await this.#chain.client.multicall({
      contracts,
      multicallAddress: this.#borrower,
      allowFailure: false,
      batchSize: 0,
    })) as unknown[]
    const states: { healthFactor: bigint; balances: bigint[] }[] = []
    for (
      let at = contracts.length - look.length - pairs.length * (look.length + 1);
      at < results.length;
      at += look.length + 1
    ) {
      const after = balances.map(() => 0n)
      held.forEach((i, k) => (after[i] = (balances[i]! > 0n ? 1n : -1n) * (results[at + 1 + k] as bigint)))
      states.push({ healthFactor: (results[at] as readonly bigint[])[5]!, balances: after })
    }
    return states
  }
}
