import type { Book } from '../../protocol/book.ts'
import { HISTORY_SYMBOLS } from '../data/history.ts'
import { CRASHES } from '../data/windows.ts'
import { type CompareReport, compare } from '../engine/compare.ts'
import { type SimulateOptions, type SimulateReport, simulate } from '../engine/simulate.ts'
import { type ForecastReport, scoreForecasts } from '../evaluation/forecast.ts'
import { type AssetForecasts, type ForecastOptions, walkForward } from '../evaluation/walk-forward.ts'
import { type FlowReport, flow } from '../flow/flow.ts'
import { createPathModel } from '../paths/create-path-model.ts'
import type { PathModelName } from '../paths/path-model.ts'
import { sampleBook } from '../paths/sample-book.ts'
import { percent } from './chart.ts'
import { cascadeChart, curveChart, flowAssets, rhoChart, slopeTable } from './flow-charts.ts'
import { exceedanceChart, forecastPeriod, forecastTable } from './forecast-charts.ts'
import { escapeHtml, figure, htmlPage, htmlTable, type Section } from './html.ts'
import { fanChart, type HorizonLoss, policyChart, policyTable, volumeChart } from './loss-charts.ts'

export interface ReportOptions extends Pick<SimulateOptions, 'sigma' | 'correlation' | 'impact' | 'threads'> {
  /** The book's name for readers; without a book the report is of a sample. */
  readonly book?: { readonly name: string; readonly book: Book }
  readonly paths: number
  readonly hours: number
  readonly model: PathModelName
  readonly seed: number
  readonly onProgress?: (line: string) => void
}

/** Everything that the report shows. */
interface Findings {
  readonly book: Book
  readonly flow: FlowReport
  readonly horizons: readonly HorizonLoss[]
  readonly simulation: SimulateReport
  readonly notes: readonly string[]
  readonly forecasts: readonly AssetForecasts[]
  readonly scores: ForecastReport
  readonly crashes: CompareReport
}

/** Shocks of the curve: half of the price, a point at a time. */
const SHOCKS = { from: -5000, to: 0, step: 100 }
/** Lengths of the paths of the fan, as shares of the longest. */
const FAN = [1 / 24, 1 / 8, 1 / 4, 1 / 2, 3 / 4]
const FORECAST: ForecastOptions = {
  assets: HISTORY_SYMBOLS,
  from: Date.UTC(2022, 0, 1) / 1000,
  until: Date.UTC(2026, 0, 1) / 1000,
  horizon: 1,
  share: 0.01,
  models: ['formula', 'ewma'],
  refit: false,
}
/** Days that the table of a crash shows. */
const WORST_DAYS = 3
const SAMPLE = { seed: 1, accounts: 1000, depthRatio: 1 }

/** Fall of all prices since the accounts of the sample were opened at their initial margins: a market under stress, as a report is for. */
const SAMPLE_FALL = 0.1

/** A book for those who have none: a thousand accounts of mixed shape in three assets, margins of 15 and 20 points. */
function exampleBook(): Book {
  const factors = {
    collateralFactor: 0.85,
    liabilityFactor: 1.15,
    targetCollateralFactor: 0.8,
    targetLiabilityFactor: 1.2,
    penalty: 0.02,
  }
  const at = (fall: number) =>
    sampleBook(
      (
        [
          ['ETH', 3000],
          ['BTC', 60_000],
          ['SOL', 150],
        ] as const
      ).map(([symbol, price]) => ({ symbol, price: price * (1 - fall), ...factors })),
      SAMPLE,
    )
  return { ...at(SAMPLE_FALL), accounts: at(0).accounts }
}

/**
 * Writes the report as one HTML page, which needs neither scripts nor a network.
 * @throws PlimsollError where the book cannot be simulated as asked
 */
export async function riskReport(options: ReportOptions): Promise<string> {
  return page(await findings(options), options)
}

