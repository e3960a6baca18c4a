import { useMemo, useState } from 'preact/hooks'
import type { FlowReport } from '../../../risk/flow/flow.ts'
import { Curves } from '../chart.tsx'
import { percent, priceNumber } from '../format.ts'
import { useLoaded, useView } from '../hooks.ts'
import type { Config } from '../node.ts'
import { book } from '../operator.ts'
import { Act, Card, Failure, Figure, Head, Table } from '../parts.tsx'
import { ask } from '../worker-client.ts'

/** Colors of curves, in turn. */
const COLORS = ['--sea', '--warn', '--good', '--bad', '--soft'] as const

export function View({ config }: { config: Config; rest: readonly string[] }) {
  return (
    <>
      <Head title="Risk">
        {config.operator
          ? 'From the private book, computed in this browser: it goes nowhere else.'
          : 'What the rule of initial margin expects, for everybody. The liquidation curve is of the private book, for the operator only.'}
      </Head>
      <div class="grid">
        {config.operator && <Flow />}
        <Forecasts report={config.report} />
      </div>
    </>
  )
}

/** The liquidation curve of the private book, its slopes, and the cascade's fixed point. */
function Flow() {
  const { round } = useView()
  const [asked, setAsked] = useState(0)
  const { value, error } = useLoaded(
    async () => ask<FlowReport>({ kind: 'flow', book: await book(), origin: location.origin }),
    [round?.number, asked],
  )
  const [x, counts, ends] = useMemo(() => {
    const points = value?.points ?? []
    return [
      points.map(({ shockBp }) => shockBp / 100),
      [
        {
          label: 'liquidated',
          color: '--sea' as const,
          values: points.map(({ liquidated }) => liquidated),
          stepped: true,
        },
        { label: 'closed', color: '--bad' as const, values: points.map(({ closed }) => closed), stepped: true },
      ],
      [
        {
          label: 'after the cascade, %',
          color: '--bad' as const,
          values: (value?.cascade ?? []).map(({ finalBp }) => finalBp / 100),
        },
        {
          label: 'the shock itself',
          color: '--soft' as const,
          values: points.map(({ shockBp }) => shockBp / 100),
          dashed: true,
        },
      ],
    ]
  }, [value])
  const [sales, symbols] = useMemo(() => {
    const names = Object.keys(value?.delta ?? {})
    return [
      names.map((symbol, i) => ({
        label: `${symbol} sold`,
        color: COLORS[i % COLORS.length]!,
        values: (value?.points ?? []).map(
          ({ sold, bought }) => Number(sold[symbol] ?? 0) - Number(bought[symbol] ?? 0),
        ),
      })),
      names,
    ]
  }, [value])
  return (
    <>
      <Failure error={error} />
      {value !== undefined && (
        <>
          <Card title="Liquidated accounts at a shock of all prices" width="half">
            <Curves
              label="Accounts liquidated and closed, by shock in percent"
              x={x}
              curves={counts}
              format={(v) => `${v} %`}
              labelX="shock, %"
            />
          </Card>
          <Card title="What would be sold" width="half">
            <Curves
              label="Net sales by shock in percent"
              x={x}
              curves={sales}
              format={(v) => `${v} %`}
              labelX="shock, %"
            />
          </Card>
          <Card title="Where a cascade ends" width="half">
            <Curves
              label="Move of the market after liquidations, by shock in percent"
              x={x}
              curves={ends}
              format={(v) => `${v} %`}
              labelX="shock, %"
            />
            <p class="small soft">
              The fixed point: liquidations move prices by depth, which liquidates more. Without them it would lie on
              the dashed line.
            </p>
          </Card>
          <Card title="Slopes at today’s prices" width="half">
            <div class="figures">
              <Figure
                label="Spectral radius"
                value={value.spectralRadius.toFixed(4)}
                title="A cascade of small moves dies out below 1."
              />
            </div>
            <Table caption="Slopes by asset" head={['Asset', { num: 'Delta' }, { num: 'Gamma' }, { num: 'rho' }]}>
              {symbols.map((symbol) => (
                <tr key={symbol}>
                  <th scope="row">{symbol}</th>
                  <td class="num">{value.delta[symbol]!.toPrecision(4)}</td>
                  <td class="num">{value.gamma[symbol]!.toPrecision(4)}</td>
                  <td class="num">{value.rho[symbol]!.toFixed(4)}</td>
                </tr>
              ))}
            </Table>
            <p class="small soft">
              Delta: units sold per unit fall of ln p. rho: the part of a fall that liquidations bring again; above 1 it
              grows by itself.
            </p>
          </Card>
        </>
      )}
      <p class="card">
        <Act
          label="Compute again"
          quiet
          run={async () => {
            setAsked((n) => n + 1)
            return undefined
          }}
        />
      </p>
    </>
  )
}

function Forecasts({ report }: { report: boolean }) {
  const { round, rounds, deployment } = useView()
  const [x, curves] = useMemo(() => {
    const oldest = rounds.toReversed()
    const [cash, ...traded] = deployment?.assets ?? []
    return [
      oldest.map(({ timestamp }) => timestamp),
      traded.map((asset, i) => {
        const prices = oldest.map(({ prices }) => priceNumber(prices[i] ?? 0n, cash!, asset))
        return {
          label: asset.symbol,
          color: COLORS[i % COLORS.length]!,
          values: prices.map((one) => (100 * one) / (prices[0] || 1)),
        }
      }),
    ]
  }, [rounds, deployment])
  return (
    <>
      <Card title="Forecast of the next six hours" width="half">
        {round !== undefined && deployment !== undefined && (
          <Table
            caption="Falls that the next six hours exceed once in a hundred"
            head={['Asset', { num: 'Fall' }, 'By']}
          >
            {round.assets.map(({ quantile, ruled }, i) => (
              <tr key={deployment.assets[i + 1]!.symbol}>
                <th scope="row">{deployment.assets[i + 1]!.symbol}</th>
                <td class="num">{quantile === null ? '–' : percent(quantile, 2)}</td>
                <td>{ruled ? 'the contract, from the rounds’ own prices' : 'nobody: its margins are fixed'}</td>
              </tr>
            ))}
          </Table>
        )}
        <p>
          {report ? (
            <a href="/report.html">The laboratory&rsquo;s report</a>
          ) : (
            <span class="soft">
              No report of the laboratory is served here: plimsoll node --report FILE serves one.
            </span>
          )}
        </p>
      </Card>
      <Card title="Prices of the rounds, the first as 100" width="half">
        <Curves label="Prices of the rounds" x={x} curves={curves} time />
      </Card>
    </>
  )
}
