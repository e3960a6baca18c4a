import assert from 'node:assert/strict'

import {
  type Abi,
  type Address,
  createTestClient,
  custom,
  decodeErrorResult,
  decodeEventLog,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
  numberToHex,
  parseGwei,
  publicActions,
  type TransactionReceipt,
  walletActions,
} from 'viem'
import { hardhat } from 'viem/chains'

import { loadArtifact } from '../../chain/artifacts.ts'
import { chainEnvironment } from '../../chain/chain-environment.ts'
import { contractErrors } from '../../chain/deployment.ts'

export interface Event {
  name: string
  args: Record<string, unknown>
}

const GAS = numberToHex(16_000_000)
/** The first block's base fee is 1 gwei, and falls as long as blocks are nearly empty. */
const GAS_PRICE = numberToHex(parseGwei('2'))

interface Call {
  to?: Address
  data: Hex
  from?: Address | undefined
  value?: bigint | undefined
  gas?: Hex
}

export type Chain = Awaited<ReturnType<typeof startChain>>

/** When each chain begins: with time in the tests' hands alone, what happens follows from their seeds. */
const BEGINNING = new Date('2026-01-01T00:00:00Z')

function dataOf(error: unknown): Hex | undefined {
  const data = (error as { data?: Hex | { data: Hex } }).data
  return typeof data === 'object' ? data.data : data
}

/** A chain of its own, in this process, and contracts on it. Each transaction's block is a second after the one before. */
export async function startChain(chainId = 31337) {
  const { network } = await chainEnvironment()
  const { provider } = await network.create({ network: 'default', override: { chainId, initialDate: BEGINNING } })
  const client = createTestClient({
    chain: { ...hardhat, id: chainId },
    mode: 'hardhat',
    transport: custom(provider),
    cacheTime: 0,
    pollingInterval: 1,
  })
    .extend(publicActions)
    .extend(walletActions)
  const accounts = await client.getAddresses()
  const errors = await contractErrors()
  /** Whether somebody has said when the next block is. */
  let dated = false

  /** The refusal of a transaction by the name of the contract's error, which the chain does not know. */
  function named(error: unknown): unknown {
    const data = dataOf(error)
    if (data === undefined || data === '0x') return error
    const { errorName, args = [] } = decodeErrorResult({ abi: errors, data })
    const words = args.map((arg) => (typeof arg === 'string' ? `"${arg}"` : String(arg)))
    return new Error(`reverted with ${errorName}(${words.join(', ')})`, { cause: error })
  }

  async function send(call: Call): Promise<TransactionReceipt> {
    if (!dated) await nextBlockAt((await now()) + 1n)
    dated = false
    const from = call.from ?? accounts[0]!
    // With gas and its price named, nothing else has to be asked first.
    const hash = await provider
      .request({
        method: 'eth_sendTransaction',
        params: [{ ...call, from, gas: GAS, gasPrice: GAS_PRICE, value: numberToHex(call.value ?? 0n) }],
      })
      .catch((error: unknown) => {
        throw named(error)
      })
    return client.getTransactionReceipt({ hash: hash as Hex })
  }

  /** Calls at the latest block's time; the data that it reverts with. */
  async function revertData(call: Call): Promise<Hex> {
    try {
      await provider.request({
        method: 'eth_call',
        params: [
          { from: accounts[0]!, ...call, ...(call.value !== undefined && { value: `0x${call.value.toString(16)}` }) },
          'latest',
        ],
      })
    } catch (error) {
      const hex = dataOf(error)
      assert.ok(hex, `no revert data: ${String(error)}`)
      return hex
    }
    throw new assert.AssertionError({ message: 'the call was not refused' })
  }

  async function refusal(abi: Abi, call: Call, error: string, errorArgs?: unknown[]): Promise<void> {
    const { errorName, args } = decodeErrorResult({ abi: [...abi, ...errors], data: await revertData(call) })
    assert.equal(errorName, error)
    if (errorArgs !== undefined) assert.deepEqual(args ?? [], errorArgs)
  }

  const contract = async (name: string, args: readonly unknown[] = []) => create(await loadArtifact(name), args)

  /** Creates a contract that the project does not build. */
  async function create({ abi, bytecode }: { abi: Abi; bytecode: Hex }, args: readonly unknown[] = []) {
    const deployment = await send({ data: encodeDeployData({ abi, bytecode, args: [...args] }) })
    const address = deployment.contractAddress!
    const encode = (functionName: string, args: unknown[]) => encodeFunctionData({ abi, functionName, args })

    return {
      address,
      deployment,
      encode,

      read: async <T>(functionName: string, ...args: unknown[]): Promise<T> =>
        (await client.readContract({ abi, address, functionName, args })) as T,

      /** Sends a transaction, which must succeed. */
      write: (
        functionName: string,
        args: unknown[] = [],
        from?: Address,
        value?: bigint,
      ): Promise<TransactionReceipt> => send({ to: address, data: encode(functionName, args), from, value }),

      /** A call must revert with this custom error and, where given, these arguments. */
      refuses: (
        error: string,
        functionName: string,
        args: unknown[] = [],
        errorArgs?: unknown[],
        from?: Address,
        value?: bigint,
      ) =>
        refusal(abi, { to: address, data: encode(functionName, args), ...(from && { from }), value }, error, errorArgs),

      events: (receipt: TransactionReceipt): Event[] =>
        receipt.logs
          .filter((log) => log.address.toLowerCase() === address.toLowerCase())
          .map((log) => {
            const { eventName, args } = decodeEventLog({ abi, data: log.data, topics: log.topics })
            return { name: eventName!, args: args as unknown as Record<string, unknown> }
          }),
    }
  }

  /** A deployment must revert with this custom error. */
  async function refusesDeployment(error: string, name: string, args: unknown[], errorArgs?: unknown[]): Promise<void> {
    const { abi, bytecode } = await loadArtifact(name)
    await refusal(abi, { data: encodeDeployData({ abi, bytecode, args }) }, error, errorArgs)
  }

  async function now(): Promise<bigint> {
    const block = await provider.request({ method: 'eth_getBlockByNumber', params: ['latest', false] })
    return BigInt((block as { timestamp: Hex }).timestamp)
  }

  /** Mines an empty block, so that calls see this time. */
  async function mineAt(timestamp: bigint): Promise<void> {
    await nextBlockAt(timestamp)
    await client.mine({ blocks: 1 })
    dated = false
  }

  async function nextBlockAt(timestamp: bigint): Promise<void> {
    await provider.request({ method: 'evm_setNextBlockTimestamp', params: [numberToHex(timestamp)] })
    dated = true
  }

  return { client, accounts, send, revertData, contract, create, refusesDeployment, now, mineAt, nextBlockAt }
}

export type Contract = Awaited<ReturnType<Chain['contract']>>
