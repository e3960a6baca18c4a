import type { z } from 'zod'
import {
  type LotsEvent,
  lotsEventSchema,
  type OperationState,
  operationStatusSchema,
  type RoundEvent,
  roundEventSchema,
} from './schemas.ts'

/** Functions that are told of what a node's stream says. */
export interface EventHandlers {
  readonly round?: (event: RoundEvent) => void
  readonly lots?: (event: LotsEvent) => void
  readonly operation?: (event: OperationState) => void
  /** Told whether the stream flows. */
  readonly open?: (open: boolean) => void
}

const SCHEMAS: Readonly<Record<string, z.ZodTypeAny>> = {
  round: roundEventSchema,
  lots: lotsEventSchema,
  operation: operationStatusSchema,
}
/** Milliseconds before a stream that broke off is opened again. */
const PAUSE = 1_000
/** Characters of one event: more is no event of a node's. */
const MOST = 1 << 20

/**
 * Reads server-sent events until the signal ends it; in a browser and in Node, as it needs nothing but `fetch`. What is no event of
 * this version is left out.
 */
export async function readEvents(url: string, handlers: EventHandlers, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { signal, headers: { accept: 'text/event-stream' } })
      if (response.ok && response.body !== null) {
        handlers.open?.(true)
        await read(response.body, handlers)
      }
    } catch {
      // Broken off; the pause comes first.
    }
    if (signal.aborted) return
    handlers.open?.(false)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, PAUSE)
      function done() {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done)
    })
  }
}

async function read(body: ReadableStream<Uint8Array>, handlers: EventHandlers): Promise<void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += decoder.decode(value, { stream: true })
    const parts = text.split('\n\n')
    text = parts.pop()!
    if (text.length > MOST) return void reader.cancel()
    for (const part of parts) tell(part, handlers)
  }
}

function tell(block: string, handlers: EventHandlers): void {
  const line = (name: string) =>
    block
      .split('\n')
      .filter((one) => one.startsWith(`${name}: `))
      .map((one) => one.slice(name.length + 2))
      .join('\n')
  const event = line('event')
  const schema = Object.hasOwn(SCHEMAS, event) ? SCHEMAS[event] : undefined
  const handler = handlers[event as 'round'] as ((value: unknown) => void) | undefined
  if (schema === undefined || handler === undefined) return
  let json: unknown
  try {
    json = JSON.parse(line('data'))
  } catch {
    return
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) handler(parsed.data)
}
