import assert from 'node:assert/strict'

import { type Address, createWalletClient, custom, getAddress, type Hex, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

import { ownerKeyFromSeed, sequencerKey } from '../../protocol/keys.ts'
import type { Operation } from '../../protocol/operation.ts'
import { System } from '../../protocol/system.ts'
import type { KeySet } from '../../prover/keys.ts'
import { exit } from '../../sdk/actions/exit.ts'
import { pull } from '../../sdk/actions/pull.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { FUNDED_KEY } from '../support/http-chain.ts'
import { tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'
import { type ProvenBatch, provenBatch } from '../support/proven-batches.ts'
import { serveClient } from '../support/serve-client.ts'
import type { Contract } from './chain.ts'
import { abandon, ledgerOf, open } from './custody.ts'
import { deployMarket, type Market, MIN_LIABILITY, nextRound } from './market.ts'
import { envelopeAround, marksOn } from './real-market.ts'

const SECRET = 987_654_321n
const CASH = 1_000_000n
const ETH = 100_000_000n
const OWNERS = [1, 2, 3].map((n) => ownerKeyFromSeed(toHex(n, { size: 32 })))

// Whatever way a hostile operator settles, what owners need for an escape are events of the settlement. Real proofs, a stock
// wallet, and an endpoint that knows no transaction.
describe('what owners need is on the chain, however the operator settles', () => {
  let keys: KeySet

  before(async () => {
    keys = await tinyKeysWithVerifiers()
  })
  after(() => proofs.close())

  /** Three accounts of which one has withdrawn, settled by `settle`; then the operator is silent, and everybody leaves. */
  async function escapes(
    prepare: (market: Market) => Promise<(batches: readonly ProvenBatch[]) => Promise<unknown>>,
    operator?: (chain: Market['chain']) => Promise<Address>,
  ): Promise<Market> {
    const market = await deployMarket({}, async (config, on) => {
      const verifier = async (name: string) =>
        (await on.contract(`contracts/generated/tiny/${name}Verifier.sol:${name}Verifier`)).address
      return {
        ...config,
        settlement: {
          ...config.settlement,
          ...(operator !== undefined && { operator: await operator(on) }),
          sweepVerifiers: [await verifier('Sweep')],
          resolveVerifier: await verifier('Resolve'),
          transactVerifier: await verifier('Transact'),
          sequencerKey: sequencerKey(SECRET).publicKey,
        },
        escape: { ...config.escape, exitVerifier: await verifier('Exit') },
      }
    })
    const { chain, settlement, vault, escape: exits } = market
    const settle = await prepare(market)
    const users = chain.accounts.slice(2, 5).map((address) => getAddress(address))
    await open(market, users[0]!, 0, 1_000n * CASH, [...OWNERS[0]!.publicKey] as [bigint, bigint])
    await open(market, users[1]!, 1, 10n * 10n ** 18n, [...OWNERS[1]!.publicKey] as [bigint, bigint])
    await open(market, users[2]!, 0, 77n * CASH + 1n, [...OWNERS[2]!.publicKey] as [bigint, bigint])
    await nextRound(market)

    const domain = { chainId: 31337n, settlement: BigInt(settlement.address) }
    const system = System.empty(keys.profile, 8, MIN_LIABILITY, domain, SECRET)
    system.setMarks(await marksOn(market))
    const opens: Operation[] = [
      { kind: 'open', depositId: 0, index: 0, publicKey: OWNERS[0]!.publicKey, asset: 0, amount: 1_000n * CASH },
      { kind: 'open', depositId: 1, index: 1, publicKey: OWNERS[1]!.publicKey, asset: 1, amount: 10n * ETH },
      { kind: 'open', depositId: 2, index: 2, publicKey: OWNERS[2]!.publicKey, asset: 0, amount: 77n * CASH + 1n },
    ]
    const validUntil = (await chain.now()) + 1_000n
    const envelope = envelopeAround(system.ledger.marks!)
    const two = await provenBatch(keys, system.transact(opens.slice(0, 2), validUntil))
    const one = await provenBatch(keys, system.transact(opens.slice(2), validUntil))
    system.open({ slot: 2, envelope })
    const moves = system.stacks[1]!.map(() => ({ from: 1, to: 2 }))
    const swept = await provenBatch(keys, system.sweep([0, 1, 2], moves), [{ slot: 2, envelope }])
    await settle([two])
    await settle([one])
    await settle([swept])
    assert.equal(await settlement.read('accountsRoot'), system.ledger.root)
    assert.equal(await settlement.read('isComplete'), true)
    await settle([])
    assert.equal(await vault.read('epochs'), 2n)

    await abandon(market)
    const served = await serveClient(chain.client, (method) =>
      method === 'eth_getTransactionByHash' ? null : undefined,
    )
    try {
      const [, denominator] = await exits.read<[bigint[], bigint]>('snapshot')
      let sum = 0n
      for (const [i, key] of OWNERS.entries()) {
        const signer = await connectSigner(served.url, users[i]!)
        const recovered = await recover(signer, { settlement: settlement.address, key, atCheckpoint: true })
        assert.deepEqual(recovered.account.balances, system.accounts.at(i)!.balances)
        const parameters = { settlement: settlement.address, key, recovered, recipient: users[i]! }
        const prover = { prove: (input: Parameters<typeof proofs.prove>[2]) => proofs.prove(keys, 'exit', input) }
        sum += (await exit(signer, { ...parameters, prover })).equity
        await pull(signer, { settlement: settlement.address, index: recovered.account.index })
      }
      assert.equal(sum, denominator)
      for (const asset of [0, 1]) assert.ok((await ledgerOf(vault, asset)).custody <= 3n)
    } finally {
      served.close()
    }
    return market
  }

  it('directly', async () => {
    await escapes(
      async ({ settlement }) =>
        (batches) =>
          settlement.write('settle', [batches]),
    )
  })

  it('18 and 19: through a contract, batches and an empty settlement at the end', async () => {
    let contract: Contract
    await escapes(
      async ({ settlement }) =>
        (batches) =>
          contract.write('perform', [settlement.address, settlement.encode('settle', [batches])]),
      async (chain) => {
        contract = await chain.contract('TrickyToken', ['OP', 18])
        return contract.address
      },
    )
  })

  it('20: from a plain key with code of its own (EIP-7702)', async () => {
    const account = privateKeyToAccount(FUNDED_KEY)
    await escapes(async ({ chain, settlement }) => {
      assert.equal(account.address, getAddress(chain.accounts[0]!))
      const delegate = await chain.contract('TrickyToken', ['OP', 18])
      const wallet = createWalletClient({
        account,
        chain: chain.client.chain,
        transport: custom({ request: chain.client.request as never }),
      })
      return async (batches) => {
        const nonce = await chain.client.getTransactionCount({ address: account.address })
        const authorization = await wallet.signAuthorization({
          account,
          contractAddress: delegate.address,
          nonce: nonce + 1,
          chainId: 31337,
        })
        const hash = await wallet.sendTransaction({
          nonce,
          gas: 5_000_000n,
          maxFeePerGas: 3_000_000_000n,
          maxPriorityFeePerGas: 1_000_000_000n,
          authorizationList: [authorization],
          to: account.address,
          data: delegate.encode('perform', [settlement.address, settlement.encode('settle', [batches])]),
        })
        const { status, to } = await chain.client.getTransactionReceipt({ hash })
        assert.equal(status, 'success')
        assert.equal(getAddress(to!), account.address)
      }
    })
  })

  it('21: with a memo whose offset points nowhere, where nothing reads it', async () => {
    await escapes(async ({ chain, settlement }) => async (batches) => {
      const data = settlement.encode('settle', [batches])
      if (batches.length !== 1 || batches[0]!.circuit === 0) return settlement.write('settle', [batches])
      // Selector, offset of the list, its length, offset of its element; the element's 15th word is the memo's offset.
      const at = 2 + 2 * (4 + 3 * 32 + 14 * 32)
      const odd = (data.slice(0, at) + 'f'.repeat(64) + data.slice(at + 64)) as Hex
      const receipt = await chain.send({ to: settlement.address, data: odd })
      assert.equal(receipt.status, 'success')
      return receipt
    })
  })

  it('22: with values that lie before the batch that points to them', async () => {
    await escapes(async ({ chain, settlement }) => async (batches) => {
      if (batches.length !== 1 || batches[0]!.circuit === 0) return settlement.write('settle', [batches])
      const { values, digest, proof, circuit, rung } = batches[0]!
      const list = 32 * (1 + 1 + values.length)
      const back = (1n << 256n) + BigInt(32 - (list + 64))
      const tails = 15 * 32
      const words = [
        BigInt(list),
        BigInt(values.length),
        ...values,
        1n,
        32n,
        BigInt(tails),
        BigInt(circuit),
        BigInt(rung),
        BigInt(tails + 32),
        back,
        digest,
        ...proof.a,
        ...proof.b.flat(),
        ...proof.c,
        BigInt(tails + 64),
        0n,
        0n,
        0n,
      ]
      const selector = settlement.encode('settle', [[]]).slice(0, 10)
      const data = (selector + words.map((word) => word.toString(16).padStart(64, '0')).join('')) as Hex
      const receipt = await chain.send({ to: settlement.address, data })
      assert.equal(receipt.status, 'success')
      return receipt
    })
  })
})
