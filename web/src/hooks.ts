import { useEffect, useState } from 'preact/hooks'
import { currentView, type View, watchView } from './node.ts'

/** Everything the page knows of the node, drawn anew whenever that changes. */
export function useView(): View {
  const [view, set] = useState(currentView)
  useEffect(() => watchView(() => set(currentView())), [])
  return view
}

export interface Loaded<T> {
  readonly value: T | undefined
  readonly error: unknown
}

/** The result of something that takes a while, anew whenever one of the inputs is another. */
export function useLoaded<T>(load: () => Promise<T>, inputs: readonly unknown[]): Loaded<T> {
  const [state, set] = useState<Loaded<T>>({ value: undefined, error: undefined })
  useEffect(() => {
    let gone = false
    load().then(
      (value) => gone || set({ value, error: undefined }),
      (error: unknown) => gone || set((before) => ({ ...before, error })),
    )
    return () => {
      gone = true
    }
  }, inputs)
  return state
}

/** A module that is only loaded where it is needed. */
export function useModule<T>(load: () => Promise<T>): T | undefined {
  return useLoaded(load, []).value
}

/** Seconds of this machine's clock, now and every so often. */
export function useNow(every = 1_000): number {
  const [now, set] = useState(() => Date.now() / 1_000)
  useEffect(() => {
    const timer = setInterval(() => set(Date.now() / 1_000), every)
    return () => clearInterval(timer)
  }, [every])
  return now
}

/** The scheme of colors that is shown, for what is not drawn by styles. */
export function useScheme(): 'light' | 'dark' {
  const read = (): 'light' | 'dark' => {
    const chosen = document.documentElement.dataset.theme
    if (chosen === 'light' || chosen === 'dark') return chosen
    return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  }
  const [scheme, set] = useState(read)
  useEffect(() => {
    const change = () => set(read())
    const query = matchMedia('(prefers-color-scheme: dark)')
    const watcher = new MutationObserver(change)
    query.addEventListener('change', change)
    watcher.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      query.removeEventListener('change', change)
      watcher.disconnect()
    }
  }, [])
  return scheme
}

/** The route: what stands behind `#/`. */
export function useRoute(): readonly string[] {
  const read = () => location.hash.replace(/^#\/?/, '').split('?')[0]!.split('/')
  const [route, set] = useState(read)
  useEffect(() => {
    const change = () => set(read())
    addEventListener('hashchange', change)
    return () => removeEventListener('hashchange', change)
  }, [])
  return route
}
