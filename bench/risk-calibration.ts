/**
 * Fits the constants of the path models to the shipped history and prints risk/paths/calibration.ts:
 *   npm run --silent risk:calibrate > risk/paths/calibration.ts
 */
import { calibrate } from '../risk/paths/calibrate.ts'

/** Digits kept of each constant. */
const DIGITS = 6

const short = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(DIGITS)) : value)
const lines = JSON.stringify(calibrate(), short, 2)
  .replace(/"(\w+)":/g, '$1:')
  .replace(/\[\n\s+([-\d.,e\s]+?)\n\s+\]/g, (_, row: string) => `[${row.replace(/\s+/g, ' ')}]`)
  .replace(/([^,[{])\n/g, '$1,\n')
  .replace(/,(\s*)$/, '$1')

process.stdout.write(`import type { Calibration } from './calibrate.ts'

/** The constants of the path models, fitted to the shipped history; printed by \`npm run --silent risk:calibrate\`. */
export const CALIBRATION: Calibration = ${lines}
`)
