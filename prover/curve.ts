import { buildBn128 } from 'ffjavascript';

/** Whether snarkjs has started the curve that it shares in this process. */
export function curveIsOpen(): boolean {
  return Boolean((globalThis as { curve_bn128?: unknown }).curve_bn128);
}

/** Ends the threads of that curve; without it, the process never ends by itself. */
export async function closeCurve(): Promise<void> {
  // Asking the library for the curve would start it.
  if (curveIsOpen()) await (await buildBn128()).terminate();
}
