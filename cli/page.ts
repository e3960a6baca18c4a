import { access, constants } from 'node:fs/promises'
import { PlimsollError } from '../protocol/errors.ts'
import { CIRCUITS, type ProfileName } from '../prover/profiles.ts'
import { LOCAL_CHAINS, type ReadClient } from '../sdk/chain/client.ts'
import { chainProxy } from '../sequencer/api/chain-proxy.ts'
import { Page, type PageConfig } from '../sequencer/api/page.ts'
import { ensurePage } from './build-page.ts'
import { loadKeys } from './load-keys.ts'

export interface PageOptions extends Pick<PageConfig, 'served' | 'operator' | 'settlement' | 'profile'> {
  /** Directory of a ceremony's keys. */
  readonly keys?: string | undefined
  /** The laboratory's report, a file. */
  readonly report?: string | undefined
}

/** The page over a chain, built if it was not; it is served as soon as it is. */
export function openPage(client: ReadClient, { keys, report, ...config }: PageOptions): Page {
  // A node has other things to say meanwhile.
  const directory = ensurePage(config.served === 'node')
  // Told when somebody asks for the page: a node runs without one.
  directory.catch((error: unknown) => {
    const words = error instanceof PlimsollError ? error.message : String(error)
    process.stderr.write(`plimsoll: ${words}\n`)
  })
  return new Page({
    directory,
    config: {
      ...config,
      chainId: client.chainId,
      local: LOCAL_CHAINS.includes(client.chainId),
      report: report !== undefined,
    },
    files: () => pageFiles(config.profile, keys),
    report,
    // The operator's page does not act.
    rpc: chainProxy(client.endpoint, client.chainId, config.operator),
  })
}

/** @throws PlimsollError where there is a report that cannot be read */
export async function requireReport(report: string | undefined): Promise<void> {
  if (report === undefined) return
  await access(report, constants.R_OK).catch(() => {
    throw new PlimsollError(`The report ${report} cannot be read.`, { hint: 'plimsoll risk report writes one.' })
  })
}

/** Keys of the circuits for checking settlements, and all that proves an exit. */
async function pageFiles(profile: ProfileName, directory: string | undefined) {
  const keys = await loadKeys(profile, directory, CIRCUITS)
  const circuits = Object.fromEntries(
    CIRCUITS.map((circuit) => [circuit, { key: keys[circuit].verificationKey, hash: keys[circuit].keyHash }]),
  )
  return {
    'keys.json': Buffer.from(JSON.stringify({ profile, origin: keys.origin, circuits })),
    'exit.zkey': keys.exit.zkey,
    'exit.wasm': keys.exit.wasm,
  }
}
