import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { groth16 } from 'snarkjs'
import { KernelProver } from '../prover/backends/kernel.ts'
import { closeCurve } from '../prover/curve.ts'
import { ensureKeys } from '../prover/keys.ts'
import { PROFILES } from '../prover/profiles.ts'
import { publicSignals } from '../prover/proof-service.ts'
import { openProver, type Prover } from '../prover/prover.ts'
import { type Witness, WitnessCalculator } from '../prover/witness.ts'
import { fullBatches } from './full-batches.ts'

// Backends in turn over the same key and witness, and their ratios round by round. The kernel's tables are made before the rounds
// that count; --tables is the memory for them in MB, 0 for none. Then --firsts processes of each backend, also in turns, for what a first
// proof takes and for the peak of memory; --once is such a process.

const { values } = parseArgs({
  options: {
    circuit: { type: 'string', default: 'resolve' },
    profile: { type: 'string', default: 'small' },
    against: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '5' },
    firsts: { type: 'string', default: '3' },
    tables: { type: 'string', default: '1000' },
    once: { type: 'string' },
    witness: { type: 'string' },
  },
})
const circuit = values.circuit as 'sweep' | 'resolve'
const profile = PROFILES[values.profile as keyof typeof PROFILES]
if (!['sweep', 'resolve'].includes(circuit) || profile === undefined)
  throw new Error(`--circuit is sweep or resolve, --profile one of ${Object.keys(PROFILES).join(', ')}.`)
const keys = await ensureKeys(profile.name)
const { zkey, constraints, verificationKey } = keys[circuit]

const open = (choice: string) =>
  openProver(choice, {
    bytes: Number(values.tables) * 1e6,
    onEvent: ({ message }) => values.once === undefined && console.log(message),
  })

if (values.once !== undefined) {
  const prover = await open(values.once)
  const witness = new Uint8Array(await readFile(values.witness!)) as Witness
  const started = performance.now()
  await prover.prove(zkey, witness)
  console.log(performance.now() - started)
  if (prover instanceof KernelProver) {
    // The peak is that of a proof with tables.
    await prover.tables(zkey)
    await prover.prove(zkey, witness)
  }
  await prover.close()
  process.exit(0)
}

const { input } = fullBatches(profile)[circuit]
const witness = await (await WitnessCalculator.open(keys[circuit].wasm, circuit)).calculate(input)
const signals = publicSignals(witness, verificationKey.nPublic)

const choices = ['kernel', 'snarkjs', ...values.against]
const provers = await Promise.all(choices.map(open))
const phases = new Map<string, number[]>()
const times = new Map<string, number[]>(choices.map((choice) => [choice, []]))
console.log(`${circuit} of profile ${profile.name}: ${constraints.toLocaleString('en-US')} constraints`)
for (let round = 0; round <= Number(values.rounds); round++) {
  for (const [i, prover] of provers.entries()) {
    // The first round, in which keys are loaded and code is compiled, does not count.
    const milliseconds = await timeProof(prover, round > 0)
    if (round > 0) times.get(choices[i]!)!.push(milliseconds)
    if (round === 0 && prover instanceof KernelProver) await timeTables(prover)
  }
}
report('proofs', times)
console.log(
  `phases of the kernel, median ms: ${[...phases].map(([phase, list]) => `${phase} ${median(list).toFixed(0)}`).join(', ')}`,
)
await Promise.all(provers.map((prover) => prover.close()))
await closeCurve()

const firsts = new Map<string, number[]>(choices.map((choice) => [choice, []]))
const peaks = new Map<string, number>()
for (let round = 0; round < Number(values.firsts); round++) {
  for (const choice of choices) {
    const { first, peak } = await freshProcess(choice)
    firsts.get(choice)!.push(first)
    peaks.set(choice, Math.max(peak, peaks.get(choice) ?? 0))
  }
}
report('first proofs, loading included', firsts)
for (const [choice, peak] of peaks) console.log(`peak memory of ${choice}: ${(peak / 1e6).toFixed(0)} MB`)

/** Minimum, median and maximum of each backend's times, and of their ratios to the kernel's, round by round. */
function report(title: string, lists: ReadonlyMap<string, readonly number[]>): void {
  console.log(`${title}, seconds, and in times of the kernel's:`)
  for (const [choice, list] of lists) {
    if (list.length === 0) continue
    const ratios = list.map((time, round) => time / lists.get('kernel')![round]!)
    console.log(`  ${choice.padEnd(24)} ${spread(list.map((time) => time / 1_000))}; ${spread(ratios)}`)
  }
}

async function timeTables(prover: KernelProver): Promise<void> {
  const started = performance.now()
  await prover.tables(zkey)
  if (Number(values.tables) > 0) console.log(`the tables took ${((performance.now() - started) / 1_000).toFixed(1)} s`)
}

async function timeProof(prover: Prover, counted: boolean): Promise<number> {
  if (prover instanceof KernelProver)
    prover.onPhase = counted ? (phase, time) => phases.set(phase, [...(phases.get(phase) ?? []), time]) : undefined
  const started = performance.now()
  const proof = await prover.prove(zkey, witness)
  const milliseconds = performance.now() - started
  if (!(await groth16.verify(verificationKey, signals.map(String), proof)))
    throw new Error(`A proof by ${prover.name} does not verify.`)
  return milliseconds
}

/** The milliseconds of a backend's first proof in a process of its own, and that one's peak of bytes as Linux counts them; elsewhere 0. */
async function freshProcess(choice: string): Promise<{ first: number; peak: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-bench-'))
  try {
    const file = join(directory, 'witness')
    await writeFile(file, witness, { mode: 0o600 })
    const child = spawn(process.execPath, [
      fileURLToPath(import.meta.url),
      '--circuit',
      circuit,
      '--profile',
      profile.name,
      '--tables',
      values.tables,
      '--once',
      choice,
      '--witness',
      file,
    ])
    let peak = 0
    const timer = setInterval(() => {
      void residentTree(child.pid!).then((bytes) => (peak = Math.max(peak, bytes)))
    }, 20)
    const first = Number(await text(child.stdout))
    clearInterval(timer)
    if (!(first > 0)) throw new Error(`A process with ${choice} ended without a proof.`)
    return { first, peak }
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** The resident bytes of a process or of its child, whichever are more. */
async function residentTree(pid: number): Promise<number> {
  const own = async (id: string) =>
    Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${id}/status`, 'utf8').catch(() => ''))?.[1] ?? 0) * 1024
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
    .split(' ')
    .filter(Boolean)
  const called = await Promise.all(children.map(own))
  // A native prover runs as the child of a process that only calls it.
  return called.length > 0 ? Math.max(...called) : own(String(pid))
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1]!
}

function spread(ratios: readonly number[]): string {
  return [Math.min(...ratios), median(ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join(' / ')
}
