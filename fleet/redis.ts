import { Redis, type RedisOptions } from 'ioredis'
import { PlimsollError } from '../protocol/errors.ts'

/** Milliseconds that the first connection may take. */
const FIRST_CONNECTION = 5_000
/** Milliseconds after which a command of the node's counts as lost. */
const COMMAND = 3_000

/** Redis answers, and refuses: that will not pass by itself. */
export class RedisRefuses extends PlimsollError {}

/** A URL of Redis without what is secret in it. */
export function publicUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`
}

/** @throws PlimsollError for what is no URL of a Redis */
export function requireRedisUrl(text: string): string {
  const ok = /^rediss?:\/\/[^\s]+$/.test(text) && URL.canParse(text) && new URL(text).hostname !== ''
  if (!ok)
    throw new PlimsollError('The URL of Redis is none.', {
      hint: 'Write redis://HOST:PORT, or rediss:// for TLS, with :PASSWORD@ before the host where it has one.',
    })
  if (!/^\/?\d*$/.test(new URL(text).pathname))
    throw new PlimsollError(`The database in ${publicUrl(text)} is no number.`)
  return text
}

/**
 * A connection that is made again whenever it is lost.
 * @param patient whether commands wait for it meanwhile; else they fail at once
 */
export function redisClient(url: string, patient: boolean): Redis {
  const options: RedisOptions & { replyMapping?: 'legacy' } = {
    lazyConnect: true,
    // Redis 6 and its kin speak this one, and BullMQ is made for it.
    protocol: 2,
    connectTimeout: FIRST_CONNECTION,
    retryStrategy: (times) => Math.min(100 * times, 2_000),
    ...(patient
      ? { maxRetriesPerRequest: null }
      : { maxRetriesPerRequest: 0, enableOfflineQueue: false, commandTimeout: COMMAND }),
  }
  const client = new Redis(url, options)
  // Whoever uses it hears of the state of the connection; without a listener it would be printed.
  client.on('error', () => {})
  return client
}

/**
 * Connects for the first time.
 * @throws RedisRefuses where it wants another password or user; PlimsollError where nobody answers
 */
export async function connect(client: Redis, url: string): Promise<void> {
  let last: Error | undefined
  const remember = (error: Error) => {
    last = error
  }
  client.on('error', remember)
  const late = setTimeout(() => {
    last ??= new Error('timed out')
    client.disconnect(true)
  }, FIRST_CONNECTION)
  try {
    await client.connect()
  } catch (error) {
    const text = (last ?? (error as Error)).message
    const where = publicUrl(url)
    if (/NOAUTH|WRONGPASS|NOPERM|invalid password|invalid username/i.test(`${text} ${(error as Error).message}`))
      throw new RedisRefuses(`Redis at ${where} refuses the password or user.`, {
        hint: 'Write redis://USER:PASSWORD@HOST:PORT, or set PLIMSOLL_REDIS.',
      })
    throw new PlimsollError(`Cannot reach Redis at ${where}: ${reason(text)}.`, {
      hint: 'Start it, or write another --redis.',
    })
  } finally {
    clearTimeout(late)
    client.off('error', remember)
  }
}

function reason(text: string): string {
  if (/ECONNREFUSED/.test(text)) return 'nobody listens there'
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'there is no such host'
  if (/ETIMEDOUT|timed out/i.test(text)) return 'it does not answer'
  return text.replace(/[.\s]+$/, '').split('\n')[0]!
}
