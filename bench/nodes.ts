import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DEFAULT_SLOTS, INBOX } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { compileCircuit } from '../prover/compile.ts'
import { PROFILES } from '../prover/profiles.ts'
import { readR1cs } from '../prover/r1cs.ts'
import { Random } from '../risk/random.ts'
import { replay } from '../sequencer/planner/replay.ts'
import { crashMarket, MIN_LIABILITY } from './crash-market.ts'
import { type NodeResolve, type NodeRung, nodeSweepConstraints, RESOLVE_CONSTRAINTS } from './node-costs.ts'
import { type NodeReplay, replayNodes } from './node-replay.ts'
import { type Happening, StageRecorder } from './node-stages.ts'
import { integerOption } from './options.ts'

// What stacks of nodes of several leaves, with one product for all of a sweep, would gain over the ladder of sweeps that there is: the
// planner's own stages, carried out over nodes. Decoys are off, and nothing is proven.

const USAGE =
  'Usage: npm run bench:nodes -- --eth CSV --btc CSV --accounts N [--leaves K] [--search STEPS] [--json], or --compile'
const LARGEST = 2 ** 17 - 4

/** Ladders that `--search` found at 10,000 accounts on 12 March 2020, by leaves of a node. */
const LADDERS: ReadonlyMap<number, readonly NodeRung[]> = new Map([
  [3, [rung(51, 16, 37, 11), rung(8, 2, 7, 7), rung(3, 2, 3, 4)]],
  [4, [rung(46, 13, 30, 11), rung(9, 1, 7, 8), rung(3, 0, 3, 3)]],
  [5, [rung(38, 9, 25, 10), rung(10, 0, 8, 4), rung(3, 0, 3, 3)]],
  [6, [rung(32, 9, 22, 8), rung(9, 2, 8, 6), rung(3, 1, 2, 3)]],
])

/** Sizes that `--compile` holds the count of constraints to. */
const COMPILED: readonly (readonly [NodeRung, number])[] = [
  [rung(1, 1, 1, 6), 5],
  [rung(2, 1, 3, 4), 3],
]

function rung(pops: number, frees: number, pushes: number, window: number): NodeRung {
  return { pops, frees, pushes, window }
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        eth: { type: 'string' },
        btc: { type: 'string' },
        accounts: { type: 'string' },
        leaves: { type: 'string' },
        search: { type: 'string' },
        compile: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new PlimsollError(`${(error as Error).message.split('\n')[0]}`, { hint: USAGE })
  }
}

/** Compiles small sweeps of nodes and compares their constraints with what is counted. */
async function compile(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  let wrong = 0
  try {
    for (const [size, leaves] of COMPILED) {
      const { pops, frees, pushes, window } = size
      const instance = `NodeSweep(${pops}, ${frees}, ${pushes}, ${leaves}, ${window})`
      await compileCircuit({
        name: 'sweep',
        main: `pragma circom 2.2.0;\n\n${await source()}\ncomponent main {public [digest, z, y]} = ${instance};\n`,
        circuits: fileURLToPath(new URL('../circuits', import.meta.url)),
        output: directory,
        constraintsOnly: true,
      })
      const { constraintCount } = readR1cs(join(directory, 'sweep.r1cs'))
      const counted = nodeSweepConstraints(size, leaves)
      if (constraintCount !== counted) wrong++
      console.log(`${instance}: ${constraintCount} constraints, ${counted} counted`)
    }
  } finally {
    await rm(directory, { recursive: true })
  }
  return wrong === 0 ? 0 : 1
}

async function source(): Promise<string> {
  const text = await readFile(new URL('node_sweep.circom', import.meta.url), 'utf8')
  return text.replace(/^pragma.*\n/, '')
}

interface Row {
  readonly leaves: number
  readonly rungs: readonly NodeRung[]
  readonly resolve: NodeResolve
  readonly counts: NodeReplay
}

class Comparison {
  readonly #accounts: number
  readonly #happenings: readonly Happening[]

  constructor(accounts: number, happenings: readonly Happening[]) {
    this.#accounts = accounts
    this.#happenings = happenings
  }

