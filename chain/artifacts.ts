import { mkdir } from 'node:fs/promises'

import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import type { Abi, Hex } from 'viem'

import { DirectoryLock } from '../lib/directory-lock.ts'
import { makeEnvironment } from './environment.ts'

export interface ContractArtifact {
  abi: Abi
  /** Creation code. */
  bytecode: Hex
  /** Code on the chain, with zeros where the constructor writes immutables. */
  deployedBytecode: Hex
  /** Places of immutables in the deployed code, in bytes. */
  immutables: readonly { start: number; length: number }[]
}

let environment: Promise<HardhatRuntimeEnvironment> | undefined

/** The Hardhat environment of this package, whatever the working directory, its contracts built; made once a process. */
export function builtEnvironment(): Promise<HardhatRuntimeEnvironment> {
  environment ??= build()
  return environment
}

async function build(): Promise<HardhatRuntimeEnvironment> {
  const made = await makeEnvironment()
  await buildContracts(made)
  return made
}

/** Builds what has changed, one process at a time: they share the files that say what has. */
export async function buildContracts({ config, tasks }: HardhatRuntimeEnvironment): Promise<void> {
  await mkdir(config.paths.cache, { recursive: true })
  const lock = await DirectoryLock.await(config.paths.cache)
  try {
    await tasks.getTask('build').run({ quiet: true, noTests: true })
  } finally {
    await lock.release()
  }
}

/**
 * ABI and code of a contract, built first where its sources have changed.
 * @param name Contract name, or `contracts/path/File.sol:Name` where several files have one of that name.
 */
export async function loadArtifact(name: string): Promise<ContractArtifact> {
  const { artifacts } = await builtEnvironment()
  const { abi, bytecode, deployedBytecode, immutableReferences } = await artifacts.readArtifact(name)
  const immutables = Object.values(immutableReferences ?? {}).flat()
  return { abi: abi as Abi, bytecode: bytecode as Hex, deployedBytecode: deployedBytecode as Hex, immutables }
}
