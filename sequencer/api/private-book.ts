import { FACTOR_ONE } from '../../protocol/constants.ts'
import { formatDecimal } from '../../protocol/decimal.ts'
import { ROUNDS_ABI } from '../../sdk/abi/rounds.ts'
import { refusal } from '../../sdk/chain/contract-errors.ts'
import { priceOfMark } from '../../sdk/price.ts'
import type { SequencerNode } from '../node/node.ts'

/** A decimal of as many digits as prices of a book have. */
const QUOTE = 18

/**
 * A node's accounts as a BOOK.json at the latest round's prices, for its operator alone.
 * @throws ChainFailure when the chain does not answer; Refusal before the first round
 */
export async function privateBook(node: SequencerNode): Promise<object> {
  const { system, snapshot, deployment, settlement } = node
  const { read } = settlement.client
  const { marks, minLiability } = system.ledger
  const [cash, ...traded] = deployment.assets
  const contract = { address: deployment.rounds, abi: ROUNDS_ABI, blockNumber: snapshot.block } as const
  try {
    const parameters = await Promise.all(
      traded.map((_, i) => read.readContract({ ...contract, functionName: 'parameters', args: [BigInt(i + 1)] })),
    )
    return {
      assets: [
        { symbol: cash!.symbol, decimals: cash!.decimals },
        ...traded.map((asset, i) => {
          const { symbol, decimals } = asset
          const own = parameters[i]!
          return {
            symbol,
            decimals,
            price: priceOfMark(marks?.[i + 1]?.price ?? 0n, cash!, asset, 'down', QUOTE),
            collateralFactor: factor(own.collateralFactor),
            liabilityFactor: factor(own.liabilityFactor),
            targetCollateralFactor: factor(own.targetCollateralFactor),
            targetLiabilityFactor: factor(own.targetLiabilityFactor),
            penalty: factor(own.penalty),
            depth: formatDecimal(snapshot.risks[i]?.depth ?? own.depth, decimals),
          }
        }),
      ],
      minLiability: formatDecimal(minLiability, cash!.decimals),
      accounts: [...system.accounts].map((account, index) => {
        const named = (value: (asset: number) => unknown, keep: (asset: number) => boolean) =>
          Object.fromEntries(
            deployment.assets.flatMap(({ symbol }, a) => (keep(a) ? [[symbol, value(a)] as const] : [])),
          )
        return {
          id: String(index),
          balances: named(
            (a) => formatDecimal(account.balances[a]!, deployment.assets[a]!.decimals),
            (a) => account.balances[a] !== 0n,
          ),
          weights: named(
            (a) => account.weights[a],
            (a) => a > 0,
          ),
        }
      }),
    }
  } catch (error) {
    throw refusal(error, 'the parameters')
  }
}

function factor(tenThousandths: number): string {
  return formatDecimal(BigInt(tenThousandths), Math.log10(Number(FACTOR_ONE)))
}
