import type { Point } from '../../protocol/curve.ts'

/** A public key as commands print and take it. */
export function keyText([x, y]: Point): string {
  return `${x},${y}`
}
