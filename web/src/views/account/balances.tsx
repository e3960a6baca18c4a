import { useMemo, useState } from 'preact/hooks'
import { balance } from '../../../../sdk/actions/balance.ts'
import { claim } from '../../../../sdk/actions/claim.ts'
import { STATUS_WORDS, type Standing, standingOf } from '../../../../sdk/standing.ts'
import { suppose } from '../../../../sdk/what-if.ts'
import { Candles } from '../../chart.tsx'
import type { Candle } from '../../curves.ts'
import { amount, messageOf, percent, plain, priceNumber } from '../../format.ts'
import { useLoaded, useView } from '../../hooks.ts'
import { Act, Card, Failure, Figure, Table, Tag } from '../../parts.tsx'
import type { Session, SessionAsset } from '../../session.ts'
import { Agreement } from './agreement.tsx'

/** An account as it stands, where its line is, and what would move it. */
export function Balances({ session }: { session: Session }) {
  const { round, rounds } = useView()
  const [done, setDone] = useState(0)
  // What was claimed is gone from the list, and its button with it.
  const [paid, setPaid] = useState<string | undefined>()
  const { wallet, assets } = session
  const { value, error } = useLoaded(async () => {
    if (wallet === undefined) throw new Error('No node answers: History recovers the account from the chain.')
    return (await wallet.findIndex()) === undefined ? null : balance(wallet)
  }, [wallet, round?.number, round?.complete, rounds[0]?.settlements.length, done])
  // After a handover of the sequencer, until it has shared the account anew.
  const former = useLoaded(
    async (): Promise<readonly number[]> => (await wallet?.readableByFormerKey()) ?? [],
    [wallet, rounds[0]?.settlements.length],
  )
  const [text, setText] = useState('')
  if (value === null)
    return (
      <p class="message note">
        There is no account of this key yet: the first deposit opens one, under Deposit and withdraw.
      </p>
    )
  if (value === undefined) return error === undefined ? <p class="soft">Reading…</p> : <Failure error={error} />
  const scene = { balances: value.account.balances, marks: value.marks }
  const standing = standingOf(assets, value.assets, scene)
  const cash = assets[0]!
  return (
    <>
      <Card title={`Account ${value.account.index}`} width="half">
        <Health standing={standing} />
        <div class="figures">
          <Figure label={`Equity, ${cash.symbol}`} value={plain(standing.equity, 2)} />
          <Figure label="Health" value={plain(standing.health, 2)} />
          <Figure label="Ratio" value={standing.ratio ?? 'owes nothing'} />
          <Figure
            label="For new risk"
            value={plain(standing.initialHealth, 2)}
            title="Health at the initial margin, the charge for concentration taken off: what takes on risk must leave it above 0."
          />
        </div>
        <Agreement session={session} />
        {former.value?.includes(value.account.index) === true && (
          <p class="message warn">
            The sequencer has handed over, and this account was not shared with its new key yet: who has the former key
            can still read it.
          </p>
        )}
        <Table caption="Balances" head={['Asset', { num: 'Balance' }, { num: 'Liquidated at a price' }]}>
          {assets.map((asset, a) => {
            const held = value.account.balances[a]!
            const limit = standing.limits[asset.symbol]
            return held === 0n ? null : (
              <tr key={asset.symbol}>
                <th scope="row">{asset.symbol}</th>
                <td class="num">{amount(held, asset)}</td>
                <td class="num">{limit === undefined ? '–' : `${limit.breached} ${plain(limit.zeroHealth, 4)}`}</td>
              </tr>
            )
          })}
        </Table>
        <p class={paid === undefined ? 'visually-hidden' : 'message good'} role="status">
          {paid}
        </p>
        {value.withdrawals.map(({ id, asset, amount: sum, pays, claimable }) => (
          <div key={id} class="form">
            <p>
              Withdrawal {id}: {amount(sum, assets[asset]!)} {assets[asset]!.symbol}{' '}
              {claimable && pays < sum && (
                <Tag tone="warn">pays {amount(pays, assets[asset]!)}: the backstop was under water</Tag>
              )}{' '}
              {!claimable && <Tag tone="plain">waits for a checkpoint</Tag>}
            </p>
            {claimable && (
              <Act
                label={`Claim withdrawal ${id}`}
                run={async () => {
                  const { settlement, signer } = session
                  const { tokenAmount, tokenDecimals } = await claim(signer, { settlement, withdrawalId: BigInt(id) })
                  const { symbol } = assets[asset]!
                  setPaid(`Paid ${amount(tokenAmount, { symbol, decimals: tokenDecimals })} ${symbol}.`)
                  setDone((n) => n + 1)
                  return undefined
                }}
              />
            )}
          </div>
        ))}
      </Card>
      <Card title="What if" width="half">
        <WhatIf session={session} text={text} onText={setText} value={value} />
      </Card>
      <Margins standing={standing} cash={cash} />
      {assets.slice(1).map((asset, i) => (
        <Line key={asset.symbol} session={session} asset={i + 1} standing={standing} />
      ))}
    </>
  )
}

