import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Address, type Hex, toHex } from 'viem'
import { verifyChain } from '../audit/verify-chain.ts'
import { startLocalChain } from '../chain/local-chain.ts'
import { DEFAULT_CLOCKS, deploy } from '../deploy/deploy.ts'
import { parseDeployable } from '../deploy/market-plan.ts'
import { messageHash } from '../protocol/messages.ts'
import { operationMessage, type SignedOperation } from '../protocol/operation.ts'
import { ensureKeys } from '../prover/keys.ts'
import { MOCK_TOKEN_ABI } from '../sdk/abi/mock-token.ts'
import { SETTLEMENT_ABI } from '../sdk/abi/settlement.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import { deposit } from '../sdk/actions/deposit.ts'
import { newLink } from '../sdk/actions/trade.ts'
import { connectSigner, type SigningClient } from '../sdk/chain/client.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { NodeRefusal, PlimsollClient } from '../sdk/client.ts'
import { deriveOwnerKey } from '../sdk/owner-key.ts'
import { OwnerWallet } from '../sdk/owner-wallet.ts'
import type { OperationRequest } from '../sdk/schemas.ts'

// A node with real proofs that is killed again and again while owners send: most times at a random moment of its service, whose mean
// length is below that of the looks of a node that is left alone; every fifth time at a random moment of its start. What it
// promised has to be kept, to the last unit.

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const USD = 10n ** 6n
const DEPOSIT = 100_000n * USD
const DAY = { expiresIn: 86_400 }

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    owners: { type: 'string', default: '5' },
    /** Mean seconds between two things that an owner does. */
    pause: { type: 'string', default: '1' },
    /** Looks of the node that are measured before the first kill. */
    looks: { type: 'string', default: '4' },
    /** Mean uptime, from when it serves, as a part of the mean length of these looks. */
    part: { type: 'string', default: '0.75' },
  },
})
const { kills, owners: own, looks, part, pause } = values
const [KILLS, OWNERS, LOOKS, PART, PAUSE] = [kills, own, looks, part, pause].map(Number) as [
  number,
  number,
  number,
  number,
  number,
]

const MARKET = {
  assets: [
    { symbol: 'USD', decimals: 6 },
    {
      symbol: 'PERP',
      decimals: 6,
      price: '50',
      depth: '900000',
      collateralFactor: '0.85',
      liabilityFactor: '1.15',
      targetCollateralFactor: '0.8',
      targetLiabilityFactor: '1.2',
      penalty: '0.02',
    },
  ],
  minLiability: '50',
  custody: { USD: { cap: '1000000000', minOpen: '10', minDeposit: '1' } },
}

/** An operation that an owner has handed in, whatever it heard of it. */
interface Attempt {
  readonly owner: number
  readonly request: OperationRequest
  accepted: boolean
}

interface Owner {
  readonly wallet: OwnerWallet
  readonly address: Address
  /** Ends what it is doing. */
  turn: Promise<unknown>
}

const attempts = new Map<Hex, Attempt>()
let sending = true

/** The node's latest process, which must not outlive this one. */
let latest: ChildProcess | undefined
process.once('exit', () => latest?.kill('SIGKILL'))

/** A process of a node, and what it says. */
class NodeProcess {
  readonly child: ChildProcess
  readonly #exit: Promise<unknown>
  /** Port that it listens on, once it does. */
  readonly listening: Promise<number>
  /** Milliseconds from its start until it listened; undefined before. */
  startTime: number | undefined
  /** Seconds of each look that carried out operations. */
  readonly looks: number[] = []
  #complaints = ''

