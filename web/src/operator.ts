/** The token of the operator's listener: from the link that the node printed, and kept for as long as the tab. */
function token(): string | undefined {
  const given = new URLSearchParams(location.hash.split('?')[1] ?? '').get('token')
  if (given !== null) {
    sessionStorage.setItem('token', given)
    // It is not to stay in the address, nor in the history.
    history.replaceState(null, '', `${location.pathname}#/operator`)
  }
  return sessionStorage.getItem('token') ?? undefined
}

async function answer(path: string): Promise<Response> {
  const own = token()
  if (own === undefined)
    throw new Error('This page needs its token: open the link that the node printed when it started.')
  const response = await fetch(`/private/${path}`, { headers: { authorization: `Bearer ${own}` } })
  if (response.ok) return response
  const body = (await response.json().catch(() => undefined)) as { error?: { message?: unknown } } | undefined
  throw new Error(
    typeof body?.error?.message === 'string' ? body.error.message : `The node answered with status ${response.status}.`,
  )
}

export async function health(): Promise<Health> {
  return (await (await answer('health')).json()) as Health
}

/** Figures of an operator: see `Vitals` of the node. */
export interface Health {
  readonly ok: boolean
  readonly round: number
  readonly complete: boolean
  readonly error: string | null
  readonly lastLook: { readonly at: string; readonly age: number; readonly seconds: number } | null
  readonly roundAge: number | null
  readonly feeds: readonly { readonly asset: string; readonly up: boolean; readonly age: number | null }[]
  readonly checkpoint: { readonly age: number; readonly grace: number }
  readonly operator: { readonly address: string; readonly ether: string; readonly settlementsLeft: number }
  readonly operations: {
    readonly accepted: number
    readonly waiting: number
    readonly settled: number
    readonly failed: Readonly<Record<string, number>>
  }
  readonly deposits: number
  readonly forcedRequests: number
  readonly accountsToRekey: number
  readonly diskFree: number | null
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Samples of a page of Prometheus's text format. */
export async function metrics(): Promise<readonly Sample[]> {
  const text = await (await answer('metrics')).text()
  return text.split('\n').flatMap((line): Sample[] => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (match === null) return []
    const labels = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
      name!,
      value!,
    ])
    return [{ name: match[1]!, labels: Object.fromEntries(labels), value: Number(match[3]) }]
  })
}

/** The private book as a BOOK.json. */
export async function book(): Promise<string> {
  return (await answer('book')).text()
}