async function findings(options: ReportOptions): Promise<Findings> {
  const { paths, hours, model, seed, sigma, correlation, threads, onProgress } = options
  const impact = options.impact ?? 'linear'
  const book = options.book?.book ?? exampleBook()
  const common = { paths, model, seed, sigma, correlation, threads, impact }
  // What cannot be simulated is refused before any of the work.
  const { notes, about } = createPathModel({
    model,
    symbols: book.assets.slice(1).map(({ symbol }) => symbol),
    steps: 1,
    stepSeconds: 300,
    seed,
    ...(sigma !== undefined && { sigma }),
    ...(correlation !== undefined && { correlation }),
  })
  onProgress?.('policies along simulated paths')
  const simulation = await simulate(book, { ...common, hours })
  const lengths = [...new Set(FAN.map((share) => Math.max(1, Math.round(share * hours))))].filter(
    (length) => length < hours,
  )
  const horizons: HorizonLoss[] = []
  for (const length of lengths) {
    onProgress?.(`losses of ${length} hours`)
    const { policies } = await simulate(book, { ...common, hours: length, policies: ['plimsoll'] })
    horizons.push({ hours: length, metrics: policies[0]! })
  }
  horizons.push({ hours, metrics: simulation.policies.find(({ policy }) => policy === 'plimsoll')! })
  onProgress?.('the liquidation curve')
  const curve = flow([{ name: options.book?.name ?? 'sample', book }], { shocks: SHOCKS })
  const forecasts = walkForward({ ...FORECAST, ...(onProgress && { onProgress }) })
  const crashes = compare({
    windows: Object.keys(CRASHES),
    onProgress: (window, policy) => onProgress?.(`${window}: ${policy}`),
  })
  return {
    book,
    flow: curve,
    horizons,
    simulation,
    notes: about === undefined ? notes : [...notes, about],
    forecasts,
    scores: scoreForecasts(forecasts, FORECAST),
    crashes,
  }
}

function page(found: Findings, options: ReportOptions): string {
  const name = options.book?.name ?? 'a sample book'
  const { accounts, assets } = found.book
  const lead = `<p>${accounts.length} accounts in ${escapeHtml(assets.map(({ symbol }) => symbol).join(', '))}. ${options.book === undefined ? `It is a seeded sample under stress: accounts of mixed shape, after all prices fell by ${percent(SAMPLE_FALL)} since they were opened, and a depth of no more than what they hold and owe. ` : ''}Every figure is of a model or of the history that ships with the project; depth is an assumption. Simulated losses are shares of the debt at the start, with bounds of 95 %.</p>
<p class="note">Made by <code>${escapeHtml(command(options))}</code></p>`
  return htmlPage(`Risk of ${name}`, lead, [
    flowSection(found, options),
    fanSection(found, options),
    policySection(found, options),
    forecastSection(found),
    daySection(found),
  ])
}

/** The book in commands that print the same numbers; a sample is in no file. */
function bookArgument({ book }: ReportOptions): string {
  return book?.name ?? 'BOOK.json'
}

function flags({ sigma, correlation, impact }: ReportOptions): string {
  const flag = (option: string, value: string | number | undefined) =>
    value === undefined ? '' : ` --${option} ${value}`
  return `${flag('sigma', sigma)}${flag('correlation', correlation)}${flag('impact', impact)}`
}

function command(options: ReportOptions): string {
  const { book, paths, hours, model, seed } = options
  return `plimsoll risk report ${book === undefined ? '' : `${book.name} `}--out FILE.html --paths ${paths} --hours ${hours} --model ${model} --seed ${seed}${flags(options)}`
}

function simulateCommand(options: ReportOptions, hours: number, more = ''): string {
  const { paths, model, seed } = options
  return `plimsoll risk simulate ${bookArgument(options)} --paths ${paths} --hours ${hours} --model ${model} --seed ${seed}${flags(options)}${more}`
}

function flowSection({ book, flow: report }: Findings, options: ReportOptions): Section {
  const traded = flowAssets(book)
  const { spectralRadius } = report
  const verdict =
    spectralRadius >= 1
      ? `At the book's prices the spectral radius of the reproduction matrix is ${spectralRadius.toPrecision(3)}: <strong>a fall feeds itself.</strong>`
      : `At the book's prices the spectral radius of the reproduction matrix is ${spectralRadius.toPrecision(3)}: a fall does not feed itself there.`
  return {
    title: 'What a fall would liquidate',
    lead: `Exact at every point: what the protocol would sell if all prices fell at once, valued at the prices of the book. rho is the slope over the depth, the number of further sales that one sale sets off. ${verdict}`,
    body: [
      figure(
        curveChart(report, traded, book.assets[0]!.symbol),
        'The liquidation curve: net sales of each asset, and bad debt.',
      ),
      figure(rhoChart(report, traded), 'The reproduction number of liquidations along the curve.'),
      figure(
        cascadeChart(report),
        'The cascade: where prices come to rest after a shock, sales moving them in proportion to depth.',
      ),
      slopeTable(report, traded),
    ],
    command: `plimsoll risk flow ${bookArgument(options)}`,
  }
}

