import type { JsonObject } from '../protocol/json.ts'

// Addresses as Chainlink, Pyth, Uniswap, Circle and the chains publish them. Here only their form is checked, and that a pool's
// address follows from its factory, tokens and fee.

/** Sources of one asset on a chain; a pool is quoted in the cash token. */
interface PublishedAsset {
  readonly token?: string
  readonly feed: string
  /** Seconds between two updates of the feed, as published. */
  readonly heartbeat: number
  readonly pool?: string
  /** Fee of the pool, in millionths. */
  readonly fee?: number
}

interface Published {
  readonly chainId: number
  readonly pyth: string
  /** Uniswap v3's factory of pools. */
  readonly factory: string
  readonly uptimeFeed?: string
  readonly assets: Readonly<Record<'USDC' | 'ETH' | 'BTC', PublishedAsset>>
}

export const PUBLISHED = {
  ethereum: {
    chainId: 1,
    pyth: '0x4305FB66699C3B2702D4d05CF36551390A4c69C6',
    factory: '0x1F98431c8aD98523631AE4a59f267346ea31F984',
    assets: {
      USDC: {
        token: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48',
        feed: '0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6',
        heartbeat: 86_400,
      },
      ETH: {
        token: '0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2',
        feed: '0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419',
        heartbeat: 3_600,
        pool: '0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640',
        fee: 500,
      },
      BTC: {
        token: '0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599',
        feed: '0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c',
        heartbeat: 3_600,
        pool: '0x99ac8cA7087fA4A2A1FB6357269965A2014ABc35',
        fee: 3_000,
      },
    },
  },
  arbitrum: {
    chainId: 42_161,
    pyth: '0xff1a0f4744e8582DF1aE09D5611b887B6a12925C',
    factory: '0x1F98431c8aD98523631AE4a59f267346ea31F984',
    uptimeFeed: '0xFdB631F5EE196F0ed6FAa767959853A9F217697D',
    assets: {
      USDC: {
        token: '0xaf88d065e77c8cC2239327C5EDb3A432268e5831',
        feed: '0x50834F3163758fcC1Df9973b6e91f0F0F0434aD3',
        heartbeat: 86_400,
      },
      ETH: {
        token: '0x82aF49447D8a07e3bd95BD0d56f35241523fBab1',
        feed: '0x639Fe6ab55C921f74e7fac1ee960C0B6293ba612',
        heartbeat: 86_400,
        pool: '0xC6962004f452bE9203591991D15f6b388e09E8D0',
        fee: 500,
      },
      BTC: {
        token: '0x2f2a2543B76A4166549F7aaB2e75Bef0aefC5B0f',
        feed: '0x6ce185860a4963106506C203335A2910413708e9',
        heartbeat: 86_400,
        pool: '0x0E4831319A50228B9e450861297aB92dee15B44F',
        fee: 500,
      },
    },
  },
  base: {
    chainId: 8_453,
    pyth: '0x8250f4aF4B972684F7b336503E2D6dFeDeB1487a',
    factory: '0x33128a8fC17869897dcE68Ed026d694621f6FDfD',
    uptimeFeed: '0xBCF85224fc0756B9Fa45aA7892530B47e10b6433',
    assets: {
      USDC: {
        token: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
        feed: '0x7e860098F58bBFC8648a4311b374B1D669a2bc6B',
        heartbeat: 86_400,
      },
      ETH: {
        token: '0x4200000000000000000000000000000000000006',
        feed: '0x71041dddad3595F9CEd3DcCFBe3D1F4b0a16Bb70',
        heartbeat: 1_200,
        pool: '0xd0b53D9277642d899DF5C87A3966A349A798F224',
        fee: 500,
      },
      BTC: {
        token: '0xcbB7C0000aB88B473b1f5aFd9ef808440eed33Bf',
        feed: '0x64c911996D3c6aC71f9b455B1E8E7266BcbD848F',
        heartbeat: 1_200,
        pool: '0xfBB6Eed8e7aa03B138556eeDaF5D271A5E1e43ef',
        fee: 500,
      },
    },
  },
  sepolia: {
    chainId: 11_155_111,
    pyth: '0xDd24F84d36BF92C65F92307595335bdFab5Bbd21',
    factory: '0x0227628f3F023bb0B980b67D528571c95c6DaC1c',
    assets: {
      USDC: {
        token: '0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238',
        feed: '0xA2F78ab2355fe2f984D808B5CeE7FD0A93D5270E',
        heartbeat: 86_400,
      },
      ETH: {
        token: '0xfFf9976782d46CC05630D1f6eBAb18b2324d6B14',
        feed: '0x694AA1769357215DE4FAC081bf1f309aDC325306',
        heartbeat: 3_600,
      },
      BTC: { feed: '0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43', heartbeat: 3_600 },
    },
  },
} as const satisfies Readonly<Record<string, Published>>

