import { sameEnvelope } from '../chain/settlement.ts'
import { PlimsollError } from '../protocol/errors.ts'
import { MARK_NAMES, type Marks } from '../protocol/marks.ts'
import { VAULT_ABI } from '../sdk/abi/vault.ts'
import type { Pinned } from '../sdk/chain/pinned.ts'
import type { ChainReplay } from './chain-replay.ts'

/**
 * Holds the contracts' storage at a block against what a replay arrived at.
 * @throws PlimsollError naming the first thing that differs
 */
export async function compareStorage(replay: ChainReplay, { number: end, timestamp }: Pinned['block']): Promise<void> {
  const { settlement, books, governance, lost } = replay
  const contracts = replay.contracts!
  const { ledger } = await replay.begun()
  const { read } = settlement.client
  const same = (what: string, replayed: unknown, stored: unknown) => {
    if (String(replayed) !== String(stored))
      throw new PlimsollError(`The contract's ${what} is not what its settlements lead to.`)
  }
  const view = (name: 'accountsRoot' | 'heads' | 'isComplete') => settlement.view(name, [], end)
  same('accounts root', ledger.root, await view('accountsRoot'))
  same('list of heads', ledger.heads, await view('heads'))
  same('round number', replay.rounds.length, (await settlement.round(end)).number)
  const vault = { address: contracts.vault, abi: VAULT_ABI, blockNumber: end } as const
  if (!lost) same('bad debt', ledger.badDebt, await read.readContract({ ...vault, functionName: 'badDebt' }))
  await books.compare(read, contracts, end, replay.now(), timestamp)
  same('completeness', ledger.isComplete(), await view('isComplete'))
  for (let slot = 2; slot < ledger.heads.length; slot++) {
    if (!sameEnvelope(ledger.envelopes[slot], await settlement.envelope(slot, end)))
      throw new PlimsollError(`The contract's envelope of slot ${slot} is not what its settlements lead to.`)
  }
  if (ledger.marks !== undefined) {
    const flat = (marks: Marks) => marks.flatMap((asset) => MARK_NAMES.map((name) => asset[name])).join()
    same('set of marks', flat(ledger.marks), flat(await settlement.marks(end)))
  }
  await replay.oracles.compare(settlement.client, contracts.oracles, end)
  await replay.margins.compare(settlement.client, contracts.rounds, end)
  await governance.compare(settlement.client, contracts.governance, end, timestamp)
}
