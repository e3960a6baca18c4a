import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import type { Address } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { verifyChain } from '../../audit/verify-chain.ts'
import { rawCall } from '../../chain/development-chain.ts'
import { type LocalChain, startLocalChain } from '../../chain/local-chain.ts'
import { DEFAULT_CLOCKS, type Deployed, deploy } from '../../deploy/deploy.ts'
import { mockCustody } from '../../deploy/market-plan.ts'
import { parseBook } from '../../protocol/book.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { liquidate } from '../../protocol/liquidation.ts'
import type { KeySet } from '../../prover/keys.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { type RoundReport, SequencerNode } from '../../sequencer/node/node.ts'
import { Store } from '../../sequencer/state/store.ts'
import { goodBook } from '../support/books.ts'
import { chapters } from '../support/chapters.ts'
import { ACCOUNTS_ROOT_SLOT, movePrices, tinyKeysWithVerifiers } from '../support/live-chain.ts'
import { proofs } from '../support/proofs.ts'

const ETHER = 10n ** 18n
const ETH = (194_61n * ETHER) / 100n
const BTC = 7_935n * ETHER

function book() {
  const loose = goodBook()
  loose.accounts = [
    { id: 'a0', balances: { ETH: '10.12345678', USD: '-1500.654321' } },
    { id: 'a1', balances: { BTC: '-0.51234567', USD: '9000.123456' } },
    { id: 'a2', balances: { ETH: '3.98765432', USD: '-100.5' } },
    { id: 'a3', balances: { USD: '1250.505050' } },
    { id: 'a4', balances: { ETH: '4.44444444', USD: '-690.101010' }, weights: { ETH: 3 } },
  ]
  return parseBook(JSON.stringify(loose))
}

