import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { installPackage } from './debian-package.ts'

/** A Redis of one's own on loopback, which can be killed and started again. */
export interface TestRedis {
  readonly url: string
  readonly directory: string
  start(): Promise<void>
  /** @param forget whether it loses all it had */
  kill(options?: { readonly forget?: boolean }): Promise<void>
  pause(): void
  resume(): void
  /** All that it would keep: its dump and its log of commands. */
  dump(): Promise<Buffer>
  stop(): Promise<void>
}

/** Debian's server, installed first where it is missing and that is allowed. @throws Error where it is missing all the same */
function requireServer(): void {
  const there = () => spawnSync('redis-server', ['--version']).status === 0
  if (there()) return
  installPackage('redis-server')
  if (!there()) throw new Error('redis-server is missing: apt-get install redis-server.')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export async function startRedis(options: { readonly password?: string } = {}): Promise<TestRedis> {
  requireServer()
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-redis-'))
  const port = await freePort()
  const { password } = options
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`
  let process_: ChildProcess | undefined
  const start = async () => {
    process_ = spawn(
      'redis-server',
      [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'everysec'],
        ...(password === undefined ? [] : ['--requirepass', password]),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    await new Promise<void>((resolve, reject) => {
      process_!.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('Ready to accept connections')) resolve()
      })
      process_!.once('exit', () => reject(new Error(`redis-server has ended: ${output}`)))
    })
  }
  const end = async (signal: NodeJS.Signals) => {
    const child = process_
    process_ = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGCONT')
    child.kill(signal)
    await once(child, 'exit')
  }
  await start()
  return {
    url,
    directory,
    start,
    kill: async ({ forget = false } = {}) => {
      await end('SIGKILL')
      if (forget) for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true })
    },
    pause: () => void process_?.kill('SIGSTOP'),
    resume: () => void process_?.kill('SIGCONT'),
    dump: async () => {
      const client = new Redis(url)
      // Without compression, so that what it holds can be searched.
      await client.config('SET', 'rdbcompression', 'no')
      await client.save()
      client.disconnect()
      const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((file) => file.isFile())
      return Buffer.concat(await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name)))))
    },
    stop: async () => {
      await end('SIGTERM')
      await rm(directory, { recursive: true })
    },
  }
}
