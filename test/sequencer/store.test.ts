import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Account } from '../../protocol/account.ts'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { sequencerKey } from '../../protocol/keys.ts'
import type { System } from '../../protocol/system.ts'
import { writeSequencerKey } from '../../sequencer/state/sequencer-key.ts'
import { StateDatabase } from '../../sequencer/state/state-database.ts'
import { encodeState, storedState } from '../../sequencer/state/state-json.ts'
import { commitmentOf } from '../../sequencer/state/state-versions.ts'
import { type Deployment, genesisState, type NodeState, Store } from '../../sequencer/state/store.ts'
import { Random } from '../protocol/random.ts'
import { AT_MARKS, HEALTHY, MARKS, PARTIAL } from '../support/circuit-market.ts'
import { owned, ownedAccount, SEQUENCER, SIGNING, topUp, VALID_UNTIL } from '../support/circuit-owners.ts'

const DEPLOYMENT: Deployment = {
  chainId: Number(SIGNING.chainId),
  settlement: `0x${SIGNING.settlement.toString(16).padStart(40, '0')}`,
  profile: 'tiny',
}
const { secret } = SEQUENCER

function start(count = 12): NodeState {
  const accounts = Array.from({ length: count }, (_, i) => ownedAccount(i, i % 3 === 0 ? PARTIAL : HEALTHY))
  const system = owned(accounts)
  for (const slot of [2, 3]) system.open({ slot, envelope: AT_MARKS })
  return genesisState(system)
}

/** A state that a single move leads to. */
function moved(state: NodeState): NodeState {
  const system = state.system.clone()
  const [from, to] = state.settlements % 2 === 0 ? [INBOX, DISTRESS] : [DISTRESS, INBOX]
  system.sweep([DISTRESS, INBOX, 2], [{ from, to }])
  return successor(state, system)
}

/** A state that a random batch or two lead to. */
function next(state: NodeState, random: Random): NodeState {
  const system = state.system.clone()
  system.setMarks(MARKS)
  for (let batch = random.integer(1, 3); batch > 0; batch--) {
    const { stacks } = system
    if (stacks[DISTRESS]!.length > 0 && random.chance(0.6)) system.resolve(Math.min(2, stacks[DISTRESS]!.length))
    else if (random.chance(0.3)) {
      const index = random.integer(0, system.accounts.length - 1)
      system.transact([topUp(index, 5n, 0)], VALID_UNTIL)
    } else {
      const from = random.pick([DISTRESS, INBOX, 2, 3].filter((slot) => stacks[slot]!.length > 0))
      const to = random.pick([DISTRESS, INBOX, 2, 3].filter((slot) => slot !== from))
      const window = [...new Set([from, to, DISTRESS, INBOX, 2])].slice(0, 3).sort((x, y) => x - y)
      system.sweep(window, [{ from, to }])
    }
  }
  return successor(state, system)
}

function successor(state: NodeState, system: System): NodeState {
  const settlements = state.settlements + 1
  const id = `0x${settlements.toString(16).padStart(64, '0')}` as const
  return {
    system,
    settlements,
    applied: new Map([...state.applied, [id, settlements]]),
    decoyed: new Map([...state.decoyed, [settlements, 1_000 * settlements]]),
    traded: state.traded.with([settlements % 12]),
  }
}

/** All of a state, as text: the hash of it, as it is long. */
function textOf(state: NodeState): string {
  const { settlements, applied, decoyed, traded, system } = state
  const indices = [...system.accounts].map(({ index }) => index)
  const text = encodeState(
    storedState(DEPLOYMENT, system, { settlements, applied, decoyed, traded: indices.filter((i) => traded.has(i)) }),
  )
  const paths = indices.map((i) => system.tree.path(i).flat().join())
  const below = system.stacks.map((stack) => stack.map((entry) => `${entry.leaf} ${entry.below}`))
  const digest = createHash('sha256').update([text, ...paths, ...below].join())
  return `${settlements}: ${system.tree.root} ${digest.digest('hex')}`
}

const found = (store: Store, { system: { ledger } }: NodeState) => store.find(ledger.root, ledger.heads)

