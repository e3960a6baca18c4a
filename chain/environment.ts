import { fileURLToPath } from 'node:url'
import { createHardhatRuntimeEnvironment, importUserConfig } from 'hardhat/hre'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'

/**
 * A Hardhat environment of this package, whatever the working directory.
 * @param paths Directories to use in place of the configured ones.
 */
export async function makeEnvironment(paths?: {
  readonly artifacts: string
  readonly cache: string
}): Promise<HardhatRuntimeEnvironment> {
  const config = fileURLToPath(new URL('../hardhat.config.ts', import.meta.url))
  const root = fileURLToPath(new URL('..', import.meta.url))
  const user = await importUserConfig(config)
  return createHardhatRuntimeEnvironment(paths === undefined ? user : { ...user, paths }, { config }, root)
}
