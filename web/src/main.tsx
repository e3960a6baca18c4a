import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { useLoaded, useRoute, useView } from './hooks.ts'
import { type Config, follow, loadConfig } from './node.ts'
import { Failure, Tag } from './parts.tsx'
import { Line } from './views/line.tsx'

// Everything but the first view is loaded when it is asked for.
const VIEWS = {
  rounds: ['Rounds', () => import('./views/rounds.tsx')],
  market: ['Market', () => import('./views/market.tsx')],
  rules: ['Rules', () => import('./views/rules.tsx')],
  account: ['My account', () => import('./views/account.tsx')],
  operator: ['Operator', () => import('./views/operator.tsx')],
  risk: ['Risk', () => import('./views/risk.tsx')],
} as const
type Name = keyof typeof VIEWS

function Page() {
  const { value: config, error } = useLoaded(loadConfig, [])
  const [first = '', ...rest] = useRoute()
  const name = first === 'trade' ? 'account' : first
  const main = useRef<HTMLElement>(null)
  const moved = useRef(false)
  useEffect(() => {
    document.title = `Plimsoll · ${name in VIEWS ? VIEWS[name as Name][0] : 'The line'}`
    if (moved.current) main.current?.focus()
    moved.current = true
  }, [name])
  return (
    <>
      <a class="skip" href={`#/${first}`} onClick={() => main.current?.focus()}>
        To the content
      </a>
      <header class="top">
        <a class="brand" href="#/">
          <Mark />
          Plimsoll
        </a>
        <Navigation name={name} operator={config?.operator === true} />
        <Status config={config} />
      </header>
      <main ref={main} tabIndex={-1}>
        <Failure error={error} />
        {config !== undefined &&
          (name in VIEWS ? (
            <Lazy key={name} name={name as Name} config={config} rest={rest} />
          ) : (
            <Line config={config} />
          ))}
      </main>
      <footer>
        <p>
          Unaudited, under development. Candles by{' '}
          <a href="https://www.tradingview.com/" rel="noreferrer">
            TradingView
          </a>
          &rsquo;s lightweight-charts.
          {config?.report === true && (
            <>
              {' '}
              <a href="/report.html">The risk laboratory&rsquo;s report</a>.
            </>
          )}
        </p>
      </footer>
    </>
  )
}

function Navigation(props: { name: string; operator: boolean }) {
  const names: [string, string][] = [
    ['', 'The line'],
    ...Object.entries(VIEWS)
      // The operator's page does not act, and everybody's knows nothing of the operator's.
      .filter(([key]) => key !== (props.operator ? 'account' : 'operator'))
      .map(([key, [title]]): [string, string] => [key, title]),
  ]
  return (
    <nav aria-label="Pages">
      <ul>
        {names.map(([key, title]) => (
          <li key={key}>
            <a href={`#/${key}`} aria-current={props.name === key ? 'page' : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function Status(props: { config: Config | undefined }) {
  const { open, failure } = useView()
  const [theme, setTheme] = useState(() => localStorage.getItem('theme') ?? 'auto')
  useEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    localStorage.setItem('theme', theme)
  }, [theme])
  return (
    <div class="right">
      <span role="status">
        {failure !== undefined ? (
          <Tag tone="bad">node does not answer</Tag>
        ) : open ? (
          <Tag tone="good">live</Tag>
        ) : (
          <Tag tone="plain">connecting</Tag>
        )}
      </span>
      {props.config !== undefined && <span>chain {props.config.chainId}</span>}
      <label class="row">
        <span class="visually-hidden">Colors</span>
        <select value={theme} onChange={(event) => setTheme(event.currentTarget.value)}>
          <option value="auto">As the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
    </div>
  )
}

function Lazy(props: { name: Name; config: Config; rest: readonly string[] }) {
  const { value, error } = useLoaded(() => VIEWS[props.name][1](), [])
  if (value === undefined) return error === undefined ? <p class="soft">Loading…</p> : <Failure error={error} />
  const { View } = value
  return <View config={props.config} rest={props.rest} />
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="10" fill="none" stroke="currentColor" stroke-width="3" />
      <path d="M1 16h30" stroke="currentColor" stroke-width="3" />
    </svg>
  )
}

const root = document.getElementById('page')!
root.replaceChildren()
render(<Page />, root)
follow()
