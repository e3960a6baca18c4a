import { useState } from 'preact/hooks'
import { marksOfRow } from '../../../../protocol/marks.ts'
import { blend } from '../../../../sdk/actions/blend.ts'
import { newLink, trade } from '../../../../sdk/actions/trade.ts'
import { transfer, transferTerms } from '../../../../sdk/actions/transfer.ts'
import { parseAmount } from '../../../../sdk/amount.ts'
import { bothSettled, pairWarnings, twoAccounts } from '../../../../sdk/both-halves.ts'
import type { OwnerWallet } from '../../../../sdk/owner-wallet.ts'
import { useLoaded } from '../../hooks.ts'
import type { Config } from '../../node.ts'
import { Act, Card, Failure } from '../../parts.tsx'
import { another, type Session } from '../../session.ts'
import { AssetField, TextField } from './fields.tsx'
import { handIn, inWords, outcome, requireNoHalf } from './outcome.ts'
import { Share, shareable } from './share.tsx'
import { termsInWords } from './terms.ts'

const AGAIN = 'The sequencer wrote an account once more as it was: the same terms are signed again.'

/** Another account of the same owner. */
interface Own {
  readonly session: Session
  readonly indices: readonly [number, number]
}

/** Gives to another account, one's own or somebody's, and blends two of one's own. */
export function Transfer({ session, config }: { session: Session; config: Config }) {
  const [own, setOwn] = useState<Own | undefined>()
  const { wallet } = session
  if (wallet === undefined) return <p class="message warn">No node answers: transfers need one.</p>
  return (
    <>
      <OwnAccount session={session} config={config} own={own} onOwn={setOwn} />
      <Give session={session} own={own} />
      <Blend session={session} own={own} />
    </>
  )
}

/** A second account of the same owner, by its key's number. */
function OwnAccount(props: { session: Session; config: Config; own: Own | undefined; onOwn: (own: Own) => void }) {
  const { session, config, own, onOwn } = props
  const [number, setNumber] = useState(String(session.number + 1))
  const [index, setIndex] = useState('')
  return (
    <Card title="A second account of yours" width="half">
      <div class="stack">
        <p class="small soft">
          Each number of a key is a key of its own, from the same Ethereum key: your wallet is asked for it. Its first
          deposit opens its account: choose that key at the top of this page for it.
        </p>
        <div class="form">
          <TextField label="Key number" text={number} onText={setNumber} numeric />
          <TextField label="Account, the key’s first if empty" text={index} onText={setIndex} numeric />
        </div>
        <Act
          label="Use this as the second account"
          quiet
          run={async () => {
            const found = await another(
              config,
              session,
              wholeNumber(number),
              index === '' ? undefined : wholeNumber(index),
            )
            const indices = await twoAccounts(session.wallet!, found.wallet!)
            onOwn({ session: found, indices })
            return `Account ${indices[1]} is the second one.`
          }}
        />
        {own !== undefined && (
          <ul class="small">
            {pairWarnings(session.wallet!, own.indices).map((warning) => (
              <li key={warning}>{warning}</li>
            ))}
          </ul>
        )}
      </div>
    </Card>
  )
}

function Give({ session, own }: { session: Session; own: Own | undefined }) {
  const { assets } = session
  const wallet = session.wallet!
  const [asset, setAsset] = useState(0)
  const [text, setText] = useState('')
  const [link, setLink] = useState<string | undefined>()
  const amount = () => parseAmount(text, assets[asset]!.decimals, 'The amount')
  return (
    <Card title="Give" width="half">
      <div class="stack">
        <p class="small soft">
          What is given is given for nothing: on the chain it is a trade like any other, of terms that nobody else sees.
        </p>
        <div class="form">
          <TextField label="Amount" text={text} onText={setText} numeric />
          <AssetField assets={assets} asset={asset} onAsset={setAsset} />
        </div>
        <Act
          label={own === undefined ? 'Give to your second account' : `Give to account ${own.indices[1]}`}
          disabled={text === '' || own === undefined}
          run={async (say) => {
            const to = own!.session.wallet!
            await noHalves(wallet, to)
            const both = await transfer(wallet, { to, asset, amount: amount() })
            say('Both halves are there; they are being proven.')
            return inWords(await bothSettled(both, { onAgain: () => say(AGAIN) }))
          }}
        />
        <Act
          label="Give to whoever gets the link"
          quiet
          disabled={text === ''}
          run={async (say) => {
            const { marks } = await wallet.client.round()
            const proposal = { ...transferTerms(marks.map(marksOfRow), asset, amount()), link: newLink() }
            const accepted = await handIn(wallet, () => trade(wallet, proposal))
            setLink(shareable(wallet.deployment, proposal))
            return accepted.status === 'waiting'
              ? 'Your half is signed. Hand the link to nobody but the one who is to have it.'
              : outcome(wallet, accepted, say)
          }}
        />
        {link !== undefined && <Share link={link} />}
      </div>
    </Card>
  )
}

function Blend({ session, own }: { session: Session; own: Own | undefined }) {
  const { assets } = session
  const wallet = session.wallet!
  const [within, setWithin] = useState('3600')
  const { value: account, error } = useLoaded(async () => {
    const index = await wallet.findIndex()
    return index === undefined ? undefined : wallet.client.account(index)
  }, [wallet])
  return (
    <Card title="Blend" width="half">
      <div class="stack">
        <p class="small soft">
          A random share of what the account holds goes to your second account, and a random share of that one’s comes
          back, each at a random time: how both are split between them is then known to nobody else. This page has to
          stay open meanwhile.
        </p>
        <Failure error={error} />
        {account?.traded === false && (
          <p class="small">
            So far the account has traded with no other: what it holds follows from public deposits and withdrawals.
          </p>
        )}
        <TextField label="Within seconds" text={within} onText={setWithin} numeric />
        <Act
          label="Blend the two accounts"
          disabled={own === undefined}
          run={async (say) => {
            const other = own!.session.wallet!
            await noHalves(wallet, other)
            say('Waiting for a random time. Let it run.')
            const { trades } = await blend(wallet, {
              other,
              within: wholeNumber(within),
              onTrade: (_, terms) => say(`Handed in: ${termsInWords(terms, assets)}; it is being proven.`),
              wait: { onAgain: () => say(AGAIN) },
            })
            const broken = trades.find(({ state }) => state.status !== 'settled')
            if (broken !== undefined) return inWords(broken.state)
            return `Blended, by ${trades.length} trades: ${trades.map(({ from, to }) => `account ${from} to ${to}`).join(', ')}.`
          }}
        />
      </div>
    </Card>
  )
}

async function noHalves(...wallets: readonly OwnerWallet[]): Promise<void> {
  for (const wallet of wallets) await requireNoHalf(wallet)
}

/** @throws Error for anything but a whole number below 2^32 */
function wholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32)
    throw new Error(`${JSON.stringify(text)} is not a whole number below 2^32.`)
  return Number(text)
}
