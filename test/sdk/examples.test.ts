import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { passTime } from '../../chain/development-chain.ts'
import { newLink } from '../../sdk/actions/trade.ts'
import type { OwnerWallet } from '../../sdk/owner-wallet.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, echo, echoKeys, startEchoSystem, verifyEcho } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'
import type { ExampleContext } from './example-context.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ACTIONS = `${ROOT}/sdk/actions`
const OUTPUT = `${ROOT}/.plimsoll/examples-${process.pid}`
const TSC = `${ROOT}/node_modules/typescript/bin/tsc`
const USD = 10n ** 6n
const WEI = 10n ** 18n

type Example = (context: ExampleContext) => Promise<any>

/** Lines of the `@example` of a module's doc comment. */
function exampleIn(source: string): readonly string[] {
  const lines = source.split('\n')
  const start = lines.findIndex((line) => line.trim() === '* @example')
  if (start < 0) return []
  const end = lines.findIndex((line, i) => i > start && (line.trim() === '*/' || line.startsWith(' * @')))
  return lines.slice(start + 1, end).map((line) => line.replace(/^ \* ?/, ''))
}

/** A module with the example as a function that returns all that the example names. */
function moduleOf(lines: readonly string[]): string {
  const imports = lines.filter((line) => line.startsWith('import '))
  const body = lines.filter((line) => !line.startsWith('import '))
  const names = body.flatMap((line) => {
    const [, list, one] = /^const (?:\{ (.*?) \}|\[?(\w+)\]?) =/.exec(line) ?? []
    return list?.split(', ') ?? (one === undefined ? [] : [one])
  })
  return [
    ...imports,
    "import type { ExampleContext } from '../../test/sdk/example-context.ts'",
    'export async function example({ signer, settlement, key, owner, counterparty, prover, checker }: ExampleContext) {',
    ...body.map((line) => `  ${line}`),
    `  return { ${names.join(', ')} }`,
    '}\n',
  ].join('\n')
}

