import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { GovernanceBooks } from '../../audit/governance-books.ts'
import { passTime, rawCall } from '../../chain/development-chain.ts'
import { run as accept } from '../../cli/sequencer/accept.ts'
import { run as nominate } from '../../cli/sequencer/nominate.ts'
import type { Point } from '../../protocol/curve.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { sequencerKey, sharedViewKey } from '../../protocol/keys.ts'
import { Ledger } from '../../protocol/ledger.ts'
import { vectorSignals } from '../../protocol/public-vector.ts'
import { AccountTree } from '../../protocol/tree.ts'
import { SETTLEMENT_ABI } from '../../sdk/abi/settlement.ts'
import { recover } from '../../sdk/actions/recover.ts'
import { type ProofChecker, verifySettlement } from '../../sdk/actions/verify-settlement.ts'
import { connectSigner, type SigningClient } from '../../sdk/chain/client.ts'
import { settledBatch, systemEvents } from '../../sdk/chain/settlement-history.ts'
import { systemContracts } from '../../sdk/chain/system-contracts.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { SequencerNode } from '../../sequencer/node/node.ts'
import { rebuild } from '../../sequencer/state/rebuild.ts'
import { requireSequencerKeys } from '../../sequencer/state/sequencer-key.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { complaintOf, runCli } from '../support/run-cli.ts'
import { tamperedLogs } from '../support/tampered-logs.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n