/** What new risk costs: the factors at which it is taken on, and the charge for a position's size. */
function Margins({ standing, cash }: { standing: Standing; cash: SessionAsset }) {
  const margins = Object.entries(standing.initialMargins)
  if (margins.length === 0) return null
  return (
    <Card title="New risk" width="half">
      <Table
        caption="Initial margins of what the account has and owes"
        head={['Asset', { num: 'Collateral' }, { num: 'Debt' }, { num: 'Size costs' }, { num: 'Counts up to' }]}
      >
        {margins.map(([symbol, margin]) => (
          <tr key={symbol}>
            <th scope="row">
              {symbol} {margin.held && <Tag tone="warn">price held</Tag>}
            </th>
            <td class="num">{percent(margin.collateralFactor, 2)}</td>
            <td class="num">{percent(margin.liabilityFactor, 2)}</td>
            <td class="num">{plain(margin.concentration, 2)}</td>
            <td class="num">{margin.collateralLimit === null ? '–' : plain(margin.collateralLimit, 4)}</td>
          </tr>
        ))}
      </Table>
      <p class="small soft">
        Withdrawals and trades must leave health at these factors, less {plain(standing.concentration, 2)} {cash.symbol}{' '}
        for the sizes of positions, above 0: it is {plain(standing.initialHealth, 2)}.
      </p>
    </Card>
  )
}

/** Health as a bar with the line on it: what the account has, against what it owes at maintenance value. */
function Health({ standing }: { standing: Standing }) {
  const { ratio, status } = standing
  const value = ratio === null ? undefined : Number(ratio)
  // The line is at 1, a third from the left; beyond 3 there is no more to see.
  const shown = value === undefined ? 100 : Math.min(100, Math.max(1, (100 * value) / 3))
  const tone = status === 'breached' ? 'low' : status === 'healthy' ? '' : 'near'
  const words = STATUS_WORDS[status]
  return (
    <div>
      {/* biome-ignore lint/a11y/useSemanticElements: a meter element draws no line. */}
      <div
        class="bar"
        role="meter"
        aria-label="Health ratio"
        aria-valuemin={0}
        aria-valuemax={3}
        aria-valuenow={value === undefined ? 3 : Math.min(3, value)}
        aria-valuetext={value === undefined ? 'owes nothing' : `${ratio}, liquidated below 1: ${words}`}
      >
        <div class={`fill ${tone}`} style={{ width: `${shown}%` }} />
        <div class="mark" style={{ left: `${100 / 3}%` }} />
      </div>
      <div class="bar-legend">
        <span>the line: collateral is worth what is owed</span>
        <span>
          <Tag tone={status === 'breached' ? 'bad' : status === 'healthy' ? 'good' : 'warn'}>{words}</Tag>
        </span>
      </div>
    </div>
  )
}

function WhatIf(props: {
  session: Session
  text: string
  onText: (text: string) => void
  value: Awaited<ReturnType<typeof balance>>
}) {
  const { assets } = props.session
  const { account, marks, assets: risks } = props.value
  const { standing, fault } = useMemo(() => {
    if (props.text.trim() === '') return { standing: undefined, fault: undefined }
    try {
      const scene = suppose(props.text, assets, { balances: account.balances, marks }, 'What if')
      return { standing: standingOf(assets, risks, scene), fault: undefined }
    } catch (error) {
      return { standing: undefined, fault: messageOf(error) }
    }
  }, [props.text, account, marks])
  return (
    <div class="stack">
      <label>
        Suppose
        <input
          value={props.text}
          placeholder={`withdraw ${assets[0]!.symbol} 500, price ${assets[1]?.symbol ?? 'ETH'} -20%`}
          onInput={(event) => props.onText(event.currentTarget.value)}
        />
      </label>
      <p class="small soft">
        One thing after the other: sell or buy ASSET AMOUNT (for CASH), deposit, withdraw, price ASSET -10%. Nothing is
        signed.
      </p>
      <div aria-live="polite" class="stack">
        {fault !== undefined && <p class="message warn">{fault}</p>}
        {standing !== undefined && (
          <>
            <Health standing={standing} />
            <p>
              Equity {plain(standing.equity, 2)}, health {plain(standing.health, 2)}, for new risk{' '}
              {plain(standing.initialHealth, 2)}
              {standing.concentration !== '0' && ` (${plain(standing.concentration, 2)} charged for concentration)`}
              {Object.entries(standing.limits).map(([symbol, { zeroHealth, breached }]) => (
                <span key={symbol}>
                  ; liquidated with {symbol} {breached} {plain(zeroHealth, 4)}
                </span>
              ))}
              .
            </p>
          </>
        )}
      </div>
    </div>
  )
}

/** An asset's candles of rounds, with the price at which the account's health is zero. */
function Line({ session, asset, standing }: { session: Session; asset: number; standing: Standing }) {
  const { rounds } = useView()
  const [cash, unit] = [session.assets[0]!, session.assets[asset]!]
  const limit = standing.limits[unit.symbol]
  const candles = useMemo(() => {
    const prices = rounds.toReversed().map(({ timestamp, prices }) => ({
      time: timestamp,
      price: priceNumber(prices[asset - 1] ?? 0n, cash, unit),
    }))
    // From round to round: what is between them, nobody is valued by.
    return prices.map(({ time, price }, i): Candle => {
      const open = prices[i - 1]?.price ?? price
      return { time, open, close: price, high: Math.max(open, price), low: Math.min(open, price) }
    })
  }, [rounds, asset])
  const lines = useMemo(
    () =>
      limit === undefined ? [] : [{ price: Number(limit.zeroHealth), title: 'your line', color: '--bad' as const }],
    [limit?.zeroHealth],
  )
  if (standing.balances[unit.symbol] === undefined) return null
  return (
    <Card title={`${unit.symbol}, from round to round`} width="half">
      <Candles
        label={`Prices of ${unit.symbol}${limit === undefined ? '' : `, and the price ${limit.zeroHealth} at which the account is liquidated`}`}
        candles={candles}
        lines={lines}
      />
      <p class="small soft">
        {limit === undefined
          ? 'No price of it alone would have the account liquidated.'
          : `Now ${plain(limit.price, 4)}; liquidated ${limit.breached} ${plain(limit.zeroHealth, 4)}, all else as it is.`}
      </p>
    </Card>
  )
}
