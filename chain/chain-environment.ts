import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import { makeEnvironment } from './environment.ts'

/** A directory that is not there: a chain that knows contracts decodes them first, for two seconds. */
const NOWHERE = join(tmpdir(), 'plimsoll-no-contracts')

let environment: Promise<HardhatRuntimeEnvironment> | undefined

/** Hardhat's environment for chains, which neither builds nor knows contracts; made once a process. */
export function chainEnvironment(): Promise<HardhatRuntimeEnvironment> {
  environment ??= makeEnvironment({ artifacts: NOWHERE, cache: NOWHERE })
  return environment
}
