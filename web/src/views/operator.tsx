import { useEffect, useMemo, useState } from 'preact/hooks'
import { Curves } from '../chart.tsx'
import { percent, span } from '../format.ts'
import type { Config } from '../node.ts'
import { type Health, health, metrics, type Sample } from '../operator.ts'
import { Card, Failure, Figure, Head, Table, Tag } from '../parts.tsx'

/** Seconds between two questions, and answers that are remembered. */
const [EVERY, KEPT] = [3, 600]

interface Point {
  readonly at: number
  readonly health: Health
  readonly latency: number | undefined
}

/** What the node says of itself, drawn. Nothing here acts. */
export function View({ config }: { config: Config; rest: readonly string[] }) {
  const [points, set] = useState<readonly Point[]>([])
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    if (!config.operator) return
    const look = async () => {
      try {
        const [told, all] = await Promise.all([health(), metrics()])
        setSamples(all)
        set((before) => [...before.slice(1 - KEPT), { at: Date.now() / 1_000, health: told, latency: latencyOf(all) }])
        setError(undefined)
      } catch (failure) {
        setError(failure)
      }
    }
    void look()
    const timer = setInterval(() => void look(), 1_000 * EVERY)
    return () => clearInterval(timer)
  }, [config.operator])
  const x = useMemo(() => points.map(({ at }) => at), [points])
  const of = (value: (point: Point) => number | null | undefined) => points.map((point) => value(point) ?? null)
  const looks = useMemo(
    () => [{ label: 'a look, s', color: '--sea' as const, values: of((one) => one.health.lastLook?.seconds) }],
    [points],
  )
  const ages = useMemo(
    () => [
      { label: 'checkpoint, s', color: '--sea' as const, values: of((one) => one.health.checkpoint.age) },
      { label: 'round, s', color: '--warn' as const, values: of((one) => one.health.roundAge) },
    ],
    [points],
  )
  const queues = useMemo(
    () => [
      { label: 'operations', color: '--sea' as const, values: of((one) => one.health.operations.accepted) },
      { label: 'halves that wait', color: '--soft' as const, values: of((one) => one.health.operations.waiting) },
      { label: 'deposits', color: '--good' as const, values: of((one) => one.health.deposits) },
      { label: 'forced requests', color: '--bad' as const, values: of((one) => one.health.forcedRequests) },
    ],
    [points],
  )
  const endpoint = useMemo(
    () => [{ label: 'ms', color: '--sea' as const, values: points.map(({ latency }) => latency ?? null) }],
    [points],
  )
  if (!config.operator)
    return (
      <>
        <Head title="Operator">For whoever runs the node.</Head>
        <p class="message note">
          The operator&rsquo;s page has an address of its own, which the node prints when it starts.
        </p>
      </>
    )
  const last = points.at(-1)?.health
  return (
    <>
      <Head title="Operator">What the node says of itself; this page cannot act.</Head>
      <Failure error={error} />
      {last !== undefined && (
        <div class="grid">
          <div class={`banner ${last.ok ? 'good' : 'bad'}`}>
            <strong>{last.ok ? 'The node is well.' : 'Something is the matter.'}</strong>
            <p>{last.error ?? `Round ${last.round}, ${last.complete ? 'complete' : 'not complete'}.`}</p>
          </div>
          <Card title="Now">
            <div class="figures">
              <Figure label="Last look" value={last.lastLook === null ? 'none' : `${span(last.lastLook.age)} ago`} />
              <Figure
                label="Checkpoint"
                value={`${percent(last.checkpoint.age / last.checkpoint.grace, 0)} of its grace`}
              />
              <Figure label="Ether left" value={Number(last.operator.ether).toFixed(3)} />
              <Figure label="Settlements it lasts for" value={last.operator.settlementsLeft.toLocaleString('en-GB')} />
              <Figure label="Operations settled" value={last.operations.settled} />
              <Figure
                label="Operations failed"
                value={Object.values(last.operations.failed).reduce((sum, one) => sum + one, 0)}
                title={JSON.stringify(last.operations.failed)}
              />
              <Figure label="Accounts to rekey" value={last.accountsToRekey} />
              <Figure
                label="Disk free"
                value={last.diskFree === null ? '–' : `${(last.diskFree / 1e9).toFixed(1)} GB`}
              />
            </div>
          </Card>
          <Card title="Looks at the chain" width="half">
            <Curves label="Seconds that looks took" x={x} curves={looks} time height={180} />
          </Card>
          <Card title="Ages" width="half">
            <Curves label="Ages of checkpoint and round in seconds" x={x} curves={ages} time height={180} />
          </Card>
          <Card title="Queues" width="half">
            <Curves label="What waits" x={x} curves={queues} time height={180} />
          </Card>
          <Card title="Endpoint" width="half">
            <Curves label="Mean milliseconds of answers of the endpoint" x={x} curves={endpoint} time height={180} />
          </Card>
          <Card title="Feeds" width="half">
            <Table caption="Feeds" head={['Asset', 'State', { num: 'Age' }]}>
              {last.feeds.map(({ asset, up, age }) => (
                <tr key={asset}>
                  <th scope="row">{asset}</th>
                  <td>{up ? <Tag tone="good">answers</Tag> : <Tag tone="bad">does not count</Tag>}</td>
                  <td class="num">{age === null ? '–' : span(age)}</td>
                </tr>
              ))}
            </Table>
          </Card>
          <Card title="All of /metrics" width="half">
            <details>
              <summary>{samples.length} samples</summary>
              <Table caption="Samples" head={['Name', { num: 'Value' }]}>
                {samples
                  .filter(({ name }) => name.startsWith('plimsoll_') && !name.endsWith('_bucket'))
                  .map(({ name, labels, value }) => (
                    <tr key={name + JSON.stringify(labels)}>
                      <td class="mono">
                        {name} {Object.values(labels).join(' ')}
                      </td>
                      <td class="num">{value}</td>
                    </tr>
                  ))}
              </Table>
            </details>
          </Card>
        </div>
      )}
    </>
  )
}

/** Mean milliseconds of an answer of the endpoint, over all methods since the start. */
function latencyOf(samples: readonly Sample[]): number | undefined {
  const sum = (suffix: string) =>
    samples
      .filter(({ name }) => /endpoint|rpc/.test(name) && name.endsWith(suffix))
      .reduce((total, { value }) => total + value, 0)
  const count = sum('_count')
  return count === 0 ? undefined : (1_000 * sum('_sum')) / count
}
