import { parseArgs } from 'node:util'
import { DEFAULT_SLOTS, MAX_SLOTS } from '../protocol/constants.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { PROFILES, type Profile, type ProfileName } from '../prover/profiles.ts'
import { Random } from '../risk/random.ts'
import { replay } from '../sequencer/planner/replay.ts'
import { CASH_DECIMALS, crashMarket, MIN_LIABILITY } from './crash-market.ts'
import { integerOption } from './options.ts'

const USAGE =
  'Usage: npm run bench:envelopes -- --eth CSV --btc CSV --accounts N [--slots S] [--seed X] [--profile P] [--slot-price P] [--least-price L] [--decoys] [--ahead PERCENT] [--json]'

/** As `RoundSettler` writes them, of ticks a quarter of an hour apart. */
const DECOYS = { alone: 1 / 8, pause: 96 }

/** As `RoundSettler` makes them between two ticks at the most. */
const AHEAD_BATCHES = 6

function decoyRandom(seed: number): () => number {
  const random = new Random(seed, 1)
  return () => random.uniform()
}

function price(value: string, name: string): number {
  if (!/^\d+(\.\d+)?$/.test(value))
    throw new PlimsollError(`--${name}: a number that is not negative is required.`, { hint: USAGE })
  return Number(value)
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        eth: { type: 'string' },
        btc: { type: 'string' },
        accounts: { type: 'string' },
        profile: { type: 'string', default: 'large' },
        slots: { type: 'string', default: String(DEFAULT_SLOTS) },
        seed: { type: 'string', default: '1' },
        'slot-price': { type: 'string' },
        'least-price': { type: 'string' },
        decoys: { type: 'boolean', default: false },
        ahead: { type: 'string', default: '0' },
        json: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    throw new PlimsollError(`${(error as Error).message.split('\n')[0]}`, { hint: USAGE })
  }
}

/** The profile whose sweeps are counted. */
function profileOption(name: string): Profile {
  if (!Object.hasOwn(PROFILES, name))
    throw new PlimsollError(`--profile: ${Object.keys(PROFILES).join(', ')} is required, not ${name}.`, { hint: USAGE })
  return PROFILES[name as ProfileName]
}

function main(): number {
  const options = readOptions()
  if (options.eth === undefined || options.btc === undefined)
    throw new PlimsollError('--eth and --btc are required.', { hint: USAGE })
  const count = integerOption(options.accounts, 'accounts', 1, 1_000_000, USAGE)
  const { name: profile, sweeps, resolve } = profileOption(options.profile)
  const slotCount = integerOption(
    options.slots,
    'slots',
    Math.min(...sweeps.map(({ window }) => window)),
    MAX_SLOTS,
    USAGE,
  )
  const seed = integerOption(options.seed, 'seed', 0, 2 ** 32 - 1, USAGE)
  const { accounts, ticks } = crashMarket(options.eth, options.btc, count, seed)
  const ahead = integerOption(options.ahead, 'ahead', 0, 50, USAGE)
  const start = performance.now()
  const result = replay(accounts, ticks, {
    slots: slotCount,
    minLiability: MIN_LIABILITY,
    rungs: sweeps,
    resolveSteps: resolve.steps,
    ...(options.decoys && { decoys: { ...DECOYS, random: decoyRandom(seed) } }),
    ...(ahead > 0 && { ahead: { level: -Math.log(1 - ahead / 100), most: AHEAD_BATCHES } }),
    ...(options['slot-price'] !== undefined && { slotPrice: price(options['slot-price'], 'slot-price') }),
    ...(options['least-price'] !== undefined && { leastSlotPrice: price(options['least-price'], 'least-price') }),
  })
  const seconds = (performance.now() - start) / 1000

  const later = Math.max(1, result.ticks - 1)
  const perAccountTick = result.swept / (count * later)
  const report = {
    ticks: result.ticks,
    ticksWithNoWork: result.quietTicks,
    profile,
    accounts: count,
    slots: slotCount,
    firstPlacement: result.placed,
    firstPlacementBatches: result.firstPlacementBatches,
    firstPlacementConstraints: result.firstPlacementConstraints,
    reproven: result.swept,
    reprovenPerAccountTick: perAccountTick,
    fullScanRatio: perAccountTick === 0 ? null : 1 / perAccountTick,
    liquidations: result.liquidated,
    decoys: result.decoys,
    resolves: result.resolves,
    badDebt: Number(result.badDebt) / 10 ** CASH_DECIMALS,
    sweepBatches: result.batches,
    sweepBatchesByRung: result.rungs,
    constraints: result.constraints,
    worstTick: result.worstTick,
    aheadBatches: result.aheadBatches,
    openings: result.openings,
    noSlot: result.unplaced,
    seconds: Math.round(seconds * 1000) / 1000,
  }
  if (options.json) console.log(JSON.stringify(report))
  else {
    const percent = (share: number) => `${(100 * share).toFixed(share < 0.01 ? 4 : 1)} %`
    console.log(`ticks                        ${report.ticks}`)
    console.log(
      `ticks with no work           ${report.ticksWithNoWork} (${percent(report.ticksWithNoWork / report.ticks)})`,
    )
    console.log(
      `first placement              ${report.firstPlacement} moves of ${count} accounts in ${report.firstPlacementBatches} sweeps`,
    )
    console.log(
      `re-proven afterwards         ${report.reproven} accounts, those liquidated included (${result.liquidated} liquidations)`,
    )
    console.log(`re-proven per account-tick   ${percent(perAccountTick)}`)
    console.log(
      `ratio to a full scan         ${report.fullScanRatio === null ? 'nothing re-proven' : `1 / ${report.fullScanRatio.toFixed(0)}`}`,
    )
    console.log(
      `sweep batches, envelopes     ${report.sweepBatches} of profile ${profile}; ${report.openings} opened in ${slotCount} slots`,
    )
    console.log(
      `constraints of these sweeps  ${report.constraints}; at most ${report.worstTick.constraints} in a tick, ${report.worstTick.batches} sweeps`,
    )
    if (options.decoys) console.log(`decoys                       ${report.decoys}, in ${report.resolves} resolves`)
    console.log(`bad debt                     ${report.badDebt.toFixed(2)}`)
    console.log(`accounts that found no slot  ${report.noSlot}`)
    console.log(`seconds                      ${report.seconds}`)
  }
  return result.unplaced === 0 ? 0 : 1
}

try {
  process.exitCode = main()
} catch (error) {
  if (!(error instanceof PlimsollError)) throw error
  console.error(error.hint === undefined ? error.message : `${error.message} ${error.hint}`)
  process.exitCode = 2
}
