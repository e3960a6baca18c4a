import type { Envelope } from '../../protocol/health.ts'
import { CASH_MARKS, type Marks, marksOfRow } from '../../protocol/marks.ts'
import type { Market } from './market.ts'

/** The marks of the latest round, as the reference machine takes them. */
export async function marksOn(market: Market): Promise<Marks> {
  return [CASH_MARKS, ...(await market.rounds.read<bigint[][]>('marks')).map(marksOfRow)]
}

/** From half to twice the marks. */
export function envelopeAround(marks: Marks): Envelope {
  const traded = marks.slice(1)
  return {
    floors: traded.map(({ collateralValue }) => collateralValue / 2n),
    ceilings: traded.map(({ liabilityValue }) => 2n * liabilityValue),
  }
}
