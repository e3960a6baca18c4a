import assert from 'node:assert/strict'

import { createPublicClient, http } from 'viem'

import { startLocalChain } from '../../chain/local-chain.ts'
import { PlimsollError } from '../../protocol/errors.ts'

describe('the local chain', () => {
  it('listens on loopback in a process of its own, until it is stopped', async () => {
    const chain = await startLocalChain()
    const client = createPublicClient({ transport: http(chain.url, { retryCount: 0 }) })
    try {
      assert.equal(new URL(chain.url).hostname, '127.0.0.1')
      assert.equal(await client.getChainId(), 31337)
      assert.ok((await client.getBlock()).gasLimit >= 100_000_000n)
      const port = Number(new URL(chain.url).port)
      await assert.rejects(startLocalChain(port), (error: unknown) => {
        return error instanceof PlimsollError && error.message.includes(String(port))
      })
    } finally {
      await chain.stop()
    }
    await assert.rejects(client.getChainId())
  })
})
