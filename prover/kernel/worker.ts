import { parentPort } from 'node:worker_threads'
import { Machine, type SharedMachine } from './machine.ts'
import { TASKS, type TaskName, type Workspace } from './tasks.ts'

/** A request to a thread, and its answer. */
export interface Request {
  readonly name: TaskName
  readonly input: unknown
  readonly workspace: Workspace
}
export type Answer = { readonly result: unknown } | { readonly error: string }

let machine: Machine | undefined

// First comes the machine, then requests.
parentPort!.on('message', (message: SharedMachine | Request) => {
  if ('module' in message) {
    machine = new Machine(message)
    return
  }
  const { name, input, workspace } = message
  let answer: Answer
  try {
    const run = TASKS[name] as (machine: Machine, workspace: Workspace, input: unknown) => unknown
    answer = { result: run(machine!, workspace, input) }
  } catch (error) {
    answer = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  parentPort!.postMessage(answer)
})
