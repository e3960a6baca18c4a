import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { passTime } from '../chain/development-chain.ts'
import { startLocalChain } from '../chain/local-chain.ts'
import { envelopeCalldata, Settlement, sevenWords } from '../chain/settlement.ts'
import { DEFAULT_CLOCKS, deploy } from '../deploy/deploy.ts'
import { mockCustody } from '../deploy/market-plan.ts'
import { rungOf } from '../protocol/batch.ts'
import { DISTRESS, INBOX } from '../protocol/constants.ts'
import type { Move } from '../protocol/sweep-input.ts'
import type { Transition } from '../protocol/system.ts'
import { ensureKeys } from '../prover/keys.ts'
import { circuitOf, PROFILES, type ProfileName } from '../prover/profiles.ts'
import { ProofService } from '../prover/proof-service.ts'
import { MOCK_FEED_ABI } from '../sdk/abi/mock-feed.ts'
import { ROUNDS_ABI } from '../sdk/abi/rounds.ts'
import { connectSigner } from '../sdk/chain/client.ts'
import { sendCall } from '../sdk/chain/send-call.ts'
import { Store } from '../sequencer/state/store.ts'
import { around, fullBook, fullMoves, fullWindow } from './full-batches.ts'

// Gas of every operation on a local chain, with real proofs in full batches.

interface Row {
  readonly what: string
  readonly gas: bigint
  /** Accounts in it; 0 where it has none. */
  readonly accounts: number
  /** Time of the proof, key and witness program loaded; undefined where there is none or it was not asked for. */
  readonly seconds?: number
}

async function measure(profile: ProfileName, timed: boolean): Promise<Row[]> {
  const keys = await ensureKeys(profile)
  const {
    sweeps: [{ steps }, ...rungs],
    resolve,
  } = keys.profile
  const rows: Row[] = []
  const add = (what: string, gas: bigint, accounts = 0, seconds?: number) =>
    rows.push({ what, gas, accounts, ...(seconds !== undefined && { seconds }) })

  const proofs = new ProofService()
  const chain = await startLocalChain()
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
  try {
    const signer = await connectSigner(chain.url)
    const book = fullBook(keys.profile)
    const deployed = await deploy(book, keys, signer, {
      accounts: book.accounts,
      custody: mockCustody(book),
      feeds: {},
      allowDevelopmentKeys: false,
      data: join(directory, 'state'),
      clocks: DEFAULT_CLOCKS,
    })
    const settlement = await Settlement.at(signer, deployed.settlement)
    const gasOf = async (hash: `0x${string}`) => (await signer.read.getTransactionReceipt({ hash })).gasUsed
    const genesis = (await signer.read.getLogs({ address: deployed.settlement, fromBlock: 0n })).at(-1)!
    add('genesis', await gasOf(genesis.transactionHash), steps)

    const store = await Store.open(deployed.data)
    const { system } = await store.find(await settlement.view('accountsRoot'), await settlement.view('heads'))
    add(
      'first round',
      (await sendCall(signer, { address: deployed.rounds, abi: ROUNDS_ABI, functionName: 'postRound', args: [] }))
        .gasUsed,
    )
    system.setMarks(await settlement.marks())

    // The rest of the widest window, after distress and inbox.
    const widest = Math.max(...keys.profile.sweeps.map(({ window }) => window))
    const slots = Array.from({ length: widest }, (_, i) => DISTRESS + i)
    const targets = slots.slice(INBOX + 1)
    const envelope = around(system.ledger.marks!)
    const openings = targets.map((slot) => envelopeCalldata({ slot, envelope }))
    add(
      'opening one envelope, the first of its slot',
      (await settlement.send(signer, 'openEnvelopes', [openings.slice(0, 1)])).gasUsed,
    )
    add(
      'opening it again with other bounds',
      (
        await settlement.send(signer, 'openEnvelopes', [
          openings.slice(0, 1).map((opening) => ({
            ...opening,
            floors: sevenWords(envelope.floors.map((floor) => floor / 2n)),
          })),
        ])
      ).gasUsed,
    )
    await settlement.send(signer, 'openEnvelopes', [openings])
    for (const slot of targets) system.open({ slot, envelope })

    const settle = async (what: string, { batch, input }: Transition) => {
      const circuit = circuitOf(batch)
      // The first proof of a circuit loads its key.
      if (timed) await proofs.prove(keys, circuit, input)
      const start = performance.now()
      const { proof, signals } = await proofs.prove(keys, circuit, input)
      const seconds = timed ? (performance.now() - start) / 1000 : undefined
      const { gasUsed } = await settlement.settle(signer, [
        { openings: [], batch, digest: signals[0]!, proof, memo: '0x' },
      ])
      add(what, gasUsed, batch.circuit === 'sweep' ? rungOf(keys.profile, batch.rung).steps : batch.active, seconds)
    }
    const window = fullWindow(keys.profile)
    await settle('sweep into slots that were empty', system.sweep(window, fullMoves(keys.profile)))
    // To and fro: the heads change from one that is not 0 to another.
    const [one, two] = targets
    const swap = (count: number) =>
      Array.from({ length: count }, (_, i): Move => (i % 2 === 0 ? { from: one!, to: two! } : { from: two!, to: one! }))
    await settle('sweep between slots with accounts', system.sweep(window, swap(steps)))
    for (const [i, rung] of rungs.entries())
      await settle(
        `the same by the sweep ${rung.steps} x ${rung.window}`,
        system.sweep(slots.slice(0, rung.window), swap(rung.steps), i + 1),
      )
    await settle('resolve, the first', system.resolve(resolve.steps))
    await settle('resolve, a later one', system.resolve(resolve.steps))

    await passTime(signer, DEFAULT_CLOCKS.roundMin + 1)
    for (const address of Object.values(deployed.feeds))
      await signer.write.writeContract({
        address,
        abi: MOCK_FEED_ABI,
        functionName: 'setAnswer',
        args: [190n * 10n ** 18n],
      })
    add(
      'a later round',
      (await sendCall(signer, { address: deployed.rounds, abi: ROUNDS_ABI, functionName: 'postRound', args: [] }))
        .gasUsed,
    )
    return rows
  } finally {
    await proofs.close()
    await chain.stop()
    await rm(directory, { recursive: true })
  }
}

const { values } = parseArgs({
  options: { profile: { type: 'string', default: 'small' }, seconds: { type: 'boolean', default: false } },
})
// A window of tiny has no two slots with envelopes.
if (values.profile !== 'small' && values.profile !== 'large') throw new Error('--profile is small or large.')
const profile = PROFILES[values.profile]
const rows = await measure(profile.name, values.seconds)
const number = (value: bigint) => value.toLocaleString('en-US').padStart(11)
console.log(
  `Gas under profile ${profile.name}: sweeps of ${profile.sweeps[0].steps} accounts and ${profile.sweeps[0].window} slots, resolves of ${profile.resolve.steps} accounts, two assets, a transaction each`,
)
console.log(
  `${'operation'.padEnd(44)}  ${'gas'.padStart(11)}  ${'per account'.padStart(11)}${values.seconds ? '  seconds a proof' : ''}`,
)
for (const { what, gas, accounts, seconds } of rows) {
  const each = accounts > 0 ? number(gas / BigInt(accounts)) : '-'.padStart(11)
  console.log(
    `${what.padEnd(44)}  ${number(gas)}  ${each}${seconds === undefined ? '' : `  ${seconds.toFixed(2).padStart(15)}`}`,
  )
}
