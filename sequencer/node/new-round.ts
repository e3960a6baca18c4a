import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until the chain has another round than `round`.
 * @param latest asks for the number of the latest; where it fails, it is asked again
 * @param interval milliseconds between two questions
 * @returns whether there is one; false once the signal is aborted
 */
export async function newRound(
  round: number,
  latest: () => Promise<number>,
  interval: number,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    await sleep(interval, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return false
    const number = await latest().catch(() => round)
    if (signal.aborted) return false
    if (number !== round) return true
  }
}
