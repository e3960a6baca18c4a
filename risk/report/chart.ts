import { CustomChart, LineChart, ScatterChart } from 'echarts/charts'
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components'
import { type EChartsCoreOption, init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([
  LineChart,
  ScatterChart,
  CustomChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  SVGRenderer,
])

/** Colors that the color-blind tell apart (M. Okabe and K. Ito, 2008), the darkest first. */
export const COLORS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#8a6d00', '#56b4e9', '#444444'] as const
const TEXT = '#3c4757'
const LINE = '#d7dce2'
const WIDTH = 980

/** Draws a chart as SVG without any script; it scales to the width of the page. */
export function drawChart(option: EChartsCoreOption, height: number, width = WIDTH): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif', fontSize: 12, color: TEXT },
    color: [...COLORS],
    ...option,
  })
  const svg = chart.renderToSVGString({ useViewBox: true })
  chart.dispose()
  // Styles that only a pointer would show.
  return svg.replace(/<style[\s\S]*?<\/style>/g, '').replace(/\s(?:ecmeta_[\w-]+)="[^"]*"/g, '')
}

/** Space and look of an axis; `name` stands at its end or, with `middle`, along it. */
export function axis(name: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name,
    nameTextStyle: { color: TEXT, fontSize: 12 },
    axisLine: { onZero: false, lineStyle: { color: '#8c97a5' } },
    axisTick: { lineStyle: { color: '#8c97a5' } },
    axisLabel: { color: TEXT, hideOverlap: true },
    splitLine: { lineStyle: { color: LINE } },
    ...more,
  }
}

/** A horizontal or vertical line across a chart, with its name. */
export function markLine(
  at: { readonly xAxis?: number; readonly yAxis?: number },
  name: string,
): Record<string, unknown> {
  return {
    silent: true,
    symbol: 'none',
    lineStyle: { color: '#1c2430', type: 'dashed', width: 1 },
    label: { formatter: name, color: TEXT, position: 'insideStartTop' },
    data: [at],
  }
}

/** A number for a label: at most three digits that count. */
export function short(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))} bn`
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} m`
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`
  return String(Number(value.toPrecision(3)))
}

/** A share as per cent; what is there but next to nothing is said to be so. */
export function percent(share: number, digits = 3): string {
  if (share > 0 && share < 1e-5) return '< 0.001 %'
  return `${Number((100 * share).toPrecision(digits))} %`
}

/** The legend above a chart. */
export const LEGEND = { top: 4, left: 'center', itemGap: 28, itemWidth: 18, icon: 'roundRect', itemHeight: 3 } as const
