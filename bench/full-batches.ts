import { importAccounts } from '../book/import-accounts.ts'
import { parseBook } from '../protocol/book.ts'
import { DEFAULT_SLOTS, DISTRESS, INBOX } from '../protocol/constants.ts'
import type { Envelope } from '../protocol/health.ts'
import type { Marks } from '../protocol/marks.ts'
import type { Move } from '../protocol/sweep-input.ts'
import { System, type Transition } from '../protocol/system.ts'
import type { Profile } from '../prover/profiles.ts'

/** As many accounts as a sweep of the first rung takes, the last ones in the inbox breached, two resolves full of them. */
export function fullBook({ sweeps: [sweep], resolve }: Profile) {
  const asset = (symbol: string, price: string, depth: string) => ({
    symbol,
    decimals: 8,
    price,
    collateralFactor: '0.85',
    liabilityFactor: '1.15',
    targetCollateralFactor: '0.8',
    targetLiabilityFactor: '1.2',
    penalty: '0.02',
    depth,
  })
  const breached = Math.min(2 * resolve.steps, sweep.steps)
  const accounts = Array.from({ length: sweep.steps }, (_, i) => ({
    id: `a${i}`,
    balances:
      i < sweep.steps - breached ? { ETH: '5', BTC: '0.1', USD: '-500' } : { ETH: '5', BTC: '0.1', USD: '-1550.5' },
  }))
  return parseBook(
    JSON.stringify({
      assets: [{ symbol: 'USD', decimals: 6 }, asset('ETH', '194.61', '40000'), asset('BTC', '7935.12', '2500')],
      minLiability: '50',
      accounts,
    }),
  )
}

/** Bounds a tenth away from the marks. */
export function around(marks: Marks): Envelope {
  return {
    floors: marks.slice(1).map(({ collateralValue }) => (collateralValue * 9n) / 10n),
    ceilings: marks.slice(1).map(({ liabilityValue }) => (liabilityValue * 11n) / 10n),
  }
}

/** The slots of a sweep's window: distress, inbox, and as many with envelopes as it takes. */
export function fullWindow({ sweeps: [sweep] }: Profile): number[] {
  return Array.from({ length: sweep.window }, (_, i) => DISTRESS + i)
}

/** The moves of a first sweep of a full book: the breached accounts to distress, the others evenly to the slots. */
export function fullMoves({ sweeps: [sweep], resolve }: Profile): Move[] {
  const targets = sweep.window - INBOX - 1
  return Array.from({ length: sweep.steps }, (_, i) => ({
    from: INBOX,
    to: i < 2 * resolve.steps ? DISTRESS : INBOX + 1 + (i % targets),
  }))
}

/** A batch of sweeps and one of resolves without an idle step, two traded assets. */
export function fullBatches(profile: Profile): Record<'sweep' | 'resolve', Transition> {
  const book = fullBook(profile)
  const system = System.genesis(profile, DEFAULT_SLOTS, book.minLiability, importAccounts(book.accounts))
  system.setMarks(book.marks)
  const window = fullWindow(profile)
  for (const slot of window.slice(INBOX + 1)) system.open({ slot, envelope: around(book.marks) })
  const sweep = system.sweep(window, fullMoves(profile))
  return { sweep, resolve: system.resolve(profile.resolve.steps) }
}
