import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHardhatRuntimeEnvironment, importUserConfig } from 'hardhat/hre'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'

/** A directory that is not there: a chain that knows contracts decodes them first, for two seconds. */
const NOWHERE = join(tmpdir(), 'plimsoll-no-contracts')

let environment: Promise<HardhatRuntimeEnvironment> | undefined

/** Hardhat's environment for chains, which neither builds nor knows contracts; made once a process. */
export function chainEnvironment(): Promise<HardhatRuntimeEnvironment> {
  environment ??= make()
  return environment
}

async function make(): Promise<HardhatRuntimeEnvironment> {
  const config = fileURLToPath(new URL('../hardhat.config.ts', import.meta.url))
  const root = fileURLToPath(new URL('..', import.meta.url))
  const paths = { artifacts: NOWHERE, cache: NOWHERE }
  return createHardhatRuntimeEnvironment({ ...(await importUserConfig(config)), paths }, { config }, root)
}
