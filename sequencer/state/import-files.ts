import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { type Account, accountLeaf } from '../../protocol/account.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { isBlindHead } from '../../protocol/head-salts.ts'
import { headOf, pushEntry } from '../../protocol/stacks.ts'
import type { StateView } from '../../protocol/state-view.ts'
import { System } from '../../protocol/system.ts'
import { AccountSet } from './account-set.ts'
import { secretOf } from './sequencer-key.ts'
import { StateFiles } from './state-files.ts'
import { decodeState, ledgerAndSalts, requireFormat, restoreSystem, type StoredState } from './state-json.ts'
import type { Deployment, NodeState } from './store.ts'

/** Folder of the files that were taken up: nothing reads them any more. */
const ASIDE = 'before-database'

/** A version, and the one that it was made from; the first from none. */
export interface ImportedVersion {
  readonly state: NodeState
  readonly parent: NodeState | undefined
}

/**
 * Takes up a state in files of JSON, all versions that can be read, and then puts the files aside. Until `write` is done with them
 * nothing is changed, so that a process that is killed begins anew.
 * @throws PlimsollError when none of them can be read
 */
export async function takeUpFiles(
  directory: string,
  secrets: readonly bigint[],
  write: (deployment: Deployment, versions: AsyncIterable<ImportedVersion>) => Promise<void>,
): Promise<void> {
  const files = new StateFiles(directory)
  const versions = await files.list()
  await write(await deploymentOf(files), statesOf(files, versions, secrets))
  await mkdir(join(directory, ASIDE), { recursive: true, mode: 0o700 })
  // Proofs that were kept in files are made again.
  await rm(join(directory, 'proofs'), { recursive: true, force: true })
  for (const name of await files.names()) await rename(join(directory, name), join(directory, ASIDE, name))
}

/** Deployment that files of JSON are of. @throws PlimsollError when none of them can be read */
export async function deploymentOf(files: StateFiles): Promise<Deployment> {
  let problem: PlimsollError | undefined
  for (const version of (await files.list()).toReversed()) {
    try {
      const { chainId, settlement, profile } = await readVersion(files, version)
      return { chainId, settlement, profile }
    } catch (error) {
      problem ??= unusable(files.path(version), error)
    }
  }
  throw problem!
}

/**
 * The states of the files, oldest first, each made from the latest of the settlement before it, and checked against its own root and
 * heads.
 */
async function* statesOf(
  files: StateFiles,
  versions: readonly number[],
  secrets: readonly bigint[],
): AsyncGenerator<ImportedVersion> {
  const known: NodeState[] = []
  let problem: PlimsollError | undefined
  for (const version of versions) {
    try {
      const stored = await readVersion(files, version)
      const { settlements, applied, decoyed } = stored.operations
      // Of two attempts at one settlement only one came to be: the other is no one's parent.
      const parent = known.findLast((state) => state.settlements < settlements) ?? known[0]
      const secret = secretOf(secrets, stored.sequencer) ?? secrets.at(-1)!
      const state: NodeState = {
        system: parent === undefined ? restoreSystem(stored, secret) : follow(parent.system, stored, secret),
        settlements,
        applied: new Map(Object.entries(applied) as [Hex, number][]),
        decoyed: new Map(decoyed),
        traded: AccountSet.of(stored.traded),
      }
      known.push(state)
      yield { state, parent }
    } catch (error) {
      problem ??= unusable(files.path(version), error)
    }
  }
  if (known.length === 0) throw problem!
}

/** @throws when the file cannot be read or is malformed */
async function readVersion(files: StateFiles, version: number): Promise<StoredState> {
  const stored = decodeState(await files.read(version)) as StoredState
  requireFormat(stored)
  return stored
}

/** The state of a file, made from another by what is different. @throws PlimsollError when it does not have its root and heads */
function follow({ state }: System, stored: StoredState, secret: bigint): System {
  const view = state.clone()
  const { accounts, publicKeys, stacks } = stored
  for (const [index, account] of accounts.entries()) {
    const former = view.accounts.at(index)
    if (former !== undefined && isSame(former, account)) continue
    view.write(account, publicKeys[index] ?? undefined)
    view.tree.set(index, accountLeaf(account))
  }
  for (let index = accounts.length; index < view.accounts.length; index++) view.tree.set(index, 0n)
  for (const [slot, members] of stacks.entries()) followStack(view, slot, members)
  view.truncate(accounts.length)
  const { ledger, salts } = ledgerAndSalts(stored, secret)
  if (view.tree.root !== ledger.root) throw new PlimsollError('The stored accounts do not have the stored root.')
  const wrong = ledger.heads.findIndex(
    (head, slot) => !isBlindHead(head, headOf(view.stacks[slot]!), salts.current[slot]!),
  )
  if (wrong >= 0) throw new PlimsollError(`The stored stack ${wrong} does not have the stored head.`)
  return new System(ledger, view, salts, secret)
}

function followStack(view: StateView, slot: number, members: readonly Account[]): void {
  const stack = view.stacks[slot]!
  let same = 0
  while (same < members.length && same < stack.length && isSame(stack.at(same)!.account, members[same]!)) same++
  view.lower(slot, same)
  for (const account of members.slice(same)) pushEntry(stack, account)
}

function isSame(a: Account, b: Account): boolean {
  return (
    a.version === b.version &&
    a.index === b.index &&
    a.viewKey === b.viewKey &&
    a.owner === b.owner &&
    a.balances.join() === b.balances.join() &&
    a.weights.join() === b.weights.join()
  )
}

function unusable(path: string, error: unknown): PlimsollError {
  return new PlimsollError(
    `${path} cannot be used: ${error instanceof PlimsollError ? error.message : 'it is malformed or truncated.'}`,
  )
}
