import { readFile } from 'node:fs/promises'
import solc from 'solc'
import type { Abi, Hex } from 'viem'
import type { Chain, Contract } from '../contracts/chain.ts'

// Pyth on a test chain: its own mock from npm, which ships as a source and is built here, apart from the project.

const PACKAGE = '@pythnetwork/pyth-sdk-solidity'
const MOCK = 'MockPyth.sol'

let built: Promise<{ abi: Abi; bytecode: Hex }> | undefined

async function build(): Promise<{ abi: Abi; bytecode: Hex }> {
  const names = ['MockPyth', 'AbstractPyth', 'IPyth', 'IPythEvents', 'PythStructs', 'PythErrors', 'PythUtils', 'Math']
  const sources = await Promise.all(
    names.map(async (name) => {
      const path = new URL(import.meta.resolve(`${PACKAGE}/${name}.sol`))
      return [`${name}.sol`, { content: await readFile(path, 'utf8') }] as const
    }),
  )
  const settings = { outputSelection: { [MOCK]: { MockPyth: ['abi', 'evm.bytecode.object'] } } }
  const input = { language: 'Solidity', sources: Object.fromEntries(sources), settings }
  const { contracts } = JSON.parse(solc.compile(JSON.stringify(input))) as {
    contracts: Record<string, { MockPyth: { abi: Abi; evm: { bytecode: { object: string } } } }>
  }
  const { abi, evm } = contracts[MOCK]!.MockPyth
  return { abi, bytecode: `0x${evm.bytecode.object}` }
}

/** Pyth's mock, built once a process. */
export function pythArtifact(): Promise<{ abi: Abi; bytecode: Hex }> {
  built ??= build()
  return built
}

/** Pyth's mock, updates of which cost a wei. */
export async function deployPyth(chain: Chain): Promise<Contract> {
  return chain.create(await pythArtifact(), [60n, 1n])
}

/** Brings a price to the mock. @param time unix seconds; no older than the one that it has */
export async function updatePyth(
  pyth: Contract,
  id: Hex,
  { price, confidence, exponent, time }: { price: bigint; confidence: bigint; exponent: number; time: bigint },
): Promise<void> {
  const args = [id, price, confidence, exponent, price, confidence, time, 0n]
  const data = await pyth.read<Hex>('createPriceFeedUpdateData', ...args)
  await pyth.write('updatePriceFeeds', [[data]], undefined, 1n)
}
