import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Address } from 'viem'
import { verifyChain } from '../audit/verify-chain.ts'
import { startLocalChain } from '../chain/local-chain.ts'
import { DEFAULT_CLOCKS, deploy } from '../deploy/deploy.ts'
import { mockCustody } from '../deploy/market-plan.ts'
import { parseBook } from '../protocol/book.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { ProfileName } from '../prover/profiles.ts'
import type { ProofService } from '../prover/proof-service.ts'
import { jointPath, readCandles } from '../risk/data/candles.ts'
import { sampleAccounts } from '../risk/paths/sample-accounts.ts'
import { MOCK_FEED_ABI } from '../sdk/abi/mock-feed.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import { NodeMetrics } from '../sequencer/api/metrics.ts'
import { serve } from '../sequencer/api/server.ts'
import { type RoundReport, SequencerNode } from '../sequencer/node/node.ts'
import { loadKeys } from './load-keys.ts'
import { printText } from './output.ts'
import { deploymentStage, endProgress, progress } from './progress.ts'
import { roundHeader, roundLine } from './round-line.ts'
import { openSigner } from './signer.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const ACCOUNTS = 64
const SEED = 12
const DAY = '2020-03-12'
const POINTS_PER_HOUR = 4
const SYMBOLS = ['ETH', 'BTC'] as const
const CASH_DECIMALS = 6

/** Price points of the day, quarter of an hour apart: time, and quotes in 1/10^18. */
interface Tick {
  readonly unix: number
  readonly quotes: readonly [bigint, bigint]
}

/** Outcome of an act of the demo. */
export interface Act {
  readonly ok: boolean
  readonly [fact: string]: unknown
}

/** Replays the day on a local chain: whether every round became complete and the audit agrees. */
export async function runDemo(profile: ProfileName, proofs: ProofService, json: boolean): Promise<Act> {
  const started = performance.now()
  const say = (text: string) => (json ? undefined : printText(text))
  const ticks = readDay()
  const keys = await loadKeys(profile)
  say(`Keys of profile ${profile} are ready. Starting a local chain, deploying, importing ${ACCOUNTS} accounts.`)
  const chain = await startLocalChain()
  const data = await temporaryDirectory()
  try {
    const signer = await openSigner(chain.url)
    const clock = new ChainClock(signer)
    await clock.moveTo(ticks[0]!.unix - 600)
    const book = demoBook(ticks[0]!)
    const deployed = await deploy(book, keys, signer, {
      accounts: book.accounts,
      custody: mockCustody(book),
      feeds: {},
      onCreate: deploymentStage,
      allowDevelopmentKeys: false,
      data: join(data.path, 'state'),
      clocks: DEFAULT_CLOCKS,
    }).finally(endProgress)
    const node = await SequencerNode.open(deployed.data, signer, loadKeys, { proofs })
    const metrics = new NodeMetrics()
    const { server, port } = await serve(node, metrics, 0)
    say(`Settlement ${deployed.settlement} at ${chain.url}; the node serves http://127.0.0.1:${port}/state.`)
    say(roundHeader(['time (UTC)'.padEnd(16), ...SYMBOLS.map((symbol) => symbol.padStart(8))]))

    const reports: RoundReport[] = []
    for (const tick of ticks) {
      await clock.moveTo(tick.unix)
      await setFeeds(
        signer,
        SYMBOLS.map((symbol) => deployed.feeds[symbol]!),
        tick.quotes,
      )
      const report = await node.step((done) => progress(`${done} batches proven`)).finally(endProgress)
      if (report === undefined) throw new PlimsollError('The node posted no round although the feeds moved.')
      metrics.record(report)
      reports.push(report)
      const leading = [
        new Date(1_000 * tick.unix).toISOString().slice(0, 16).replace('T', ' '),
        ...tick.quotes.map((quote) => cents(quote).padStart(8)),
      ]
      say(roundLine(report, leading, formatDecimal(report.badDebt, CASH_DECIMALS)))
    }
    server.close()
    await node.close()

    say("Auditing the chain: every proof again, under this installation's keys.")
    const verdict = await verifyChain(chain.url, deployed.settlement, loadKeys, (done) =>
      progress(`${done} settlements checked`),
    ).finally(endProgress)
    const incomplete = reports.filter((report) => !report.complete).length
    const differing = verdict.rounds.filter(({ round, complete, proofs }, i) => {
      const report = reports[i]
      return report?.round !== round || report.complete !== complete || report.proofs !== proofs
    }).length
    const ok = verdict.ok && incomplete === 0 && differing === 0 && verdict.rounds.length === reports.length
    const total = (field: 'swept' | 'liquidated' | 'closed' | 'proofs') =>
      reports.reduce((sum, report) => sum + report[field], 0)
    const badDebt = formatDecimal(
      reports.reduce((sum, report) => sum + report.badDebt, 0n),
      CASH_DECIMALS,
    )
    const seconds = Math.round((performance.now() - started) / 1_000)
    const act = {
      ok,
      rounds: reports.length,
      incomplete,
      accounts: ACCOUNTS,
      swept: total('swept'),
      liquidated: total('liquidated'),
      closed: total('closed'),
      badDebt,
      proofs: total('proofs'),
      seconds,
      audit: verdict,
    }
    say(
      `${reports.length} rounds, ${incomplete} of them incomplete: ${total('swept')} sweeps of an account, ${total('liquidated')} liquidations, ${total('closed')} closed, bad debt ${badDebt}.`,
    )
    say(`${total('proofs')} proofs, ${seconds} s in all.`)
    say(
      verdict.ok
        ? `Audit: ${verdict.rounds.length} rounds verified from the chain alone${differing > 0 ? `, but ${differing} differ from the node's` : ', as the node reported them'}.`
        : `Audit failed: ${verdict.error}`,
    )
    if (verdict.ok) say(`Not known: ${verdict.unknown}`)
    return act
  } finally {
    await chain.stop()
    await data.remove()
  }
}

