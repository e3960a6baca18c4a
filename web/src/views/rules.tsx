import { collateralLimit } from '../../../protocol/concentration.ts'
import { marksOfRow } from '../../../protocol/marks.ts'
import { insuranceValue } from '../../../sdk/actions/insurance-value.ts'
import { readRoles } from '../../../sdk/actions/read-roles.ts'
import { SHARES_PER_UNIT } from '../../../sdk/chain/insurance-shares.ts'
import { chain } from '../chain.ts'
import { amount, percent, span, type Unit, when } from '../format.ts'
import { useLoaded, useView } from '../hooks.ts'
import type { Config } from '../node.ts'
import { Card, Failure, Figure, Head, Table, Tag } from '../parts.tsx'

export function View({ config }: { config: Config; rest: readonly string[] }) {
  const { round, deployment } = useView()
  const { settlement } = config
  const roles = useLoaded(async () => readRoles(await chain(), { settlement }), [settlement])
  const insurance = useLoaded(async () => insuranceValue(await chain(), { settlement }), [settlement, round?.number])
  return (
    <>
      <Head title="Rules">
        At which margins risk is taken on, who stands behind losses, and who can change what, and when.
      </Head>
      <div class="grid">
        <Card title="Initial margins" width="half">
          <p class="small soft">
            Withdrawals and trades must leave an account above these. q is the fall that the next six hours exceed once
            in a hundred. Size costs margin too: more of an asset than it counts up to lowers it.
          </p>
          {round !== undefined && deployment !== undefined && (
            <Table
              caption="Initial margins of the latest round"
              head={[
                'Asset',
                { num: 'Collateral counts' },
                { num: 'Debt counts' },
                { num: 'q' },
                { num: 'Counts up to' },
                'Follows the market',
              ]}
            >
              {round.assets.map((asset, i) => (
                <tr key={deployment.assets[i + 1]!.symbol}>
                  <th scope="row">{deployment.assets[i + 1]!.symbol}</th>
                  <td class="num">{percent(asset.initialCollateralFactor, 2)}</td>
                  <td class="num">{percent(asset.initialLiabilityFactor, 2)}</td>
                  <td class="num">{asset.quantile === null ? '–' : percent(asset.quantile, 2)}</td>
                  <td class="num">{limitOf(round.marks[i + 1]!, deployment.assets[i + 1]!)}</td>
                  <td>
                    {asset.ruled ? <Tag tone="good">yes</Tag> : <Tag tone="plain">no</Tag>}
                    {asset.widened > 0 && <Tag tone="warn">widened by {asset.widened} points</Tag>}
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </Card>
        <Card title="Insurance" width="half">
          {insurance.error !== undefined && <p class="soft">The worth of shares cannot be told now.</p>}
          {insurance.value !== undefined && deployment !== undefined && (
            <div class="figures">
              <Figure
                label="A new share costs"
                value={insurance.value.entry === undefined ? 'none is sold' : shareOf(insurance.value.entry)}
              />
              <Figure label="A redeemed share pays" value={shareOf(insurance.value.redemption)} />
              <Figure
                label="All shares, redeemed"
                value={`${amount(insurance.value.redemption.cash, deployment.assets[0]!, 2)} ${deployment.assets[0]!.symbol}`}
              />
            </div>
          )}
          <p class="small soft">
            Insurers put cash behind the backstop; their shares bear its losses and get its gains.
          </p>
        </Card>
        <Card title="Who can change what">
          <Failure error={roles.error} />
          {roles.value !== undefined && (
            <>
              <Table caption="Roles" head={['Role', 'Holder', 'May', 'Handing over']}>
                {roles.value.roles.map(({ role, holder, nominee }) => (
                  <tr key={role}>
                    <th scope="row">{role}</th>
                    <td class="mono">{BigInt(holder) === 0n ? 'nobody' : holder}</td>
                    <td>{MAY[role]}</td>
                    <td>
                      {nominee === null ? (
                        <span class="soft">nobody is named</span>
                      ) : (
                        <>
                          to <span class="mono">{nominee.who}</span>, from {when(nominee.readyAt)}
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </Table>
              <dl>
                <dt>Parameters</dt>
                <dd>announced {span(roles.value.parameterDelay)} before they hold</dd>
                <dt>Roles</dt>
                <dd>handed over {span(roles.value.handoverDelay)} after a successor is named</dd>
                <dt>Sequencer&rsquo;s key</dt>
                <dd>
                  {roles.value.sequencerKeys.length === 1
                    ? 'the first one'
                    : `changed ${roles.value.sequencerKeys.length - 1} times since the deployment`}
                  {roles.value.nominatedKey !== null && '; the operator’s nominee brings a new one'}
                </dd>
                <dt>Announced terms</dt>
                <dd>
                  {roles.value.termsReadyAt === null ? 'none' : `may be applied from ${when(roles.value.termsReadyAt)}`}
                </dd>
                <dt>Halted</dt>
                <dd>{roles.value.haltedUntil === null ? 'nothing' : `until ${when(roles.value.haltedUntil)}`}</dd>
              </dl>
            </>
          )}
        </Card>
        {deployment !== undefined && (
          <Card title="Contracts">
            <dl>
              {(['settlement', 'vault', 'rounds', 'forced', 'insurance', 'escape'] as const).map((name) => (
                <>
                  <dt key={`${name} name`}>{name}</dt>
                  <dd key={name} class="mono">
                    {deployment[name]}
                  </dd>
                </>
              ))}
            </dl>
          </Card>
        )}
      </div>
    </>
  )
}

/** The position beyond which more of it as collateral lowers an account's margin. */
function limitOf(row: readonly bigint[], asset: Unit): string {
  const limit = collateralLimit(marksOfRow(row))
  return limit === undefined ? 'any size' : amount(limit, asset, 2)
}

const MAY = {
  admin:
    'change parameters, clocks, fees and sources of prices, within bounds and after their delays; name operator and guardian',
  operator: 'settle what is proven, post rounds, name its successor; knows every account',
  guardian: 'halt things for a while, disable a source of prices, lower caps; nothing else',
} as const

/** Price of as many shares as a unit of cash bought first. */
function shareOf({ cash, shares }: { cash: bigint; shares: bigint }): string {
  return ((Number(cash) / Number(shares)) * Number(SHARES_PER_UNIT)).toFixed(4)
}
