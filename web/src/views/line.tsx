import type { RoundInfo } from '../../../sdk/schemas.ts'
import { amount, percent, price, short, span, when } from '../format.ts'
import { useLoaded, useNow, useView } from '../hooks.ts'
import type { Config, View as NodeView } from '../node.ts'
import { Card, Figure, Head, Table, Tag } from '../parts.tsx'

/** The first view: whether anybody is below the line, and what everything hangs on. */
export function Line(props: { config: Config }) {
  const view = useView()
  const { round, deployment, failure } = view
  return (
    <>
      <Head title="The line">
        Every account has one, in zero knowledge. Here is whether anybody is below it, and on what that rests.
      </Head>
      <div class="grid">
        <Banner view={view} />
        <Agreement config={props.config} round={round} />
        {failure !== undefined && (
          <p class="message bad" role="alert">
            {failure} What the chain knows can still be checked, and accounts can be recovered and left, under My
            account.
          </p>
        )}
        <Card title="Completeness over time">
          <CompletenessLine view={view} />
        </Card>
        {round !== undefined && deployment !== undefined && (
          <>
            <Prices round={round} deployment={deployment} />
            <Clocks view={view} />
            <Backstop view={view} round={round} deployment={deployment} />
          </>
        )}
      </div>
    </>
  )
}

function Banner({ view }: { view: NodeView }) {
  const { round, clocks } = view
  if (clocks?.frozen)
    return (
      <div class="banner bad">
        <strong>The system is frozen.</strong>
        <p>Owners leave by the escape: under My account, from the chain alone.</p>
      </div>
    )
  if (round === undefined)
    return (
      <div class="banner note">
        <strong>Asking the node…</strong>
        <p>Until there is a round, nothing is valued.</p>
      </div>
    )
  return round.complete ? (
    <div class="banner good">
      <strong>Nobody is below the line.</strong>
      <p>
        The system is complete at round {round.number}: every account that should have been liquidated has been, and the
        contract checked the proof.
      </p>
    </div>
  ) : (
    <div class="banner warn">
      <strong>Round {round.number} is not complete yet.</strong>
      <p>Prices have moved; the node is proving what follows from them. Nothing can be claimed until it is complete.</p>
    </div>
  )
}

