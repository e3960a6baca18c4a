import type { RoundReport } from '../sequencer/node/node.ts'

interface Column {
  readonly title: string
  readonly width: number
  readonly value: (report: RoundReport) => string
}

const COLUMNS: readonly Column[] = [
  { title: 'round', width: 5, value: ({ round }) => String(round) },
  { title: 'expired', width: 7, value: ({ expired }) => String(expired) },
  { title: 'swept', width: 5, value: ({ swept }) => String(swept) },
  { title: 'liquidated', width: 10, value: ({ liquidated }) => String(liquidated) },
  { title: 'closed', width: 6, value: ({ closed }) => String(closed) },
  { title: 'bad debt', width: 12, value: ({ badDebt }) => String(badDebt) },
  { title: 'operations', width: 10, value: ({ operations }) => String(operations) },
  { title: 'proofs', width: 6, value: ({ proofs }) => String(proofs) },
  { title: 'seconds', width: 7, value: ({ seconds }) => seconds.toFixed(1) },
  { title: 'gas', width: 9, value: ({ gas }) => String(gas) },
  { title: 'complete', width: 8, value: ({ complete }) => (complete ? 'yes' : 'NO') },
]

/** Column of the time of day, behind that of the round. */
const TIME_WIDTH = 20

/** Titles over `roundLine`, after those of leading columns of the caller's; `timed` where the lines have the time. */
export function roundHeader(leading: readonly string[], timed = false): string {
  const titles = COLUMNS.map(({ title, width }) => title.padStart(width))
  return [...leading, ...titles.slice(0, 1), ...(timed ? ['time'.padEnd(TIME_WIDTH)] : []), ...titles.slice(1)].join(
    '  ',
  )
}

/** One line about a round; bad debt in base units of cash unless formatted by `badDebt`. */
export function roundLine(report: RoundReport, leading: readonly string[] = [], badDebt?: string, time?: Date): string {
  const values = COLUMNS.map(({ title, width, value }) =>
    (title === 'bad debt' && badDebt !== undefined ? badDebt : value(report)).padStart(width),
  )
  const clock = time === undefined ? [] : [`${time.toISOString().slice(0, 19)}Z`]
  return [...leading, ...values.slice(0, 1), ...clock, ...values.slice(1)].join('  ')
}
