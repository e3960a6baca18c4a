import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { EstimateGasExecutionError, type Hex, parseGwei, parseTransaction } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { rawCall } from '../../chain/development-chain.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { sendTransaction } from '../../sdk/chain/send-transaction.ts'
import { type FaultProxy, result, startFaultProxy } from '../support/fault-proxy.ts'
import { FUNDED_KEY, type HttpChain, serveChain } from '../support/http-chain.ts'
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

/** Both ways to sign. */
for (const [who, account] of [
  ['signed here', privateKeyToAccount(FUNDED_KEY)],
  ['signed by the endpoint', undefined],
] as const) {
  describe(`the gas of a transaction that is ${who}`, () => {
    const CAP = 1n << 24n
    let chain: HttpChain
    let proxy: FaultProxy
    let signer: SigningClient

    before(async () => {
      chain = await serveChain(10)
      proxy = await startFaultProxy(chain.url)
      signer = await connectSigner(proxy.url, account)
      signer.read.pollingInterval = 20
    })
    after(async () => {
      await proxy.close()
      chain.close()
    })
    afterEach(() => proxy.clear())

    /** Gas of what was handed over meanwhile, one transaction at the most; undefined where there was none. */
    async function sentGas(run: () => Promise<unknown>): Promise<bigint | undefined> {
      proxy.asked.length = 0
      await run()
      const sent = proxy.asked.filter(({ method }) => /^eth_send/.test(method))
      assert.ok(sent.length <= 1)
      const [question] = sent
      if (question === undefined) return undefined
      return question.method === 'eth_sendTransaction'
        ? BigInt(question.params[0].gas)
        : parseTransaction(question.params[0] as Hex).gas
    }
    const transfer = () => sendTransaction(signer, { to: TO, data: '0x', value: 5n })
    /** Gas that is sent where the chain's estimate and the limit of its blocks are these, and nothing is mined. */
    const gasFor = (estimate: bigint, gasLimit = 10n * CAP) => {
      proxy.clear()
      proxy.add({ methods: ['eth_estimateGas'], fault: result(`0x${estimate.toString(16)}`) })
      proxy.add({
        methods: ['eth_getBlockByNumber'],
        fault: async ({ ask }) => {
          const block = (await ask()).result
          return { result: { ...block, gasLimit: `0x${gasLimit.toString(16)}` } }
        },
      })
      proxy.add({
        methods: ['eth_sendTransaction', 'eth_sendRawTransaction'],
        fault: () => ({ error: { message: 'no' } }),
      })
      return sentGas(() => assert.rejects(transfer(), /: no\./))
    }

    it('is a quarter more than the estimate, and mined as such', async () => {
      const estimate = await signer.read.estimateGas({ account: signer.sender, to: TO, value: 5n })
      let hash: Hex
      const gas = await sentGas(async () => {
        const receipt = await transfer()
        assert.equal(receipt.status, 'success')
        hash = receipt.transactionHash
      })
      assert.equal(gas, estimate + estimate / 4n)
      assert.equal((await signer.read.getTransaction({ hash: hash! })).gas, gas)
    })

    it('is not above what a block holds, nor the most of EIP-7825, and never below the estimate', async () => {
      assert.equal(await gasFor(100_003n), 125_003n)
      assert.equal(await gasFor(100_000n, 110_000n), 110_000n)
      assert.equal(await gasFor(100_000n, 90_000n), 100_000n)
      assert.equal(await gasFor((CAP * 4n) / 5n), ((CAP * 4n) / 5n / 4n) * 5n)
      assert.equal(await gasFor((CAP * 9n) / 10n), CAP)
      assert.equal(await gasFor(CAP), CAP)
      assert.equal(await gasFor(CAP + 7n), CAP + 7n)
      assert.equal(await gasFor(CAP + 7n, CAP / 2n), CAP + 7n)
    })

    it('is asked for first: what would revert is never sent, and the error is viem’s', async () => {
      const gas = await sentGas(() =>
        assert.rejects(sendTransaction(signer, { data: '0xfe' }), (error: unknown) => {
          assert.ok(error instanceof EstimateGasExecutionError, String(error))
          return true
        }),
      )
      assert.equal(gas, undefined)
    })
  })
}
