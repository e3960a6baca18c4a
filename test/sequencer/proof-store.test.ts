import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProofSource } from '../../prover/proof-service.ts'
import { ProofStore } from '../../sequencer/state/proof-store.ts'
import { StateDatabase } from '../../sequencer/state/state-database.ts'
import { echo, echoKeys, verifyEcho } from '../support/echo-system.ts'

const SECRET = 123456789012345678901234567890n
const input = (digest: bigint) => ({ digest, z: 2n, y: 3n, secret: SECRET, balances: [5n, [SECRET + 1n]] })

describe('proofs on the disk', () => {
  const keys = echoKeys('tiny')
  let directory: string
  let database: StateDatabase
  let made = 0
  const source: ProofSource = {
    prove: (...args) => {
      made++
      return echo(...args)
    },
    verify: verifyEcho,
  }
  const kept = () => database.rows('SELECT name, proof FROM proofs ORDER BY id') as { name: string; proof: string }[]
  const madeBy = async (action: () => Promise<unknown>) => {
    const before = made
    await action()
    return made - before
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    database = StateDatabase.create(join(directory, 'state.db'))
  })
  afterEach(async () => {
    database.close()
    await rm(directory, { recursive: true })
  })

  it('are used again by whoever comes after a crash, for the same circuit, key and input only', async () => {
    const first = await new ProofStore(database, source).prove(keys, 'transact', input(1n))
    database.close()
    database = StateDatabase.open(join(directory, 'state.db'))
    const again = new ProofStore(database, source)
    assert.equal(await madeBy(async () => assert.deepEqual(await again.prove(keys, 'transact', input(1n)), first)), 0)
    assert.equal(again.reused, 1)
    assert.equal(await madeBy(() => again.prove(keys, 'transact', input(2n))), 1)
    assert.equal(await madeBy(() => again.prove(keys, 'resolve', input(1n))), 1)
    const other = { ...keys, transact: { ...keys.transact, keyHash: `0x${'2'.repeat(64)}` as const } }
    assert.equal(await madeBy(() => again.prove(other, 'transact', input(1n))), 1)
    assert.equal(await madeBy(() => again.prove(keys, 'transact', { ...input(1n), secret: 1n })), 1)
  })

  it('say nothing of the input', async () => {
    await new ProofStore(database, source).prove(keys, 'transact', input(1n))
    const text = JSON.stringify(kept())
    assert.ok(text.length > 100)
    for (const value of [SECRET, SECRET + 1n])
      for (const form of [String(value), value.toString(16)]) assert.ok(!text.includes(form))
  })

  it('are made again where they are torn, forged or of something else', async () => {
    const store = new ProofStore(database, source)
    await store.prove(keys, 'transact', input(1n))
    const [{ name, proof: good }] = kept() as [{ name: string; proof: string }]
    await store.prove(keys, 'transact', input(9n))
    const { proof: other } = kept()[1]!
    for (const bad of ['', good.slice(0, 40), '{}', 'null', good.replace('"1"', '"7"'), other.replace('"9"', '"1"')]) {
      database.run('UPDATE proofs SET proof = ? WHERE name = ?', bad, name)
      assert.equal(await madeBy(() => store.prove(keys, 'transact', input(1n))), 1, bad)
      assert.equal(kept().find((each) => each.name === name)!.proof, good)
    }
  })

  it('do not pile up', async () => {
    const store = new ProofStore(database, source, 3)
    for (let i = 1n; i <= 6n; i++) await store.prove(keys, 'transact', input(i))
    await store.prune()
    assert.equal(kept().length, 3)
    assert.equal(
      await madeBy(async () => {
        for (const i of [4n, 5n, 6n]) await store.prove(keys, 'transact', input(i))
      }),
      0,
    )
  })

  it('are as good when nothing can be written', async () => {
    database.exec('PRAGMA query_only = TRUE')
    const { signals } = await new ProofStore(database, source).prove(keys, 'transact', input(1n))
    assert.equal(signals[0], 1n)
    assert.deepEqual(kept(), [])
  })

  it('are not kept of a prover that cannot verify', async () => {
    const store = new ProofStore(database, { prove: source.prove })
    assert.equal(await madeBy(() => store.prove(keys, 'transact', input(1n))), 1)
    assert.equal(await madeBy(() => store.prove(keys, 'transact', input(1n))), 1)
    assert.deepEqual(kept(), [])
  })
})
