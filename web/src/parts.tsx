import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { messageOf } from './format.ts'

export function Card(props: { title: string; width?: 'half' | 'third' | 'two-thirds'; children: ComponentChildren }) {
  return (
    <section class={`card ${props.width ?? ''}`}>
      <h2>{props.title}</h2>
      {props.children}
    </section>
  )
}

export function Head(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="head">
      <h1>{props.title}</h1>
      <p>{props.children}</p>
    </div>
  )
}

export function Figure(props: { label: string; value: ComponentChildren; title?: string }) {
  return (
    <div class="figure" title={props.title}>
      <div class="label">{props.label}</div>
      <div class="value">{props.value}</div>
    </div>
  )
}

export type Tone = 'good' | 'warn' | 'bad' | 'note' | 'plain'

export function Tag(props: { tone: Tone; children: ComponentChildren }) {
  return <span class={`tag ${props.tone}`}>{props.children}</span>
}

/** A table that scrolls by itself on a narrow screen, and can be reached by keys there. */
export function Table(props: {
  caption: string
  head: readonly (string | { num: string })[]
  children: ComponentChildren
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys.
    <section class="scroll" tabIndex={0} aria-label={props.caption}>
      <table>
        <caption class="visually-hidden">{props.caption}</caption>
        <thead>
          <tr>
            {props.head.map((name) =>
              typeof name === 'string' ? (
                <th key={name} scope="col">
                  {name}
                </th>
              ) : (
                <th key={name.num} scope="col" class="num">
                  {name.num}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </section>
  )
}

export function Failure(props: { error: unknown }) {
  if (props.error === undefined) return null
  return (
    <p class="message bad" role="alert">
      {messageOf(props.error)}
    </p>
  )
}

/** An act that takes a while: its button, what goes on, and how it ended. */
export function Act(props: {
  label: string
  run: (say: (what: string) => void) => Promise<string | undefined>
  disabled?: boolean
  quiet?: boolean
  danger?: boolean
}) {
  const [state, set] = useState<{ tone: Tone; text: string } | undefined>()
  const [busy, setBusy] = useState(false)
  const run = async () => {
    setBusy(true)
    set({ tone: 'note', text: 'One moment…' })
    try {
      const done = await props.run((text) => set({ tone: 'note', text }))
      set(done === undefined ? undefined : { tone: 'good', text: done })
    } catch (error) {
      set({ tone: 'bad', text: messageOf(error) })
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <button
        type="button"
        class={props.danger ? 'danger' : props.quiet ? 'quiet' : ''}
        disabled={busy || props.disabled === true}
        onClick={() => void run()}
      >
        {props.label}
      </button>
      <p class={state === undefined ? 'visually-hidden' : `message ${state.tone}`} role="status">
        {state?.text}
      </p>
    </>
  )
}

export function Hash(props: { value: string }) {
  return (
    <span class="mono" title={props.value}>
      {props.value.length > 20 ? `${props.value.slice(0, 8)}…${props.value.slice(-4)}` : props.value}
    </span>
  )
}