describe("the examples of the SDK's actions", () => {
  const it = chapters()
  const examples = new Map<string, Example>()
  let system: EchoSystem
  let node: SequencerNode
  let alice: TestOwner
  let bob: TestOwner
  let context: ExampleContext
  let url: string
  let close: () => void
  const ran = new Set<string>()
  const run = async (name: string): Promise<any> => {
    ran.add(name)
    return examples.get(name)!(context)
  }
  const step = async () => assert.ok((await node.step())?.complete)
  const prices = (eth: bigint) => movePrices(system.signer, system.feeds, [eth * WEI, 8_000n * WEI, 50n * WEI])
  const settled = async (id: string) => assert.equal((await alice.wallet.client.operation(id)).status, 'settled')

  before(async () => {
    await mkdir(OUTPUT, { recursive: true })
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false }
    const files = (await readdir(ACTIONS)).filter((name) => name.endsWith('.ts'))
    await writeFile(
      `${OUTPUT}/tsconfig.json`,
      JSON.stringify({
        extends: `${ROOT}/tsconfig.json`,
        compilerOptions,
        include: ['*.ts', `${ROOT}/**/*.d.ts`],
        exclude: [],
      }),
    )
    for (const file of files)
      await writeFile(`${OUTPUT}/${file}`, moduleOf(exampleIn(await readFile(`${ACTIONS}/${file}`, 'utf8'))))
    for (const file of files) examples.set(file.slice(0, -3), (await import(`${OUTPUT}/${file}`)).example)

    system = await startEchoSystem()
    node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    close = () => {
      server.close()
      server.closeAllConnections()
    }
    url = `http://127.0.0.1:${port}`
    alice = await newOwner(system, url)
    bob = await newOwner(system, url)
    const { signer, wallet } = alice
    context = {
      signer,
      settlement: system.deployed.settlement,
      key: wallet.key,
      owner: wallet,
      counterparty: bob.wallet,
      prover: { prove: (input) => echo(echoKeys('tiny'), 'exit', input) },
      checker: {
        check: (circuit, signals, proof) => verifyEcho(echoKeys('tiny'), circuit, { proof, signals }),
        keyWords: () => [],
      },
    }
    await system.mint('USD', alice.address, 10_000n * USD)
    await bob.open('ETH', 10n * WEI)
    await step()
  })
  after(async () => {
    await system?.stop()
    await rm(OUTPUT, { recursive: true, force: true })
  })

  it('are there, one an action, and of the right types', async () => {
    for (const file of await readdir(ACTIONS))
      assert.ok(exampleIn(await readFile(`${ACTIONS}/${file}`, 'utf8')).length > 1, `${file} has no @example`)
    const { stdout, status } = spawnSync(process.execPath, [TSC, '--noEmit', '-p', OUTPUT], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })

  it('open an account, move it, and take out of it', async () => {
    const { index } = await run('deposit')
    await step()
    assert.equal((await run('balance')).account.balances[0], 1_000n * USD)
    const withdrawal = await run('withdraw')
    await step()
    await settled(withdrawal.id)
    const before = await alice.tokens('USD')
    assert.equal((await run('claim')).tokenAmount, 20n * USD)
    assert.equal((await alice.tokens('USD')) - before, 20n * USD)
    const { sale, purchase } = await run('trade')
    await step()
    await settled(sale.id)
    await settled(purchase.id)
    const { id } = await run('set-preferences')
    await step()
    await settled(id)
    const { account, history } = await run('recover')
    assert.deepEqual([account.index, account.weights[1], account.balances[1]], [index, 15, -10_000_000n])
    assert.deepEqual(
      history.map(({ kind }: any) => kind),
      ['open', 'withdraw', 'trade', 'preferences'],
    )
  })

  it('give to an account of the same owner, and blend what two hold', async () => {
    const others = [await newOwner(system, url), await newOwner(system, url)] as const
    for (const { open } of others) await open('USD', 1_000n * USD)
    await step()
    const [owner, counterparty] = others.map(({ wallet }) => wallet) as [OwnerWallet, OwnerWallet]
    const before = context
    context = { ...context, owner, counterparty }
    const cash = async () =>
      Promise.all([owner, counterparty].map(async (each) => (await each.read()).account.balances[0]!))
    const { halves } = await run('transfer')
    await step()
    for (const { id } of halves) await settled(id)
    assert.deepEqual(await cash(), [995n * USD, 1_005n * USD])
    let done = false
    const blended = run('blend').finally(() => {
      done = true
    })
    while (!done) await Promise.all([node.step(), new Promise((resolve) => setTimeout(resolve, 250))])
    const { trades } = await blended
    assert.deepEqual(
      trades.map(({ from }: any) => from),
      [await owner.index(), await counterparty.index()],
    )
    assert.ok(trades.every(({ state }: any) => state.status === 'settled'))
    const after = await cash()
    assert.equal(after[0]! + after[1]!, 2_000n * USD)
    assert.notEqual(after[0], 995n * USD)
    context = before
  })

  it('ask the contract, and take bonds back', async () => {
    const { queueNumber } = await run('request-withdrawal')
    assert.ok(queueNumber > 0n)
    assert.deepEqual((await run('refundable')).requests, [])
    await step()
    assert.equal((await run('refund')).bonds, 10n ** 16n)
  })

  it('check what was settled, and what a node says', async () => {
    const { ok, checks } = await run('verify-settlement')
    assert.deepEqual([ok, checks.every(({ ok }: any) => ok === true)], [true, true], JSON.stringify(checks))
    assert.deepEqual((await run('compare-node')).differences, [])
    assert.deepEqual((await run('compare-account')).differences, [])
    const { roles } = await run('read-roles')
    assert.deepEqual(
      roles.map(({ role, holder, nominee }: any) => [role, holder === system.signer.sender, nominee]),
      [
        ['operator', true, null],
        ['admin', true, null],
        ['guardian', false, null],
      ],
    )
    assert.equal((await run('explain-liquidation')).why, undefined)
  })

  it('insure the backstop, and take the cash out again', async () => {
    await run('insure')
    await run('cancel-insurance')
    await run('insure')
    await prices(200n)
    await step()
    const { shares, total } = await run('insurance-position')
    assert.ok(shares > 0n && shares === total)
    const { value } = await run('insurance-value')
    assert.deepEqual(value.entry, { cash: 100n * USD + 1n, shares: total + USD })
    assert.deepEqual(value.redemption, value.entry)
    assert.equal((await run('redeem')).shares, shares)
    await prices(200n)
    await step()
    const before = await alice.tokens('USD')
    await run('collect')
    assert.equal((await alice.tokens('USD')) - before, 100n * USD)
    const { moves } = await run('insurance-history')
    assert.deepEqual(
      moves.map(({ kind }: any) => kind),
      ['insured', 'cancelled', 'insured', 'converted', 'offered', 'redeemed', 'collected'],
    )
    await run('insure')
  })

  it('close a position by force', async () => {
    const before = context
    const [carol, dave] = [await newOwner(system, url), await newOwner(system, url)]
    for (const { open } of [carol, dave]) await open('USD', 1_000n * USD)
    await step()
    const terms = { asset: 3, x: 5_000_000n, y: 250n * USD }
    const link = newLink()
    await carol.wallet.trade({ ...terms, direction: 1 }, link)
    await dave.wallet.trade({ ...terms, direction: 0 }, link)
    await step()
    context = { ...context, signer: carol.signer, key: carol.wallet.key, owner: carol.wallet }
    const { queueNumber } = await run('request-close')
    assert.ok(queueNumber > 0n)
    // It trades at a round after it, which the node posts.
    await node.step()
    await passTime(system.signer, 40)
    await node.step()
    assert.equal((await carol.wallet.read()).account.balances[3], 0n)
    context = before
  })

  it('trade with the backstop', async () => {
    await alice.topUp(await alice.wallet.index(), 'USD', 3_000n * USD)
    await step()
    await bob.wallet.withdraw(0, 1_500n * USD, bob.address, { expiresIn: 86_400 })
    await step()
    await prices(150n)
    await step()
    const { id } = await run('unwind')
    await step()
    await settled(id)
    // From outside it is cash that pays.
    const before = await alice.tokens('ETH')
    const { side, cash } = await run('take')
    assert.equal(side, 'sell')
    assert.ok(cash > 1_500_000n && cash < 2_000_000n, String(cash))
    assert.equal((await alice.tokens('ETH')) - before, 10n ** 16n)
  })

  it('leave a system that has stalled, with all that is theirs', async () => {
    await prices(150n)
    await step()
    await node.close()
    close()
    const later = (seconds: number) => passTime(system.signer, seconds)
    await later(7_300)
    const { log } = console
    console.log = (line: string) => assert.match(line, /^\d+ of 3600 s of notice$/)
    const clock = setInterval(() => void later(901).catch(() => {}), 250)
    await run('freeze').finally(() => {
      clearInterval(clock)
      console.log = log
    })
    const before = await alice.tokens('USD')
    assert.ok((await run('exit')).equity > 0n)
    context = { ...context, owner: { index: () => Promise.resolve(1) } as never }
    const { tokenAmounts } = await run('pull')
    assert.ok(tokenAmounts[0] > 0n)
    assert.deepEqual((await run('pull-owed')).shares, [])
    const insured = (await run('pull-insurance')).tokenAmounts
    assert.equal((await alice.tokens('USD')) - before, tokenAmounts[0] + insured[0])
  })

  it('are all run by these tests', () => assert.deepEqual([...ran].sort(), [...examples.keys()].sort()))
})