describe('the state on the disk', () => {
  let parent: string
  const directories: string[] = []
  const fresh = () => {
    directories.push(join(parent, String(directories.length)))
    return directories.at(-1)!
  }
  const file = (directory: string) => join(directory, 'state.db')

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  })
  after(() => rm(parent, { recursive: true }))

  it('is for its owner only, and is what was stored, after a start as before', async () => {
    const directory = fresh()
    const state = start()
    const store = await Store.create(directory, DEPLOYMENT, state, secret)
    for (const name of await readdir(directory))
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name)
    assert.equal((await stat(directory)).mode & 0o777, 0o700)
    assert.equal(textOf(await found(store, state)), textOf(state))
    store.close()
    const again = await Store.open(directory)
    assert.equal(textOf(await found(again, state)), textOf(state))
    again.close()
  })

  it('is that of any of the latest settlements, whichever the chain has, through attempts that came to nothing', async () => {
    const random = new Random(17)
    const directory = fresh()
    let store = await Store.create(directory, DEPLOYMENT, start(), secret)
    const known = [await store.latest()]
    // Two ways may lead to one state: then the newest counts.
    const texts = new Map([[commitment(known[0]!.system), textOf(known[0]!)]])
    let at = 0
    for (let i = 0; i < 30; i++) {
      // The chain forgets some settlements now and then; what follows is another state.
      if (random.chance(0.2)) at = Math.max(0, known.length - random.integer(1, 9))
      const before = await found(store, known[at]!)
      assert.equal(textOf(before), texts.get(commitment(before.system)), `version ${at}`)
      const later = next(before, random)
      await store.save(later, before)
      known.push(later)
      texts.set(commitment(later.system), textOf(later))
      if (random.chance(0.7)) at = known.length - 1
      if (random.chance(0.1)) {
        store.close()
        store = await Store.open(directory)
      }
    }
    for (const [i, state] of known.entries())
      assert.equal(textOf(await found(store, state)), texts.get(commitment(state.system)), `version ${i} in the end`)
    store.close()
  })

  it("forgets what no reorganization reaches, and then says that it is not the chain's", async () => {
    const directory = fresh()
    let state = start()
    const first = state
    const store = await Store.create(directory, DEPLOYMENT, state, secret)
    const all: NodeState[] = []
    for (let i = 0; i < 80; i++) {
      const before = await found(store, state)
      state = moved(before)
      await store.save(state, before)
      all.push(state)
    }
    await store.prune(80)
    assert.ok(store.size <= 73, `${store.size} versions`)
    for (const each of all.filter(({ settlements }) => settlements >= 80 - 64)) {
      const { settlements, applied } = await found(store, each)
      assert.equal(settlements, each.settlements)
      // All that the state had carried out by then, though what came before it is gone.
      const remembered = [...each.applied].filter(([, settlement]) => settlement > settlements - 72)
      assert.deepEqual([...applied], remembered)
    }
    await assert.rejects(found(store, first), { name: 'PlimsollError', message: /is not the chain's/ })
    store.close()
  })

  it('writes what changed, no more', async () => {
    const bytes = async (count: number) => {
      const directory = fresh()
      const state = start(count)
      const store = await Store.create(directory, DEPLOYMENT, state, secret)
      const before = await found(store, state)
      const system = before.system.clone()
      system.sweep([DISTRESS, INBOX, 2], [{ from: INBOX, to: DISTRESS }])
      await store.save({ ...before, system, settlements: 1 }, before)
      const size = statSync(`${file(directory)}-wal`).size
      store.close()
      return size
    }
    const [few, many] = [await bytes(8), await bytes(64)]
    assert.ok(many <= few + 4 * 4_096, `${few} bytes for 8 accounts, ${many} for 64`)
  })

  it('says in one sentence that its file is truncated, malformed, or that of another program', async () => {
    const directory = fresh()
    const state = start(60)
    ;(await Store.create(directory, DEPLOYMENT, state, secret)).close()
    const whole = await readFile(file(directory))
    const spoiled: [string, () => Promise<unknown>][] = [
      ['half of it', () => truncate(file(directory), whole.length / 2)],
      ['a page less', () => truncate(file(directory), whole.length - 4_096)],
      ['a part of a page', () => truncate(file(directory), 100)],
      ['noise', () => writeFile(file(directory), Buffer.alloc(whole.length, 7))],
      [
        'a database of another format',
        async () => {
          const bytes = Buffer.from(whole)
          bytes.writeUInt32BE(99, 60)
          await writeFile(file(directory), bytes)
        },
      ],
    ]
    for (const [what, sql] of [
      ['a fact that is cut off', 'UPDATE facts SET value = substr(value, 1, 9)'],
      ['a version that is cut off', 'UPDATE versions SET facts = substr(facts, 1, 100)'],
      ['a version without salts', `UPDATE versions SET facts = replace(facts, '"salts"', '"salt"')`],
      ['an entry that is cut off', 'UPDATE entries SET records = substr(records, 1, 9)'],
      ['a node that is cut off', 'UPDATE nodes SET children = substr(children, 1, 9)'],
    ] as const)
      spoiled.push([
        what,
        async () => {
          const database = new DatabaseSync(file(directory))
          database.exec(sql)
          database.close()
        },
      ])
    for (const [what, spoil] of spoiled) {
      await writeFile(file(directory), whole)
      await spoil()
      await assert.rejects(
        Store.open(directory).then((store) => found(store, state)),
        (error: Error) => {
          assert.equal(error.name, 'PlimsollError', what)
          assert.match(error.message, /^.*state\.db cannot be used: [^.]+\.$/, what)
          return true
        },
      )
    }
    await truncate(file(directory), 0)
    await assert.rejects(Store.open(directory), { name: 'PlimsollError', message: /state\.db cannot be used/ })
  })

  it('is not lost with the disk full: a version is there wholly or not at all', async () => {
    const directory = fresh()
    const path = `${directory}.db`
    const database = StateDatabase.create(path)
    database.exec('PRAGMA max_page_count = 40')
    database.run('INSERT INTO traded VALUES (1)')
    assert.throws(
      () =>
        database.transaction(() => {
          for (let i = 2; i < 100; i++) database.run('INSERT INTO entries VALUES (?, ?)', i, Buffer.alloc(4_000))
        }),
      { name: 'PlimsollError', message: /^Cannot write .*full\.$/ },
    )
    assert.equal(database.row('SELECT count(*) AS n FROM entries')!.n, 0)
    database.transaction(() => database.run('INSERT INTO traded VALUES (2)'))
    assert.equal(database.row('SELECT count(*) AS n FROM traded')!.n, 2)
    database.close()
  })

  it('takes up files of JSON as they were written before, all versions, and puts them aside', async () => {
    const directory = fresh()
    const states = [start(9)]
    const random = new Random(23)
    for (let i = 0; i < 10; i++) states.push(next(states.at(-1)!, random))
    // An attempt that failed, and another in its place.
    states.push(next(states[8]!, random))
    await writeFiles(directory, states)
    const names = (await readdir(directory)).filter((name) => name.startsWith('state-')).sort()
    const store = await Store.open(directory)
    for (const state of states) assert.equal(textOf(await found(store, state)), textOf(state))
    store.close()
    assert.deepEqual(
      (await readdir(directory)).filter((name) => name.startsWith('state-')),
      [],
    )
    assert.deepEqual((await readdir(join(directory, 'before-database'))).sort(), names)
    // Once is enough.
    const again = await Store.open(directory)
    assert.equal(again.size, states.length)
    again.close()
  })

  it('takes up what can be read of them, and says what cannot where nothing can', async () => {
    const directory = fresh()
    const states = [start(9)]
    for (let i = 0; i < 3; i++) states.push(next(states.at(-1)!, new Random(i)))
    await writeFiles(directory, states)
    await truncate(join(directory, 'state-000004.json'), 300)
    const store = await Store.open(directory)
    assert.equal(store.size, 3)
    assert.equal(textOf(await found(store, states[2]!)), textOf(states[2]!))
    store.close()
    const other = fresh()
    await writeFiles(other, states.slice(0, 1))
    await truncate(join(other, 'state-000001.json'), 300)
    await assert.rejects(Store.open(other), { name: 'PlimsollError', message: /state-000001\.json cannot be used/ })
    assert.ok((await readdir(other)).includes('state-000001.json'))
  })

  it('begins anew where it was killed before it was done with them', async () => {
    const directory = fresh()
    const states = [start(9), next(start(9), new Random(1))]
    await writeFiles(directory, states)
    const handle = await open(join(directory, 'state.db.new'), 'w')
    await handle.write('torn')
    await handle.close()
    const store = await Store.open(directory)
    assert.equal(store.size, 2)
    store.close()
  })
})

function commitment({ ledger }: System): string {
  return commitmentOf(ledger.root, ledger.heads)
}

/** Writes states as nodes did before there was a database: the latest open, older ones compressed. */
async function writeFiles(directory: string, states: readonly NodeState[]): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  await mkdir(directory, { mode: 0o700 })
  await writeSequencerKey(directory, secret)
  assert.deepEqual(states[0]!.system.ledger.domain.sequencer, sequencerKey(secret).publicKey)
  for (const [i, state] of states.entries()) {
    const { settlements, applied, decoyed, traded, system } = state
    const indices = [...system.accounts].map(({ index }: Account) => index)
    const stored = storedState(DEPLOYMENT, system, {
      settlements,
      applied,
      decoyed,
      traded: indices.filter((index) => traded.has(index)),
    })
    const text = encodeState({ commitment: commitment(system), settlements, ...stored })
    const name = join(directory, `state-${String(i + 1).padStart(6, '0')}.json`)
    if (i + 4 < states.length) await writeFile(`${name}.gz`, await promisify(gzip)(text), { mode: 0o600 })
    else await writeFile(name, text, { mode: 0o600 })
  }
  assert.ok(readFileSync(join(directory, 'sequencer.key')).length > 0)
}
