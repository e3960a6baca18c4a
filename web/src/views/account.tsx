import { useEffect, useState } from 'preact/hooks'
import { patiently } from '../chain.ts'
import { short } from '../format.ts'
import { useLoaded } from '../hooks.ts'
import type { Config } from '../node.ts'
import { Act, Card, Failure, Head, Tag } from '../parts.tsx'
import { findWallets, localAccounts, openLocal, openWallet, type Session } from '../session.ts'
import { Balances } from './account/balances.tsx'
import { Exit } from './account/exit.tsx'
import { History } from './account/history.tsx'
import { Move } from './account/move.tsx'
import { Operations } from './account/operations.tsx'
import { Preferences } from './account/preferences.tsx'
import { Trade } from './account/trade.tsx'
import { Transfer } from './account/transfer.tsx'
import { Which } from './account/which.tsx'

/** The key stays in memory: who reloads the page signs again. */
let kept: Session | undefined
/** Shows another session in the view that is open: it may be another than the one in which it was asked for. */
let show: (session: Session | undefined) => void = () => {}

const TABS = {
  balances: 'Balances and line',
  move: 'Deposit and withdraw',
  trade: 'Trade',
  transfer: 'Give and blend',
  preferences: 'Preferences',
  operations: 'Operations',
  history: 'History',
  exit: 'Leave without the node',
} as const
type Tab = keyof typeof TABS

export function View(props: { config: Config; rest: readonly string[] }) {
  const [session, set] = useState<Session | undefined>(kept)
  const link = props.rest.find((part) => part.startsWith('0x'))
  const [tab, setTab] = useState<Tab>(link === undefined ? 'balances' : 'trade')
  useEffect(() => {
    if (link !== undefined) setTab('trade')
  }, [link])
  useEffect(() => {
    show = set
    set(kept)
  }, [])
  const keep = (found: Session | undefined) => {
    kept = found
    show(found)
  }
  if (session === undefined) return <Connect config={props.config} onOpen={keep} link={link} />
  return (
    <>
      <Head title="My account">
        <span class="mono">{short(session.address)}</span>{' '}
        {session.wallet === undefined && <Tag tone="warn">no node answers: the chain alone</Tag>}{' '}
        <button type="button" class="link" onClick={() => keep(undefined)}>
          forget the key
        </button>
        <Which config={props.config} session={session} onOpen={keep} />
      </Head>
      <Tabs tab={tab} onTab={setTab} />
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`}>
        <div class="grid" key={`${session.number} ${session.index}`}>
          {tab === 'balances' && <Balances session={session} />}
          {tab === 'move' && <Move session={session} config={props.config} />}
          {tab === 'trade' && <Trade session={session} link={link} />}
          {tab === 'transfer' && <Transfer session={session} config={props.config} />}
          {tab === 'preferences' && <Preferences session={session} />}
          {tab === 'operations' && <Operations session={session} />}
          {tab === 'history' && <History session={session} />}
          {tab === 'exit' && <Exit session={session} />}
        </div>
      </div>
    </>
  )
}

/** Tabs as a screen reader expects them: arrows move between them. */
function Tabs(props: { tab: Tab; onTab: (tab: Tab) => void }) {
  const names = Object.keys(TABS) as Tab[]
  const move = (event: KeyboardEvent, at: number) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const next = names[(at + step + names.length) % names.length]!
    props.onTab(next)
    document.getElementById(`tab-${next}`)?.focus()
  }
  return (
    <div class="tabs" role="tablist" aria-label="Parts of the account">
      {names.map((name, i) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-controls="panel"
          aria-selected={props.tab === name}
          tabIndex={props.tab === name ? 0 : -1}
          onKeyDown={(event) => move(event, i)}
          onClick={() => props.onTab(name)}
        >
          {TABS[name]}
        </button>
      ))}
    </div>
  )
}

function Connect(props: { config: Config; link: string | undefined; onOpen: (session: Session) => void }) {
  const { value: wallets } = useLoaded(findWallets, [])
  const { value: accounts, error } = useLoaded(
    async () => (props.config.local ? patiently(localAccounts) : []),
    [props.config.local],
  )
  const [chosen, choose] = useState('')
  const account = chosen || accounts?.[1] || accounts?.[0]
  return (
    <>
      <Head title="My account">
        {props.link === undefined
          ? 'Your key never leaves this page.'
          : 'Somebody proposes a trade to you: connect to see its terms.'}
      </Head>
      <div class="grid">
        <Card title="Connect a wallet" width="half">
          <p>
            The key of your account inside comes from a signature of your Ethereum key. It is asked for twice, and a
            wallet whose two signatures differ is refused, as it would lose the account. The key stays in this
            page&rsquo;s memory.
          </p>
          <div class="form">
            {wallets?.map((wallet) => (
              <Act
                key={wallet.name}
                label={`Connect ${wallet.name}`}
                run={async (say) => {
                  say('Your wallet asks for two signatures of the same message.')
                  props.onOpen(await openWallet(props.config, wallet))
                  return undefined
                }}
              />
            ))}
          </div>
          {wallets?.length === 0 && <p class="soft">This browser has no Ethereum wallet.</p>}
        </Card>
        {props.config.local && (
          <Card title="Accounts of the development chain" width="half">
            <p>
              This chain is a development chain. It holds the keys of its own accounts, and anybody on this machine may
              use them.
            </p>
            <Failure error={error} />
            <div class="form">
              <label>
                Account
                <select value={account} onChange={(event) => choose(event.currentTarget.value)}>
                  {accounts?.map((address, i) => (
                    <option key={address} value={address}>
                      {i}: {short(address)}
                    </option>
                  ))}
                </select>
              </label>
              <Act
                label="Use this account"
                disabled={account === undefined}
                run={async () => {
                  props.onOpen(await openLocal(props.config, account as `0x${string}`))
                  return undefined
                }}
              />
            </div>
          </Card>
        )}
      </div>
    </>
  )
}
