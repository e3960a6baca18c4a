import { Fragment } from 'preact'
import { useState } from 'preact/hooks'
import type { RoundsInfo } from '../../../sdk/schemas.ts'
import type { Verdict } from '../check.ts'
import { amount, messageOf, price, span, when } from '../format.ts'
import { useView } from '../hooks.ts'
import { type Config, loadEarlier } from '../node.ts'
import { Act, Failure, Hash, Head, Table, Tag } from '../parts.tsx'

type Round = RoundsInfo['rounds'][number]

export function View(props: { config: Config; rest: readonly string[] }) {
  const view = useView()
  const { rounds, deployment, more, round: latest } = view
  const [verdicts, setVerdicts] = useState<Readonly<Record<string, Verdict | string>>>({})
  if (deployment === undefined)
    return <Failure error={view.failure === undefined ? undefined : new Error(view.failure)} />
  const [cash, ...traded] = deployment.assets
  const verify = async (transaction: `0x${string}`) => {
    setVerdicts((all) => ({ ...all, [transaction]: 'Reading the chain and checking the proofs…' }))
    const verdict = await import('../check.ts')
      .then(({ check }) => check(props.config, transaction))
      .catch((error: unknown) => messageOf(error))
    setVerdicts((all) => ({ ...all, [transaction]: verdict }))
  }
  return (
    <>
      <Head title="Rounds">
        What each round&rsquo;s prices led to. Any settlement can be verified here, by this browser, from the chain.
      </Head>
      <section class="card">
        <Table
          caption="Rounds, the latest first"
          head={[
            'Round',
            'Posted',
            ...traded.map(({ symbol }) => ({ num: symbol })),
            'State',
            { num: 'Operations' },
            { num: 'Sweeps' },
            { num: 'Out of distress' },
            { num: 'Proofs' },
            { num: 'Gas' },
            'Settlements',
          ]}
        >
          {rounds.map((round) => (
            <Fragment key={round.number}>
              <tr>
                <th scope="row">{round.number}</th>
                <td>{when(round.timestamp)}</td>
                {traded.map((asset, i) => (
                  <td key={asset.symbol} class="num">
                    {price(round.prices[i] ?? 0n, cash!, asset)}
                  </td>
                ))}
                <td>
                  <State
                    round={round}
                    complete={round.complete || (round.number === latest?.number && latest.complete)}
                  />
                </td>
                {(['operations', 'sweeps', 'resolved', 'proofs'] as const).map((name) => (
                  <td key={name} class="num">
                    {round.settlements.reduce((sum, one) => sum + one[name], 0)}
                  </td>
                ))}
                <td class="num">{gasOf(round)}</td>
                <td>
                  {round.settlements.length === 0 && <span class="soft">none</span>}
                  {round.settlements.map(({ transaction, badDebt }) => (
                    <div key={transaction}>
                      <Hash value={transaction} />{' '}
                      <button
                        type="button"
                        class="link"
                        aria-label={`verify here: the settlement ${transaction.slice(0, 10)} of round ${round.number}`}
                        onClick={() => void verify(transaction)}
                      >
                        verify here
                      </button>
                      {badDebt > 0n && <Tag tone="bad">bad debt {amount(badDebt, cash!, 2)}</Tag>}
                    </div>
                  ))}
                </td>
              </tr>
              {round.settlements
                .filter(({ transaction }) => verdicts[transaction] !== undefined)
                .map(({ transaction }) => (
                  <tr key={`${transaction} verdict`}>
                    <td colSpan={9 + traded.length}>
                      <Told transaction={transaction} verdict={verdicts[transaction]!} />
                    </td>
                  </tr>
                ))}
            </Fragment>
          ))}
        </Table>
        {rounds.length === 0 && <p class="soft">There is no round yet.</p>}
        {more && (
          <Act
            label="Earlier rounds"
            quiet
            run={async () => {
              await loadEarlier()
              return undefined
            }}
          />
        )}
      </section>
    </>
  )
}

function State({ round, complete }: { round: Round; complete: boolean }) {
  if (!complete) return <Tag tone="warn">not known to be complete</Tag>
  const done = round.settlements.find((settlement) => settlement.complete)
  return (
    <Tag tone="good">
      {done === undefined ? 'complete' : `complete after ${span(done.timestamp - round.timestamp)}`}
    </Tag>
  )
}

function gasOf({ gas, settlements }: Round): string {
  const all = [gas, ...settlements.map((one) => one.gas)]
  if (all.includes(null)) return '–'
  return Number(all.reduce<bigint>((sum, one) => sum + (one ?? 0n), 0n)).toLocaleString('en-GB')
}

/** What a check found, and what it cannot know. */
function Told({ transaction, verdict }: { transaction: string; verdict: Verdict | string }) {
  if (typeof verdict === 'string')
    return (
      <p class="message note" role="status">
        {verdict}
      </p>
    )
  const { ok, checks, unknown, seconds, keys } = verdict
  return (
    <div class="stack" role="status">
      <p class={`message ${ok ? 'good' : 'bad'}`}>
        <strong>{ok ? 'Verified here.' : 'This settlement is NOT what it should be.'}</strong>{' '}
        <Hash value={transaction} />, in {seconds.toFixed(2)} s.
      </p>
      <ul class="steps">
        {checks.map(({ what, ok: right, fault }) => (
          <li key={what}>
            <span class={right === undefined ? 'open' : right ? 'yes' : 'no'} aria-hidden="true">
              {right === undefined ? '?' : right ? '✓' : '✗'}
            </span>
            <span>
              <span class="visually-hidden">
                {right === undefined ? 'Not tested: ' : right ? 'Holds: ' : 'Does not hold: '}
              </span>
              {what}
              {fault !== undefined && <em>. {fault}</em>}
            </span>
          </li>
        ))}
      </ul>
      <h3>What this cannot know</h3>
      <ul>
        {keys === 'development' && (
          <li>Whether anything is true at all: these are development keys, under which anybody can forge proofs.</li>
        )}
        {unknown.map((what) => (
          <li key={what}>{what}</li>
        ))}
      </ul>
    </div>
  )
}