describe('the node, on a chain in a process of its own', () => {
  const [story, crash] = [chapters(), chapters()]
  const it = story
  let keys: KeySet
  let chain: LocalChain
  let signer: SigningClient
  let deployed: Deployed
  let node: SequencerNode
  let parent: string
  let feeds: Address[]
  const reports: RoundReport[] = []
  const keysOf = async () => keys
  const open = async () => {
    await node?.close()
    return SequencerNode.open(deployed.data, signer, keysOf, { proofs, decoys: false, checkDelay: 0 })
  }
  const audit = () => verifyChain(chain.url, deployed.settlement, keysOf, () => {})
  const files = async () => (await readdir(deployed.data)).filter((name) => name.startsWith('state')).sort()

  const versions = async () => {
    const store = await Store.open(deployed.data)
    const { size } = store
    store.close()
    return size
  }

  async function step(): Promise<RoundReport> {
    const report = await node.step()
    assert.ok(report, 'there was no round to handle')
    reports.push(report)
    return report
  }

  before(async () => {
    keys = await tinyKeysWithVerifiers()
    parent = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    chain = await startLocalChain()
    signer = await connectSigner(chain.url)
    const market = book()
    deployed = await deploy(market, keys, signer, {
      accounts: market.accounts,
      custody: mockCustody(market),
      feeds: {},
      allowDevelopmentKeys: false,
      data: join(parent, 'state'),
      clocks: DEFAULT_CLOCKS,
    })
    feeds = [deployed.feeds.ETH!, deployed.feeds.BTC!]
    await cp(deployed.data, join(parent, 'genesis'), { recursive: true })
    node = await open()
  })
  after(async () => {
    await proofs.close()
    await chain.stop()
    await rm(parent, { recursive: true })
  })

  it('stores its state for its owner only', async () => {
    assert.ok((await files()).includes('state.db'))
    for (const name of await files()) assert.equal((await stat(join(deployed.data, name))).mode & 0o777, 0o600)
    assert.equal((await stat(join(deployed.data, 'sequencer.key'))).mode & 0o777, 0o600)
    assert.equal((await stat(deployed.data)).mode & 0o777, 0o700)
  })

  it('is not complete before the first round', async () => {
    assert.deepEqual([node.round, node.complete], [0, false])
    const verdict = await audit()
    assert.deepEqual(verdict.ok ? verdict.rounds : verdict.error, [])
  })

  it('places the imported accounts in the first round, then rests', async () => {
    const { round, swept, liquidated, complete, proofs } = await step()
    assert.deepEqual(
      { round, swept, liquidated, complete, proofs },
      { round: 1, swept: 5, liquidated: 0, complete: true, proofs: 2 },
    )
    assert.equal(await node.step(), undefined)
  })

  it('posts a round for a small move without proving anything', async () => {
    await movePrices(signer, feeds, [(ETH * 1001n) / 1000n, BTC])
    const { expired, proofs, complete } = await step()
    assert.deepEqual({ expired, proofs, complete }, { expired: 0, proofs: 0, complete: true })
  })

  it('liquidates in a crash what the protocol says, and nothing else', async () => {
    await movePrices(signer, feeds, [(ETH * 86n) / 100n, BTC])
    const before = node.system.accounts.map((account) => ({ ...account }))
    const report = await step()
    const { marks, minLiability, backstop, badDebt } = node.system.ledger
    const expected = before.map(({ balances, weights }) => liquidate(balances, weights, marks!, minLiability))
    const due = expected.filter(({ status }) => status !== 'healthy')
    assert.ok(due.length >= 2)
    assert.equal(report.liquidated, due.length)
    assert.equal(report.closed, due.filter(({ status }) => status === 'closed').length)
    assert.ok(report.complete)
    assert.deepEqual(
      node.system.accounts.map(({ balances }) => balances),
      expected.map(({ after }) => after),
    )
    const changes = backstop.map((_, a) =>
      before.reduce((sum, { balances }, i) => sum + balances[a]! - expected[i]!.after[a]!, 0n),
    )
    assert.deepEqual(await node.settlement.backstop(), changes)
    const vault = { address: deployed.vault, abi: VAULT_ABI } as const
    assert.equal(await signer.read.readContract({ ...vault, functionName: 'badDebt' }), badDebt)
  })

  describe('serves', () => {
    const it = chapters()
    let server: Awaited<ReturnType<typeof serve>>
    let metrics: NodeMetrics
    const get = (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${server.port}${path}`, { ...init, headers: { connection: 'close' } })

    before(async function () {
      await story.through.call(this)
      metrics = new NodeMetrics()
      for (const report of reports) metrics.record(report)
      server = await serve(node, metrics, 0)
    })
    after(() => server.server.close())

    it('/health', async () => {
      const verdict = async () => {
        const response = await get('/health')
        const { ok, round, complete, error, ...vitals } = (await response.json()) as any
        return { status: response.status, verdict: { ok, round, complete, error }, vitals }
      }
      const well = await verdict()
      assert.deepEqual([well.status, well.verdict], [200, { ok: true, round: 3, complete: true, error: null }])
      assert.deepEqual(
        Object.keys(well.vitals),
        'lastLook roundAge feeds checkpoint operator operations deposits forcedRequests accountsToRekey diskFree'.split(
          ' ',
        ),
      )
      assert.equal(well.vitals.operator.address, node.operator)
      assert.ok(well.vitals.diskFree > 0)
      node.health.failure = 'The feed does not answer.'
      const failing = await verdict()
      node.health.failure = undefined
      assert.deepEqual(
        [failing.status, failing.verdict],
        [503, { ok: false, round: 3, complete: true, error: 'The feed does not answer.' }],
      )
    })

    it('/state, as the contract has it', async () => {
      const state = (await (await get('/state')).json()) as any
      const heads = await node.settlement.view('heads')
      assert.equal(state.settlement, deployed.settlement)
      assert.equal(state.chainId, 31337)
      assert.equal(state.accountsRoot, String(await node.settlement.view('accountsRoot')))
      assert.deepEqual(state.backstop, (await node.settlement.backstop()).map(String))
      assert.deepEqual(
        state.slots.map(({ empty }: { empty: boolean }) => empty),
        heads.map((head) => head === 0n),
      )
      for (const { slot, covered } of state.slots)
        assert.equal(covered, await node.settlement.view('isCovered', [slot]))
      assert.ok(state.complete)
    })

    it('/metrics', async () => {
      const response = await get('/metrics')
      const body = await response.text()
      assert.match(response.headers.get('content-type')!, /^text\/plain/)
      const sum = (field: 'swept' | 'liquidated' | 'proofs') =>
        reports.reduce((total, report) => total + report[field], 0)
      for (const line of [
        'plimsoll_round 3',
        'plimsoll_complete 1',
        'plimsoll_rounds_total 3',
        'plimsoll_failures_total 0',
        `plimsoll_swept_total ${sum('swept')}`,
        `plimsoll_liquidated_total ${sum('liquidated')}`,
        `plimsoll_proofs_total ${sum('proofs')}`,
        `plimsoll_gas_total ${reports.reduce((total, { gas }) => total + gas, 0n)}`,
      ]) {
        assert.ok(body.split('\n').includes(line), line)
      }
    })

    it('nothing private', async () => {
      const served = (
        await Promise.all(['/health', '/state', '/metrics'].map(async (path) => (await get(path)).text()))
      ).join('\n')
      const numbers = new Set(served.match(/[0-9]+/g))
      const secrets = [...node.system.accounts].flatMap(({ owner, viewKey, balances }) => [
        owner,
        viewKey,
        ...balances.filter((b) => b > 1_000n || b < -1_000n),
      ])
      const leaves = node.system.stacks.flatMap((stack) => stack.map(({ leaf }) => leaf))
      assert.ok(secrets.length > 15 && leaves.length >= 5)
      for (const secret of [...secrets, ...leaves]) assert.ok(!numbers.has(String(secret < 0n ? -secret : secret)))
    })

    it('nothing else, and survives requests that make no sense', async () => {
      assert.equal((await get('/')).status, 404)
      assert.equal((await get('/state', { method: 'POST' })).status, 405)
      for (const target of ['//', '/%', 'http://[', '*']) {
        const socket = connectSocket(server.port, '127.0.0.1')
        socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        assert.match(await text(socket), /^HTTP\/1\.1 40[04] /, target)
      }
      assert.equal((await get('/health?x=1')).status, 200)
      await assert.rejects(serve(node, metrics, server.port), {
        name: 'PlimsollError',
        message: new RegExp(`port ${server.port}`),
      })
    })
  })

  describe('after a crash of its own', () => {
    const it = crash
    before(story.through)

    it('before a settlement is sent, goes on from the state before it', async () => {
      await movePrices(signer, feeds, [(ETH * 70n) / 100n, BTC])
      node.settlement.settle = () => Promise.reject(new PlimsollError('crash'))
      const root = await node.settlement.view('accountsRoot')
      const before = await versions()
      await assert.rejects(node.step(), /crash/)
      assert.equal(await versions(), before + 1)
      node = await open()
      assert.equal(node.system.ledger.root, root)
      const { proofs, complete, round } = await step()
      assert.ok(proofs > 0 && complete)
      assert.equal(round, 4)
    })

    it('after a settlement is mined, goes on from the state after it', async () => {
      await movePrices(signer, feeds, [(ETH * 70n) / 100n, (BTC * 210n) / 100n])
      const { settle } = node.settlement
      const failing = node.settlement
      let receipts = 0
      failing.settle = async (...args) => {
        await settle.apply(failing, args)
        receipts++
        throw new PlimsollError('crash')
      }
      await assert.rejects(node.step(), /crash/)
      assert.equal(receipts, 1)
      node = await open()
      assert.equal(node.system.ledger.root, await node.settlement.view('accountsRoot'))
      assert.deepEqual(node.system.ledger.heads, await node.settlement.view('heads'))
      await node.step()
      assert.ok(node.complete)
    })

    it('or without one, where only the answer to a settlement was lost', async () => {
      await movePrices(signer, feeds, [(ETH * 14n) / 100n, BTC])
      const { settlement } = node
      const { settle } = settlement
      settlement.settle = async (...args) => {
        await settle.apply(settlement, args)
        throw new PlimsollError('no answer')
      }
      await assert.rejects(node.step(), /no answer/)
      settlement.settle = settle
      await node.step()
      assert.ok(node.complete)
      assert.equal(node.system.ledger.root, await settlement.view('accountsRoot'))
    })

    it('or of the chain, which forgets its last settlement, goes on from the state before it', async () => {
      const snapshot = await rawCall(signer, 'evm_snapshot')
      const root = await node.settlement.view('accountsRoot')
      await movePrices(signer, feeds, [(ETH * 9n) / 100n, BTC])
      assert.ok((await step()).proofs > 0)
      reports.pop()
      assert.notEqual(await node.settlement.view('accountsRoot'), root)
      await rawCall(signer, 'evm_revert', snapshot)
      await movePrices(signer, feeds, [(ETH * 60n) / 100n, (BTC * 5n) / 2n])
      await node.step().catch(() => {})
      await node.step()
      assert.ok(node.complete)
      assert.equal(node.system.ledger.root, await node.settlement.view('accountsRoot'))
    })

    it('waits while a transaction of its own is pending', async () => {
      await rawCall(signer, 'evm_setAutomine', false)
      try {
        await signer.write.sendTransaction({ to: signer.sender, value: 1n, gas: 21_000n })
        await assert.rejects(open(), /still pending/)
      } finally {
        await rawCall(signer, 'evm_mine')
        await rawCall(signer, 'evm_setAutomine', true)
      }
      node = await open()
    })
  })

  it("refuses a state that is not the chain's, not there, damaged, of another chain, or not its operator's", async () => {
    const refused = (directory: string, complaint: RegExp) =>
      assert.rejects(SequencerNode.open(directory, signer, keysOf, { proofs }), {
        name: 'PlimsollError',
        message: complaint,
      })
    const copy = async (name: string, change = '') => {
      const directory = join(parent, name)
      await cp(deployed.data, directory, { recursive: true, filter: (path) => !/lock-\d+$/.test(path) })
      const database = new DatabaseSync(join(directory, 'state.db'))
      database.exec(`PRAGMA journal_mode = DELETE; ${change}`)
      database.close()
      return directory
    }
    await refused(join(parent, 'genesis'), /is not the chain's: its root or heads differ/)
    await refused(parent, /holds no state of a node/)
    await refused(join(parent, 'nowhere'), /holds no state of a node/)
    const keyless = await copy('keyless')
    await rm(join(keyless, 'sequencer.key'))
    await refused(keyless, /There is no sequencer key/)
    await writeFile(join(keyless, 'sequencer.key'), '0x05')
    await refused(keyless, /WRONG_KEY/)
    const truncated = await copy('truncated')
    await truncate(join(truncated, 'state.db'), (await stat(join(truncated, 'state.db'))).size - 100)
    await refused(truncated, /state\.db cannot be used: it is truncated, \d+ bytes of \d+ are there/)
    await refused(
      await copy('chain', `UPDATE facts SET value = replace(value, '"chainId":31337', '"chainId":1337')`),
      /is of chain 1337, but .* is chain 31337/,
    )
    const salted = await copy('salted')
    const database = new DatabaseSync(join(salted, 'state.db'))
    for (const { id, facts } of database.prepare('SELECT id, facts FROM versions').all()) {
      const { salts, ...others } = JSON.parse(facts as string)
      const wrong = { ...salts, current: salts.current.map((salt: string) => `1${salt}`) }
      const text = JSON.stringify({ ...others, salts: wrong })
      database.prepare('UPDATE versions SET facts = ? WHERE id = ?').run(text, id!)
    }
    database.close()
    await refused(salted, /state\.db cannot be used: stack \d+ does not have the head of its version \d+/)
  })

  it('finds what is wrong deep in its state after the start, and then promises nothing', async () => {
    const directory = join(parent, 'deep')
    await cp(deployed.data, directory, { recursive: true, filter: (path) => !/lock-\d+$/.test(path) })
    const database = new DatabaseSync(join(directory, 'state.db'))
    // The last byte of a balance.
    database.exec(
      "UPDATE accounts SET record = CAST(substr(record, 1, length(record) - 1) || x'07' AS BLOB) WHERE id = 3",
    )
    database.close()
    const spoiled = await SequencerNode.open(directory, signer, keysOf, { proofs, checkDelay: 0 })
    await spoiled.checked
    assert.match(
      spoiled.health.trouble() ?? '',
      /state\.db cannot be used: account 3 does not have its leaf in the tree/,
    )
    await assert.rejects(spoiled.requireReady(), { code: 'UNAVAILABLE' })
    await spoiled.close()
    await node.checked
    assert.equal(node.health.damage, undefined)
  })

  it("refuses another one's state", async () => {
    const other = await connectSigner(chain.url, privateKeyToAccount(`0x${'7'.repeat(64)}`))
    await assert.rejects(SequencerNode.open(deployed.data, other, keysOf, { proofs }), {
      name: 'PlimsollError',
      message: /The operator of 0x\w+ is 0x\w+, not 0x\w+/,
    })
  })

  describe('an audit of the chain', () => {
    const it = chapters()
    before(async function () {
      await story.through.call(this)
      await crash.through.call(this)
    })

    it('agrees with the node, round by round, through a change of parameters', async () => {
      const rounds = { address: deployed.rounds, abi: ROUNDS_ABI } as const
      const parameters = await signer.read.readContract({ ...rounds, functionName: 'parameters', args: [1n] })
      await sendCall(signer, {
        ...rounds,
        functionName: 'proposeParameters',
        args: [1n, { ...parameters, collateralFactor: 8_400 }],
      })
      await movePrices(signer, feeds, [(ETH * 75n) / 100n, BTC], DEFAULT_CLOCKS.parameterDelay + 1)
      await step()
      const verdict = await audit()
      assert.ok(verdict.ok)
      assert.deepEqual(Object.keys(verdict), ['ok', 'settlement', 'chainId', 'rounds', 'unknown'])
      const last = reports.at(-1)!
      assert.deepEqual(
        verdict.rounds.map(({ round }) => round),
        Array.from({ length: last.round }, (_, i) => i + 1),
      )
      for (const audited of verdict.rounds) {
        assert.deepEqual(Object.keys(audited), [
          'round',
          'complete',
          'sweeps',
          'resolved',
          'operations',
          'proofs',
          'gas',
        ])
        assert.ok(audited.complete)
        const report = reports.find(({ round }) => round === audited.round)
        if (report === undefined) continue
        assert.deepEqual(
          [audited.sweeps > 0, audited.proofs, audited.resolved],
          [report.swept > 0, report.proofs, report.liquidated],
        )
        // Round 4's posting was in the step that crashed.
        if (report.round !== 4) assert.equal(audited.gas, Number(report.gas))
      }
    })

    it('notices storage that its settlements do not lead to', async () => {
      const root = await signer.read.getStorageAt({ address: deployed.settlement, slot: ACCOUNTS_ROOT_SLOT })
      assert.equal(BigInt(root!), await node.settlement.view('accountsRoot'))
      await rawCall(
        signer,
        'hardhat_setStorageAt',
        deployed.settlement,
        ACCOUNTS_ROOT_SLOT,
        `0x${'1'.padStart(64, '0')}`,
      )
      try {
        const verdict = await audit()
        assert.ok(!verdict.ok)
        assert.match(verdict.error, /contract's accounts root is not what its settlements lead to/)
      } finally {
        await rawCall(signer, 'hardhat_setStorageAt', deployed.settlement, ACCOUNTS_ROOT_SLOT, root)
      }
    })

    it('refuses verifiers of another key, and is impossible without sound keys', async () => {
      const swapped: KeySet = { ...keys, sweep: { ...keys.sweep, keyHash: keys.resolve.keyHash } }
      const verdict = await verifyChain(
        chain.url,
        deployed.settlement,
        async () => swapped,
        () => {},
      )
      assert.match(verdict.ok ? '' : verdict.error, /sweep verifier has another key/)
      const damaged = new PlimsollError('The key file is missing.')
      await assert.rejects(
        verifyChain(
          chain.url,
          deployed.settlement,
          () => Promise.reject(damaged),
          () => {},
        ),
        { name: 'PlimsollError', message: damaged.message },
      )
    })

    it('refuses what is no settlement', async () => {
      const refused = (address: string, message: RegExp) =>
        assert.rejects(
          verifyChain(chain.url, address, keysOf, () => {}),
          { name: 'PlimsollError', message },
        )
      await refused('0x1', /0x1 is not an address/)
      await refused(`0x${'12'.repeat(20)}`, /There is no contract at/)
      await refused(feeds[0]!, /is not a settlement of this version/)
    })
  })

  it('fails in a sentence when the chain is gone, and so does an audit', async () => {
    const gone = await startLocalChain()
    const reader = await connectSigner(gone.url)
    await gone.stop()
    await assert.rejects(connectSigner(gone.url), { name: 'PlimsollError', message: /No JSON-RPC endpoint answers at/ })
    await assert.rejects(
      verifyChain(gone.url, deployed.settlement, keysOf, () => {}),
      { name: 'PlimsollError', message: /No JSON-RPC endpoint answers at/ },
    )
    await assert.rejects(SequencerNode.open(deployed.data, reader, keysOf, { proofs }), {
      name: 'PlimsollError',
      message: /The chain did not serve/,
    })
  })
})
