import { join } from 'node:path'
import { verifyChain } from '../audit/verify-chain.ts'
import { passTime } from '../chain/development-chain.ts'
import { startLocalChain } from '../chain/local-chain.ts'
import { DEFAULT_CLOCKS, type Deployed, deploy, deployContract } from '../deploy/deploy.ts'
import { deployLocalPool } from '../deploy/local-pool.ts'
import { parseDeployable } from '../deploy/market-plan.ts'
import { parseBook } from '../protocol/book.ts'
import { SCALE } from '../protocol/constants.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { divDown, divUp } from '../protocol/integer.ts'
import type { ProfileName } from '../prover/profiles.ts'
import type { ProofService } from '../prover/proof-service.ts'
import { engineBook } from '../risk/engine/job.ts'
import { predictRun, type RunPrediction } from '../risk/experiments/market-run.ts'
import type { Interval } from '../risk/metrics/interval.ts'
import { MOCK_FEED_ABI } from '../sdk/abi/mock-feed.ts'
import { MOCK_TOKEN_ABI } from '../sdk/abi/mock-token.ts'
import { insurancePosition } from '../sdk/actions/insurance-position.ts'
import { insuranceValue } from '../sdk/actions/insurance-value.ts'
import { insure } from '../sdk/actions/insure.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import { ContractRefusal } from '../sdk/chain/contract-errors.ts'
import { LotFills } from '../sdk/chain/lot-fills.ts'
import { type LotOffer, lotOffers } from '../sdk/chain/lot-offers.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { systemContracts } from '../sdk/chain/system-contracts.ts'
import { Keeper, type KeeperOptions } from '../sdk/keeper.ts'
import { NodeMetrics } from '../sequencer/api/metrics.ts'
import { serve } from '../sequencer/api/server.ts'
import { type RoundReport, SequencerNode } from '../sequencer/node/node.ts'
import { type DemoOwner, demoOwner } from './demo-owner.ts'
import { loadKeys } from './load-keys.ts'
import { printText } from './output.ts'
import { deploymentStage, endProgress, progress } from './progress.ts'
import type { Act } from './run-demo.ts'
import { openSigner } from './signer.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const NAMES = ['Alice', 'Bob', 'Carol', 'Dave', 'Erin'] as const
const WEI = 10n ** 18n
const USD = 10n ** 6n
const DAY = { expiresIn: 86_400 }
/** Dollars for an ether before and in the crash, and dollars of liquidity on either side of the pool. */
const BEFORE = 194n
const CRASH = 150n
const POOL_LIQUIDITY = 2_000_000n * USD
/** Settings of the protocol's own taker: seconds of the pool's mean price, how much worse than it the pool may be, tip, and least fill. */
const TAKER = { window: 600, tolerance: 100, tip: USD, least: 100n * USD }
/** Seconds between two looks of the keepers, and looks that are waited for at the most. */
const LOOK = 60
const LOOKS = 240
/** Whole units that Alice has and borrows, and Dave's cash. */
const ALICE = { ETH: 100n, USD: 13_000n }
const DAVE = 4_000n
/** Dollars of gas of a fill on the local chain. */
const GAS = 0.05