function fanSection({ horizons, notes }: Findings, options: ReportOptions): Section {
  const { es99, var99, systemLoss } = horizons.at(-1)!.metrics
  return {
    title: 'The fan of losses',
    lead: `System loss of this project's rule over ${options.paths} paths of the model ${options.model}: over ${options.hours} hours ${percent(systemLoss.mean)} of the debt in the mean, ${percent(var99.mean)} at 99 %, ${percent(es99.mean)} in the mean of the worst hundredth [${percent(es99.low)}, ${percent(es99.high)}]. ${escapeHtml(notes.join(' '))}`,
    body: [
      es99.mean === 0
        ? '<p>No path lost anything.</p>'
        : figure(
            fanChart(horizons),
            'Mean, value-at-risk and expected shortfall of the system loss by the length of the path.',
          ),
      figure(volumeChart(horizons), 'How much is liquidated, by the length of the path.'),
    ],
    command: simulateCommand(options, options.hours, ' --policies plimsoll'),
  }
}

function policySection({ simulation }: Findings, options: ReportOptions): Section {
  return {
    title: 'Policies side by side',
    lead: 'Five rules of liquidation on the same book and the same paths, with this book’s factors and penalty. A dot is the estimate, a bar its bounds of 95 %.',
    body: [
      figure(policyChart(simulation.policies), 'Metrics of the policies; shares of debt but where it says otherwise.'),
      policyTable(simulation.policies),
    ],
    command: simulateCommand(options, options.hours),
  }
}

function forecastSection({ forecasts, scores }: Findings): Section {
  const exceeded = scores.assets.map(({ models }) => models[0]!.exceeded)
  const range = `${(100 * Math.min(...exceeded)).toFixed(2)} to ${(100 * Math.max(...exceeded)).toFixed(2)} %`
  return {
    title: 'The forecast of the next fall, and how often it was exceeded',
    lead: `The formula of the margin rule, fitted to ETH and BTC up to 2021 and never again, against a daily EWMA, hour by hour from ${forecastPeriod(forecasts)}. Aim: one hour in a hundred. It was exceeded in ${range} of the hours.`,
    body: [
      figure(
        exceedanceChart(forecasts, scores.quantile),
        'Share of the hours of the last thirteen weeks whose fall was beyond the forecast; dashed the aim.',
      ),
      forecastTable(scores),
    ],
    command: 'plimsoll risk forecast --models formula,ewma',
  }
}

function daySection({ crashes }: Findings): Section {
  const names = crashes.windows[0]!.policies.map(({ policy }) => policy)
  const rows = crashes.windows.flatMap(({ window, policies }) => {
    const days = [...policies[0]!.days].sort((a, b) => b.systemLoss - a.systemLoss).slice(0, WORST_DAYS)
    const lossOn = (policy: (typeof policies)[number], date: string) =>
      policy.days.find((day) => day.date === date)?.systemLoss ?? 0
    return [
      ...days
        .filter(({ date }) => policies.some((policy) => lossOn(policy, date) > 0))
        .map(({ date }, i) => [
          i === 0 ? window : '',
          date,
          ...policies.map((policy) => percent(lossOn(policy, date))),
        ]),
      ['', 'whole window', ...policies.map(({ systemLoss }) => percent(systemLoss))],
    ]
  })
  return {
    title: 'The days that make the losses',
    lead: 'A population of a thousand accounts in ETH and BTC along six crashes as they were, under margins of 15 and 20 points and a penalty of 2 %: system loss over the mean debt on the three worst days of this project’s rule, and over the whole window.',
    body: [
      htmlTable(
        ['crash', 'day', ...names],
        rows,
        names.map((_, i) => i + 2),
      ),
    ],
    command: 'plimsoll risk compare --windows all',
  }
}
