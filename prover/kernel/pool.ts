import { Worker } from 'node:worker_threads'
import type { SharedMachine } from './machine.ts'
import type { TaskInput, TaskName, TaskResult, Workspace } from './tasks.ts'
import type { Answer, Request } from './worker.ts'

interface Job {
  readonly name: TaskName
  readonly input: unknown
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  workspace: Workspace
  job: Job | undefined
}

/**
 * Threads that carry out tasks, each as soon as it is free, in the order in which they were given. They start at once, which takes a
 * while, and get their machine when it is ready: tasks are given after that.
 */
export class Pool {
  readonly #threads: Thread[]
  readonly #waiting: Job[] = []
  #failure: Error | undefined

  constructor(threads: number) {
    this.#threads = Array.from({ length: threads }, () => {
      // Not the process's own options: those of `node -e` do not fit a file.
      const worker = new Worker(new URL('./worker.ts', import.meta.url), { execArgv: [] })
      const thread: Thread = { worker, workspace: { pointer: 0, bytes: 0 }, job: undefined }
      worker.on('message', (answer: Answer) => this.#finish(thread, answer))
      worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
      worker.on('exit', () => this.#fail(new Error('A thread of the proving kernel has ended.')))
      // A thread without work must not keep the process alive. Only now, as a listener for messages makes it do so again.
      worker.unref()
      return thread
    })
  }

  /** Gives all threads their machine. */
  begin(machine: SharedMachine): void {
    for (const { worker } of this.#threads) worker.postMessage(machine)
  }

  get size(): number {
    return this.#threads.length
  }

  /** Bytes of every thread's workspace. */
  get workspaceBytes(): number {
    return Math.min(...this.#threads.map(({ workspace }) => workspace.bytes))
  }

  /** Gives each thread its workspace. */
  setWorkspaces(workspaces: readonly Workspace[]): void {
    this.#threads.forEach((thread, i) => (thread.workspace = workspaces[i]!))
  }

  run<T extends TaskName>(name: T, input: TaskInput<T>): Promise<TaskResult<T>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#waiting.push({ name, input, resolve: resolve as Job['resolve'], reject })
      this.#dispatch()
    })
  }

  /** Runs a task for each part of a range that is cut in about equal parts, several a thread; `align` divides all cuts. */
  async split<T extends TaskName>(
    name: T,
    length: number,
    align: number,
    input: (first: number, end: number) => TaskInput<T>,
  ): Promise<TaskResult<T>[]> {
    const parts = 2 * this.size
    const size = Math.max(align, Math.ceil(length / parts / align) * align)
    const tasks: Promise<TaskResult<T>>[] = []
    for (let first = 0; first < length; first += size)
      tasks.push(this.run(name, input(first, Math.min(length, first + size))))
    return Promise.all(tasks)
  }

  /** Ends the threads; tasks that are left are rejected. */
  async close(): Promise<void> {
    this.#fail(new Error('The proving kernel was closed.'))
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
  }

  #dispatch(): void {
    for (const thread of this.#threads) {
      if (thread.job !== undefined) continue
      const job = this.#waiting.shift()
      if (job === undefined) return
      thread.job = job
      thread.worker.ref()
      try {
        thread.worker.postMessage({ name: job.name, input: job.input, workspace: thread.workspace } satisfies Request)
      } catch (error) {
        // What is not data cannot be sent.
        this.#finish(thread, { error: String(error) })
      }
    }
  }

  #finish(thread: Thread, answer: Answer): void {
    const job = thread.job
    thread.job = undefined
    thread.worker.unref()
    if (job === undefined) return
    if ('error' in answer) job.reject(new Error(answer.error))
    else job.resolve(answer.result as never)
    this.#dispatch()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    const jobs = [...this.#threads.flatMap(({ job }) => job ?? []), ...this.#waiting.splice(0)]
    for (const thread of this.#threads) thread.job = undefined
    for (const { reject } of jobs) reject(error)
  }
}
