import { useMemo, useState } from 'preact/hooks'
import { encode } from 'uqr'
import { newLink, trade } from '../../../../sdk/actions/trade.ts'
import { backstopCash, unwind } from '../../../../sdk/actions/unwind.ts'
import { parseAmount } from '../../../../sdk/amount.ts'
import { decodeProposal, encodeProposal, type Proposal } from '../../../../sdk/trade-link.ts'
import { amount, messageOf } from '../../format.ts'
import { useView } from '../../hooks.ts'
import { Act, Card } from '../../parts.tsx'
import type { Session } from '../../session.ts'
import { AssetField, TextField } from './fields.tsx'
import { outcome } from './outcome.ts'

export function Trade({ session, link }: { session: Session; link: string | undefined }) {
  if (session.wallet === undefined) return <p class="message warn">No node answers: trades need one.</p>
  return (
    <>
      <Accept session={session} given={link} />
      <Propose session={session} />
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
            const accepted = await trade(wallet, proposal)
            setLink(`${location.origin}/#/trade/${encodeProposal(wallet.deployment, proposal)}`)
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
            const accepted = await unwind(wallet, terms())
            say('Accepted; it is being proven.')
            return outcome(wallet, accepted, '')
          }}
        />
        {link !== undefined && <Share link={link} />}
      </div>
    </Card>
  )
}

/** A link with the terms, as text and as a code to be photographed. */
function Share({ link }: { link: string }) {
  const [copied, setCopied] = useState(false)
  const { data, size } = useMemo(() => encode(link, { ecc: 'L', border: 2 }), [link])
  const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('')
  return (
    <div class="share">
      <label>
        Link for the other side: whoever has it may sign
        <textarea readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <svg
        class="qr"
        viewBox={`0 0 ${size} ${size}`}
        role="img"
        aria-label="The same link as a QR code"
        shape-rendering="crispEdges"
      >
        <path d={path} fill="#000" />
      </svg>
      <button
        type="button"
        class="quiet"
        onClick={() => void navigator.clipboard.writeText(link).then(() => setCopied(true))}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}

function Accept({ session, given }: { session: Session; given: string | undefined }) {
  const wallet = session.wallet!
  const { assets } = session
  const [text, setText] = useState(given ?? '')
  const { proposal, fault } = useMemo(() => {
    if (text === '') return { proposal: undefined, fault: undefined }
    try {
      const found = decodeProposal(wallet.deployment, /0x[0-9a-fA-F]+$/.exec(text)?.[0] ?? text)
      if (found.asset === 0 || assets[found.asset] === undefined)
        throw new Error('The link is of an asset that there is not.')
      return { proposal: found, fault: undefined }
    } catch (error) {
      return { proposal: undefined, fault: messageOf(error) }
    }
  }, [text])
  const [cash, unit] = [assets[0]!, assets[proposal?.asset ?? 0]!]
  return (
    <Card title="Accept a trade" width="half">
      <div class="stack">
        <TextField label="Link" text={text} onText={setText} wide />
        {fault !== undefined && <p class="message bad">{fault}</p>}
        {proposal !== undefined && (
          <>
            <p>
              You{' '}
              <strong>
                {proposal.direction === 1 ? 'sell' : 'buy'} {amount(proposal.x, unit)} {unit.symbol} for{' '}
                {amount(proposal.y, cash)} {cash.symbol}
              </strong>
              .
            </p>
            <Act
              label="Sign the other half"
              run={async (say) => {
                const accepted = await trade(wallet, { ...proposal, direction: proposal.direction === 1 ? 0 : 1 })
                say('Both halves are there; they are being proven.')
                return outcome(wallet, accepted, '')
              }}
            />
          </>
        )}
      </div>
    </Card>
  )
}
