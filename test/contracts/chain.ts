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

import { builtEnvironment, loadArtifact } from '../../chain/artifacts.ts'
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

/** A chain of its own, in this process, and contracts on it. */
export async function startChain(chainId = 31337) {
  const { network } = await builtEnvironment()
  const { provider } = await network.create({ network: 'default', override: { chainId } })
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

  async function send(call: Call): Promise<TransactionReceipt> {
    const from = call.from ?? accounts[0]!
    // With gas and its price named, nothing else has to be asked first.
    const hash = (await provider.request({
      method: 'eth_sendTransaction',
      params: [{ ...call, from, gas: GAS, gasPrice: GAS_PRICE, value: numberToHex(call.value ?? 0n) }],
    })) as Hex
    return client.getTransactionReceipt({ hash })
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
      const data = (error as { data?: Hex | { data: Hex } }).data
      const hex = typeof data === 'object' ? data.data : data
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
    return (await client.getBlock()).timestamp
  }

  /** Mines an empty block, so that calls see this time. */
  async function mineAt(timestamp: bigint): Promise<void> {
    await client.setNextBlockTimestamp({ timestamp })
    await client.mine({ blocks: 1 })
  }

  async function nextBlockAt(timestamp: bigint): Promise<void> {
    await client.setNextBlockTimestamp({ timestamp })
  }

  return { client, accounts, send, revertData, contract, create, refusesDeployment, now, mineAt, nextBlockAt }
}

export type Contract = Awaited<ReturnType<Chain['contract']>>
