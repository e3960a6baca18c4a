import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { privateKeyToAccount } from 'viem/accounts'
import { bundleSdk, SDK_FILES } from '../../bench/bundle-sdk.ts'
import { accountLeaf } from '../../protocol/account.ts'
import { encryptAccount } from '../../protocol/cipher.ts'
import { sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import { KIND, messageHash } from '../../protocol/messages.ts'
import { newAccount } from '../../protocol/operation.ts'
import { verifySignature } from '../../protocol/signature.ts'
import type { PlimsollClient } from '../../sdk/client.ts'
import { deriveOwnerKey } from '../../sdk/owner-key.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import { encodeJson } from '../../sdk/schemas.ts'

const SETTLEMENT = `0x${'5e'.repeat(20)}` as const

describe('the SDK', () => {
  it('bundles for a browser: it imports nothing of Node', async () => {
    const bundle = await bundleSdk(SDK_FILES)
    for (const name of ['PlimsollClient', 'requestWithdrawal', 'AccountHistory']) assert.ok(bundle.includes(name), name)
    assert.doesNotMatch(bundle, /from ?"node:|require\("node:/)
  })

  it('works with what a browser has: no Buffer, no process', async () => {
    const names = ['client', 'chain/account-history', 'owner-wallet', 'owner-key', 'actions/trade'].map(
      (name) => `export * from '../../sdk/${name}.ts'`,
    )
    const { outputFiles } = await build({
      stdin: { contents: names.join('\n'), resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
      bundle: true,
      platform: 'browser',
      format: 'iife',
      globalName: 'sdk',
      target: 'es2022',
      write: false,
      logLevel: 'silent',
    })
    const account = privateKeyToAccount(`0x${'42'.repeat(32)}`)
    const asked: string[] = []
    // A node that knows one account, opened with the key of the test, and takes whatever comes.
    const key = await deriveOwnerKey((data) => account.signTypedData(data), 31337, SETTLEMENT)
    const sequencer = sequencerKey(12345n)
    const held = {
      ...newAccount(key.publicKey, sharedViewKey(key.secret, sequencer.publicKey), 0),
      balances: [5n, -6n, 0n, 0n, 0n, 0n, 0n, 0n],
    }
    const leaf = accountLeaf(held)
    const answers: Record<string, unknown> = {
      '/v1/accounts/0': {
        index: 0,
        publicKey: key.publicKey,
        version: 0,
        leaf,
        cipher: encryptAccount(held, leaf),
        pendingVersion: 3,
        traded: false,
      },
      '/v1/round': {
        number: 1,
        timestamp: 1,
        now: 100,
        complete: true,
        marks: Array(8).fill(Array(12).fill('1')),
        backstop: Array(8).fill('0'),
        offers: Array(8).fill([]),
        assets: [],
        down: false,
      },
      '/v1/operations': { id: `0x${'1'.repeat(64)}`, status: 'accepted' },
    }
    const context = createContext({
      TextEncoder,
      TextDecoder,
      URL,
      URLSearchParams,
      AbortSignal,
      AbortController,
      Headers,
      Request,
      Response,
      setTimeout,
      clearTimeout,
      atob,
      btoa,
      crypto: globalThis.crypto,
      console,
      fetch: async (url: string, init: { body?: string }) => {
        const { pathname } = new URL(url)
        asked.push(init.body ?? pathname)
        const body = pathname === '/v1/accounts' ? { accounts: [0] } : answers[pathname]
        return new Response(encodeJson(body), { status: 200 })
      },
      sign: (data: Parameters<typeof account.signTypedData>[0]) => account.signTypedData(data),
      sequencerKey: sequencer.publicKey,
      former: sequencerKey(54321n).publicKey,
      settlement: SETTLEMENT,
    })
    runInContext(outputFiles[0]!.text, context)
    const found = (await runInContext(
      `(async () => {
        const key = await sdk.deriveOwnerKey(sign, 31337, settlement)
        const wallet = sdk.OwnerWallet.open(new sdk.PlimsollClient({ node: 'http://node' }), { chainId: 31337, settlement, sequencerKeys: [former, sequencerKey] }, key)
        const { account } = await wallet.read()
        const accepted = await wallet.trade({ asset: 1, direction: 1, x: 5n, y: 6n }, sdk.newLink())
        return [String(key.publicKey), String(account.balances), accepted.status, typeof sdk.AccountHistory.read, typeof process, typeof Buffer].join(' ')
      })()`,
      context,
    )) as string
    assert.equal(found, `${key.publicKey} ${held.balances} accepted function undefined undefined`)
    const { signature, link, ...terms } = JSON.parse(asked.at(-1)!) as Record<string, unknown> & {
      signature: { r8: [string, string]; s: string }
      link: string
    }
    assert.deepEqual(terms, {
      kind: 'trade',
      index: 0,
      version: 3,
      asset: 1,
      direction: 1,
      x: '5',
      y: '6',
      expiry: 3_700,
    })
    const message = messageHash(
      { chainId: 31337n, settlement: BigInt(SETTLEMENT) },
      {
        kind: KIND.trade,
        index: 0,
        nonce: 3n,
        expiry: 3_700n,
        asset: 1,
        direction: 1,
        x: 5n,
        y: 6n,
        extra: BigInt(link),
      },
    )
    assert.ok(
      verifySignature(key.publicKey, message, {
        r8: [BigInt(signature.r8[0]), BigInt(signature.r8[1])],
        s: BigInt(signature.s),
      }),
    )
    // What does not open is not believed.
    const lying = OwnerWallet.open(
      {
        accounts: async () => [0],
        account: async () => ({
          index: 0,
          publicKey: key.publicKey,
          version: 0,
          leaf,
          cipher: [1n, 2n, 3n],
          pendingVersion: 0,
          traded: false,
        }),
      } as unknown as PlimsollClient,
      { chainId: 31337, settlement: SETTLEMENT, sequencerKeys: [sequencer.publicKey] } as never,
      key,
    )
    await assert.rejects(lying.read(), { name: 'PlimsollError' })
    const stale = OwnerWallet.open(
      {
        accounts: async () => [0],
        account: async () => ({
          index: 0,
          publicKey: key.publicKey,
          version: 1,
          leaf,
          cipher: encryptAccount(held, leaf),
          pendingVersion: 1,
          traded: false,
        }),
      } as unknown as PlimsollClient,
      { chainId: 31337, settlement: SETTLEMENT, sequencerKeys: [sequencer.publicKey] } as never,
      key,
    )
    await assert.rejects(stale.read(), /does not open with this key/)
  })

  it('derives a key that is the same each time, and bound to chain, settlement and number', async () => {
    const account = privateKeyToAccount(`0x${'42'.repeat(32)}`)
    const derive = (chainId: number, settlement: `0x${string}` = SETTLEMENT, number = 0) =>
      deriveOwnerKey((data) => account.signTypedData(data), chainId, settlement, number)
    const key = await derive(1)
    assert.deepEqual(await derive(1), key)
    for (const other of [await derive(2), await derive(1, `0x${'5f'.repeat(20)}`), await derive(1, SETTLEMENT, 1)])
      assert.notEqual(other.secret, key.secret)
  })

  it('refuses a wallet that does not sign the same way twice', async () => {
    let calls = 0
    await assert.rejects(
      deriveOwnerKey(async () => `0x${String(++calls).repeat(130)}` as `0x${string}`, 1, SETTLEMENT),
      /KEY_NOT_DETERMINISTIC/,
    )
  })
})
