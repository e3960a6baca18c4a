import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { CircuitInput } from '../protocol/circuit-input.ts'
import { DEFAULT_SLOTS } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { KernelProver } from '../prover/backends/kernel.ts'
import { ensureKeys } from '../prover/keys.ts'
import { type CircuitName, circuitOf } from '../prover/profiles.ts'
import { ProofService } from '../prover/proof-service.ts'
import { checkState } from '../sequencer/state/check-state.ts'
import { genesisState } from '../sequencer/state/store.ts'
import { integerOption } from './options.ts'
import { type DueProof, replayProofs } from './replay-proofs.ts'
import { goThrough, liquidated } from './scale-crash.ts'
import {
  crashTicks,
  DEPLOYMENT,
  type MovedSlots,
  nudged,
  PROFILE,
  placed,
  population,
  SECRET,
  systemOf,
} from './scale-population.ts'
import { peakMemory, ScaleRun, type TickCost, writeState } from './scale-store.ts'

// A node's state and planner at a number of accounts, without a chain: what a start, a quiet tick, a tick that moves a few or 0.5 %,
// and the worst tick of 12 March 2020 cost. Proofs are made once a circuit and replayed from how long they took.

const USAGE =
  'Usage: npm run bench:scale -- --accounts N [--provers P,...] [--seconds CIRCUIT=S,...] [--no-worst] [--no-proofs] [--seed X] [--json]'
/** Accounts up to which the crash is gone through from its beginning. */
const SAMPLED = 10_000
const FEW = 50
/** Memory for tables: what a node takes where nothing is said. */
const TABLE_BYTES = 1e9
const IN_FLIGHT = 8
const SHARE = 0.005
const MOVED_SLOTS = { few: DEFAULT_SLOTS - 2, share: DEFAULT_SLOTS - 1 }

interface Measured {
  readonly start: number
  readonly startCpu: number
  readonly resident: number
  readonly peak: number
  readonly quiet: number
  readonly few: TickCost
  readonly share: TickCost
}

const { values } = options()
const count = whole(values.accounts, 'accounts', 1_000, 1_000_000)
const seed = whole(values.seed, 'seed', 0, 2 ** 32 - 1)
const provers = values.provers.split(',').map((each) => whole(each, 'provers', 1, 10_000))
const ticks = crashTicks()

if (values.child !== undefined) {
  process.stdout.write(JSON.stringify(await measure(values.child)))
  process.exit(0)
}
const directory = await mkdtemp(join(tmpdir(), 'plimsoll-scale-'))
try {
  const report = await run()
  if (values.json) console.log(JSON.stringify(report, null, 2))
  else print(report)
} finally {
  await rm(directory, { recursive: true })
}
process.exit(0)

async function run() {
  const data = join(directory, 'state')
  const accounts = population(count, seed)
  note(`placing ${count} accounts`)
  const moved: MovedSlots = {
    few: { slot: MOVED_SLOTS.few, count: FEW },
    share: { slot: MOVED_SLOTS.share, count: Math.round(SHARE * count) },
  }
  const system = placed(accounts, ticks[0]!, moved)
  note('writing them')
  const written = await writeState(data, DEPLOYMENT, genesisState(system), SECRET)
  note('measuring, in a process of its own')
  const measured = await inChild(data)
  note('checking all of it')
  const started = performance.now()
  checkState(join(data, 'state.db'))
  const check = performance.now() - started
  const worst = values['no-worst'] ? undefined : await worstTick()
  return { accounts: count, seed, profile: PROFILE.name, ...written, ...measured, check, ...(worst && { worst }) }
}

/** Measures what a node does that is started on a directory. */
async function measure(data: string): Promise<Measured> {
  const opened = await ScaleRun.open(data)
  const { start, startCpu, resident } = opened
  const quiet = await opened.quiet(ticks[0]!)
  const few = await opened.tick(nudged(ticks[0]!, 2))
  const share = await opened.tick(nudged(ticks[0]!, 20))
  opened.close()
  return { start, startCpu, resident, peak: peakMemory(), quiet, few, share }
}

async function inChild(data: string): Promise<Measured> {
  const args = [fileURLToPath(import.meta.url), '--accounts', String(count), '--child', data]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = await text(child.stdout)
  if (said === '') throw new PlimsollError('The measuring process ended without a result.')
  return JSON.parse(said) as Measured
}

