import { useEffect, useState } from 'preact/hooks'
import type { OperationState, OwnOperation } from '../../../../sdk/schemas.ts'
import { amount, when } from '../../format.ts'
import { useLoaded, useView } from '../../hooks.ts'
import { Act, Card, Failure, Hash, Table, Tag, type Tone } from '../../parts.tsx'
import type { Session, SessionAsset } from '../../session.ts'
import { shareable } from './share.tsx'
import { termsInWords } from './terms.ts'

/** Operations that a node lets a listener follow. */
const MOST_FOLLOWED = 64
const TONES: Readonly<Record<OwnOperation['status'], Tone>> = {
  accepted: 'note',
  waiting: 'warn',
  proving: 'note',
  settled: 'good',
  failed: 'bad',
}

/** What the owner signed, and how it stands; the list is for its owner only, whose key signs the question. */
export function Operations({ session }: { session: Session }) {
  const { wallet, assets } = session
  const { rounds, round } = useView()
  const [asked, setAsked] = useState(0)
  // The button goes with what it canceled.
  const [canceled, setCanceled] = useState<string | undefined>()
  const { value, error } = useLoaded(
    async () => ((await wallet?.findIndex()) === undefined ? [] : wallet!.operations()),
    [wallet, asked, round?.number, rounds[0]?.settlements.length],
  )
  // Those that go on are followed: each step of theirs has the list asked for again.
  const open = (value ?? [])
    .flatMap(({ id, status }) => (status === 'settled' || status === 'failed' ? [] : [id]))
    .join()
  useEffect(() => {
    if (open === '' || wallet === undefined) return
    const gone = new AbortController()
    const told = new Map<string, string>()
    const operation = ({ id, status }: OperationState) => {
      if (told.has(id) && told.get(id) !== status) setAsked((n) => n + 1)
      told.set(id, status)
    }
    void wallet.client.follow({ operation }, gone.signal, open.split(',').slice(0, MOST_FOLLOWED))
    return () => gone.abort()
  }, [open, wallet])
  if (wallet === undefined) return <p class="message warn">No node answers: operations are what a node has accepted.</p>
  return (
    <Card title="Operations">
      <Failure error={error} />
      <p class={canceled === undefined ? 'visually-hidden' : 'message good'} role="status">
        {canceled}
      </p>
      {value?.length === 0 && <p class="soft">Nothing has been signed yet.</p>}
      {value !== undefined && value.length > 0 && (
        <Table caption="Operations, the newest first" head={['When', 'What', 'State', 'Settled by', '']}>
          {value.map(({ id, status, code, acceptedAt, transaction, operation }) => (
            <tr key={id}>
              <td>{when(acceptedAt)}</td>
              <td>{describe(operation, assets)}</td>
              <td>
                <Tag tone={TONES[status]}>
                  {status}
                  {code === undefined ? '' : `: ${code}`}
                </Tag>
              </td>
              <td>{transaction !== undefined && <Hash value={transaction} />}</td>
              <td>
                {status === 'waiting' && (
                  <Act
                    label="Cancel"
                    quiet
                    run={async () => {
                      const { message } = await wallet.cancel(id)
                      setCanceled(message)
                      setAsked((n) => n + 1)
                      return undefined
                    }}
                  />
                )}
                {status === 'waiting' && operation.kind === 'trade' && (
                  <details>
                    <summary>its link</summary>
                    <p class="mono">{shareable(wallet.deployment, operation)}</p>
                  </details>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Act
        label="Ask again"
        quiet
        run={async () => {
          setAsked((n) => n + 1)
          return undefined
        }}
      />
    </Card>
  )
}

function describe(operation: OwnOperation['operation'], assets: readonly SessionAsset[]): string {
  const cash = assets[0]!
  switch (operation.kind) {
    case 'withdraw': {
      const unit = assets[operation.asset] ?? cash
      return `withdraw ${amount(operation.amount, unit)} ${unit.symbol} to ${operation.recipient.slice(0, 8)}…`
    }
    case 'preferences':
      return `preferences ${operation.weights.slice(1, assets.length).join(', ')}`
    case 'unwind':
      return `${termsInWords(operation, assets)} with the backstop`
    case 'trade':
      return termsInWords(operation, assets)
  }
}
