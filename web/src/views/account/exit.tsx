import { useState } from 'preact/hooks'
import type { CircuitInput } from '../../../../protocol/circuit-input.ts'
import { SCALE } from '../../../../protocol/constants.ts'
import { formatRatioDown } from '../../../../protocol/decimal.ts'
import { isRecipient } from '../../../../protocol/operation.ts'
import type { Proof } from '../../../../protocol/proof.ts'
import { ESCAPE_ABI } from '../../../../sdk/abi/escape.ts'
import { VERIFIER_ABI } from '../../../../sdk/abi/verifier.ts'
import { exit } from '../../../../sdk/actions/exit.ts'
import { freeze } from '../../../../sdk/actions/freeze.ts'
import { pull } from '../../../../sdk/actions/pull.ts'
import { recover } from '../../../../sdk/actions/recover.ts'
import { refund } from '../../../../sdk/actions/refund.ts'
import { amountsBySymbol, listAmounts } from '../../../../sdk/amounts.ts'
import { stallClocks } from '../../../../sdk/chain/stall.ts'
import { systemContracts } from '../../../../sdk/chain/system-contracts.ts'
import { plain, span, when } from '../../format.ts'
import { useLoaded } from '../../hooks.ts'
import { Act, Card, Failure, Tag } from '../../parts.tsx'
import type { Session } from '../../session.ts'
import { ask } from '../../worker-client.ts'
import { TextField } from './fields.tsx'

/** The way out when the node is gone or does not serve: by the chain alone, with a proof made in this browser. */
export function Exit({ session }: { session: Session }) {
  const { signer, settlement, key, assets } = session
  const [to, setTo] = useState<string>(session.address)
  const [asked, setAsked] = useState(0)
  const { value: clocks, error } = useLoaded(
    async () => stallClocks(signer.read, await systemContracts(signer.read, settlement)),
    [asked],
  )
  const look = () => setAsked((n) => n + 1)
  const left = clocks === undefined ? 0 : clocks.checkpointedAt + clocks.grace - clocks.now
  return (
    <>
      <Card title="Where things stand, by the chain" width="half">
        <Failure error={error} />
        {clocks !== undefined && (
          <dl>
            <dt>State</dt>
            <dd>
              {clocks.frozen ? (
                <Tag tone="bad">frozen</Tag>
              ) : clocks.notice !== null ? (
                <Tag tone="warn">
                  stall declared: {span(clocks.notice.counted)} of {span(clocks.notice.period)} of notice
                </Tag>
              ) : clocks.stalled ? (
                <Tag tone="warn">stalled</Tag>
              ) : (
                <Tag tone="good">running</Tag>
              )}
            </dd>
            <dt>Last checkpoint</dt>
            <dd>{when(clocks.checkpointedAt)}</dd>
            {!clocks.frozen && !clocks.stalled && (
              <>
                <dt>Stalls</dt>
                <dd>
                  in {span(left)}, unless there is another checkpoint; or when a forced request or deposit is overdue
                </dd>
              </>
            )}
          </dl>
        )}
        <Act
          label="Look again"
          quiet
          run={async () => {
            look()
            return undefined
          }}
        />
      </Card>
      <Card title="Leave" width="half">
        <div class="stack">
          <p>
            A stalled system is frozen after a notice. Then each owner proves, in this browser, what its account was
            worth at the last checkpoint, and is paid its share of every token. No node is asked.
          </p>
          <TextField label="Pay to" text={to} onText={setTo} wide />
          {clocks !== undefined && !clocks.frozen && (
            <Act
              label="Freeze the stalled system"
              danger
              disabled={!clocks.stalled}
              run={async (say) => {
                await freeze(signer, {
                  settlement,
                  onNotice: (elapsed, period) => say(`${span(elapsed)} of ${span(period)} of notice have passed.`),
                })
                look()
                return 'The system is frozen.'
              }}
            />
          )}
          <Act
            label="Prove my equity and leave"
            danger
            disabled={clocks?.frozen !== true}
            run={async (say) => {
              if (!isRecipient(to)) throw new Error('The recipient is no address.')
              say('Recovering the account as of the last checkpoint…')
              const recovered = await recover(signer, { settlement, key, index: session.index, atCheckpoint: true })
              const prover = {
                prove: async (input: CircuitInput) => {
                  say('Proving in this browser; this takes some seconds…')
                  return proveExit(session, input)
                },
              }
              const { equity } = await exit(signer, {
                settlement,
                key,
                recovered,
                recipient: to,
                prover,
              })
              say('The contract took the proof. Pulling your share of every token…')
              const amounts = await pull(signer, { settlement, index: recovered.account.index })
              const paid = amountsBySymbol(
                assets.map(({ symbol, tokenDecimals }) => ({ symbol, decimals: tokenDecimals })),
                amounts,
              )
              const worth = formatRatioDown(equity, SCALE, assets[0]!.decimals)
              return `You have left with an equity of ${plain(worth, 2)} ${assets[0]!.symbol}. Paid: ${listAmounts(paid)}.`
            }}
          />
          <Act
            label="Take back what else the contracts hold for me"
            quiet
            run={async () => {
              const { deposits, bonds, owed, shares } = await refund(signer, { settlement })
              const count = deposits.length + owed.length + shares.length + (bonds > 0n ? 1 : 0)
              if (count === 0) return 'There is nothing else.'
              return `${count} sums were taken back.`
            }}
          />
        </div>
      </Card>
    </>
  )
}

/** Proves in the page's worker, under the key that the contract's verifier is of. */
async function proveExit({ signer, settlement }: Session, input: CircuitInput) {
  const { read } = signer
  const { escape: address } = await systemContracts(read, settlement)
  const { exitVerifier } = await read.readContract({ address, abi: ESCAPE_ABI, functionName: 'config' })
  const expected = await read.readContract({ address: exitVerifier, abi: VERIFIER_ABI, functionName: 'keyHash' })
  const proven = await ask<{ proof: Proof; signals: readonly bigint[]; keyHash: string }>({
    kind: 'prove-exit',
    input,
    origin: location.origin,
  })
  if (proven.keyHash !== expected)
    throw new Error("The contract's exit verifier has another key than this page: serve it with --keys.")
  return proven
}
