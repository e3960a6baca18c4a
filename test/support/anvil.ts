import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LocalChain } from '../../chain/local-chain.ts'

/** The program itself, which npm installs for the platform: the package's own script would leave it running when it is killed. */
function binary(): string {
  const require = createRequire(createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json'))
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  return join(dirname(require.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`)), 'bin', 'anvil')
}

/** Starts anvil, a chain of id 31337 by other people than Hardhat's, on a port that is free. */
export async function startAnvil(options: readonly string[] = []): Promise<LocalChain> {
  const child = spawn(binary(), ['--host', '127.0.0.1', '--port', '0', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const kill = () => child.kill()
  process.once('exit', kill)
  const url = await new Promise<string | undefined>((resolve) => {
    createInterface(child.stdout)
      .on('line', (line) => {
        const address = /Listening on (\S+)/.exec(line)?.[1]
        if (address !== undefined) resolve(`http://${address}`)
      })
      .on('close', () => resolve(undefined))
  })
  if (url === undefined) throw new Error('anvil did not start')
  return {
    url,
    stop: async () => {
      process.removeListener('exit', kill)
      child.kill()
      await ended
    },
  }
}