export type TemplateName = keyof typeof PUBLISHED

export const TEMPLATE_NAMES = Object.keys(PUBLISHED) as TemplateName[]

/** Pyth's numbers of its prices, the same on every chain. */
const PYTH_IDS = {
  USDC: '0xeaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a',
  ETH: '0xff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace',
  BTC: '0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43',
} as const

/** Seconds until an update that is due is on the chain. */
const INCLUSION = 300
const PYTH_AGE = 60
const WINDOW = 1_800

const FACTORS = {
  collateralFactor: '0.85',
  liabilityFactor: '1.15',
  targetCollateralFactor: '0.82',
  targetLiabilityFactor: '1.18',
  penalty: '0.03',
} as const

/** Placeholders: what a market limits itself to is for whoever deploys it to say. */
const SIZES = {
  USDC: { cap: '1000000', minOpen: '100', minDeposit: '10' },
  ETH: { price: '3000', depth: '20000', cap: '300', minOpen: '0.05', minDeposit: '0.01' },
  BTC: { price: '100000', depth: '500', cap: '10', minOpen: '0.002', minDeposit: '0.0005' },
} as const

/**
 * A MARKET.json for a chain, with the published sources of cash (USDC), ETH and BTC; BTC is a synthetic where no token of it
 * is widely used. Sizes, factors and prices are placeholders.
 */
export function marketTemplate(name: TemplateName): JsonObject {
  const { chainId, assets, ...published }: Published = PUBLISHED[name]
  const traded = (['ETH', 'BTC'] as const).map((symbol): JsonObject => {
    const { price, depth } = SIZES[symbol]
    return { symbol, decimals: 8, price, depth, ...FACTORS, ...sources(published.pyth, symbol, assets[symbol]) }
  })
  const custody = (['USDC', 'ETH', 'BTC'] as const).flatMap((symbol) => {
    const { token } = assets[symbol]
    const { cap, minOpen, minDeposit } = SIZES[symbol]
    return token === undefined ? [] : [[symbol, { token, cap, minOpen, minDeposit }] as const]
  })
  return {
    note: `Published addresses of chain ${chainId}, checked for form only: compare each with its publisher before you deploy. Prices, depths, caps and factors are placeholders.`,
    assets: [{ symbol: 'USDC', decimals: 6, ...sources(published.pyth, 'USDC', assets.USDC) }, ...traded],
    minLiability: '100',
    ...(published.uptimeFeed !== undefined && { uptimeFeed: published.uptimeFeed, uptimeGrace: 3_600 }),
    custody: Object.fromEntries(custody),
  }
}

function sources(
  pyth: string,
  symbol: keyof typeof PYTH_IDS,
  { token, feed, heartbeat, pool }: PublishedAsset,
): JsonObject {
  const cash = symbol === 'USDC'
  const deviation = cash ? '0.01' : '0.02'
  const confidence = cash ? '0.005' : '0.01'
  return {
    sources: [
      { kind: 'chainlink', feed, heartbeat: heartbeat + INCLUSION, deviation },
      { kind: 'pyth', pyth, id: PYTH_IDS[symbol], heartbeat: PYTH_AGE, deviation, maxConfidence: confidence },
      ...(pool === undefined ? [] : [{ kind: 'uniswap-v3', pool, token: token!, window: WINDOW, deviation: '0.03' }]),
    ],
    jump: cash ? '0.03' : '0.15',
    confirm: 600,
  }
}
