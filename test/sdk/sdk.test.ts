import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Abi } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { loadArtifact } from '../../contracts/artifacts.ts'
import { ESCAPE_ABI, FORCED_ABI, INSURANCE_ABI, ROUNDS_ABI, SETTLEMENT_ABI, VAULT_ABI } from '../../sdk/abi.ts'
import { deriveOwnerKey } from '../../sdk/owner-key.ts'

const SETTLEMENT = `0x${'5e'.repeat(20)}` as const

describe('the SDK', () => {
  it('bundles for a browser: it imports nothing of Node', async () => {
    const entry = ['client', 'history', 'owner-wallet', 'owner-key', 'schemas', 'abi', 'dues'].map((name) => `export * from '../../sdk/${name}.ts'`).join('\n')
    const { errors, outputFiles } = await build({
      stdin: { contents: entry, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
      bundle: true, platform: 'browser', format: 'esm', target: 'es2022', write: false, logLevel: 'silent',
    })
    assert.deepEqual(errors, [])
    const [bundle] = outputFiles
    assert.ok(bundle!.text.includes('PlimsollClient'))
    assert.doesNotMatch(bundle!.text, /from ?"node:|require\("node:/)
  })

  it('calls the contracts by what they are', async () => {
    for (const [name, abi] of [['Settlement', SETTLEMENT_ABI], ['Vault', VAULT_ABI], ['Forced', FORCED_ABI], ['Escape', ESCAPE_ABI], ['Insurance', INSURANCE_ABI], ['Rounds', ROUNDS_ABI]] as const) {
      const artifact = (await loadArtifact(name)).abi
      for (const item of abi as Abi) {
        const same = artifact.find((other) => {
          if (other.type !== item.type || !('name' in other) || !('name' in item) || other.name !== item.name) return false
          return outline(other) === outline(item)
        })
        assert.ok(same, `${name} has no ${JSON.stringify(item)}`)
      }
    }
  })

  it('derives a key that is the same each time, and bound to chain, settlement and number', async () => {
    const account = privateKeyToAccount(`0x${'42'.repeat(32)}`)
    const derive = (chainId: number, settlement: `0x${string}` = SETTLEMENT, number = 0) => deriveOwnerKey((data) => account.signTypedData(data), chainId, settlement, number)
    const key = await derive(1)
    assert.deepEqual(await derive(1), key)
    for (const other of [await derive(2), await derive(1, `0x${'5f'.repeat(20)}`), await derive(1, SETTLEMENT, 1)]) assert.notEqual(other.secret, key.secret)
  })

  it('refuses a wallet that does not sign the same way twice', async () => {
    let calls = 0
    await assert.rejects(deriveOwnerKey(async () => `0x${String(++calls).repeat(130)}` as `0x${string}`, 1, SETTLEMENT), /KEY_NOT_DETERMINISTIC/)
  })
})

function outline(item: Abi[number]): string {
  const types = (list: readonly unknown[] | undefined): string => (list ?? []).map((entry) => {
    const { type, components, indexed } = entry as { type: string; components?: readonly unknown[]; indexed?: boolean }
    return `${type}${components ? `(${types(components)})` : ''}${indexed ? '!' : ''}`
  }).join()
  const { inputs, outputs, stateMutability } = item as { inputs?: readonly unknown[]; outputs?: readonly unknown[]; stateMutability?: string }
  return `${types(inputs)}>${types(outputs)} ${stateMutability ?? ''}`
}
