import { Option } from 'commander'
import { CLEARINGS } from '../risk/engine/clearing.ts'

/** `--clearing` of the laboratory's commands that run the engine. */
export function clearingOption(): Option {
  return new Option(
    '--clearing <way>',
    'how inventory is sold: at once in the next step, by the auctions of docs/market.md, or by the clock of the contracts',
  )
    .choices([...CLEARINGS])
    .default('immediate')
}
