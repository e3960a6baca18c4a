import { Option } from 'commander'
import type { TableEvent, TableOptions } from '../prover/backends/table-maker.ts'
import type { NodeLog } from '../sequencer/state/node-log.ts'
import { wholeNumber } from './whole-number.ts'

// Enough for the circuits of a node at profile `large`.
const DEFAULT_TABLES = 1_000

/** `--prover P`, which backend makes the proofs. */
export function proverOption(): Option {
  return new Option(
    '--prover <prover>',
    'what makes the proofs: kernel, snarkjs, or rapidsnark=PATH of an executable',
  ).default('kernel')
}

/** `--prover-tables MB`, memory for tables of the kernel, for processes that prove again and again. */
export function proverTablesOption(): Option {
  return new Option(
    '--prover-tables <megabytes>',
    "memory for multiples of the proving keys' points, which make the kernel's proofs faster: made in the background after some dozens of proofs, and kept beside the keys",
  )
    .argParser(wholeNumber(0, 3_000))
    .default(DEFAULT_TABLES)
}

/** Terms of tables whose events go to a log, which is asked for when there is something to tell. */
export function tableOptions(megabytes: number, log: () => NodeLog): TableOptions {
  const level = (event: TableEvent['event']) => (event === 'tables-made' || event === 'tables-read' ? 'info' : 'warn')
  return {
    bytes: megabytes * 1e6,
    onEvent: ({ event, zkey, message }) => log()[level(event)]({ event, zkey }, message),
  }
}
