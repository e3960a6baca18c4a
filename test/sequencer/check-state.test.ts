import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DISTRESS, INBOX } from '../../protocol/constants.ts'
import { checkState } from '../../sequencer/state/check-state.ts'
import { genesisState, Store } from '../../sequencer/state/store.ts'
import { AT_MARKS, HEALTHY } from '../support/circuit-market.ts'
import { owned, ownedAccount, SEQUENCER } from '../support/circuit-owners.ts'
import { runCli } from '../support/run-cli.ts'

describe('plimsoll node --check', () => {
  let parent: string
  let directory: string
  let whole: Buffer
  const check = (...more: string[]) => runCli(['node', '--check', '--data', directory, ...more], { cwd: parent })
  const change = (sql: string) => {
    const database = new DatabaseSync(join(directory, 'state.db'))
    database.exec(sql)
    database.close()
  }

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    directory = join(parent, 'state')
    const system = owned(Array.from({ length: 40 }, (_, i) => ownedAccount(i, HEALTHY)))
    const settlement = `0x${'5e'.repeat(20)}` as const
    const store = await Store.create(
      directory,
      { chainId: 31_337, settlement, profile: 'tiny' },
      genesisState(system),
      SEQUENCER.secret,
    )
    let former = await store.latest()
    for (let i = 1; i < 4; i++) {
      const next = former.system.clone()
      next.open({ slot: 3, envelope: AT_MARKS })
      next.sweep([DISTRESS, INBOX, 3], [{ from: INBOX, to: DISTRESS }])
      const state = { ...former, system: next, settlements: i }
      await store.save(state, former)
      former = await store.latest()
    }
    store.close()
    change('PRAGMA journal_mode = DELETE')
    whole = await readFile(join(directory, 'state.db'))
  })
  after(() => rm(parent, { recursive: true }))

  it('says of a sound state that it is, with exit code 0', async () => {
    const said = await check()
    assert.deepEqual(
      [said.code, said.stdout],
      [0, 'The state is sound: 40 accounts and 40 leaves after settlement 2, 4 versions.\n'],
    )
    const { code, stdout, stderr } = await check('--json')
    assert.deepEqual([code, stderr], [0, ''])
    assert.deepEqual(JSON.parse(stdout), { ok: true, accounts: 40, leaves: 40, versions: 4, settlements: 2 })
  })

  const SPOILED: readonly (readonly [string, string, RegExp])[] = [
    [
      'a balance',
      "UPDATE accounts SET record = CAST(substr(record, 1, length(record) - 1) || x'07' AS BLOB) WHERE id = 17",
      /account 17 does not have its leaf in the tree/,
    ],
    ['an account that is gone', 'DELETE FROM accounts WHERE id = 39', /it has 39 accounts, not 40/],
    [
      "another's key",
      'UPDATE accounts SET key = (SELECT key FROM accounts WHERE id = 1) WHERE id = 2',
      /the key of account 2/,
    ],
    ['a node of the tree', 'UPDATE nodes SET children = zeroblob(128) WHERE id = 1', /level \d/],
    [
      'an entry of a stack',
      'UPDATE entries SET records = substr(records, 1, 209) WHERE id % 67108864 > 0',
      /slot 1 lacks entries/,
    ],
    [
      'a head',
      `UPDATE versions SET facts = replace(facts, '"current":["', '"current":["1')`,
      /slot 0 does not have its head/,
    ],
    ['a fact that is cut off', 'UPDATE versions SET facts = substr(facts, 1, 100)', /it is malformed/],
    ['a fact that is missing', `UPDATE versions SET facts = replace(facts, '"salts"', '"salt"')`, /it is malformed/],
    ['a way back', "UPDATE versions SET undo = x'00' WHERE id = 3", /its version 3 is malformed/],
    ['a label', "UPDATE versions SET commitment = 'x' WHERE id = 4", /its version 4 is malformed/],
  ]

  it('names what is wrong in one sentence, with exit code 1', async () => {
    for (const [what, sql, complaint] of SPOILED) {
      await writeFile(join(directory, 'state.db'), whole)
      change(sql)
      assert.throws(
        () => checkState(join(directory, 'state.db')),
        (error: Error) => {
          assert.equal(error.name, 'PlimsollError', what)
          assert.match(error.message, complaint, what)
          assert.match(error.message, /state\.db cannot be used: [^.]+\.$/, what)
          return true
        },
      )
    }
    const json = await check('--json')
    assert.deepEqual([json.code, json.stderr], [1, ''])
    const { ok, error } = JSON.parse(json.stdout)
    assert.equal(ok, false)
    assert.match(error, /its version 4 is malformed/)
    await writeFile(join(directory, 'state.db'), whole)
    await truncate(join(directory, 'state.db'), whole.length / 2)
    const { code, stderr } = await check()
    assert.equal(code, 1)
    assert.match(stderr, /state\.db cannot be used: it is (malformed or )?truncated[^.]*\./)
  })

  it('is no check where there is no state, or where more is asked for', async () => {
    const nowhere = await runCli(['node', '--check', '--data', parent], { cwd: parent })
    assert.equal(nowhere.code, 2)
    assert.match(nowhere.stderr, /holds no state of a node/)
    assert.equal((await check('--rebuild')).code, 2)
  })
})
