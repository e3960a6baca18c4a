import { useMemo } from 'preact/hooks'
import { Curves } from '../chart.tsx'
import { amount, percent, price, short, span } from '../format.ts'
import { useView } from '../hooks.ts'
import type { Config } from '../node.ts'
import { Card, Figure, Head, Table, Tag } from '../parts.tsx'

export function View(_: { config: Config; rest: readonly string[] }) {
  const { auctions, deployment } = useView()
  const fills = auctions?.fills ?? []
  const [x, curves] = useMemo(
    () => [
      fills.map((_, i) => i + 1),
      [{ label: 'discount, %', color: '--sea' as const, values: fills.map(({ discount }) => 100 * discount) }],
    ],
    [auctions],
  )
  if (deployment === undefined || auctions === undefined) return <p class="soft">Asking the node…</p>
  const cash = deployment.assets[0]!
  return (
    <>
      <Head title="Market">
        What liquidations bring, the backstop sells in lots whose price falls with time; anybody may take them.
      </Head>
      <div class="grid">
        <Card title="All fills together">
          <div class="figures">
            <Figure label="Fills" value={auctions.fillCount} />
            <Figure label="Mean discount" value={auctions.discount === null ? '–' : percent(auctions.discount, 2)} />
            <Figure
              label="Mean time to clear"
              value={auctions.timeToClear === null ? '–' : span(auctions.timeToClear)}
            />
            <Figure
              label="Penalty kept in the system"
              value={auctions.recaptured === null ? '–' : percent(auctions.recaptured)}
            />
          </div>
        </Card>
        <Card title="Lots" width="half">
          {auctions.lots.length === 0 ? (
            <p class="soft">Nothing is for sale.</p>
          ) : (
            <Table
              caption="Lots that can be taken"
              head={['Lot', { num: 'Units' }, { num: 'Price' }, { num: 'Discount' }, { num: 'Age' }]}
            >
              {auctions.lots.map((lot) => {
                const unit = deployment.assets[lot.asset]!
                return (
                  <tr key={`${lot.asset} ${lot.lot}`}>
                    <th scope="row">
                      {unit.symbol} {lot.lot} <Tag tone="plain">{lot.side === 'sell' ? 'for sale' : 'wanted'}</Tag>
                    </th>
                    <td class="num">{amount(lot.units, unit)}</td>
                    <td class="num">{lot.price === null ? 'none now' : price(lot.price, cash, unit)}</td>
                    <td class="num">{lot.discount === null ? '–' : percent(lot.discount, 2)}</td>
                    <td class="num">{span(lot.age)}</td>
                  </tr>
                )
              })}
            </Table>
          )}
        </Card>
        <Card title="Fills" width="half">
          {fills.length === 0 ? (
            <p class="soft">Nothing has been taken yet.</p>
          ) : (
            <>
              <Curves
                label="Discounts of the latest fills in percent"
                x={x}
                curves={curves}
                labelX="fill"
                height={160}
              />
              <Table
                caption="The latest fills"
                head={['Lot', { num: 'Units' }, { num: 'Price' }, { num: 'Discount' }, { num: 'After' }, 'By']}
              >
                {fills.toReversed().map((fill, i) => {
                  const unit = deployment.assets[fill.asset]!
                  return (
                    <tr key={`${fill.block} ${fill.lot} ${i}`}>
                      <th scope="row">
                        {unit.symbol} {fill.lot}
                      </th>
                      <td class="num">{amount(fill.units, unit)}</td>
                      <td class="num">{price(fill.price, cash, unit)}</td>
                      <td class="num">{percent(fill.discount, 2)}</td>
                      <td class="num">{span(fill.age)}</td>
                      <td>{fill.taker === null ? 'an account inside' : short(fill.taker)}</td>
                    </tr>
                  )
                })}
              </Table>
            </>
          )}
        </Card>
      </div>
    </>
  )
}
