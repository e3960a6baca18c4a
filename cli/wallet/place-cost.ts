import { formatEther } from 'viem'
import type { PlaceCost } from '../../sdk/chain/file-request.ts'
import { printNotice } from '../output.ts'

/** Says what a forced request costs. @param lost when the bond is not given back */
export function noticeCost({ fee, bond }: PlaceCost, lost: string): void {
  printNotice(
    fee === 0n && bond === 0n
      ? 'an earlier run has paid for its place in the queue'
      : `it costs ${formatEther(fee)} ether, which are burnt, and a bond of ${formatEther(bond)}, which is lost where ${lost}`,
  )
}
