import type { Curve } from 'ffjavascript'
import { buildBn128 } from 'ffjavascript'

let opening: Promise<Curve> | undefined
let single: Promise<Curve> | undefined

/**
 * The curve that snarkjs shares in this process, with its threads. Open it before any call of snarkjs: two at once
 * would start it twice.
 */
export function openCurve(): Promise<Curve> {
  opening ??= buildBn128()
  return opening
}

/** Whether snarkjs has started it. */
export function curveIsOpen(): boolean {
  return opening !== undefined || Boolean((globalThis as { curve_bn128?: unknown }).curve_bn128)
}

/** Ends the threads of that curve; without it, the process never ends by itself. */
export async function closeCurve(): Promise<void> {
  // Asking the library for the curve would start it.
  if (!curveIsOpen()) return
  const curve = await openCurve()
  opening = undefined
  await curve.terminate()
}

/** A curve without threads, for a few points; made once a process, which takes half a second, and never closed. */
export function curveWithoutThreads(): Promise<Curve> {
  single ??= buildBn128(true)
  return single
}