/** The crash with a pool, two keepers that compete and an insurer: whether the inventory is gone in the end and the audit agrees. */
export async function runMarketDemo(profile: ProfileName, proofs: ProofService, json: boolean): Promise<Act> {
  const started = performance.now()
  const say = (text: string) => (json ? undefined : printText(text))
  const keys = await loadKeys(profile)
  const { market, custody, ...plans } = parseDeployable(JSON.stringify(demoMarket()))
  say('Third act: what liquidations bring is sold. Starting a local chain and deploying; there is no account yet.')
  const chain = await startLocalChain()
  const data = await temporaryDirectory()
  try {
    const signer = await openSigner(chain.url)
    const deployed = await deploy(market, keys, signer, {
      ...plans,
      custody,
      feeds: {},
      onCreate: deploymentStage,
      allowDevelopmentKeys: false,
      data: join(data.path, 'state'),
      clocks: DEFAULT_CLOCKS,
    }).finally(endProgress)
    const { settlement } = deployed
    const contracts = await systemContracts(signer.read, settlement)
    const tokens = { asset: deployed.tokens.ETH!, cash: deployed.tokens.USD! }
    const priceOf = (dollars: bigint) => ({ cash: dollars * USD, asset: WEI })
    const pool = await deployLocalPool(signer, { ...tokens, price: priceOf(BEFORE), liquidity: POOL_LIQUIDITY })
    const taker = await deployContract(signer, 'PoolTaker', [
      { market: contracts.market, pool: pool.address, asset: 1, ...TAKER },
    ])
    const node = await SequencerNode.open(deployed.data, signer, loadKeys, { proofs, decoys: false })
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    const reports: RoundReport[] = []
    const step = async () => {
      const report = await node.step((done) => progress(`${done} batches proven`)).finally(endProgress)
      if (report !== undefined) reports.push(report)
      return report
    }
    const at = async (dollars: bigint, seconds: number) => {
      await passTime(signer, seconds)
      await setPrice(signer, deployed, dollars)
      await step()
    }
    const [alice, bob, carol, dave, erin] = (await Promise.all(
      NAMES.map((name, i) => demoOwner(name, signer, chain.url, deployed, `http://127.0.0.1:${port}`, i + 1)),
    )) as [DemoOwner, DemoOwner, DemoOwner, DemoOwner, DemoOwner]

    say('Alice deposits 100 ETH, Bob 30,000 USD; Alice borrows 13,000 USD. Carol insures the backstop with 5,000 USD.')
    await alice.open(1, ALICE.ETH * WEI)
    await bob.open(0, 30_000n * USD)
    await step()
    await alice.wallet.withdraw(0, ALICE.USD * USD, alice.address, DAY)
    await step()
    const mint = (to: DemoOwner, amount: bigint) =>
      sendCall(signer, {
        address: tokens.cash,
        abi: MOCK_TOKEN_ABI,
        functionName: 'mint',
        args: [to.address, amount],
      })
    await mint(carol, 5_000n * USD)
    await insure(carol.signer, { settlement, amount: 5_000n * USD })
    await at(BEFORE, DEFAULT_CLOCKS.roundMin + 1)
    const insured = await worthOf(carol, deployed)

    say(`The crash: ETH falls to ${CRASH} USD, and the pool with it.`)
    await pool.moveTo(priceOf(CRASH))
    await at(CRASH, DEFAULT_CLOCKS.roundMin + 1)
    const offered = await lotOffers(signer.read, contracts.market, 1, await signer.read.getBlockNumber())
    const lots = offered[0]!.lots
    const inventory = lots.reduce((sum, { units }) => sum + units, 0n)
    say(
      `  ${reports.at(-1)?.liquidated ?? 0} liquidated: ${formatDecimal(inventory, 8)} ETH wait in ${lots.length} ${lots.length === 1 ? 'lot' : 'lots'}, from above the mark downwards.`,
    )

    say("Dave takes for cash of his own what is below the pool; Erin calls the protocol's own taker for its tip.")
    await mint(dave, DAVE * USD)
    const options = { settlement, minProfit: 0n }
    const keepers = [
      await demoKeeper('Dave', dave, { ...options, pools: [pool.address] }),
      await demoKeeper('Erin', erin, { ...options, pools: [taker] }),
    ] as const
    const fills = new LotFills()
    let looks = 0
    for (; looks < LOOKS; looks++) {
      const block = await signer.read.getBlockNumber()
      const [eth] = await lotOffers(signer.read, contracts.market, 1, block)
      if (eth!.lots.length === 0) break
      // Each is first as often as the other.
      for (const keeper of looks % 2 === 0 ? keepers : keepers.toReversed())
        for (const line of await keeper.act()) say(line)
      if (looks % 5 === 4) await at(CRASH, LOOK)
      else await passTime(signer, LOOK)
    }
    const end = await signer.read.getBlockNumber()
    await fills.readTo(signer.read, contracts, end)
    const [left] = await lotOffers(signer.read, contracts.market, 1, end)
    const gone = left!.lots.length === 0
    await at(CRASH, DEFAULT_CLOCKS.roundMin + 1)
    const insuredAfter = await worthOf(carol, deployed)

    const prediction = predictedRun()
    const seconds = gone ? await secondsToClear(signer, lots, fills) : undefined
    const { kept, penalty } = fills.sumsOf(1)
    const cash = (value: bigint) => formatDecimal(divDown(value, SCALE), 6)
    const facts = {
      penalty: cash(penalty),
      taken: formatDecimal(divUp(penalty - kept, SCALE), 6),
      kept: cash(kept),
      recaptured: fills.recaptured ?? null,
      secondsToClear: seconds ?? null,
      prediction: forReport(prediction, { seconds, recaptured: fills.recaptured }),
    }
    say(
      gone
        ? `The inventory is gone after ${looks} minutes, in ${fills.fills.length} fills.`
        : 'Some of the inventory is left.',
    )
    say(
      `The penalty was ${facts.penalty} USD: the market took ${facts.taken} of it, ${facts.kept} came back to the backstop (${percent(facts.recaptured)}). Carol's shares are worth ${insuredAfter}, after ${insured}.`,
    )

    say(
      `The laboratory, for the same accounts, pool and keepers, over draws of when they look: gone after ${shown(prediction.seconds, (x) => x.toFixed(0))} seconds, it was ${seconds ?? 'not'}; ` +
        `recaptured ${shown(prediction.recaptured, (x) => (100 * x).toFixed(1))} %, it was ${percent(facts.recaptured)}. ${facts.prediction.holds ? 'Both are' : 'Not both are'} in its 95 %.`,
    )

    say('Auditing the chain: every proof again, and every lot and fill.')
    const verdict = await verifyChain(chain.url, settlement, loadKeys, (done) =>
      progress(`${done} settlements checked`),
    ).finally(endProgress)
    server.close()
    server.closeAllConnections()
    await node.close()
    const ok = verdict.ok && gone && fills.fills.length > 0 && reports.every(({ complete }) => complete)
    const took = Math.round((performance.now() - started) / 1_000)
    say(`${took} s; the audit ${verdict.ok ? 'agrees' : `failed: ${verdict.error}`}.`)
    return {
      ok,
      inventory: formatDecimal(inventory, 8),
      gone,
      minutes: (looks * LOOK) / 60,
      fills: fills.fills.length,
      keepers: keepers.map(({ name, count, missed, profit }) => ({
        name,
        fills: count(),
        missed: missed(),
        profit: formatDecimal(profit(), 6),
      })),
      ...facts,
      insurer: { before: insured, after: insuredAfter },
      seconds: took,
      audit: verdict,
    }
  } finally {
    await chain.stop()
    await data.remove()
  }
}

