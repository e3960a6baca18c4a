import { type AccountDifference, compareAccount } from '../../../../sdk/actions/compare-account.ts'
import { lasting } from '../../chain.ts'
import { amount } from '../../format.ts'
import { type Loaded, useLoaded, useView } from '../../hooks.ts'
import { Table } from '../../parts.tsx'
import type { Session } from '../../session.ts'

/** Differences between node and chain about the owner's account that last; undefined where no node was asked. */
function useDifferences({
  signer,
  settlement,
  key,
  wallet,
}: Session): Loaded<readonly AccountDifference[] | undefined> {
  const { round, rounds } = useView()
  return useLoaded(async () => {
    if (wallet === undefined) return undefined
    return lasting(
      (found) => found.length === 0,
      async () => {
        const { account } = await wallet.read()
        return (await compareAccount(signer, { settlement, key, told: account })).differences
      },
    )
  }, [wallet, round?.number, round?.complete, rounds[0]?.settlements.length])
}

/** Whether the chain, from which the account is rebuilt, says the same of it as the node; else what is different. */
export function Agreement({ session }: { session: Session }) {
  const { value, error } = useDifferences(session)
  if (error !== undefined)
    return <p class="message warn">The chain could not be asked whether the node is right about this account.</p>
  if (value === undefined) return null
  if (value.length === 0) return <p class="message good">The node says the same of this account as the chain.</p>
  return (
    <div class="message bad" role="alert">
      <p>
        <strong>The node has another state of this account than the chain.</strong> The chain’s is what can be claimed
        and left with.
      </p>
      <Table caption="Differences" head={['What', { num: 'The node says' }, { num: 'The chain' }]}>
        {value.map((one) => (
          <tr key={`${one.what} ${one.asset}`}>
            <th scope="row">{nameOf(one, session)}</th>
            <td class="num">{textOf(one, one.node, session)}</td>
            <td class="num">{textOf(one, one.chain, session)}</td>
          </tr>
        ))}
      </Table>
    </div>
  )
}

function nameOf({ what, asset }: AccountDifference, { assets }: Session): string {
  if (asset === undefined) return 'Version'
  const symbol = assets[asset]?.symbol ?? `#${asset}`
  return what === 'balance' ? symbol : `Preference for ${symbol}`
}

function textOf({ what, asset }: AccountDifference, value: bigint, { assets }: Session): string {
  const unit = asset === undefined || what !== 'balance' ? undefined : assets[asset]
  return unit === undefined ? String(value) : amount(value, unit)
}
