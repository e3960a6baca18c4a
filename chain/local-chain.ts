import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { PlimsollError } from '../protocol/errors.ts'

const PROCESS = fileURLToPath(new URL('local-chain-process.ts', import.meta.url))

export interface LocalChain {
  /** HTTP JSON-RPC on loopback. */
  url: string
  /** Ends the process. */
  stop(): Promise<void>
}

/**
 * Starts a chain of id 31337 in a process of its own, with Hardhat's funded accounts unlocked, a block for every
 * transaction, and time in the caller's hands (`evm_setNextBlockTimestamp`). It ends with the caller, however that ends.
 * @param port 0 for any that is free.
 * @throws PlimsollError if the process ends before it listens, as it does where the port is taken.
 */
export async function startLocalChain(port = 0): Promise<LocalChain> {
  const child = fork(PROCESS, [String(port)], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const ended = once(child, 'exit')
  const url = await Promise.race([
    once(child, 'message').then(([message]) => message as string),
    ended.then(() => undefined),
  ])
  if (url === undefined)
    throw new PlimsollError(`The local chain did not start on port ${port}.`, { hint: 'Choose a port that is free.' })

  async function stop(): Promise<void> {
    child.kill()
    await ended
  }

  return { url, stop }
}
