import type { VerificationKey } from './groth16.ts'
import type { Answer, Question } from './worker-client.ts'

// Proofs, their checks and the liquidation curve, in WebAssembly and off the page's own thread.

interface Keys {
  readonly profile: string
  readonly origin: 'development' | 'ceremony'
  readonly circuits: Readonly<Record<string, { readonly key: VerificationKey; readonly hash: string }>>
}

let keys: Promise<Keys> | undefined

function loadKeys(): Promise<Keys> {
  keys ??= fetch('/files/keys.json').then((response) => {
    if (!response.ok)
      throw new Error('The keys of the circuits are not to be had: nothing can be checked without them.')
    return response.json() as Promise<Keys>
  })
  keys.catch(() => {
    keys = undefined
  })
  return keys
}

async function bytes(name: string): Promise<Uint8Array> {
  const response = await fetch(`/files/${name}`)
  if (!response.ok) throw new Error(`The file ${name} is not to be had.`)
  return new Uint8Array(await response.arrayBuffer())
}

async function answer(question: Question): Promise<unknown> {
  switch (question.kind) {
    case 'verify': {
      const [{ connect }, { verifySettlement }, { openChecker }, own] = await Promise.all([
        import('../../sdk/chain/client.ts'),
        import('../../sdk/actions/verify-settlement.ts'),
        import('./groth16.ts'),
        loadKeys(),
      ])
      const circuits = Object.fromEntries(Object.entries(own.circuits).map(([name, { key }]) => [name, key]))
      const [client, checker] = await Promise.all([connect(`${question.origin}/rpc`), openChecker(circuits)])
      const { settlement, transaction } = question
      return { ...(await verifySettlement(client, { settlement, transaction, checker })), keys: own.origin }
    }
    case 'prove-exit': {
      const [{ proveExit }, wasm, zkey, own] = await Promise.all([
        import('./prove.ts'),
        bytes('exit.wasm'),
        bytes('exit.zkey'),
        loadKeys(),
      ])
      return { ...(await proveExit(question.input, wasm, zkey)), keyHash: own.circuits.exit?.hash }
    }
    case 'flow': {
      const { riskOf } = await import('./risk-of.ts')
      return riskOf(question.book)
    }
  }
}

addEventListener('message', ({ data }: MessageEvent<Question>) => {
  answer(data).then(
    (value) => postMessage({ value } satisfies Answer),
    (error: unknown) => {
      const hint = error instanceof Error && 'hint' in error ? String(error.hint ?? '') : ''
      const message = error instanceof Error ? error.message.split('\n')[0]! : String(error)
      postMessage({ error: message, ...(hint !== '' && { hint }) } satisfies Answer)
    },
  )
})
