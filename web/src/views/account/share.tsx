import { useMemo, useState } from 'preact/hooks'
import { encode } from 'uqr'
import type { DeploymentInfo } from '../../../../sdk/schemas.ts'
import { encodeProposal, type Proposal } from '../../../../sdk/trade-link.ts'

/** Address of this page with the terms of a trade, for whoever signs its other half. */
export function shareable(deployment: DeploymentInfo, proposal: Proposal): string {
  return `${location.origin}/#/trade/${encodeProposal(deployment, proposal)}`
}

/** A link with the terms, as text and as a code to be photographed. */
export function Share({ link }: { link: string }) {
  const [copied, setCopied] = useState(false)
  const { data, size } = useMemo(() => encode(link, { ecc: 'L', border: 2 }), [link])
  const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('')
  return (
    <div class="share">
      <label>
        Link for the other side: whoever has it may sign
        <textarea readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <svg
        class="qr"
        viewBox={`0 0 ${size} ${size}`}
        role="img"
        aria-label="The same link as a QR code"
        shape-rendering="crispEdges"
      >
        <path d={path} fill="#000" />
      </svg>
      <button
        type="button"
        class="quiet"
        onClick={() => void navigator.clipboard.writeText(link).then(() => setCopied(true))}
      >
        {copied ? 'Copied' : 'Copy'}
      </button>
    </div>
  )
}
