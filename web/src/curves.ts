import { type CandlestickData, CandlestickSeries, createChart, type UTCTimestamp } from 'lightweight-charts'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

// Loaded when the first curve is drawn: the first paint needs none.

export interface Curve {
  readonly label: string
  readonly color: '--sea' | '--bad' | '--warn' | '--good' | '--soft'
  readonly values: readonly (number | null)[]
  readonly stepped?: boolean
  readonly dashed?: boolean
}

function ink(name: string): string {
  return canvasColor(getComputedStyle(document.documentElement).getPropertyValue(name).trim())
}

/** A color of the style sheet as a canvas takes it: `light-dark()` is for elements only. */
function canvasColor(value: string): string {
  const probe = document.createElement('span')
  probe.style.color = value
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** Draws curves over a common axis; what is returned removes them again. */
export function drawCurves(
  element: HTMLElement,
  x: readonly number[],
  curves: readonly Curve[],
  options: { time?: boolean; height?: number; format?: (x: number) => string; labelX?: string } = {},
): () => void {
  const soft = ink('--soft')
  const grid = { stroke: ink('--rule'), width: 1 }
  const axis = { stroke: soft, grid, ticks: grid }
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height: options.height ?? 220,
      scales: { x: options.time === true ? { time: true, range: atLeastAMinute } : { time: false } },
      legend: { live: true },
      axes: [
        {
          ...axis,
          ...(options.format !== undefined && { values: (_: uPlot, all: number[]) => all.map(options.format!) }),
        },
        { ...axis, size: 64 },
      ],
      series: [
        { label: options.labelX ?? 'time' },
        ...curves.map(({ label, color, stepped, dashed }) => ({
          label,
          stroke: ink(color),
          width: 2,
          spanGaps: false,
          ...(dashed && { dash: [6, 4] }),
          ...(stepped && { paths: uPlot.paths.stepped!({ align: 1 }) }),
        })),
      ],
    },
    [[...x], ...curves.map(({ values }) => [...values])] as uPlot.AlignedData,
    element,
  )
  const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: options.height ?? 220 }))
  resize.observe(element)
  return () => {
    resize.disconnect()
    plot.destroy()
  }
}

export interface Candle {
  /** Unix seconds. */
  readonly time: number
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
}

/** Draws candles with horizontal lines across them. */
export function drawCandles(
  element: HTMLElement,
  candles: readonly Candle[],
  lines: readonly { readonly price: number; readonly title: string; readonly color: '--bad' | '--sea' }[],
): () => void {
  const chart = createChart(element, {
    autoSize: true,
    height: 240,
    // Its makers are named in the page's footer.
    layout: { background: { color: 'transparent' }, textColor: ink('--soft'), attributionLogo: false },
    grid: { vertLines: { visible: false }, horzLines: { color: ink('--rule') } },
    timeScale: { timeVisible: true, secondsVisible: true, borderColor: ink('--rule') },
    rightPriceScale: { borderColor: ink('--rule') },
  })
  const series = chart.addSeries(CandlestickSeries, {
    upColor: ink('--good'),
    wickUpColor: ink('--good'),
    borderUpColor: ink('--good'),
    downColor: ink('--bad'),
    wickDownColor: ink('--bad'),
    borderDownColor: ink('--bad'),
    // The lines belong into the picture, however far away they are.
    autoscaleInfoProvider: (original: () => { priceRange: { minValue: number; maxValue: number } | null } | null) => {
      const found = original()
      if (found?.priceRange == null) return found
      const all = [found.priceRange.minValue, found.priceRange.maxValue, ...lines.map((line) => line.price)]
      return { ...found, priceRange: { minValue: Math.min(...all), maxValue: Math.max(...all) } }
    },
  })
  series.setData(candles.map((candle) => ({ ...candle, time: candle.time as UTCTimestamp }) as CandlestickData))
  for (const { price, title, color } of lines)
    series.createPriceLine({ price, title, color: ink(color), lineWidth: 2, axisLabelVisible: true })
  chart.timeScale().fitContent()
  return () => chart.remove()
}

/** Unix seconds from which to which times are drawn: by itself the chart would spread a single one over years. */
function atLeastAMinute(_: uPlot, from: number | null, to: number | null): uPlot.Range.MinMax {
  return from === null || to === null || to - from >= 60 ? [from, to] : [to - 60, to]
}
