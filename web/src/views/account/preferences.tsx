import { useEffect, useMemo, useState } from 'preact/hooks'
import { MAX_WEIGHT } from '../../../../protocol/constants.ts'
import { balance } from '../../../../sdk/actions/balance.ts'
import { setPreferences } from '../../../../sdk/actions/set-preferences.ts'
import { liquidationAfterFall } from '../../../../sdk/liquidation-preview.ts'
import { amount, messageOf } from '../../format.ts'
import { useLoaded } from '../../hooks.ts'
import { Act, Card, Failure, Table } from '../../parts.tsx'
import type { Session } from '../../session.ts'
import { handIn, outcome } from './outcome.ts'

/** Weights as sliders, and what they would change in a liquidation. */
export function Preferences({ session }: { session: Session }) {
  const { wallet, assets } = session
  const { value, error } = useLoaded(async () => (wallet === undefined ? undefined : balance(wallet)), [wallet])
  const [weights, set] = useState<readonly number[] | undefined>()
  const [fall, setFall] = useState(10)
  useEffect(() => set((now) => now ?? value?.account.weights), [value])
  const preview = useMemo(() => {
    if (value === undefined || weights === undefined) return undefined
    try {
      const scene = { balances: value.account.balances, marks: value.marks }
      const of = (choice: readonly number[]) => liquidationAfterFall(scene, choice, fall)
      return { before: of(value.account.weights), after: of(weights) }
    } catch (failure) {
      return messageOf(failure)
    }
  }, [value, weights, fall])
  if (wallet === undefined) return <p class="message warn">No node answers: preferences need one.</p>
  if (value === undefined || weights === undefined)
    return error === undefined ? <p class="soft">Reading…</p> : <Failure error={error} />
  return (
    <>
      <Card title="What to keep, and what to sell first" width="half">
        <div class="stack">
          <p class="small soft">
            In a liquidation more is traded of what has a higher weight. 8 is neutral. It stays between you and the
            sequencer.
          </p>
          {assets.slice(1).map((asset, i) => (
            <label key={asset.symbol}>
              {asset.symbol}: {weights[i + 1]}
              <input
                type="range"
                min={1}
                max={MAX_WEIGHT}
                value={weights[i + 1]}
                onInput={(event) => set(weights.with(i + 1, Number(event.currentTarget.value)))}
              />
            </label>
          ))}
          <Act
            label="Sign these preferences"
            run={async (say) => {
              const accepted = await handIn(wallet, () => setPreferences(wallet, { weights }))
              say('Accepted; they are being proven.')
              return outcome(wallet, accepted, say)
            }}
          />
        </div>
      </Card>
      <Card title="What they would change" width="half">
        <div class="stack">
          <label>
            Prices move against you by {fall} % beyond your line
            <input
              type="range"
              min={1}
              max={60}
              value={fall}
              onInput={(event) => setFall(Number(event.currentTarget.value))}
            />
          </label>
          <div aria-live="polite">
            {typeof preview === 'string' && <p class="message warn">{preview}</p>}
            {preview === undefined || typeof preview === 'string' ? null : preview.after === undefined ? (
              <p>No fall of prices has this account liquidated.</p>
            ) : (
              <Table caption="Traded in a liquidation" head={['Asset', { num: 'With today’s' }, { num: 'With these' }]}>
                {assets.slice(1).map((asset, i) => {
                  const [now, then] = [preview.before?.traded[i + 1] ?? 0n, preview.after?.traded[i + 1] ?? 0n]
                  return now === 0n && then === 0n ? null : (
                    <tr key={asset.symbol}>
                      <th scope="row">{asset.symbol}</th>
                      <td class="num">{amount(now, asset)}</td>
                      <td class="num">{amount(then, asset)}</td>
                    </tr>
                  )
                })}
              </Table>
            )}
          </div>
        </div>
      </Card>
    </>
  )
}
