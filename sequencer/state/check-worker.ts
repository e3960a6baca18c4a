import { parentPort, workerData } from 'node:worker_threads'
import { PlimsollError } from '../../protocol/errors.ts'
import { checkState } from './check-state.ts'

// Checks a stored state beside a node at work: see `BackgroundCheck`.
try {
  parentPort!.postMessage({ checked: checkState(workerData as string) })
} catch (error) {
  parentPort!.postMessage({
    problem: error instanceof PlimsollError ? error.message : `The stored state could not be checked: ${error}`,
  })
}
