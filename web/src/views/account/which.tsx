import { useState } from 'preact/hooks'
import { useLoaded, useView } from '../../hooks.ts'
import type { Config } from '../../node.ts'
import { Act } from '../../parts.tsx'
import { another, type Session } from '../../session.ts'
import { TextField } from './fields.tsx'

/** Chooses among the keys of an Ethereum key, and among the accounts of a key. */
export function Which(props: { config: Config; session: Session; onOpen: (session: Session) => void }) {
  const { config, session, onOpen } = props
  const { rounds } = useView()
  const [number, setNumber] = useState(String(session.number))
  const { value: indices } = useLoaded(
    async () => session.wallet?.indices() ?? [],
    [session, rounds[0]?.settlements.length],
  )
  const go = async (key: number, index?: number) => onOpen(await another(config, session, key, index))
  return (
    <details class="which">
      <summary>
        key {session.number}
        {indices !== undefined &&
          indices.length > 1 &&
          `, account ${session.index ?? indices[0]} of ${indices.join(', ')}`}
      </summary>
      <div class="form">
        <TextField label="Key number" text={number} onText={setNumber} numeric />
        <Act
          label="Use this key"
          quiet
          run={async () => {
            if (!/^\d{1,9}$/.test(number)) throw new Error('The number of a key is a whole number.')
            await go(Number(number))
            return undefined
          }}
        />
        {indices !== undefined && indices.length > 1 && (
          <label>
            Account of this key
            <select
              value={session.index ?? indices[0]}
              onChange={(event) => void go(session.number, Number(event.currentTarget.value))}
            >
              {indices.map((index) => (
                <option key={index} value={index}>
                  {index}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
    </details>
  )
}
