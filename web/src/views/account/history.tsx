import { useState } from 'preact/hooks'
import { explainLiquidation, type LiquidationExplained } from '../../../../sdk/actions/explain-liquidation.ts'
import { recover } from '../../../../sdk/actions/recover.ts'
import type { EventKind, RecoveredAccount } from '../../../../sdk/chain/account-history.ts'
import { settlementConfig } from '../../../../sdk/chain/settlement-config.ts'
import { patiently } from '../../chain.ts'
import { amount, messageOf, percent, plain, price } from '../../format.ts'
import { useLoaded, useView } from '../../hooks.ts'
import { Act, Card, Failure, Hash, Table, Tag } from '../../parts.tsx'
import type { Session, SessionAsset } from '../../session.ts'
import { Agreement } from './agreement.tsx'

/** Words for what a name alone does not say. */
const MEANINGS: Readonly<Partial<Record<EventKind, string>>> = {
  unwind: 'a trade with the backstop',
  forced: 'a withdrawal that the contract was asked for',
  close: 'a position that the contract was asked to close',
  rekey: 'shared with the sequencer’s key in force; nothing else changed',
  refresh: 'rewritten as it was, so that nobody sees who was liquidated',
}

function amounts(balances: readonly bigint[], assets: readonly SessionAsset[]): string {
  const all = assets.flatMap((asset, a) => (balances[a] ? [`${amount(balances[a], asset)} ${asset.symbol}`] : []))
  return all.join(', ') || 'nothing'
}

/** The account rebuilt from the chain alone, with every version it had; and whether the node says the same. */
export function History({ session }: { session: Session }) {
  const { signer, settlement, key, assets } = session
  const [asked, setAsked] = useState(0)
  const { round, rounds } = useView()
  const { value, error } = useLoaded(async () => {
    const [recovered, { sequencerKey }] = await Promise.all([
      recover(signer, { settlement, key, index: session.index }),
      settlementConfig(signer.read, settlement),
    ])
    return { recovered, readableByFormerKey: recovered.sequencer.join() !== sequencerKey.join() }
  }, [session, asked, round?.number, round?.complete, rounds[0]?.settlements.length])
  return (
    <Card title="History, from the chain alone">
      <p class="small soft">
        Nobody is asked or believed: what every settlement published is opened with your key, and must have the
        contract&rsquo;s root.
      </p>
      <Failure error={error} />
      {value === undefined && error === undefined && <p class="soft">Reading the chain…</p>}
      {value !== undefined && (
        <div class="stack">
          <Agreement session={session} />
          {value.readableByFormerKey && (
            <p class="message warn">
              The sequencer has handed over, and this account was not shared with its new key yet: who has the former
              key can still read it.
            </p>
          )}
          <Table caption="Versions of the account" head={['Version', 'Block', 'What', 'Change', 'Then']}>
            {value.recovered.history.toReversed().map((event) => (
              <tr key={event.version}>
                <th scope="row">{event.version}</th>
                <td>{String(event.block)}</td>
                <td>
                  <Tag tone={event.kind === 'liquidation' ? 'bad' : 'plain'}>{event.kind}</Tag>{' '}
                  <span class="small soft">{MEANINGS[event.kind]}</span>
                  {event.kind === 'liquidation' && (
                    <Explained session={session} recovered={value.recovered} version={event.version} />
                  )}
                </td>
                <td>{amounts(event.changes, assets)}</td>
                <td>{amounts(event.balances, assets)}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
      <Act
        label="Recover again"
        quiet
        run={async () => {
          setAsked((n) => n + 1)
          return undefined
        }}
      />
      {value !== undefined && (
        <p class="small soft">
          Account {value.recovered.account.index}, version {String(value.recovered.account.version)}, leaf{' '}
          <Hash value={`0x${value.recovered.leaf.toString(16)}`} />
        </p>
      )}
    </Card>
  )
}

/** Why an account was liquidated, by how much, and what the market paid since. */
function Explained(props: { session: Session; recovered: RecoveredAccount; version: number }) {
  const { session, recovered, version } = props
  const { signer, settlement, assets } = session
  const { value, error } = useLoaded(
    (): Promise<LiquidationExplained> =>
      patiently(() => explainLiquidation(signer, { settlement, recovered, version })),
    [version],
  )
  if (error !== undefined) return <p class="small soft">Why cannot be told now: {messageOf(error)}</p>
  if (value === undefined) return null
  const cash = assets[0]!
  return (
    <div class="small">
      <p>
        At round {value.round} the account&rsquo;s health was {plain(value.health, 2)} {cash.symbol}: its collateral
        covered {value.ratio === null ? 'nothing' : percent(Number(value.ratio), 2)} of what it owed. It{' '}
        {value.closed ? 'was closed' : 'was liquidated just as far as its target'}.
      </p>
      <ul>
        {value.trades.map(({ asset, sold, units, cash: paid, mark, penalty }) => {
          const unit = assets[asset]!
          return (
            <li key={asset}>
              {sold ? 'Sold' : 'Bought'} {amount(units, unit)} {unit.symbol} for {amount(paid, cash, 2)} {cash.symbol},
              the round&rsquo;s price {price(mark, cash, unit)} {sold ? 'less' : 'plus'} a penalty of{' '}
              {percent(penalty, 2)}.
            </li>
          )
        })}
        {value.market.map(({ asset, units, cash: paid, discount }) => {
          const unit = assets[asset]!
          return (
            <li key={`fill ${asset}`}>
              Since then the market took {amount(units, unit)} {unit.symbol} of the backstop&rsquo;s lots for{' '}
              {amount(paid, cash, 2)} {cash.symbol}, at a discount of {percent(discount, 2)}.
            </li>
          )
        })}
      </ul>
    </div>
  )
}
