import type { CircuitInput } from '../../protocol/circuit-input.ts'

/** Work that is too much for the thread that draws the page. */
export type Question =
  | {
      readonly kind: 'verify'
      readonly settlement: `0x${string}`
      readonly transaction: `0x${string}`
      readonly origin: string
    }
  | { readonly kind: 'prove-exit'; readonly input: CircuitInput; readonly origin: string }
  | { readonly kind: 'flow'; readonly book: string; readonly origin: string }

export type Answer = { readonly value: unknown } | { readonly error: string; readonly hint?: string | undefined }

let worker: Worker | undefined
let last: Promise<unknown> = Promise.resolve()

/** Has the worker do something, one thing after the other. @throws Error with the worker's words */
export function ask<T>(question: Question): Promise<T> {
  const next = last.catch(() => {}).then(() => once<T>(question))
  last = next
  return next
}

function once<T>(question: Question): Promise<T> {
  worker ??= new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  const own = worker
  return new Promise((resolve, reject) => {
    own.onmessage = ({ data }: MessageEvent<Answer>) => {
      if ('error' in data) reject(Object.assign(new Error(data.error), { hint: data.hint }))
      else resolve(data.value as T)
    }
    own.onerror = (event) => {
      worker = undefined
      reject(new Error(`The page's worker broke off: ${event.message || 'no reason given'}.`))
    }
    own.postMessage(question)
  })
}
