import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseGwei } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { sendTransaction } from '../../sdk/chain/send-transaction.ts'
import { FUNDED_KEY, type HttpChain, serveChain } from '../support/http-chain.ts'
import { rawCall } from '../support/live-chain.ts'
import { type SwitchedEndpoint, startSwitchedEndpoint } from '../support/switched-endpoint.ts'

const TO = `0x${'7'.repeat(40)}` as const

async function impatientSigner(url: string): Promise<SigningClient> {
  const signer = { ...(await connectSigner(url, privateKeyToAccount(FUNDED_KEY))), patience: 200 }
  signer.read.pollingInterval = 20
  return signer
}

/** The last hard fork before fees of EIP-1559, and one after it. */
for (const hardfork of ['berlin', 'osaka']) {
  describe(`a transaction that is not mined at once, on a chain of ${hardfork}`, () => {
    let chain: HttpChain
    let endpoint: SwitchedEndpoint
    let signer: SigningClient

    before(async () => {
      chain = await serveChain(10, { hardfork })
      endpoint = await startSwitchedEndpoint(chain.url)
      signer = await impatientSigner(endpoint.url)
      await rawCall(signer, 'evm_setAutomine', false)
    })
    after(() => {
      endpoint.close()
      chain.close()
    })

    const mine = () => rawCall(signer, 'evm_mine')
    const balance = () => signer.read.getBalance({ address: TO })
    const pendingFees = async () => {
      const { transactions } = await signer.read.getBlock({ blockTag: 'pending', includeTransactions: true })
      return transactions.map(({ gasPrice, maxFeePerGas }) => maxFeePerGas ?? gasPrice!)
    }
    /** The fee of what is pending, once it is another. */
    async function nextFee(before: bigint): Promise<bigint> {
      for (;;) {
        const [fee] = await pendingFees()
        if (fee !== undefined && fee !== before) return fee
        await sleep(20)
      }
    }

    /** A transfer of 5 wei that waits to be mined, and its first fee. */
    async function start() {
      const before = await balance()
      const sent = sendTransaction(signer, { to: TO, data: '0x', value: 5n })
      return { before, sent, fee: await nextFee(0n) }
    }

    it('takes its own place at a higher fee', async () => {
      const { before, sent, fee: first } = await start()
      let fee = first
      for (let i = 0; i < 2; i++) {
        const raised = await nextFee(fee)
        assert.ok(raised * 100n > fee * 124n, `${raised} after ${fee}`)
        fee = raised
      }
      assert.equal((await pendingFees()).length, 1)
      await mine()
      const { status, transactionHash } = await sent
      assert.equal(status, 'success')
      const { gasPrice, maxFeePerGas } = await signer.read.getTransaction({ hash: transactionHash })
      assert.equal(maxFeePerGas ?? gasPrice, fee)
      assert.equal(await balance(), before + 5n)
    })

    it('is known by its first fee too, where a raise was refused', async () => {
      const { before, sent, fee } = await start()
      endpoint.broken = ['eth_sendRawTransaction']
      await sleep(500)
      endpoint.broken = false
      await mine()
      const { gasPrice, maxFeePerGas } = await signer.read.getTransaction({ hash: (await sent).transactionHash })
      assert.equal(maxFeePerGas ?? gasPrice, fee)
      assert.equal(await balance(), before + 5n)
    })

    it('is given up, while it is pending, at four times the fee', async () => {
      const { before, sent, fee } = await start()
      await assert.rejects(sent, {
        name: 'PlimsollError',
        message: /^The transaction 0x[0-9a-f]{64} is still pending\.$/,
      })
      const [last] = await pendingFees()
      assert.ok(last! > 3n * fee && last! < 4n * fee + 100n, `${last} after ${fee}`)
      await mine()
      await mine()
      assert.equal(await balance(), before + 5n)
    })
  })
}

describe('a transaction whose fee the chain has left behind', () => {
  it('is sent again at the fee of now', async () => {
    const chain = await serveChain(10)
    const endpoint = await startSwitchedEndpoint(chain.url)
    try {
      const signer = await impatientSigner(endpoint.url)
      await rawCall(signer, 'evm_setAutomine', false)
      const sent = sendTransaction(signer, { to: TO, data: '0x', value: 5n })
      await sleep(100)
      let mining = true
      const miner = (async () => {
        while (mining) {
          await rawCall(signer, 'hardhat_setNextBlockBaseFeePerGas', `0x${parseGwei('50').toString(16)}`)
          await rawCall(signer, 'evm_mine')
          await sleep(50)
        }
      })()
      const { effectiveGasPrice } = await sent
      mining = false
      await miner
      assert.ok(effectiveGasPrice >= parseGwei('50'))
      assert.equal(await signer.read.getBalance({ address: TO }), 5n)
    } finally {
      endpoint.close()
      chain.close()
    }
  })
})