  /** It dies with this process. @param port 0 for any free one */
  constructor(rpc: string, data: string, port: number) {
    const started = performance.now()
    const args = [MAIN, 'node', '--rpc', rpc, '--data', data, '--port', String(port), '--interval', '1', '--json']
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    latest = this.child
    this.child.stderr!.on('data', (text) => (this.#complaints = `${this.#complaints}${text}`.slice(-2_000)))
    this.#exit = once(this.child, 'exit')
    this.listening = new Promise((resolve, reject) => {
      this.child.once('exit', (code) => reject(new Error(`The node ended with ${code}: ${this.#complaints}`)))
      createInterface(this.child.stdout!).on('line', (line) => {
        const { listening, operations, seconds } = JSON.parse(line)
        if (operations > 0) this.looks.push(seconds)
        if (listening === undefined) return
        this.startTime = performance.now() - started
        resolve(Number(new URL(listening).port))
      })
    })
    this.listening.catch(() => {})
  }

  /** @throws Error where it had ended by itself */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { exitCode } = this.child
    if (exitCode !== null) throw new Error(`The node ended by itself, with ${exitCode}: ${this.#complaints}`)
    this.child.kill(signal)
    await this.#exit
  }
}

/** A client that remembers what is handed in before it is, so that an answer that is lost leaves its id. */
function rememberingClient(node: string, number: number, domain: { chainId: bigint; settlement: bigint }) {
  const client = new PlimsollClient({ node, timeout: 10_000 })
  const submit = client.submit.bind(client)
  client.submit = async (request) => {
    const { version, expiry } = request
    const signed = { ...request, version: BigInt(version), expiry: BigInt(expiry) } as SignedOperation
    const id = toHex(messageHash(domain, operationMessage(signed)), { size: 32 })
    const attempt = { owner: number, request, accepted: false }
    if (!attempts.has(id)) attempts.set(id, attempt)
    const accepted = await submit(request)
    attempts.get(id)!.accepted = true
    return accepted
  }
  return client
}

async function openOwner(
  operator: SigningClient,
  rpc: string,
  token: Address,
  node: string,
  number: number,
): Promise<Owner> {
  const address = (await operator.write.getAddresses())[number + 1]!
  const signer = await connectSigner(rpc, address)
  const { chainId, settlement } = await new PlimsollClient({ node }).deployment()
  const client = rememberingClient(node, number, { chainId: BigInt(chainId), settlement: BigInt(settlement) })
  const key = await deriveOwnerKey((typedData) => signer.write.signTypedData(typedData), chainId, settlement)
  const wallet = OwnerWallet.open(client, await client.deployment(), key)
  await sendCall(signer, { address: token, abi: MOCK_TOKEN_ABI, functionName: 'mint', args: [address, DEPOSIT] })
  await deposit(signer, { settlement, asset: 0, amount: DEPOSIT, publicKey: key.publicKey })
  return { wallet, address, turn: Promise.resolve() }
}

/** Does something once all of the owners are free. */
function alone<T>(owners: readonly Owner[], action: () => Promise<T>): Promise<T> {
  const done = Promise.all(owners.map(({ turn }) => turn)).then(action)
  for (const owner of owners) owner.turn = done.catch(() => {})
  return done
}

/** One owner's day: withdrawals of amounts that nobody else takes, preferences, and trades with the next owner. */
async function keepSending(owners: readonly Owner[], number: number, refusals: Map<string, number>): Promise<void> {
  const me = owners[number]!
  const other = owners[(number + 1) % owners.length]!
  for (let i = 1; sending; i++) {
    const act = async () => {
      const dice = Math.random()
      if (dice < 0.6) return me.wallet.withdraw(0, BigInt(OWNERS * i + number + 1), me.address, DAY)
      if (dice < 0.8) return me.wallet.preferences([8, 1 + (i % 15), 8, 8, 8, 8, 8, 8], DAY)
      const [terms, link] = [{ asset: 1, x: 10_000n, y: USD / 2n }, newLink()]
      await me.wallet.trade({ ...terms, direction: 1 }, link, DAY)
      return other.wallet.trade({ ...terms, direction: 0 }, link, DAY)
    }
    await alone([me, other], act).catch((error: unknown) => {
      const code = error instanceof NodeRefusal ? error.code : 'no answer'
      refusals.set(code, (refusals.get(code) ?? 0) + 1)
    })
    await sleep(2_000 * PAUSE * Math.random())
  }
}

/** Change of an owner's balances, cash and the perpetual, by an operation that was settled. */
function effectOf(request: OperationRequest): readonly [bigint, bigint] {
  if (request.kind === 'withdraw') return [-request.amount, 0n]
  if (request.kind !== 'trade') return [0n, 0n]
  return request.direction === 1 ? [-request.y, request.x] : [request.y, -request.x]
}

const keys = await ensureKeys('tiny')
const chain = await startLocalChain()
const directory = await mkdtemp(join(tmpdir(), 'plimsoll-kills-'))
try {
  const operator = await connectSigner(chain.url)
  const { market, custody } = parseDeployable(JSON.stringify(MARKET))
  const data = join(directory, 'state')
  const deployed = await deploy(market, keys, operator, {
    custody,
    feeds: {},
    allowDevelopmentKeys: false,
    data,
    clocks: DEFAULT_CLOCKS,
  })
  const settled = async (fromBlock: bigint) =>
    (
      await operator.read.getContractEvents({
        address: deployed.settlement,
        abi: SETTLEMENT_ABI,
        eventName: 'Settled',
        fromBlock,
      })
    ).length
  let running = new NodeProcess(chain.url, data, 0)
  const port = await running.listening
  const node = `http://127.0.0.1:${port}`
  const owners: Owner[] = []
  for (let i = 0; i < OWNERS; i++) owners.push(await openOwner(operator, chain.url, deployed.tokens.USD!, node, i))
  while ((await owners.at(-1)!.wallet.findIndex()) === undefined) await sleep(500)

  const refusals = new Map<string, number>()
  const senders = owners.map((_, i) => keepSending(owners, i, refusals))
  const { looks: calm } = running
  while (calm.length < LOOKS) await sleep(500)
  const mean = (list: readonly number[]) => list.reduce((total, each) => total + each, 0) / Math.max(1, list.length)
  const look = mean(calm)
  const lives: { uptime: number; start: number | undefined; settlements: number; load: number }[] = []
  let block = 0n
  const kill = async () => {
    await running.end('SIGKILL')
    block = await operator.read.getBlockNumber()
  }
  await kill()
  let enough = false
  // What was done until then is looked at as well.
  process.once('SIGINT', () => (enough = true))
  for (let i = 1; i <= KILLS && !enough; i++) {
    const first = block + 1n
    running = new NodeProcess(chain.url, data, port)
    const started = lives.flatMap(({ start }) => start ?? [])
    const early = i % 5 === 0 && started.length > 0
    const uptime = early ? 0 : 2 * PART * look * Math.random()
    if (early) await sleep(mean(started) * Math.random())
    else await running.listening
    await sleep(1_000 * uptime)
    await kill()
    const { startTime: start } = running
    lives.push({ uptime, start, settlements: await settled(first), load: loadavg()[0]! })
    const fruitful = lives.filter((life) => life.settlements > 0).length
    process.stderr.write(
      `${i} kills, the last after ${uptime.toFixed(1)} s of service, ${fruitful} lives with a settlement, ${attempts.size} operations${process.stderr.isTTY ? '\r' : '\n'}`,
    )
  }
  running = new NodeProcess(chain.url, data, port)
  await running.listening
  sending = false
  await Promise.all(senders)

  const client = new PlimsollClient({ node })
  const fates = new Map<string, number>()
  const balances = owners.map(() => [DEPOSIT, 0n] as [bigint, bigint])
  const broken: string[] = []
  for (const [id, { owner, request, accepted }] of attempts) {
    let state = await client.operation(id).catch((error: unknown) => {
      if (error instanceof NodeRefusal && error.code === 'NOT_FOUND') return undefined
      throw error
    })
    for (const end = Date.now() + 600_000; state !== undefined && Date.now() < end; ) {
      if (!['accepted', 'proving'].includes(state.status)) break
      await sleep(500)
      state = await client.operation(id)
    }
    const fate = state === undefined ? 'never taken' : state.code === undefined ? state.status : `failed ${state.code}`
    fates.set(fate, (fates.get(fate) ?? 0) + 1)
    const kept = state === undefined ? !accepted : ['settled', 'failed', 'waiting'].includes(state.status)
    if (!kept || (state?.status === 'waiting' && request.kind !== 'trade')) broken.push(`${id}: ${fate}`)
    if (state?.status !== 'settled') continue
    effectOf(request).forEach((change, a) => (balances[owner]![a]! += change))
  }
  const wrong: string[] = []
  for (const [i, { wallet }] of owners.entries()) {
    const { account } = await wallet.read()
    const expected = balances[i]!
    if (account.balances[0] !== expected[0] || account.balances[1] !== expected[1])
      wrong.push(`owner ${i}: ${account.balances.slice(0, 2)} instead of ${expected}`)
  }
  const paid = await operator.read.getContractEvents({
    address: deployed.vault,
    abi: VAULT_ABI,
    eventName: 'WithdrawalPending',
    fromBlock: 0n,
    strict: true,
  })
  const amounts = paid.map(({ args }) => args.amount)
  const twice = amounts.length - new Set(amounts).size
  await running.end('SIGTERM')
  const verdict = await verifyChain(
    chain.url,
    deployed.settlement,
    async () => keys,
    () => {},
  )

  const sum = (list: readonly number[]) => list.reduce((total, each) => total + each, 0)
  const settlements = lives.map((life) => life.settlements)
  const served = lives.filter(({ start }) => start !== undefined)
  const started = served.map(({ start }) => start! / 1_000)
  const idle = settlements.reduce(
    ({ now, most }, count) => (count > 0 ? { now: 0, most } : { now: now + 1, most: Math.max(most, now + 1) }),
    { now: 0, most: 0 },
  ).most
  const figures: Record<string, string | number | boolean> = {
    kills: lives.length,
    'mean length of a look left alone, s': look.toFixed(1),
    'mean uptime of those that served, s': mean(served.map((life) => life.uptime)).toFixed(1),
    'mean time from the start of a process until it serves, s': mean(started).toFixed(1),
    'killed before they served': lives.length - served.length,
    'settlements under fire': sum(settlements),
    'lives with a settlement': settlements.filter((count) => count > 0).length,
    'most lives in a row without': idle,
    'operations handed in': attempts.size,
    ...Object.fromEntries([...fates].sort().map(([fate, count]) => [`of them ${fate}`, count])),
    ...Object.fromEntries([...refusals].sort().map(([code, count]) => [`refused, ${code}`, count])),
    'promises broken': broken.length,
    'balances wrong': wrong.length,
    'withdrawn twice': twice,
    'audit holds': verdict.ok,
    'mean load of the machine': mean(lives.map((life) => life.load)).toFixed(1),
  }
  for (const [name, value] of Object.entries(figures)) process.stdout.write(`${name.padEnd(40)} ${value}\n`)
  for (const line of [...broken, ...wrong, ...(verdict.ok ? [] : [verdict.error])]) process.stdout.write(`${line}\n`)
  if (broken.length + wrong.length + twice > 0 || !verdict.ok) process.exitCode = 1
} finally {
  await chain.stop()
  await rm(directory, { recursive: true, force: true })
}
process.exit()
