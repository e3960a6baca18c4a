import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProofSource } from '../../prover/proof-service.ts'
import { ProofStore } from '../../sequencer/state/proof-store.ts'
import { echo, echoKeys, verifyEcho } from '../support/echo-system.ts'

const SECRET = 123456789012345678901234567890n
const input = (digest: bigint) => ({ digest, z: 2n, y: 3n, secret: SECRET, balances: [5n, [SECRET + 1n]] })

describe('proofs on the disk', () => {
  const keys = echoKeys('tiny')
  let directory: string
  let made = 0
  const source: ProofSource = {
    prove: (...args) => {
      made++
      return echo(...args)
    },
    verify: verifyEcho,
  }
  const files = async () => (await readdir(join(directory, 'proofs'))).sort()
  const madeBy = async (action: () => Promise<unknown>) => {
    const before = made
    await action()
    return made - before
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  afterEach(() => rm(directory, { recursive: true }))

  it('are used again by whoever comes after a crash, for the same circuit, key and input only', async () => {
    const first = await new ProofStore(directory, source).prove(keys, 'transact', input(1n))
    const again = new ProofStore(directory, source)
    assert.equal(await madeBy(async () => assert.deepEqual(await again.prove(keys, 'transact', input(1n)), first)), 0)
    assert.equal(again.reused, 1)
    assert.equal(await madeBy(() => again.prove(keys, 'transact', input(2n))), 1)
    assert.equal(await madeBy(() => again.prove(keys, 'resolve', input(1n))), 1)
    const other = { ...keys, transact: { ...keys.transact, keyHash: `0x${'2'.repeat(64)}` as const } }
    assert.equal(await madeBy(() => again.prove(other, 'transact', input(1n))), 1)
    assert.equal(await madeBy(() => again.prove(keys, 'transact', { ...input(1n), secret: 1n })), 1)
  })

  it('say nothing of the input', async () => {
    await new ProofStore(directory, source).prove(keys, 'transact', input(1n))
    const [name] = await files()
    const text = `${name} ${await readFile(join(directory, 'proofs', name!), 'utf8')}`
    for (const value of [SECRET, SECRET + 1n])
      for (const form of [String(value), value.toString(16)]) assert.ok(!text.includes(form))
  })

  it('are made again where they are torn, forged or of something else', async () => {
    const store = new ProofStore(directory, source)
    await store.prove(keys, 'transact', input(1n))
    const [name] = await files()
    const path = join(directory, 'proofs', name!)
    const good = await readFile(path, 'utf8')
    await store.prove(keys, 'transact', input(9n))
    const otherName = (await files()).find((entry) => entry !== name)!
    const other = await readFile(join(directory, 'proofs', otherName), 'utf8')
    for (const bad of ['', good.slice(0, 40), '{}', 'null', good.replace('"1"', '"7"'), other.replace('"9"', '"1"')]) {
      await writeFile(path, bad)
      assert.equal(await madeBy(() => store.prove(keys, 'transact', input(1n))), 1, bad)
      assert.equal(await readFile(path, 'utf8'), good)
    }
  })

  it('do not pile up', async () => {
    const store = new ProofStore(directory, source, 3)
    for (let i = 1n; i <= 6n; i++) {
      await store.prove(keys, 'transact', input(i))
      for (const name of await files()) {
        const { signals } = JSON.parse(await readFile(join(directory, 'proofs', name), 'utf8'))
        await utimes(join(directory, 'proofs', name), Number(signals[0]), Number(signals[0]))
      }
    }
    await store.prune()
    assert.equal((await files()).length, 3)
    assert.equal(
      await madeBy(async () => {
        for (const i of [4n, 5n, 6n]) await store.prove(keys, 'transact', input(i))
      }),
      0,
    )
  })

  it('are as good when nothing can be written', async () => {
    await writeFile(join(directory, 'proofs'), '')
    const { signals } = await new ProofStore(directory, source).prove(keys, 'transact', input(1n))
    assert.equal(signals[0], 1n)
    await rm(join(directory, 'proofs'))
  })

  it('are not kept of a prover that cannot verify', async () => {
    const store = new ProofStore(directory, { prove: source.prove })
    assert.equal(await madeBy(() => store.prove(keys, 'transact', input(1n))), 1)
    assert.equal(await madeBy(() => store.prove(keys, 'transact', input(1n))), 1)
    assert.deepEqual(await readdir(directory), [])
  })
})