// Two sequencers: the first hands over to the second, which rekeys the accounts of before; then all is rebuilt from logs alone.
describe('a handover of the sequencer, from its nomination to the last rekey', () => {
  const it = chapters()
  let nomineeKey: `0x${string}`
  let system: EchoSystem
  let node: SequencerNode
  let next: string
  let nextSigner: SigningClient
  let owners: TestOwner[]
  let former: bigint
  let port: number
  let close: () => void
  let key: string
  const settlement = () => system.deployed.settlement
  const view = (secret: bigint, owner: TestOwner) => sharedViewKey(secret, owner.wallet.key.publicKey)
  const viewKeys = () => node.system.accounts.map(({ viewKey }) => viewKey)

  async function listen(at: number): Promise<void> {
    const { server, port: own } = await serve(node, new NodeMetrics(), at)
    port = own
    close = () => {
      server.close()
      server.closeAllConnections()
    }
  }

  async function cli(args: readonly string[], privateKey?: string) {
    const where = ['--rpc', system.chain.url, '--settlement', settlement(), '--json']
    const all = ['sequencer', ...args, ...(args[0] === 'key' ? ['--json'] : where)]
    const { code, stdout, stderr } = await runCli(all, {
      env: privateKey === undefined ? {} : { PLIMSOLL_PRIVATE_KEY: privateKey },
    })
    return code === 0 ? JSON.parse(stdout) : { code, complaint: complaintOf(all, stderr) }
  }

  /** A refusal of a command, in this process: one more for each would take seconds. */
  async function refused(command: Promise<unknown>, complaint: RegExp): Promise<void> {
    await assert.rejects(
      command,
      (error: unknown) => error instanceof PlimsollError && complaint.test(`${error.message} ${error.hint}`),
    )
  }

  /** What the command's action does, signed by a key. */
  function as<O>(privateKey: string | undefined, run: (options: O) => Promise<void>, options: O): Promise<void> {
    if (privateKey === undefined) delete process.env.PLIMSOLL_PRIVATE_KEY
    else process.env.PLIMSOLL_PRIVATE_KEY = privateKey
    return run(options).finally(() => delete process.env.PLIMSOLL_PRIVATE_KEY)
  }
  const where = () => ({ rpc: [system.chain.url], settlement: settlement() })
  const nominating = (who: string, text: string, privateKey?: string) => {
    const [x, y] = text.split(',').map(BigInt) as [bigint, bigint]
    return as(privateKey, nominate, { ...where(), who, key: [x, y] as Point })
  }
  const accepting = (data: string, privateKey?: string) => as(privateKey, accept, { ...where(), data })

  before(async () => {
    system = await startEchoSystem()
    node = await system.open()
    await listen(0)
    owners = []
    for (const [symbol, amount] of [
      ['ETH', 10n * WEI],
      ['USD', 4_000n * USD],
      ['BTC', WEI / 4n],
    ] as const) {
      const owner = await newOwner(system, `http://127.0.0.1:${port}`)
      await owner.open(symbol, amount)
      owners.push(owner)
    }
    assert.ok((await node.step())?.complete)
    former = node.system.secret!
    nomineeKey = generatePrivateKey()
    const account = privateKeyToAccount(nomineeKey)
    await rawCall(system.signer, 'hardhat_setBalance', account.address, `0x${(10n ** 20n).toString(16)}`)
    nextSigner = await connectSigner(system.chain.url, account)
    next = join(system.directory, 'next')
  })
  after(async () => {
    close()
    await system.stop()
  })

  it('begins with a key of the next one, drawn by itself', async () => {
    ;({ key } = await cli(['key', '--data', next]))
    const [secret] = await requireSequencerKeys(next)
    assert.equal(key, sequencerKey(secret!).publicKey.join())
    assert.equal((await readFile(join(next, 'sequencer.key'), 'utf8')).split('\n').length, 2)
  })

  it('is nominated by who may, with a key that is one, and refused in one sentence otherwise', async () => {
    const who = nextSigner.sender
    await refused(nominating(who, key, nomineeKey), /NotEntitled\(0\).*admin/)
    await refused(nominating('0x12', key), /0x12 is not an address/)
    await refused(nominating(who, sequencerKey(former).publicKey.join()), /in force already/)
    await refused(accepting(next, nomineeKey), /Nobody is nominated/)
    const answer = await cli(['nominate', who, '--key', '0,1'])
    assert.equal(answer.code, 2)
    assert.match(answer.complaint, /It is no key/)
    // A slip of the pen in an address would hand over to nobody.
    const slip = who.replace(/[a-f]/i, (c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase()))
    const slipped = await cli(['nominate', slip, '--key', key])
    assert.equal(slipped.code, 2)
    assert.match(slipped.complaint, /^plimsoll: 0x\w+ is not an address: its capitals are not its checksum/)
    const nominated = await cli(['nominate', who, '--key', key])
    assert.equal(nominated.key, key)
    const { nomination, ...rest } = await cli(['show'])
    assert.deepEqual(rest, {
      operator: system.signer.sender,
      key: sequencerKey(former).publicKey.join(),
      formerKeys: [],
      handoverDelay: 3_600,
    })
    assert.deepEqual(nomination, { operator: who, key, readyAt: nominated.readyAt, byAdmin: true })
  })

  it('is accepted by the nominee, after the delay, with what it needs to go on', async () => {
    await refused(accepting(next, nomineeKey), /can be accepted from .* seconds/)
    await passTime(system.signer, 3_700)
    await refused(accepting(next), /The nominee is 0x.*, and 0x.* is not/)
    await refused(accepting(join(system.directory, 'none'), nomineeKey), /There is no sequencer key/)
    await refused(accepting(system.deployed.data, nomineeKey), /secret of the nominated key .* is not at hand/)
    await refused(accepting(next, nomineeKey), /neither the private state .* nor the secrets of all keys/)
    // What the former sequencer hands over: its directory. The secrets go together, the first one first.
    const secrets = [...(await requireSequencerKeys(system.deployed.data)), ...(await requireSequencerKeys(next))]
    const own = await readFile(join(next, 'sequencer.key'), 'utf8')
    await cp(system.deployed.data, next, { recursive: true, filter: (path) => !/lock|sequencer\.key/.test(path) })
    const accepted = await cli(['accept', '--data', next], nomineeKey)
    assert.deepEqual([accepted.operator, accepted.key], [nextSigner.sender, key])
    await writeFile(
      join(next, 'sequencer.key'),
      (await readFile(join(system.deployed.data, 'sequencer.key'), 'utf8')) + own,
    )
    assert.deepEqual(await requireSequencerKeys(next), secrets)
    assert.deepEqual((await cli(['show'])).formerKeys, [sequencerKey(former).publicKey.join()])
    await refused(accepting(next, nomineeKey), /Nobody is nominated/)
  })

  it('stops the node of before, which has another key', async () => {
    await assert.rejects(node.step(), /HANDED_OVER/)
    close()
    await node.close()
    await assert.rejects(system.open(), /The operator of .* is /)
    const alone = join(system.directory, 'alone')
    await cp(next, alone, { recursive: true })
    await cp(join(system.deployed.data, 'sequencer.key'), join(alone, 'sequencer.key'))
    const open = SequencerNode.open(alone, nextSigner, async () => echoKeys('tiny'), { proofs: { prove: echo } })
    await assert.rejects(open, /WRONG_KEY/)
  })

  it('leaves accounts readable by the former key, which the wallet says, until the node has rekeyed them', async () => {
    node = await SequencerNode.open(next, nextSigner, async () => echoKeys('tiny'), { proofs: { prove: echo } })
    await listen(port)
    assert.equal(node.system.secret, (await requireSequencerKeys(next))[1])
    assert.deepEqual(
      viewKeys(),
      owners.map((owner) => view(former, owner)),
    )
    const [alice] = await reopened()
    assert.deepEqual(await alice!.wallet.readableByFormerKey(), [0])
    await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
    const report = await node.step()
    assert.ok(report?.complete)
    assert.equal(report.operations, 3)
    assert.deepEqual(
      viewKeys(),
      owners.map((owner) => view(node.system.secret!, owner)),
    )
    const metrics = async () =>
      (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).match(/to_rekey (\d+)/)![1]
    assert.equal(await metrics(), '3')
    assert.equal(await node.step(), undefined)
    assert.equal(await metrics(), '0')
    assert.deepEqual(await alice!.wallet.readableByFormerKey(), [])
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { accountsToRekey: number }
    assert.equal(health.accountsToRekey, 0)
  })

  it('opens accounts by the key in force, and owners trade on as before', async () => {
    const carol = await newOwner(system, `http://127.0.0.1:${port}`)
    await carol.open('USD', 500n * USD)
    owners = [...(await reopened()), carol]
    await owners[0]!.wallet.preferences([8, 1, 8, 8, 8, 8, 8, 8], { expiresIn: 86_400 })
    await node.step()
    assert.equal(node.system.accounts.at(3)!.viewKey, view(node.system.secret!, carol))
    const { account } = await carol.wallet.read()
    assert.equal(account.balances[0], 500n * USD)
  })

  it('is followed from the chain alone by every owner', async () => {
    for (const [index, { signer, wallet }] of owners.entries()) {
      const { account, history, sequencer } = await recover(signer, { settlement: settlement(), key: wallet.key })
      assert.deepEqual(account, node.system.accounts.at(index))
      assert.equal(sequencer.join(), key)
      assert.equal(history.filter(({ kind }) => kind === 'rekey').length, index < 3 ? 1 : 0)
    }
    // Who has not seen the handover reads nothing that is not so.
    const [{ signer, wallet }] = owners as [TestOwner]
    const blind = tamperedLogs(signer, SETTLEMENT_ABI, 'SequencerKey', (args, count) =>
      count === 0 ? args : undefined,
    )
    await assert.rejects(
      recover(blind, { settlement: settlement(), key: wallet.key }),
      /not what its ciphertext|does not open/,
    )
  })

  it('is rebuilt from the logs by all keys, in any order, and not without one of them', async () => {
    const secrets = await requireSequencerKeys(next)
    for (const all of [secrets, secrets.toReversed()]) {
      const { state } = await rebuild(system.signer, settlement(), all)
      assert.deepEqual([...state.system.accounts], [...node.system.accounts])
      assert.deepEqual(state.system.salts, node.system.salts)
      assert.deepEqual(state.system.ledger.heads, node.system.ledger.heads)
      assert.equal(state.system.secret, secrets[1])
    }
    for (const [i, secret] of secrets.entries())
      await assert.rejects(rebuild(system.signer, settlement(), [secret]), {
        message: new RegExp(`WRONG_KEY: .* had 2 sequencer keys, and the secret of number ${2 - i} is not at hand`),
      })
  })

  it('is what an audit replays: every vector has the key that was in force', async () => {
    const { read } = system.signer
    const contracts = await systemContracts(read, settlement())
    const end = await read.getBlockNumber()
    const { slots, minLiability } = await node.settlement.config()
    const { shape } = node.system.ledger
    const eras = new Map<number, number>()
    const replay = async (handOver: boolean) => {
      const books = new GovernanceBooks()
      const domain = { chainId: 31337n, settlement: BigInt(settlement()), sequencer: [0n, 1n] as Point }
      const ledger = new Ledger(shape, slots, minLiability, new AccountTree(shape.depth).root, 0n, domain)
      ledger.era = 0
      for await (const event of systemEvents(read, { contracts, of: ['governance', 'settlement', 'rounds'], end })) {
        if (event.eventName === undefined) continue
        const { timestamp } = await read.getBlock({ blockNumber: event.block })
        if (event.of === 'governance') books.event(event, timestamp)
        else if (event.of === 'rounds')
          ledger.marks = event.eventName === 'RoundPosted' ? await node.settlement.marks(event.block) : ledger.marks
        else if (event.eventName === 'SequencerKey') {
          books.newSequencerKey(event)
          if (handOver || ledger.domain.sequencer[0] === 0n) ledger.handOver([event.args.x, event.args.y])
        } else if (event.eventName === 'EnvelopeOpened')
          ledger.open({ slot: Number(event.args.slot), envelope: event.args })
        const settled = settledBatch(event, shape)
        if (settled === undefined) continue
        const { digest, z, y } = vectorSignals(ledger.vector(settled.batch), ledger.era)
        assert.equal(digest, settled.digest)
        // An echo repeats what the contract derived.
        const { pi_a, pi_c } = settled.proof
        assert.deepEqual([pi_a[0], pi_a[1], pi_c[0]], [digest, z, y].map(String))
        eras.set(ledger.era, (eras.get(ledger.era) ?? 0) + 1)
        ledger.apply(settled.batch)
      }
      assert.deepEqual(ledger.heads, node.system.ledger.heads)
      const { timestamp } = await read.getBlock({ blockNumber: end })
      await books.compare(system.signer, contracts.governance, end, timestamp)
    }
    await replay(true)
    assert.deepEqual([...eras.keys()], [1, 2])
    await assert.rejects(replay(false), { name: 'AssertionError' })
  })

  it('is told by every settlement that anyone verifies by itself, before the handover and after', async () => {
    const { read } = system.signer
    const contracts = await systemContracts(read, settlement())
    const end = await read.getBlockNumber()
    const transactions: `0x${string}`[] = []
    for await (const event of systemEvents(read, { contracts, of: ['settlement'], end }))
      if (event.eventName === 'Settled') transactions.push(event.transaction)
    const checker: ProofChecker = {
      check: async (_, signals, { pi_a, pi_c }) => [pi_a[0], pi_a[1], pi_c[0]].join() === signals.join(),
      keyWords: () => [],
    }
    for (const transaction of [transactions[0]!, transactions.at(-1)!]) {
      const { ok, batches } = await verifySettlement(system.signer, { settlement: settlement(), transaction, checker })
      assert.ok(ok && batches.length > 0)
    }
  })

  /** The owners with wallets that know the deployment as it is now. */
  async function reopened(): Promise<TestOwner[]> {
    const api = `http://127.0.0.1:${port}`
    return Promise.all(owners.map(({ privateKey }) => newOwner(system, api, privateKey)))
  }
})