function readDay(): Tick[] {
  const file = (symbol: string) =>
    fileURLToPath(new URL(`../risk/data/crashes/${symbol}USDT_1h_2020-03_black_thursday.csv`, import.meta.url))
  const from = Date.parse(`${DAY}T00:00:00Z`) / 1_000
  const [eth, btc] = SYMBOLS.map((symbol) =>
    readCandles(file(symbol)).filter(({ unix }) => unix >= from && unix < from + 86_400),
  ) as [ReturnType<typeof readCandles>, ReturnType<typeof readCandles>]
  return jointPath(eth, btc, SYMBOLS).map((quotes, i) => ({ unix: from + (i * 3_600) / POINTS_PER_HOUR, quotes }))
}

/** 64 seeded accounts of mixed shape, one of them bankrupt, at the day's first prices. */
function demoBook({ quotes }: Tick) {
  const prices = quotes.map((quote) => Number(quote) / 1e18)
  const depths = { ETH: '40000', BTC: '2500' }
  const accounts = sampleAccounts(
    SEED,
    ACCOUNTS,
    prices.map((price) => ({ price, decimals: 8 })),
    { bankrupt: true },
  )
  return parseBook(
    JSON.stringify({
      assets: [
        { symbol: 'USD', decimals: CASH_DECIMALS },
        ...SYMBOLS.map((symbol, i) => ({
          symbol,
          decimals: 8,
          price: formatDecimal(quotes[i]!, 18),
          collateralFactor: '0.85',
          liabilityFactor: '1.15',
          targetCollateralFactor: '0.8',
          targetLiabilityFactor: '1.2',
          penalty: '0.02',
          depth: depths[symbol],
        })),
      ],
      minLiability: '50',
      accounts: accounts.map(({ shape, balances }, i) => ({
        id: `${shape} ${i}`,
        balances: {
          USD: formatDecimal(balances[0]!, CASH_DECIMALS),
          ETH: formatDecimal(balances[1]!, 8),
          BTC: formatDecimal(balances[2]!, 8),
        },
      })),
    }),
  )
}

async function setFeeds(signer: SigningClient, feeds: readonly Address[], quotes: readonly bigint[]): Promise<void> {
  for (const [i, address] of feeds.entries()) {
    const hash = await signer.write.writeContract({
      address,
      abi: MOCK_FEED_ABI,
      functionName: 'setAnswer',
      args: [quotes[i]!],
    })
    await signer.read.waitForTransactionReceipt({ hash })
  }
}

/**
 * The local chain's time: as far ahead of the day as the chain started, so that the replayed hours pass between blocks and
 * proving takes no time of theirs.
 */
class ChainClock {
  readonly #signer: SigningClient
  #offset: bigint | undefined

  constructor(signer: SigningClient) {
    this.#signer = signer
  }

  /** Mines a block at the replayed time. */
  async moveTo(unix: number): Promise<void> {
    const { timestamp } = await this.#signer.read.getBlock()
    this.#offset ??= timestamp + 60n - BigInt(unix)
    const target = BigInt(unix) + this.#offset
    const request = this.#signer.read.request as (call: { method: string; params: unknown[] }) => Promise<unknown>
    await request({
      method: 'evm_setNextBlockTimestamp',
      params: [`0x${(target > timestamp ? target : timestamp + 1n).toString(16)}`],
    })
    await request({ method: 'evm_mine', params: [] })
  }
}

/** A quote with two decimals, rounded down. */
function cents(quote: bigint): string {
  return formatDecimal(quote / 10n ** 16n, 2)
}
