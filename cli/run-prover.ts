import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { FleetKey } from '../fleet/fleet-key.ts'
import { isUrl, KeyStore } from '../fleet/key-store.ts'
import { FleetWorker } from '../fleet/worker.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { cacheRoot } from '../prover/keys.ts'
import { ProofService } from '../prover/proof-service.ts'
import { nodeLog } from './node-log.ts'
import { printError } from './output.ts'
import { tableOptions } from './prover-option.ts'

export interface ProverOptions {
  readonly redis: string
  readonly fleetKey: string
  readonly keysFrom: string
  readonly jobs: number
  readonly name?: string
  readonly prover: string
  readonly proverTables: number
  readonly logFormat: 'text' | 'json'
  readonly json?: true
}

/**
 * Makes proofs until the process is told to end: once, and it finishes what it is at; twice, and it does not.
 * @throws PlimsollError for anything without which it could make none
 */
export async function runProver(options: ProverOptions): Promise<void> {
  const { redis, fleetKey, keysFrom, jobs, prover, proverTables, logFormat, json } = options
  const key = await FleetKey.read(fleetKey)
  await requirePlace(keysFrom)
  const log = nodeLog(json ? 'json' : logFormat, process.stdout)
  const proofs = await ProofService.open(
    prover,
    tableOptions(proverTables, () => log),
  )
  const worker = await FleetWorker.open({
    redis,
    key,
    keys: new KeyStore(join(cacheRoot(), 'fleet-keys'), keysFrom),
    proofs,
    // One that was put aside and is started again is another.
    name: `${
      options.name ??
      hostname()
        .replace(/[^A-Za-z0-9.-]/g, '-')
        .slice(0, 40)
    }-${randomBytes(3).toString('hex')}`,
    slots: jobs,
    log,
  })
  let told = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      void worker.close(told)
      if (told) process.exit(1)
      told = true
    })
  await worker.ended
  log.info({ event: 'end', made: worker.made }, `${worker.made} proofs made`)
  if (worker.aside === undefined) return
  printError({
    message: `The node has put this prover aside: it ${worker.aside}.`,
    hint: 'Check the machine, its memory first, and the keys; then start it again.',
    exitCode: 1,
  })
  process.exitCode = 1
}

/** @throws PlimsollError where keys cannot come from there */
async function requirePlace(place: string): Promise<void> {
  if (isUrl(place) && URL.canParse(place)) return
  const isDirectory = await stat(place).then(
    (found) => found.isDirectory(),
    () => false,
  )
  if (!isDirectory)
    throw new PlimsollError(`There are no keys to be had from ${place}: neither an http address nor a directory.`, {
      hint: 'Name the address of the node with --keys-from.',
    })
}
