/** A BOOK.json to be: loosely typed, as a test may set any field to any value. */
export type LooseBook = any

/** A sound book with three assets and two accounts; every call makes a fresh one. */
export function goodBook(): LooseBook {
  return {
    assets: [
      { symbol: 'USD', decimals: 6 },
      {
        symbol: 'ETH',
        decimals: 8,
        price: '194.61',
        collateralFactor: '0.85',
        liabilityFactor: '1.15',
        targetCollateralFactor: '0.80',
        targetLiabilityFactor: '1.2',
        penalty: '0.02',
        depth: '250000',
      },
      {
        symbol: 'BTC',
        decimals: 8,
        price: '7935.12',
        collateralFactor: '0.9',
        liabilityFactor: '1.1',
        targetCollateralFactor: '0.85',
        targetLiabilityFactor: '1.15',
        penalty: '0.01',
        depth: '9000.5',
      },
    ],
    minLiability: '50',
    accounts: [
      { id: 'a1', balances: { ETH: '10', USD: '-1700' }, weights: { ETH: 8 } },
      { id: 'a2', balances: { BTC: '-0.5', USD: '9000' } },
    ],
  }
}

export interface BadBook {
  readonly what: string
  readonly text: string
  /** In the one line that is printed. */
  readonly complaint: RegExp
}

function changed(what: string, complaint: RegExp, change: (book: LooseBook) => void): BadBook {
  const book = goodBook()
  change(book)
  return { what, text: JSON.stringify(book), complaint }
}

const manyAssets = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ ...goodBook().assets[1], symbol: `A${i}` }))

/** The bad input that issue 2 lists. */
export const LISTED_BAD_BOOKS: readonly BadBook[] = [
  {
    what: 'invalid JSON',
    text: '{"assets": [\n  {"symbol": "USD",, }]}',
    complaint: /Invalid JSON.* line 2, column 20/,
  },
  changed(
    'an unknown symbol',
    /accounts\[1\] "a2": balances has the unknown symbol "XRP"/,
    (b) => (b.accounts[1].balances.XRP = '1'),
  ),
  changed('a duplicate symbol', /assets\[2\]\.symbol "ETH" is a duplicate/, (b) => (b.assets[2].symbol = 'ETH')),
  changed('a duplicate id', /accounts\[1\]\.id "a1" is a duplicate of accounts\[0\]/, (b) => (b.accounts[1].id = 'a1')),
  changed('no accounts', /accounts is empty/, (b) => (b.accounts = [])),
  changed('no assets', /assets is empty/, (b) => (b.assets = [])),
  changed(
    'an asset of 9 decimals',
    /assets\[1\] "ETH": decimals is not a whole number from 0 to 8/,
    (b) => (b.assets[1].decimals = 9),
  ),
  changed(
    'a balance with too many decimals',
    /accounts\[0\] "a1": balances\.USD has 7 decimals, more than 6/,
    (b) => (b.accounts[0].balances.USD = '0.0000001'),
  ),
  changed(
    'a factor with too many decimals',
    /assets\[1\] "ETH": penalty has 5 decimals, more than 4/,
    (b) => (b.assets[1].penalty = '0.00001'),
  ),
  changed('nine assets', /assets has 9 entries, more than 8/, (b) => b.assets.push(...manyAssets(6))),
  changed(
    'a target collateral factor above the collateral factor',
    /assets\[1\] "ETH".*targetCollateralFactor/,
    (b) => (b.assets[1].targetCollateralFactor = '0.8501'),
  ),
  changed(
    'a collateral factor above 1 - penalty',
    /assets\[1\] "ETH".*collateralFactor <= 1 - penalty/,
    (b) => (b.assets[1].collateralFactor = '0.9801'),
  ),
  changed(
    'a target liability factor below the liability factor',
    /assets\[1\] "ETH".*targetLiabilityFactor/,
    (b) => (b.assets[1].targetLiabilityFactor = '1.1499'),
  ),
  changed(
    'a liability factor below 1 + penalty',
    /assets\[1\] "ETH".*liabilityFactor >= 1 \+ penalty/,
    (b) => (b.assets[1].liabilityFactor = '1.0199'),
  ),
  changed('a price below the range', /assets\[1\] "ETH": price is too small/, (b) => (b.assets[1].price = '0.001')),
  changed(
    'a price above the range',
    /assets\[1\] "ETH": price is too large/,
    (b) => (b.assets[1].price = '26843545600'),
  ),
  changed('a mark of 2^64', /assets\[1\] "ETH": the mark vt is 2\^64 or more/, (b) =>
    Object.assign(b.assets[1], { price: '26843545599', targetLiabilityFactor: '17' }),
  ),
  changed('a depth above 2^62', /assets\[1\] "ETH": a depth is at most 2\^62/, (b) =>
    Object.assign(b.assets[1], { depth: '46116860184.27387905' }),
  ),
  changed('a penalty above 10 points', /assets\[1\] "ETH": a penalty is at most 10 points/, (b) =>
    Object.assign(b.assets[1], { penalty: '0.1001' }),
  ),
  changed('targets less than 5 points apart', /assets\[1\] "ETH": the target factors are less than 5/, (b) =>
    Object.assign(b.assets[1], {
      collateralFactor: '0.98',
      liabilityFactor: '1.02',
      targetCollateralFactor: '0.9751',
      targetLiabilityFactor: '1.025',
    }),
  ),
  changed(
    'an initial collateral factor above the target one',
    /assets\[1\] "ETH".*initialCollateralFactor <= targetCollateralFactor/,
    (b) => (b.assets[1].initialCollateralFactor = '0.8001'),
  ),
  changed(
    'an initial liability factor below the target one',
    /assets\[1\] "ETH".*initialLiabilityFactor >= targetLiabilityFactor/,
    (b) => (b.assets[1].initialLiabilityFactor = '1.1999'),
  ),
  changed(
    'a depth of 2^64',
    /assets\[1\] "ETH": depth is 2\^64 base units or more/,
    (b) => (b.assets[1].depth = '184467440737.09551616'),
  ),
  changed(
    'a balance of 2^64',
    /accounts\[0\] "a1": balances\.USD is 2\^64 base units or more/,
    (b) => (b.accounts[0].balances.USD = '18446744073709.551616'),
  ),
  changed(
    'a balance of -2^64',
    /accounts\[0\] "a1": balances\.USD is 2\^64 base units or more/,
    (b) => (b.accounts[0].balances.USD = '-18446744073709.551616'),
  ),
  changed(
    'an account of excessive size',
    /accounts\[0\] "a1": balances are worth 2\^95 or more/,
    (b) => (b.accounts[0].balances.USD = '-9223372036854.775808'),
  ),
  changed(
    'a weight of 0',
    /accounts\[0\] "a1": weights\.ETH is not a whole number from 1 to 15/,
    (b) => (b.accounts[0].weights.ETH = 0),
  ),
  changed(
    'a weight of 16',
    /accounts\[0\] "a1": weights\.ETH is not a whole number from 1 to 15/,
    (b) => (b.accounts[0].weights.ETH = 16),
  ),
  changed('a weight on cash', /accounts\[0\] "a1": weights\.USD is on cash/, (b) => (b.accounts[0].weights.USD = 8)),
]

