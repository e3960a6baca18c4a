import { join } from 'node:path'
import type { Address } from 'viem'
import { verifyChain } from '../audit/verify-chain.ts'
import { startLocalChain } from '../chain/local-chain.ts'
import { DEFAULT_CLOCKS, deploy } from '../deploy/deploy.ts'
import { mockCustody } from '../deploy/market-plan.ts'
import { formatDecimal } from '../protocol/decimal.ts'
import { PlimsollError } from '../protocol/errors.ts'
import type { ProfileName } from '../prover/profiles.ts'
import type { ProofService } from '../prover/proof-service.ts'
import { MOCK_FEED_ABI } from '../sdk/abi/mock-feed.ts'
import type { SigningClient } from '../sdk/chain/client.ts'
import { NodeMetrics } from '../sequencer/api/metrics.ts'
import { serve } from '../sequencer/api/server.ts'
import { type RoundReport, SequencerNode } from '../sequencer/node/node.ts'
import { DEMO_ACCOUNTS, DEMO_CASH_DECIMALS, DEMO_SYMBOLS, demoBook, demoTicks } from './demo-day.ts'
import { loadKeys } from './load-keys.ts'
import { printText } from './output.ts'
import { deploymentStage, endProgress, progress } from './progress.ts'
import { roundHeader, roundLine } from './round-line.ts'
import { openSigner } from './signer.ts'
import { temporaryDirectory } from './temporary-directory.ts'

/** Outcome of an act of the demo. */
export interface Act {
  readonly ok: boolean
  readonly [fact: string]: unknown
}

/** Replays the day on a local chain: whether every round became complete and the audit agrees. */
export async function runDemo(profile: ProfileName, proofs: ProofService, json: boolean): Promise<Act> {
  const started = performance.now()
  const say = (text: string) => (json ? undefined : printText(text))
  const ticks = demoTicks()
  const keys = await loadKeys(profile)
  say(`Keys of profile ${profile} are ready. Starting a local chain, deploying, importing ${DEMO_ACCOUNTS} accounts.`)
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
    const node = await SequencerNode.open(deployed.data, signer, loadKeys, { proofs, decoys: false })
    const metrics = new NodeMetrics()
    const { server, port } = await serve(node, metrics, 0)
    say(`Settlement ${deployed.settlement} at ${chain.url}; the node serves http://127.0.0.1:${port}/state.`)
    say(roundHeader(['time (UTC)'.padEnd(16), ...DEMO_SYMBOLS.map((symbol) => symbol.padStart(8))]))

    const reports: RoundReport[] = []
    for (const tick of ticks) {
      await clock.moveTo(tick.unix)
      await setFeeds(
        signer,
        DEMO_SYMBOLS.map((symbol) => deployed.feeds[symbol]!),
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
      say(roundLine(report, leading, formatDecimal(report.badDebt, DEMO_CASH_DECIMALS)))
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
      DEMO_CASH_DECIMALS,
    )
    const seconds = Math.round((performance.now() - started) / 1_000)
    const act = {
      ok,
      rounds: reports.length,
      incomplete,
      accounts: DEMO_ACCOUNTS,
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
