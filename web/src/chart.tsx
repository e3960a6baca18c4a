import { useEffect, useRef } from 'preact/hooks'
import type { Candle, Curve } from './curves.ts'
import { useModule, useScheme } from './hooks.ts'

/** Curves, with their figures for those who do not see them. */
export function Curves(props: {
  label: string
  x: readonly number[]
  curves: readonly Curve[]
  time?: boolean
  height?: number
  format?: (x: number) => string
  labelX?: string
}) {
  const element = useRef<HTMLDivElement>(null)
  const library = useModule(() => import('./curves.ts'))
  const scheme = useScheme()
  useEffect(() => {
    if (library === undefined || element.current === null || props.x.length === 0) return
    return library.drawCurves(element.current, props.x, props.curves, props)
  }, [library, scheme, props.x, props.curves])
  return <div class="chart" ref={element} role="img" aria-label={props.label} />
}

export function Candles(props: {
  label: string
  candles: readonly Candle[]
  lines: readonly { readonly price: number; readonly title: string; readonly color: '--bad' | '--sea' }[]
}) {
  const element = useRef<HTMLDivElement>(null)
  const library = useModule(() => import('./curves.ts'))
  const scheme = useScheme()
  useEffect(() => {
    if (library === undefined || element.current === null || props.candles.length === 0) return
    return library.drawCandles(element.current, props.candles, props.lines)
  }, [library, scheme, props.candles, props.lines])
  return <div class="chart" ref={element} role="img" aria-label={props.label} />
}
