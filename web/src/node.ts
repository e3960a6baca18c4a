import { PlimsollClient } from '../../sdk/client.ts'
import type { AuctionsInfo, DeploymentInfo, RoundInfo, RoundsInfo } from '../../sdk/schemas.ts'

/** Facts about whoever serves this page: see `PageConfig` of the server. */
export interface Config {
  readonly served: 'node' | 'web'
  readonly chainId: number
  readonly settlement: `0x${string}`
  readonly profile: 'tiny' | 'small' | 'large'
  readonly local: boolean
  readonly operator: boolean
  readonly report: boolean
}

export type Clocks = Awaited<ReturnType<PlimsollClient['clocks']>>

/** All that the page shows of a node, as of the last answer. */
export interface View {
  readonly deployment: DeploymentInfo | undefined
  readonly round: RoundInfo | undefined
  readonly rounds: RoundsInfo['rounds']
  readonly more: boolean
  readonly auctions: AuctionsInfo | undefined
  readonly clocks: Clocks | undefined
  /** Whether the stream flows. */
  readonly open: boolean
  /** The node's last failure, in a sentence. */
  readonly failure: string | undefined
}

export const client = new PlimsollClient({ node: location.origin, timeout: 30_000 })

let view: View = {
  deployment: undefined,
  round: undefined,
  rounds: [],
  more: false,
  auctions: undefined,
  clocks: undefined,
  open: false,
  failure: undefined,
}
const watchers = new Set<() => void>()
let pending: Promise<void> | undefined
let again = false

export const currentView = (): View => view

export function watchView(watcher: () => void): () => void {
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

function set(change: Partial<View>): void {
  view = { ...view, ...change }
  for (const watcher of watchers) watcher()
}

export async function loadConfig(): Promise<Config> {
  return (await (await fetch('/config.json')).json()) as Config
}

/** Asks the node for everything, once more afterwards where something changed meanwhile. */
function refresh(): Promise<void> {
  again = pending !== undefined
  pending ??= ask().finally(() => {
    pending = undefined
    if (again) void refresh()
  })
  return pending
}

async function ask(): Promise<void> {
  try {
    const deployment = view.deployment ?? (await client.deployment())
    set({ deployment })
    const round = await client.round()
    set({ round, failure: undefined })
    // Each is shown as it comes: one that is slow keeps nothing else from being seen.
    const parts = await Promise.allSettled([
      client.rounds().then(takeRounds),
      client.clocks().then((clocks) => set({ clocks })),
      client.auctions().then((auctions) => set({ auctions })),
    ])
    const failed = parts.find((part) => part.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  } catch (error) {
    set({ failure: error instanceof Error ? error.message : String(error) })
  }
}

/** Puts the latest rounds before the earlier ones that are there. */
function takeRounds({ rounds, more }: RoundsInfo): void {
  const older = view.rounds.filter(({ number }) => number < (rounds.at(-1)?.number ?? 0))
  set({ rounds: [...rounds, ...older], more: older.length > 0 ? view.more : more })
}

/** Adds rounds before those that are there. */
export async function loadEarlier(): Promise<void> {
  const last = view.rounds.at(-1)
  if (last === undefined) return
  const { rounds, more } = await client.rounds(last.number)
  set({ rounds: [...view.rounds, ...rounds], more })
}

/** Follows the node for as long as the page is open. */
export function follow(): void {
  void refresh()
  let stop = new AbortController()
  const listen = () => {
    stop = new AbortController()
    const changed = () => void refresh()
    void client.follow({ open: (open) => set({ open }), round: changed, lots: changed }, stop.signal)
  }
  listen()
  // A browser grants an address six connections, over all of its tabs: one that nobody sees holds none.
  document.addEventListener('visibilitychange', () => {
    stop.abort()
    if (!document.hidden) listen()
  })
  // Ages go on, and a node that does not stream is asked all the same.
  setInterval(() => void refresh(), 15_000)
}