function demoMarket() {
  return {
    assets: [
      { symbol: 'USD', decimals: 6 },
      {
        symbol: 'ETH',
        decimals: 8,
        price: String(BEFORE),
        depth: '40000',
        collateralFactor: '0.85',
        liabilityFactor: '1.15',
        targetCollateralFactor: '0.8',
        targetLiabilityFactor: '1.2',
        penalty: '0.02',
      },
    ],
    minLiability: '50',
    custody: Object.fromEntries(
      ['USD', 'ETH'].map((symbol) => [symbol, { cap: '1000000', minOpen: '0.01', minDeposit: '0.001' }]),
    ),
  }
}

/** The laboratory's prediction of the act, from what is known before it. */
function predictedRun(): RunPrediction {
  const { custody: _, ...market } = demoMarket()
  const balances = { ETH: String(ALICE.ETH), USD: String(-ALICE.USD) }
  const book = parseBook(JSON.stringify({ ...market, accounts: [{ id: 'Alice', balances }] }))
  return predictRun({
    book: engineBook(book),
    before: Number(BEFORE),
    after: Number(CRASH),
    pool: Number(POOL_LIQUIDITY / USD),
    takers: [
      { kind: 'keeper', gas: GAS, cash: Number(DAVE) },
      { kind: 'pool', tip: Number(TAKER.tip / USD) },
    ],
    look: LOOK,
    looks: LOOKS,
  })
}

/** From the second since which the oldest lot waited to that of the last fill. */
async function secondsToClear(signer: SigningClient, lots: readonly LotOffer[], { fills }: LotFills): Promise<number> {
  const { timestamp } = await signer.read.getBlock({ blockNumber: fills.at(-1)!.block })
  return Number(timestamp) - Math.min(...lots.map(({ since }) => Number(since)))
}

/** The prediction beside what was measured. */
function forReport(
  { seconds, recaptured }: RunPrediction,
  measured: { readonly seconds: number | undefined; readonly recaptured: number | undefined },
) {
  const within = ({ low, high }: Interval, x: number | undefined) => x !== undefined && x >= low && x <= high
  return { seconds, recaptured, holds: within(seconds, measured.seconds) && within(recaptured, measured.recaptured) }
}

function shown({ mean, low, high }: Interval, show: (x: number) => string): string {
  return `${show(mean)} [${show(low)}, ${show(high)}]`
}

/** A keeper of the demo: each of its acts looks once and takes what it found; who comes too late says so. */
async function demoKeeper(name: string, owner: DemoOwner, options: KeeperOptions) {
  const keeper = await Keeper.open(owner.signer, options)
  let [count, missed, profit] = [0, 0, 0n]
  return {
    name,
    count: () => count,
    missed: () => missed,
    profit: () => profit,
    async act(): Promise<string[]> {
      const lines: string[] = []
      for (const move of await keeper.look()) {
        try {
          const done = await keeper.take(owner.signer, move)
          count++
          profit += done.profit
          lines.push(
            `  ${name} takes ${formatDecimal(done.units, 8)} ETH at ${formatDecimal(done.cash, 6)} USD, profit ${formatDecimal(done.profit, 6)}.`,
          )
        } catch (error) {
          if (!(error instanceof ContractRefusal)) throw error
          missed++
        }
      }
      return lines
    },
  }
}

/** Worth of an insurer's shares if redeemed now, in whole units of cash. */
async function worthOf({ signer, address }: DemoOwner, { settlement }: Deployed): Promise<string> {
  const { shares } = await insurancePosition(signer, { settlement, insurer: address })
  const value = await insuranceValue(signer, { settlement })
  if (value === undefined) throw new PlimsollError('What insurance is worth is not known.')
  return formatDecimal((shares * value.redemption.cash) / value.redemption.shares, 6)
}

async function setPrice(signer: SigningClient, { feeds }: Deployed, dollars: bigint): Promise<void> {
  await sendCall(signer, {
    address: feeds.ETH!,
    abi: MOCK_FEED_ABI,
    functionName: 'setAnswer',
    args: [dollars * WEI],
  })
}

function percent(share: number | null): string {
  return share === null ? 'nothing was taken' : `${(100 * share).toFixed(1)} %`
}
