import { useState } from 'preact/hooks'
import { explainLiquidation, type LiquidationExplained } from '../../../../sdk/actions/explain-liquidation.ts'
import { recover } from '../../../../sdk/actions/recover.ts'
import { amountsBySymbol, listAmounts } from '../../../../sdk/amounts.ts'
import type { RecoveredAccount } from '../../../../sdk/chain/account-history.ts'
import { amount, percent, plain, price } from '../../format.ts'
import { useLoaded, useView } from '../../hooks.ts'
import { Act, Card, Failure, Hash, Table, Tag } from '../../parts.tsx'
import type { Session } from '../../session.ts'

/** The account rebuilt from the chain alone, with every version it had; and whether the node says the same. */
export function History({ session }: { session: Session }) {
  const { signer, settlement, key, wallet, assets } = session
  const [asked, setAsked] = useState(0)
  const { round, rounds } = useView()
  const { value, error } = useLoaded(async () => {
    const recovered = await recover(signer, { settlement, key })
    const told = await wallet?.read().catch(() => undefined)
    return { recovered, agrees: told === undefined ? undefined : told.info.leaf === recovered.leaf }
  }, [asked, round?.number, round?.complete, rounds[0]?.settlements.length])
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
          {value.agrees === true && <p class="message good">The node says the same of this account as the chain.</p>}
          {value.agrees === false && (
            <p class="message bad" role="alert">
              The node has another state of this account than the chain. It may be a settlement ahead or behind; if this
              stays so, it lies.
            </p>
          )}
          <Table caption="Versions of the account" head={['Version', 'Block', 'What', 'Change', 'Then']}>
            {value.recovered.history.toReversed().map((event) => (
              <tr key={event.version}>
                <th scope="row">{event.version}</th>
                <td>{String(event.block)}</td>
                <td>
                  <Tag tone={event.kind === 'liquidation' ? 'bad' : 'plain'}>{event.kind}</Tag>
                  {event.kind === 'liquidation' && (
                    <Explained session={session} recovered={value.recovered} version={event.version} />
                  )}
                </td>
                <td>{listAmounts(amountsBySymbol(assets, event.changes))}</td>
                <td>{listAmounts(amountsBySymbol(assets, event.balances))}</td>
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
    (): Promise<LiquidationExplained> => explainLiquidation(signer, { settlement, recovered, version }),
    [version],
  )
  if (error !== undefined) return <p class="small soft">Why cannot be told: this endpoint has forgotten that block.</p>
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
              the round&rsquo;s price {price(mark, cash, unit)} less a penalty of {percent(penalty, 2)}.
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
