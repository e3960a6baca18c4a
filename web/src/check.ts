import type { VerifySettlementReturnType } from '../../sdk/actions/verify-settlement.ts'
import type { Config } from './node.ts'
import { ask } from './worker-client.ts'

export interface Verdict extends VerifySettlementReturnType {
  readonly seconds: number
  /** Origin of the keys. */
  readonly keys: 'development' | 'ceremony'
}

/** Verifies a settlement in a worker of this page. @throws PlimsollError where it could not be verified */
export async function check({ settlement }: Config, transaction: `0x${string}`): Promise<Verdict> {
  const started = performance.now()
  const verdict = await ask<Omit<Verdict, 'seconds'>>({
    kind: 'verify',
    settlement,
    transaction,
    origin: location.origin,
  })
  return { ...verdict, seconds: (performance.now() - started) / 1_000 }
}
