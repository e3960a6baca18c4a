import { fork } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

import { Model } from '../contracts/ledger-model.ts'
import { deployMarket, type Market, RULE_OFF } from '../contracts/market.ts'
import { Counts } from './run.ts'

// Custody against a model of every private balance, over random sequences of everything that moves value. One in four begins
// with a new deployment, the others with a few accounts that hold and owe: most are too short to come that far by chance. Each
// ends in an escape of everybody.

/** Calm gaps of the assets whose initial margins and depth follow the market: neither may ever liquidate anybody. */
const GAPS: Readonly<Record<number, number>> = { 0: 1_500, 3: 1_000 }

/** Five assets, of which the first and the last traded one have the rule on. */
export function ledgerMarket(): Promise<Market> {
  return deployMarket({ more: [0, 24] }, (config) => ({
    ...config,
    assets: config.assets.map((asset, i) =>
      GAPS[i] === undefined ? asset : { ...asset, rule: { ...RULE_OFF, on: true, gap: GAPS[i] } },
    ),
  }))
}

/** Runs the sequences of these seeds; how often each kind of operation came up. */
export async function runSequences(first: number, count: number): Promise<Counts> {
  const counts = new Counts()
  const market = await ledgerMarket()
  const books = await market.chain.contract('Books', [market.vault.address])
  const { client } = market.chain
  const seeds = Array.from({ length: count }, (_, i) => first + i)
  const anew = seeds.filter((seed) => seed % 4 === 0)
  const id = await client.snapshot()
  const populated = new Model(market, books, BigInt(first))
  await populated.begin()
  await run(
    seeds.filter((seed) => seed % 4 !== 0),
    // The chain's clock goes on while it is set back, so the round of then may be near its end.
    (model) => {
      model.goOnFrom(populated)
      return model.round()
    },
  )
  await client.revert({ id })
  await run(anew, (model) => model.round())
  return counts

  async function run(seeds: readonly number[], begin: (model: Model) => Promise<void>): Promise<void> {
    for (const seed of seeds) {
      const id = await client.snapshot()
      const model = new Model(market, books, BigInt(seed))
      try {
        await begin(model)
        // Most are short; one in twenty is long enough for many checkpoints.
        const length = model.pick(20) === 0 ? 40 + model.pick(120) : 5 + model.pick(15)
        for (let k = 0; k < length; k++) {
          await model.operate()
          await model.check()
        }
        // Of most, whoever is owed something after all has it before the end; of the others, at it.
        if (seed % 3 !== 0) {
          await model.refund()
          for (let k = 0; k < 3; k++) await model.collectOwed()
          await model.check()
        }
        await model.escape()
        counts.add('operations', true, length)
      } catch (error) {
        throw new Error(`sequence ${seed}`, { cause: error })
      }
      counts.add('sequences')
      for (const [kind, times] of Object.entries(model.counts)) counts.add(kind, true, times)
      await client.revert({ id })
    }
  }
}

/** The same on all cores, in processes of their own. */
export async function fuzzLedger(first: number, sequences: number): Promise<Counts> {
  const workers = Math.min(availableParallelism(), sequences)
  const bounds = Array.from({ length: workers + 1 }, (_, i) => first + Math.floor((i * sequences) / workers))
  const parts = await Promise.all(bounds.slice(1).map((end, i) => runInProcess(bounds[i]!, end - bounds[i]!)))
  const counts = new Counts()
  for (const part of parts) for (const [kind, times] of part) counts.add(kind, true, times)
  return counts
}

async function runInProcess(first: number, count: number): Promise<[string, number][]> {
  const child = fork(new URL('ledger-process.ts', import.meta.url), [String(first), String(count)])
  let result: [string, number][] | undefined
  child.on('message', (message) => (result = message as [string, number][]))
  const [code] = await once(child, 'exit')
  if (code !== 0 || result === undefined) throw new Error(`the sequences from ${first} on failed: see above`)
  return result
}
