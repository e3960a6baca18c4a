import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

import { PlimsollError } from '../protocol/errors.ts'

export interface LocalChain {
  /** HTTP JSON-RPC on loopback. */
  url: string
  /** Ends the process. */
  stop(): Promise<void>
}

/**
 * Starts a chain of id 31337 in a process of its own, with Hardhat's funded accounts unlocked, a block for every
 * transaction, and time in the caller's hands (`evm_setNextBlockTimestamp`).
 * @param port 0 for any that is free.
 * @throws PlimsollError if the process ends before it listens, as it does where the port is taken.
 */
export async function startLocalChain(port = 0): Promise<LocalChain> {
  const cli = fileURLToPath(new URL('dist/src/cli.js', import.meta.resolve('hardhat/package.json')))
  const config = fileURLToPath(new URL('../hardhat.config.ts', import.meta.url))
  const args = [cli, '--config', config, 'node', '--hostname', '127.0.0.1', '--port', String(port)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'exit')
  // A process that dies with the caller, however that ends.
  const kill = () => child.kill()
  process.once('exit', kill)

  // Read to the end: a full pipe would stop the chain, which logs every request.
  const url = await new Promise<string | undefined>((resolve) => {
    createInterface(child.stdout)
      .on('line', (line) => resolve(/server at (http:\/\/\S+?)\/?$/.exec(line)?.[1]))
      .on('close', () => resolve(undefined))
  })
  if (url === undefined) {
    await stop()
    throw new PlimsollError(`The local chain did not start on port ${port}.`, { hint: 'Choose a port that is free.' })
  }

  async function stop(): Promise<void> {
    process.removeListener('exit', kill)
    kill()
    await ended
  }

  return { url, stop }
}
