import { useEffect, useMemo, useState } from 'preact/hooks'
import { newLink, trade } from '../../../../sdk/actions/trade.ts'
import { backstopCash, unwind } from '../../../../sdk/actions/unwind.ts'
import { parseAmount } from '../../../../sdk/amount.ts'
import { acceptanceOf, decodeProposal, type Proposal } from '../../../../sdk/trade-link.ts'
import { amount, messageOf } from '../../format.ts'
import { useView } from '../../hooks.ts'
import { Act, Card } from '../../parts.tsx'
import type { Session } from '../../session.ts'
import { Close } from './close.tsx'
import { AssetField, TextField } from './fields.tsx'
import { handIn, outcome } from './outcome.ts'
import { Share, shareable } from './share.tsx'
import { termsInWords } from './terms.ts'

export function Trade({ session, link }: { session: Session; link: string | undefined }) {
  if (session.wallet === undefined)
    return (
      <>
        <p class="message warn">No node answers: trades need one. What the contract is asked for needs none.</p>
        <Close session={session} />
      </>
    )
  return (
    <>
      <Accept session={session} given={link} />
      <Propose session={session} />
      <Close session={session} />
    </>
  )
}

function Propose({ session }: { session: Session }) {
  const { round } = useView()
  const { assets } = session
  const wallet = session.wallet!
  const [asset, setAsset] = useState(1)
  const [side, setSide] = useState<'buy' | 'sell'>('buy')
  const [x, setX] = useState('')
  const [y, setY] = useState('')
  const [link, setLink] = useState<string | undefined>()
  const [cash, unit] = [assets[0]!, assets[asset]!]
  const terms = () => ({
    asset,
    direction: side === 'buy' ? (1 as const) : (0 as const),
    x: parseAmount(x, unit.decimals, 'The amount'),
    y: parseAmount(y, cash.decimals, 'The price of all of it'),
  })
  const quote = useMemo(() => {
    try {
      const offers = round?.offers[asset] ?? []
      if (offers.length === 0 || x === '') return undefined
      return backstopCash(offers, side === 'buy' ? 1 : 0, parseAmount(x, unit.decimals, 'The amount'))
    } catch {
      return undefined
    }
  }, [round, asset, side, x])
  return (
    <Card title="Propose a trade" width="half">
      <div class="stack">
        <div class="form">
          <label>
            You
            <select value={side} onChange={(event) => setSide(event.currentTarget.value as 'buy' | 'sell')}>
              <option value="buy">buy</option>
              <option value="sell">sell</option>
            </select>
          </label>
          <TextField label="Amount" text={x} onText={setX} numeric />
          <AssetField assets={assets} asset={asset} onAsset={setAsset} traded />
          <TextField label={`for, in ${cash.symbol}`} text={y} onText={setY} numeric />
        </div>
        <Act
          label="Sign my half"
          disabled={x === '' || y === ''}
          run={async () => {
            const proposal: Proposal = { ...terms(), link: newLink() }
            const accepted = await handIn(wallet, () => trade(wallet, proposal))
            setLink(shareable(wallet.deployment, proposal))
            return accepted.status === 'waiting'
              ? 'Your half is signed. Send the link to the other side.'
              : 'Both halves are there.'
          }}
        />
        <Act
          label={
            quote === undefined
              ? 'With the backstop'
              : `With the backstop, for ${amount(quote, cash)} ${cash.symbol} now`
          }
          quiet
          disabled={x === '' || y === ''}
          run={async (say) => {
            const accepted = await handIn(wallet, () => unwind(wallet, terms()))
            say('Accepted; it is being proven.')
            return outcome(wallet, accepted, say)
          }}
        />
        {link !== undefined && <Share link={link} />}
      </div>
    </Card>
  )
}

function Accept({ session, given }: { session: Session; given: string | undefined }) {
  const wallet = session.wallet!
  const { assets } = session
  const [text, setText] = useState(given ?? '')
  // Another link may come to a page that is open.
  useEffect(() => setText((now) => given ?? now), [given])
  const { terms, fault } = useMemo(() => {
    if (text === '') return { terms: undefined, fault: undefined }
    try {
      const proposal = decodeProposal(wallet.deployment, /0x[0-9a-fA-F]+$/.exec(text)?.[0] ?? text)
      return { terms: acceptanceOf(wallet.deployment, proposal), fault: undefined }
    } catch (error) {
      return { terms: undefined, fault: messageOf(error) }
    }
  }, [text, wallet])
  return (
    <Card title="Accept a trade" width="half">
      <div class="stack">
        <TextField label="Link" text={text} onText={setText} wide />
        {fault !== undefined && <p class="message bad">{fault}</p>}
        {terms !== undefined && (
          <>
            <p>
              You <strong>{termsInWords(terms, assets)}</strong>.
            </p>
            <Act
              label="Sign the other half"
              run={async (say) => {
                const accepted = await handIn(wallet, () => trade(wallet, terms))
                if (accepted.status !== 'waiting') say('Both halves are there; they are being proven.')
                return outcome(wallet, accepted, say)
              }}
            />
          </>
        )}
      </div>
    </Card>
  )
}