/** What the chain itself says of it: a node that lies is found out. */
function Agreement({ config, round }: { config: Config; round: RoundInfo | undefined }) {
  const { value, error } = useLoaded(async () => {
    if (round === undefined) return undefined
    return (await import('../chain.ts')).compare(config, round)
  }, [round?.number, round?.complete, round?.backstop.join(), round?.marks.join()])
  if (error !== undefined) return <p class="message warn">The chain could not be asked whether the node is right.</p>
  if (value === undefined) return null
  if (value.length === 0)
    return (
      <p class="message good">
        The chain says the same: round, prices, marks, completeness and backstop were compared.
      </p>
    )
  return (
    <div class="banner bad" role="alert">
      <strong>The node does not say what the chain says.</strong>
      <ul>
        {value.map(({ what, node, chain }) => (
          <li key={what}>
            {what}: the node says <span class="mono">{clip(node)}</span>, the chain{' '}
            <span class="mono">{clip(chain)}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

const [WIDTH, HEIGHT, WATER] = [1_000, 88, 52]

/** When the system was complete, as a water line: below it from a round's posting until it is known to be complete. */
function CompletenessLine({ view }: { view: NodeView }) {
  const { rounds, round } = view
  const now = useNow(5_000)
  if (rounds.length === 0) return <p class="soft">There is no round yet.</p>
  const oldest = rounds.toReversed()
  const start = oldest[0]!.timestamp
  const end = Math.max(oldest.at(-1)!.timestamp + 60, round === undefined ? now : round.now)
  const x = (time: number) => (WIDTH * (time - start)) / Math.max(1, end - start)
  const spans = oldest.map(({ number, timestamp, settlements, complete }, i) => {
    const until = oldest[i + 1]?.timestamp ?? end
    const done = settlements.find((settlement) => settlement.complete)?.timestamp
    const known = complete || (number === round?.number && round.complete)
    return { number, from: timestamp, done: known ? Math.max(timestamp, done ?? timestamp) : undefined, until }
  })
  const slow = spans.filter(({ done }) => done !== undefined).map(({ from, done }) => done! - from)
  return (
    <>
      <svg
        class="line"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Completeness over ${rounds.length} rounds`}
      >
        <title>Completeness over time</title>
        <rect x="0" y={WATER} width={WIDTH} height={HEIGHT - WATER} fill="var(--sea-ground)" />
        {spans.map(({ number, from, done, until }) => (
          <g key={number}>
            <rect
              x={x(from)}
              y={WATER}
              width={Math.max(2, x(done ?? until) - x(from))}
              height="24"
              fill={done === undefined ? 'var(--bad)' : 'var(--warn)'}
            >
              <title>{`Round ${number}: ${done === undefined ? 'not known to be complete' : `complete after ${span(done - from)}`}`}</title>
            </rect>
            {done !== undefined && (
              <rect
                x={x(done)}
                y={WATER - 24}
                width={Math.max(1, x(until) - x(done))}
                height="24"
                fill="var(--good)"
                opacity=".75"
              />
            )}
            <path
              d={`M${x(from)} 8V${HEIGHT}`}
              stroke="var(--rule)"
              stroke-width="1"
              vector-effect="non-scaling-stroke"
            />
          </g>
        ))}
        <path d={`M0 ${WATER}H${WIDTH}`} stroke="var(--ink)" stroke-width="2" vector-effect="non-scaling-stroke" />
      </svg>
      <p class="small soft">
        Above the line (green): complete. Below it (amber): prices had moved and proofs were being made. {when(start)}{' '}
        to {when(end)}
        {slow.length > 0 && `; the slowest of ${slow.length} rounds was complete after ${span(Math.max(...slow))}`}.
      </p>
    </>
  )
}

function Prices({ round, deployment }: { round: RoundInfo; deployment: NonNullable<NodeView['deployment']> }) {
  const [cash, ...traded] = deployment.assets
  return (
    <Card title="Prices and their sources" width="two-thirds">
      <p class="soft small">
        Round {round.number} of {when(round.timestamp)}, in {cash!.symbol}.
      </p>
      <Table
        caption="Prices of the latest round"
        head={['Asset', { num: 'Price' }, 'Sources now', { num: 'They say' }, 'State']}
      >
        {traded.map((asset, i) => {
          const told = round.assets[i]
          return (
            <tr key={asset.symbol}>
              <th scope="row">{asset.symbol}</th>
              <td class="num">{price(round.marks[i + 1]![0]!, cash!, asset)}</td>
              <td>
                {told?.sources.map((source) => (
                  <div key={source.source}>
                    <span class="mono" title={source.source}>
                      {short(source.source)}
                    </span>{' '}
                    {source.fault !== 'none' && <Tag tone="warn">{source.fault}</Tag>}
                  </div>
                ))}
              </td>
              <td class="num">
                {told?.sources.map((source) => (
                  <div key={source.source}>{price(source.quote, cash!, asset)}</div>
                ))}
              </td>
              <td>
                {told?.heldSince == null ? (
                  <Tag tone="good">current</Tag>
                ) : (
                  <Tag tone="warn">held since {when(told.heldSince)}</Tag>
                )}
              </td>
            </tr>
          )
        })}
      </Table>
    </Card>
  )
}

function Clocks({ view }: { view: NodeView }) {
  const { clocks } = view
  const now = useNow()
  if (clocks === undefined) return null
  // The chain's clock may run ahead of this machine's: ages count from its own.
  const age = clocks.now - clocks.checkpointedAt
  const late = age > clocks.grace / 2
  return (
    <Card title="Clocks" width="third">
      <dl aria-live="off" data-now={now.toFixed(0)}>
        <dt>Last checkpoint</dt>
        <dd>
          {span(age)} ago <Tag tone={late ? 'warn' : 'good'}>{percent(age / clocks.grace, 0)} of its grace</Tag>
        </dd>
        <dt>Stalls at</dt>
        <dd>{span(clocks.grace)}</dd>
        <dt>Round</dt>
        <dd>
          {clocks.roundAt === 0
            ? 'none yet'
            : `${span(clocks.now - clocks.roundAt)} old, counts for ${span(clocks.maxAge)}`}
        </dd>
        <dt>Stall</dt>
        <dd>
          {clocks.notice !== null
            ? `declared: ${span(clocks.notice.counted)} of ${span(clocks.notice.period)} of notice`
            : clocks.stalled
              ? 'may be declared by anybody'
              : 'no'}
        </dd>
        <dt>Waiting</dt>
        <dd>
          {clocks.depositsWaiting} deposits, {clocks.forcedWaiting} forced requests
        </dd>
      </dl>
    </Card>
  )
}

function Backstop({
  view,
  round,
  deployment,
}: {
  view: NodeView
  round: RoundInfo
  deployment: NonNullable<NodeView['deployment']>
}) {
  const { rounds, auctions } = view
  const settlements = rounds.flatMap((one) => one.settlements)
  const badDebt = settlements.reduce((sum, one) => sum + one.badDebt, 0n)
  const cash = deployment.assets[0]!
  return (
    <Card title="Backstop and market">
      <div class="figures">
        {deployment.assets.map((asset, a) => (
          <Figure key={asset.symbol} label={`Backstop, ${asset.symbol}`} value={amount(round.backstop[a]!, asset, 4)} />
        ))}
        <Figure label="Bad debt in these rounds" value={`${amount(badDebt, cash, 2)} ${cash.symbol}`} />
        <Figure label="Lots for sale" value={auctions?.lots.length ?? '–'} />
        <Figure label="Proofs in these rounds" value={settlements.reduce((sum, one) => sum + one.proofs, 0)} />
      </div>
    </Card>
  )
}
