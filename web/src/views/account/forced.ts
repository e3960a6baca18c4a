import type { FiledRequest } from '../../../../sdk/chain/file-request.ts'

/** A request of the forced queue that was filed. */
export function filedInWords({ queueNumber, deadline }: FiledRequest): string {
  return `Request ${queueNumber} is filed against a bond: it is served by ${deadline} s of the contract’s clock, which runs while its prices are fresh, or else the system stalls. Once it is served, the bond is taken back under Leave without the node.`
}
