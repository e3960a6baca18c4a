import { type Deployable, parseDeployable } from '../deploy/market-plan.ts'
import { readParsed } from './read-book.ts'

/**
 * Reads and checks a MARKET.json.
 * @throws PlimsollError naming the file, and the field that is wrong
 */
export function readMarket(path: string): Promise<Deployable> {
  return readParsed(path, parseDeployable)
}
