import { useState } from 'preact/hooks'
import { abs, min } from '../../../../protocol/integer.ts'
import { recover } from '../../../../sdk/actions/recover.ts'
import { requestClose } from '../../../../sdk/actions/request-close.ts'
import { parseAmount } from '../../../../sdk/amount.ts'
import { parseLimit } from '../../../../sdk/close-limit.ts'
import { Act, Card } from '../../parts.tsx'
import type { Session } from '../../session.ts'
import { AssetField, TextField } from './fields.tsx'
import { filedInWords } from './forced.ts'

/** A position in a synthetic, closed through the contract: whatever the margin, and whether or not the node likes it. */
export function Close({ session }: { session: Session }) {
  const { assets, signer, settlement, key } = session
  const [asset, setAsset] = useState(() => assets.findIndex(({ token }, a) => a > 0 && token === null))
  const [text, setText] = useState('')
  const [limit, setLimit] = useState('')
  if (asset < 0) return null
  const [cash, unit] = [assets[0]!, assets[asset]!]
  return (
    <Card title="Close a position through the contract" width="half">
      <div class="stack">
        <p class="small soft">
          A position in a synthetic is traded with the backstop at the price of a liquidation, at a round after this
          one. The node must do it in time, or the system stalls. It costs a fee, and a bond until it is served.
        </p>
        <div class="form">
          <AssetField assets={assets} asset={asset} onAsset={setAsset} synthetic />
          <TextField label="Amount, all of it if empty" text={text} onText={setText} numeric />
          <TextField label={`Worst price, in ${cash.symbol}, any if empty`} text={limit} onText={setLimit} numeric />
        </div>
        <Act
          label="Have it closed"
          quiet
          run={async (say) => {
            say('Reading the account from the chain…')
            const { account } = await recover(signer, { settlement, key, index: session.index })
            const position = account.balances[asset]!
            if (position === 0n) throw new Error(`The account has no position in ${unit.symbol}.`)
            const direction = position < 0n ? 1 : 0
            const wanted = text === '' ? abs(position) : parseAmount(text, unit.decimals, 'The amount')
            const worst = limit === '' ? undefined : parseLimit(limit, direction, cash, unit, 'The worst price')
            say('Your wallet reserves a place in the queue, then files the request.')
            const amount = min(wanted, abs(position))
            return filedInWords(
              await requestClose(signer, {
                settlement,
                key,
                index: account.index,
                asset,
                direction,
                amount,
                limit: worst,
              }),
            )
          }}
        />
      </div>
    </Card>
  )
}
