import { encodeState, storedState } from '../../sequencer/state/state-json.ts'
import { Store } from '../../sequencer/state/store.ts'

/** The private state that was saved last in a directory, as text; without what the chain does not tell of the settlements that led to it. */
export async function stateText(directory: string): Promise<string> {
  const store = await Store.open(directory)
  try {
    const { system, settlements, traded } = await store.latest()
    const traders = [...system.accounts].map(({ index }) => index).filter((index) => traded.has(index))
    const { operations: _, ...stored } = storedState(store.deployment, system, { settlements, traded: traders })
    return encodeState({ settlements, ...stored })
  } finally {
    store.close()
  }
}