  run(leaves: number, rungs: readonly NodeRung[]): Row {
    // Steps that whole nodes fill; and as many nodes as accounts, so that none is left for being short. Fewer of these would make the
    // circuit smaller, and more resolves.
    const steps = leaves * Math.floor(PROFILES.large.resolve.steps / leaves)
    const resolve = { steps, pops: steps }
    const counts = replayNodes(this.#accounts, this.#happenings, { leaves, rungs, slots: DEFAULT_SLOTS, resolve })
    return { leaves, rungs, resolve, counts }
  }

  /** Looks for a better ladder, a change at a time: the fewest constraints in all. */
  search(leaves: number, from: readonly NodeRung[], tries: number): Row {
    const random = new Random(1, 1)
    const below = (most: number) => Math.floor(random.uniform() * most)
    let best = this.run(leaves, from)
    for (let i = 0; i < tries; i++) {
      const rungs = best.rungs.map((rung) => ({ ...rung }))
      for (let changes = 1 + below(2); changes > 0; changes--) {
        const changed = rungs[below(rungs.length)]!
        const name = (['pops', 'frees', 'pushes', 'window'] as const)[below(4)]!
        const step = Math.max(1, Math.round(changed[name] * 0.2 * random.uniform()))
        changed[name] = Math.max(
          name === 'frees' ? 0 : name === 'window' ? 3 : 1,
          changed[name] + (below(2) * 2 - 1) * step,
        )
      }
      if (rungs.some((rung) => nodeSweepConstraints(rung, leaves) > LARGEST || rung.window > 16)) continue
      try {
        const row = this.run(leaves, rungs)
        if (total(row.counts) < total(best.counts)) best = row
      } catch {
        // A node that fits no rung.
      }
    }
    return best
  }
}

function total({ first, sweeps, resolves }: NodeReplay): number {
  return first.constraints + sweeps.constraints + resolves.constraints
}

async function main(): Promise<number> {
  const options = readOptions()
  if (options.compile) return compile()
  const { eth, btc } = options
  if (eth === undefined || btc === undefined) throw new PlimsollError('--eth and --btc are required.', { hint: USAGE })
  const count = integerOption(options.accounts, 'accounts', 1, 1_000_000, USAGE)
  const tries = options.search === undefined ? 0 : integerOption(options.search, 'search', 1, 100_000, USAGE)
  const sizes =
    options.leaves === undefined ? [...LADDERS.keys()] : [integerOption(options.leaves, 'leaves', 2, 7, USAGE)]

  const { accounts, ticks } = crashMarket(eth, btc, count, 1)
  const observer = new StageRecorder(DEFAULT_SLOTS, INBOX, count)
  const { sweeps, resolve } = PROFILES.large
  const today = replay(accounts, ticks, {
    slots: DEFAULT_SLOTS,
    minLiability: MIN_LIABILITY,
    rungs: sweeps,
    resolveSteps: resolve.steps,
    observer,
  })
  const before: NodeReplay = {
    first: { batches: today.firstPlacementBatches, constraints: today.firstPlacementConstraints },
    sweeps: { batches: today.batches, constraints: today.constraints },
    resolves: { batches: today.resolves, constraints: today.resolves * RESOLVE_CONSTRAINTS },
  }
  const comparison = new Comparison(count, observer.happenings)
  const rows = sizes.map((leaves) => comparison.search(leaves, LADDERS.get(leaves) ?? FIRST_LADDER, tries))
  if (options.json) console.log(JSON.stringify({ accounts: count, ladder: before, nodes: rows }))
  else print(before, rows)
  return 0
}

const FIRST_LADDER: readonly NodeRung[] = [rung(24, 6, 18, 8), rung(8, 2, 8, 7), rung(3, 1, 3, 4)]

function print(before: NodeReplay, rows: readonly Row[]): void {
  const millions = (constraints: number) => (constraints / 1e6).toFixed(2)
  const count = ({ batches, constraints }: NodeReplay['first']) =>
    `${String(batches).padStart(5)} ${millions(constraints).padStart(7)}`
  const gain = (now: number, then: number) => `${(100 * (1 - now / then)).toFixed(1).padStart(5)} %`
  console.log('Batches and millions of constraints. Gains: of the later sweeps, and of all that is proven.')
  console.log(
    `${'leaves'.padEnd(8)}${'first placement'.padEnd(17)}${'later sweeps'.padEnd(17)}${'resolves'.padEnd(17)}in all`,
  )
  const line = (name: string, counts: NodeReplay) =>
    `${name.padEnd(8)}${[counts.first, counts.sweeps, counts.resolves].map((part) => count(part).padEnd(17)).join('')}${millions(total(counts)).padStart(6)}`
  console.log(line('1, now', before))
  for (const { leaves, rungs, resolve, counts } of rows) {
    const gains = `${gain(counts.sweeps.constraints, before.sweeps.constraints)}, ${gain(total(counts), total(before))}`
    console.log(`${line(String(leaves), counts)}   ${gains}; resolves of ${resolve.steps}`)
    for (const size of rungs) {
      const { pops, frees, pushes, window } = size
      console.log(
        `        ${pops} nodes off, ${frees} on free slots, ${pushes} on any, window ${window}: ${nodeSweepConstraints(size, leaves)}`,
      )
    }
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error
  console.error(error.hint === undefined ? error.message : `${error.message} ${error.hint}`)
  process.exitCode = 2
}
