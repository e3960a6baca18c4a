import type { SessionAsset } from '../../session.ts'

export function AssetField(props: {
  assets: readonly SessionAsset[]
  asset: number
  onAsset: (asset: number) => void
  /** Only those with a token. */
  spot?: boolean
  /** Without cash. */
  traded?: boolean
  /** Only those without a token. */
  synthetic?: boolean
}) {
  return (
    <label>
      Asset
      <select value={props.asset} onChange={(event) => props.onAsset(Number(event.currentTarget.value))}>
        {props.assets.map((asset, a) =>
          (props.spot && asset.token === null) ||
          (props.traded && a === 0) ||
          (props.synthetic && (a === 0 || asset.token !== null)) ? null : (
            <option key={asset.symbol} value={a}>
              {asset.symbol}
            </option>
          ),
        )}
      </select>
    </label>
  )
}

export function TextField(props: {
  label: string
  text: string
  onText: (text: string) => void
  numeric?: boolean
  wide?: boolean
}) {
  return (
    <label>
      {props.label}
      <input
        value={props.text}
        inputMode={props.numeric ? 'decimal' : 'text'}
        size={props.wide ? 44 : 14}
        autoComplete="off"
        spellcheck={false}
        onInput={(event) => props.onText(event.currentTarget.value.trim())}
      />
    </label>
  )
}
