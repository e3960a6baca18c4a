import { useState } from 'preact/hooks'
import { isRecipient } from '../../../../protocol/operation.ts'
import { MOCK_TOKEN_ABI } from '../../../../sdk/abi/mock-token.ts'
import { deposit, findQueuedAccount, waitForDeposit } from '../../../../sdk/actions/deposit.ts'
import { recover } from '../../../../sdk/actions/recover.ts'
import { requestWithdrawal } from '../../../../sdk/actions/request-withdrawal.ts'
import { withdraw } from '../../../../sdk/actions/withdraw.ts'
import { parseAmount } from '../../../../sdk/amount.ts'
import { sendCall } from '../../../../sdk/chain/send-call.ts'
import { systemContracts } from '../../../../sdk/chain/system-contracts.ts'
import { toTokenUnits } from '../../../../sdk/token-units.ts'
import type { Config } from '../../node.ts'
import { Act, Card } from '../../parts.tsx'
import type { Session } from '../../session.ts'
import { AssetField, TextField } from './fields.tsx'
import { filedInWords } from './forced.ts'
import { handIn, outcome } from './outcome.ts'

export function Move({ session, config }: { session: Session; config: Config }) {
  return (
    <>
      <Deposit session={session} local={config.local} />
      <Withdraw session={session} />
    </>
  )
}

function Deposit({ session, local }: { session: Session; local: boolean }) {
  const [asset, setAsset] = useState(0)
  const [text, setText] = useState('')
  const [evenUnderWater, setEven] = useState(false)
  const { signer, settlement, key, wallet, assets } = session
  const run = async (say: (what: string) => void) => {
    const unit = assets[asset]!
    const amount = parseAmount(text, unit.decimals, 'The amount')
    const { vault } = await systemContracts(signer.read, settlement)
    const index = (await wallet?.findIndex()) ?? (await findQueuedAccount(signer, { vault, publicKey: key.publicKey }))
    say('Your wallet approves the tokens, then hands them to the vault.')
    const { depositId } = await deposit(signer, {
      settlement,
      asset,
      amount,
      publicKey: key.publicKey,
      evenUnderWater,
      ...(index !== undefined && { index }),
    })
    say(`Deposit ${depositId} is in the queue; the node takes it up and proves it.`)
    const fate = await waitForDeposit(signer, { vault, depositId })
    if (fate === 'bounced')
      throw new Error('The deposit bounced: the account had changed hands or was full. It can be had back.')
    return `Deposited ${text} ${unit.symbol}.`
  }
  return (
    <Card title="Deposit" width="half">
      <div class="stack">
        <div class="form">
          <AssetField assets={assets} asset={asset} onAsset={setAsset} spot />
          <TextField label="Amount" text={text} onText={setText} numeric />
        </div>
        <label class="row">
          <input type="checkbox" checked={evenUnderWater} onChange={(event) => setEven(event.currentTarget.checked)} />
          open an account even if the backstop is under water, so that withdrawals are cut
        </label>
        <Act label="Deposit" disabled={text === ''} run={run} />
        {local && (
          <Act
            label="Mint it first (development chain)"
            quiet
            disabled={text === ''}
            run={async () => {
              const unit = assets[asset]!
              if (unit.token === null) throw new Error(`${unit.symbol} has no token.`)
              const units = toTokenUnits(parseAmount(text, unit.decimals, 'The amount'), unit)
              await sendCall(signer, {
                address: unit.token,
                abi: MOCK_TOKEN_ABI,
                functionName: 'mint',
                args: [session.address, units],
              })
              return `Minted ${text} ${unit.symbol}.`
            }}
          />
        )}
      </div>
    </Card>
  )
}

function Withdraw({ session }: { session: Session }) {
  const [asset, setAsset] = useState(0)
  const [text, setText] = useState('')
  const [to, setTo] = useState<string>(session.address)
  const [inFull, setInFull] = useState(false)
  const { wallet, assets, signer, settlement, key } = session
  const terms = () => {
    if (!isRecipient(to)) throw new Error('The recipient is no address.')
    return {
      asset,
      amount: parseAmount(text, assets[asset]!.decimals, 'The amount'),
      recipient: to,
      inFull,
    }
  }
  return (
    <Card title="Withdraw, or borrow" width="half">
      <div class="stack">
        <p class="small soft">
          A loan is a withdrawal of what you do not have, against what you have. It can be claimed after the next
          checkpoint, under Balances.
        </p>
        <div class="form">
          <AssetField assets={assets} asset={asset} onAsset={setAsset} spot />
          <TextField label="Amount" text={text} onText={setText} numeric />
        </div>
        <TextField label="To" text={to} onText={setTo} wide />
        <label class="row">
          <input type="checkbox" checked={inFull} onChange={(event) => setInFull(event.currentTarget.checked)} />
          in full or not at all, should the backstop be under water
        </label>
        <Act
          label="Withdraw"
          disabled={text === '' || wallet === undefined}
          run={async (say) => {
            const accepted = await handIn(wallet!, () => withdraw(wallet!, terms()))
            say('The node has it on its disk; it is being proven.')
            return outcome(wallet!, accepted, say, 'It can be claimed after the next checkpoint, under Balances.')
          }}
        />
        <Act
          label="Ask the contract instead"
          quiet
          disabled={text === ''}
          run={async () => {
            const { account } = await recover(signer, { settlement, key, index: session.index })
            const filed = await requestWithdrawal(signer, {
              settlement,
              key,
              index: account.index,
              ...terms(),
            })
            return filedInWords(filed)
          }}
        />
      </div>
    </Card>
  )
}