/** The tick of the crash that takes the most constraints: after all that came before it, or for many accounts placed just before it. */
async function worstTick() {
  note('going through the crash')
  const { tick, before } = goThrough(population(Math.min(count, SAMPLED), seed), ticks)
  const history = count <= SAMPLED
  const data = join(directory, 'worst')
  const none = { few: { slot: MOVED_SLOTS.few, count: 0 }, share: { slot: MOVED_SLOTS.share, count: 0 } }
  const system = history
    ? systemOf(before, ticks[tick - 1]!)
    : placed(liquidated(population(count, seed), ticks[tick - 1]!), ticks[tick - 1]!, none)
  await writeState(data, DEPLOYMENT, genesisState(system), SECRET)
  note('measuring its worst tick')
  const opened = await ScaleRun.open(data)
  const proofs: DueProof[] = []
  const inputs = new Map<CircuitName, CircuitInput>()
  const cost = await opened.tick(ticks[tick]!, ({ transition }, time) => {
    const circuit = circuitOf(transition.batch)
    proofs.push({ circuit, at: time / 1_000 })
    inputs.set(circuit, transition.input)
  })
  opened.close()
  const seconds = values['no-proofs'] ? undefined : await secondsOf(inputs)
  const replayed = seconds && provers.map((P) => ({ provers: P, seconds: replayProofs(proofs, seconds, P) }))
  return { tick, history, ...cost, ...(seconds && { proofSeconds: Object.fromEntries(seconds), replayed }) }
}

/**
 * Seconds of a proof, by circuit: of --seconds, or a share of some that are made here, all in flight and with tables, as a node's are after a
 * while.
 */
async function secondsOf(inputs: ReadonlyMap<CircuitName, CircuitInput>): Promise<Map<CircuitName, number>> {
  const given = new Map(
    (values.seconds ?? '')
      .split(',')
      .filter(Boolean)
      .map((each) => [each.split('=')[0] as CircuitName, Number(each.split('=')[1])]),
  )
  if ([...inputs.keys()].every((circuit) => given.get(circuit)! > 0)) return given
  note('making a proof of each circuit')
  const keys = await ensureKeys(PROFILE.name)
  const prover = new KernelProver({}, { bytes: TABLE_BYTES })
  const service = new ProofService(async () => prover)
  const measured = new Map<CircuitName, number>()
  for (const [circuit, input] of inputs) {
    await service.prove(keys, circuit, input)
    await prover.tables(keys[circuit].zkey)
    const started = performance.now()
    await Promise.all(Array.from({ length: IN_FLIGHT }, () => service.prove(keys, circuit, input)))
    measured.set(circuit, (performance.now() - started) / 1_000 / IN_FLIGHT)
  }
  await service.close()
  return measured
}

function options() {
  try {
    return parseArgs({
      options: {
        accounts: { type: 'string' },
        provers: { type: 'string', default: '1,4,16,64' },
        seconds: { type: 'string' },
        seed: { type: 'string', default: '1' },
        'no-worst': { type: 'boolean', default: false },
        'no-proofs': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        child: { type: 'string' },
      },
    })
  } catch (error) {
    return refuse((error as Error).message.split('\n')[0]!)
  }
}

function whole(value: string | undefined, name: string, least: number, most: number): number {
  try {
    return integerOption(value, name, least, most, USAGE)
  } catch (error) {
    return refuse((error as Error).message)
  }
}

function refuse(complaint: string): never {
  console.error(`${complaint} ${USAGE}`)
  process.exit(2)
}

function note(what: string): void {
  if (!values.json) console.error(`bench:scale: ${what}...`)
}

function print(report: Awaited<ReturnType<typeof run>>): void {
  const ms = (time: number) => `${time < 10 ? time.toFixed(2) : time.toFixed(0)} ms`
  const mb = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`)
  const row = (name: string, value: string) => console.log(`${name.padEnd(26)} ${value}`)
  const tick = (name: string, cost: TickCost) => {
    const made = Object.entries(cost.batches).map(([circuit, batches]) => `${batches} ${circuit}`)
    row(
      name,
      `${cost.moved} moves, ${cost.resolved} resolved: ${made.join(', ') || 'nothing'}; ${cost.settlements} settlements`,
    )
    const { plan, transitions, save, follow, total, cpu, written } = cost
    row(
      '',
      `${ms(total)}, ${ms(cpu)} of the processor: plan ${ms(plan)}, transitions ${ms(transitions)}, save ${ms(save)}, follow ${ms(follow)}; ${mb(written)} written`,
    )
  }
  row('accounts, profile', `${report.accounts}, ${report.profile}`)
  row('first write', `${ms(report.create)}, ${mb(report.bytes)}`)
  row(
    'start',
    `${ms(report.start)}, ${ms(report.startCpu)} of the processor with its modules; ${mb(report.resident)} resident; ${mb(report.peak)} at the peak, after the ticks`,
  )
  row('check of all of it', ms(report.check))
  row('quiet tick', ms(report.quiet))
  tick(`tick that moves ${FEW}`, report.few)
  tick(`tick that moves ${100 * SHARE} %`, report.share)
  if (report.worst === undefined) return
  const { worst } = report
  tick(`worst tick, ${worst.tick}`, worst)
  row('', worst.history ? 'after all ticks before it' : 'accounts placed at the tick before')
  if (worst.replayed === undefined) return
  row(
    'seconds of a proof',
    Object.entries(worst.proofSeconds!)
      .map(([circuit, time]) => `${circuit} ${time.toFixed(2)}`)
      .join(', '),
  )
  for (const { provers, seconds } of worst.replayed) row(`${provers} provers, replayed`, `${seconds.toFixed(1)} s`)
}