export const OTHER_BAD_BOOKS: readonly BadBook[] = [
  { what: 'an empty file', text: '', complaint: /Invalid JSON: the text ends at line 1, column 1/ },
  {
    what: 'a text after the book',
    text: `${JSON.stringify(goodBook())}\n{}`,
    complaint: /Invalid JSON: more text follows at line 2, column 1/,
  },
  { what: 'an array', text: '[]', complaint: /The book is not a JSON object/ },
  { what: 'null', text: 'null', complaint: /The book is not a JSON object/ },
  {
    what: 'a balance given twice',
    text: JSON.stringify(goodBook()).replace('"ETH":"10"', '"ETH":"10","ETH":"11"'),
    complaint: /The key "ETH" is there twice at line 1, column \d+/,
  },
  {
    what: 'a key given twice under an escape',
    text: JSON.stringify(goodBook()).replace('"ETH":"10"', '"ETH":"10","E\\u0054H":"11"'),
    complaint: /is there twice/,
  },
  { what: 'a million brackets', text: '['.repeat(1_000_000), complaint: /nested too deeply/ },
  changed(
    'a misspelled field of the book',
    /The book has the unknown field "minliability"/,
    (b) => (b.minliability = '1'),
  ),
  changed(
    'a misspelled field of an asset',
    /assets\[1\] "ETH" has the unknown field "Depth"/,
    (b) => (b.assets[1].Depth = '1'),
  ),
  changed(
    'a misspelled field of an account',
    /accounts\[0\] "a1" has the unknown field "weight"/,
    (b) => (b.accounts[0].weight = {}),
  ),
  changed(
    'a price of cash',
    /assets\[0\], which is cash, has the unknown field "price"/,
    (b) => (b.assets[0].price = '1'),
  ),
  ...[
    'price',
    'collateralFactor',
    'liabilityFactor',
    'targetCollateralFactor',
    'targetLiabilityFactor',
    'penalty',
    'depth',
    'decimals',
  ].map((field) =>
    changed(
      `an asset without ${field}`,
      new RegExp(`assets\\[2\\] "BTC": ${field} is missing`),
      (b) => delete b.assets[2][field],
    ),
  ),
  changed('an asset without symbol', /assets\[2\]: symbol is missing/, (b) => delete b.assets[2].symbol),
  changed('an empty symbol', /assets\[2\]\.symbol is not a printable string/, (b) => (b.assets[2].symbol = '')),
  changed(
    'a symbol with a line break',
    /assets\[2\]\.symbol is not a printable string/,
    (b) => (b.assets[2].symbol = 'B\nTC'),
  ),
  changed('an account without id', /accounts\[1\]: id is missing/, (b) => delete b.accounts[1].id),
  changed('a number as id', /accounts\[1\]\.id is not a printable string/, (b) => (b.accounts[1].id = 2)),
  changed(
    'an account without balances',
    /accounts\[1\] "a2": balances is missing/,
    (b) => delete b.accounts[1].balances,
  ),
  changed(
    'balances in an array',
    /accounts\[1\] "a2": balances is not a JSON object/,
    (b) => (b.accounts[1].balances = []),
  ),
  changed('a null account', /accounts\[1\] is not a JSON object/, (b) => (b.accounts[1] = null)),
  changed('no list of accounts', /accounts is missing/, (b) => delete b.accounts),
  changed('an object of assets', /assets is not an array/, (b) => (b.assets = {})),
  changed(
    'a number as balance',
    /accounts\[0\] "a1": balances\.ETH is not a string/,
    (b) => (b.accounts[0].balances.ETH = 10),
  ),
  changed(
    'an exponent',
    /accounts\[0\] "a1": balances\.ETH is not a plain decimal: "1e3"/,
    (b) => (b.accounts[0].balances.ETH = '1e3'),
  ),
  changed(
    'a plus sign',
    /accounts\[0\] "a1": balances\.ETH is not a plain decimal: "\+1"/,
    (b) => (b.accounts[0].balances.ETH = '+1'),
  ),
  changed('a price of 0', /assets\[1\] "ETH": price is not above 0/, (b) => (b.assets[1].price = '0.0')),
  changed('a negative price', /assets\[1\] "ETH": price is not above 0/, (b) => (b.assets[1].price = '-1')),
  changed(
    'a price of 19 decimals',
    /assets\[1\] "ETH": price has 19 decimals, more than 18/,
    (b) => (b.assets[1].price = `1.${'0'.repeat(19)}`),
  ),
  changed('a negative penalty', /assets\[1\] "ETH": penalty is negative/, (b) => (b.assets[1].penalty = '-0.01')),
  changed('a negative depth', /assets\[1\] "ETH": depth is negative/, (b) => (b.assets[1].depth = '-1')),
  changed(
    'a depth with too many decimals',
    /assets\[1\] "ETH": depth has 9 decimals, more than 8/,
    (b) => (b.assets[1].depth = '1.123456789'),
  ),
  changed('a negative minLiability', /minLiability is negative/, (b) => (b.minLiability = '-1')),
  changed('a null minLiability', /minLiability is not a string/, (b) => (b.minLiability = null)),
  changed(
    'fractional decimals',
    /assets\[1\] "ETH": decimals is not a whole number/,
    (b) => (b.assets[1].decimals = 1.5),
  ),
  changed(
    'decimals as a string',
    /assets\[1\] "ETH": decimals is not a whole number/,
    (b) => (b.assets[1].decimals = '8'),
  ),
  changed(
    'negative decimals of cash',
    /assets\[0\] "USD": decimals is not a whole number/,
    (b) => (b.assets[0].decimals = -1),
  ),
  changed('a fractional weight', /weights\.ETH is not a whole number/, (b) => (b.accounts[0].weights.ETH = 1.5)),
  changed('a weight as a string', /weights\.ETH is not a whole number/, (b) => (b.accounts[0].weights.ETH = '8')),
  changed(
    'a weight of an unknown symbol',
    /accounts\[0\] "a1": weights has the unknown symbol "XRP"/,
    (b) => (b.accounts[0].weights.XRP = 8),
  ),
  changed(
    'an inherited name as symbol',
    /balances has the unknown symbol "constructor"/,
    (b) => (b.accounts[0].balances.constructor = '1'),
  ),
]
