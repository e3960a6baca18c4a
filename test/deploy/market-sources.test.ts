import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { type Address, encodeAbiParameters, getAddress, getCreate2Address, type Hex, isAddress, keccak256 } from 'viem'
import { DEFAULT_AUCTION } from '../../deploy/auction-plan.ts'
import { createSources } from '../../deploy/create-sources.ts'
import { parseDeployable } from '../../deploy/market-plan.ts'
import { marketTemplate, PUBLISHED, TEMPLATE_NAMES } from '../../deploy/market-templates.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { looseMarket } from '../support/echo-system.ts'

const A = `0x${'a'.repeat(40)}` as const
const B = `0x${'b'.repeat(40)}` as const
const C = `0x${'c'.repeat(40)}` as const
const ID = `0x${'1'.repeat(64)}` as const

const chainlink = { kind: 'chainlink', feed: A }
const pyth = { kind: 'pyth', pyth: B, id: ID }
const pool = { kind: 'uniswap-v3', pool: C, token: A }

function parsed(change: (market: any) => void) {
  const market = looseMarket()
  change(market)
  return parseDeployable(JSON.stringify(market))
}

describe('sources of a market', () => {
  it('have defaults, by kind', () => {
    const { oracles } = parsed((m) => {
      m.note = 'for people'
      m.assets[0].sources = [chainlink]
      m.assets[1].sources = [chainlink, pyth, pool, { kind: 'contract', source: B }]
      m.assets[2].feed = A
      m.uptimeFeed = C
    })
    const rules = { deviation: 300, maxConfidence: 200 }
    const feed = { kind: 'chainlink', feed: A, heartbeat: 3_600, ...rules }
    assert.deepEqual(oracles, {
      assets: {
        USD: { sources: [feed], jump: 2_000, confirm: 900 },
        ETH: {
          sources: [
            feed,
            { kind: 'pyth', pyth: B, id: ID, heartbeat: 60, ...rules },
            { kind: 'uniswap-v3', pool: C, token: A, window: 1_800, heartbeat: 3_600, ...rules, deviation: 500 },
            { kind: 'contract', source: B, heartbeat: 3_600, ...rules },
          ],
          jump: 2_000,
          confirm: 900,
        },
        BTC: { sources: [feed], jump: 0, confirm: 0 },
      },
      uptimeFeed: C,
      uptimeGrace: 3_600,
    })
  })

  it('are refused in one sentence that names the culprit', () => {
    const refused = (change: Parameters<typeof parsed>[0], complaint: RegExp) =>
      assert.throws(
        () => parsed(change),
        (error) => error instanceof PlimsollError && complaint.test(error.message),
      )
    const eth = (fields: object, complaint: RegExp) => refused((m) => Object.assign(m.assets[1], fields), complaint)
    const one = (fields: object, complaint: RegExp) => eth({ sources: [fields] }, complaint)
    eth({ sources: [] }, /^assets\[1\] "ETH": sources has 0 entries, not 1 to 4\.$/)
    eth({ sources: {} }, /"ETH": sources is not an array/)
    eth({ sources: [1] }, /"ETH": sources\[0\] is not a JSON object/)
    eth({ sources: Array(5).fill(chainlink) }, /5 entries/)
    eth({ sources: [pool] }, /one of uniswap-v3, which lags in a crash, and it needs two others/)
    eth({ sources: [pool, chainlink] }, /needs two others/)
    eth({ sources: [pool, chainlink, pyth, { ...pool, pool: A }] }, /sources has 2 of uniswap-v3.*one is the most/)
    eth({ sources: [chainlink, pyth, chainlink] }, /sources\[2\] is sources\[0\] again/)
    eth({ sources: [{ ...chainlink, feed: getAddress(A) }, chainlink] }, /again/)
    eth({ jump: '0.2' }, /has jump and no sources/)
    eth({ confirm: 900 }, /has confirm and no sources/)
    eth({ heartbeat: 900 }, /heartbeat is given without a feed/)
    eth({ feed: A, sources: [chainlink] }, /has both sources and feed/)
    eth({ feed: A, jump: '0.2' }, /has both jump and feed/)
    eth({ feed: '0x12' }, /"ETH": feed is no address/)
    eth({ feed: A, heartbeat: 0 }, /heartbeat is not a whole number of seconds from 1/)
    eth({ sources: [chainlink], jump: '6' }, /jump is not a share from 0 to below 6/)
    eth({ sources: [chainlink], jump: 0.2 }, /jump is not a string/)
    eth({ sources: [chainlink], confirm: 16_777_216 }, /confirm is not a whole number of seconds from 0 to 16777215/)
    one({ feed: A }, /sources\[0\]\.kind is missing/)
    one({ kind: 'oracle' }, /sources\[0\]\.kind "oracle" is none that there is/)
    one({ kind: '__proto__' }, /none that there is/)
    one({ kind: 'chainlink' }, /sources\[0\]\.feed is missing/)
    one({ ...chainlink, feed: 7 }, /feed is no address/)
    one({ ...chainlink, feed: `0x${'0'.repeat(40)}` }, /feed is the zero address/)
    one({ ...chainlink, feed: '0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266' }, /wrong checksum/)
    one({ ...chainlink, window: 60 }, /sources\[0\] has the unknown field "window"/)
    one({ ...chainlink, deviation: '0' }, /deviation is 0/)
    one({ ...chainlink, deviation: '1' }, /deviation is not a share from 0 to below 1/)
    one({ ...chainlink, deviation: '-0.1' }, /deviation is not a share/)
    one({ ...chainlink, maxConfidence: '1.5' }, /maxConfidence is not a share/)
    one({ ...pyth, id: '0x12' }, /id is not 0x and 64/)
    one({ ...pyth, heartbeat: 61 }, /heartbeat is above 60/)
    one({ ...pool, window: 59 }, /window is not a whole number of seconds from 60/)
    refused((m) => (m.uptimeFeed = 'x'), /^uptimeFeed is no address/)
    refused((m) => (m.uptimeGrace = 60), /uptimeGrace is given without an uptimeFeed/)
    refused((m) => Object.assign(m, { uptimeFeed: A, uptimeGrace: -1 }), /uptimeGrace is not a whole number/)
    refused((m) => (m.note = 1), /note is not a text/)
    refused((m) => (m.auction = 1), /^auction is not a JSON object/)
    refused((m) => (m.auction = { duration: '1' }), /auction has the unknown field "duration"/)
    refused((m) => (m.auction = { blockTime: '0' }), /auction\.blockTime is out of range/)
    refused((m) => (m.auction = { blockTime: '0.0001' }), /auction\.blockTime/)
    refused((m) => (m.auction = { floorDiscount: '0.2001' }), /auction\.floorDiscount is out of range/)
    refused((m) => (m.auction = { maxImpact: '0' }), /auction\.maxImpact is out of range/)
  })

  it('get an adapter each, and a mock feed where none is named', async () => {
    const { market, oracles } = parsed((m) => {
      m.assets[0].sources = [chainlink]
      m.assets[1].sources = [chainlink, pyth, pool, { kind: 'contract', source: B }]
    })
    const made: unknown[] = []
    const create = async (name: string, args: readonly unknown[]): Promise<Address> => {
      made.push([name, ...args])
      return `0x${made.length.toString(16).padStart(40, '0')}`
    }
    const created = await createSources(market.assets, oracles, { BTC: C }, 900, create)
    assert.deepEqual(made, [
      ['ChainlinkSource', A],
      ['ChainlinkSource', A],
      ['PythSource', B, ID],
      ['UniswapV3Source', C, A, 1_800],
      ['ChainlinkSource', C],
      ['MockFeed', 18, 50n * 10n ** 18n],
      ['ChainlinkSource', `0x${'6'.padStart(40, '0')}`],
    ])
    assert.deepEqual(
      created.assets.map(({ decimals, jump, confirm, sources }) => [decimals, jump, confirm, sources.length]),
      [
        [6, 2_000, 900, 1],
        [8, 2_000, 900, 4],
        [8, 0, 0, 1],
        [6, 0, 0, 1],
      ],
    )
    assert.equal(created.assets[1]!.sources[3]!.source, B)
    assert.equal(created.assets[2]!.sources[0]!.heartbeat, 900)
    assert.deepEqual(Object.keys(created.feeds), ['ETH', 'BTC', 'PERP'])
    assert.deepEqual(Object.keys(created.sources), ['USD', 'ETH', 'BTC', 'PERP'])
  })
})

describe('the liquidation market of a market file', () => {
  it('has the settings that were measured where it names none, one by one', () => {
    assert.deepEqual(parsed(() => undefined).auction, DEFAULT_AUCTION)
    assert.deepEqual(parsed((m) => (m.auction = { blockTime: '0.25' })).auction, { ...DEFAULT_AUCTION, blockTime: 250 })
    assert.deepEqual(parsed((m) => (m.auction = { floorDiscount: '0', maxImpact: '1' })).auction, {
      blockTime: 12_000,
      floorDiscount: 0,
      maxImpact: 10_000,
    })
  })
})

describe('templates of markets', () => {
  it('are markets that can be deployed, with checksummed addresses, and say what was not checked', () => {
    for (const name of TEMPLATE_NAMES) {
      const template = marketTemplate(name)
      const { market, custody, oracles } = parseDeployable(JSON.stringify(template))
      assert.match(template.note as string, new RegExp(`chain ${PUBLISHED[name].chainId}, checked for form only`))
      assert.deepEqual(
        market.assets.map(({ symbol }) => symbol),
        ['USDC', 'ETH', 'BTC'],
      )
      assert.ok(custody.USDC?.token !== undefined)
      for (const { symbol } of market.assets) assert.ok(oracles.assets[symbol]!.sources.length >= 2)
      // A mistyped digit does not survive a checksum, where there is one.
      const addresses = JSON.stringify(template).match(/0x[0-9a-fA-F]{40}(?![0-9a-fA-F])/g)!
      for (const address of addresses) {
        assert.ok(isAddress(address), address)
        assert.ok(/[A-F]/.test(address) || /^0x[0-9]+$/.test(address), address)
      }
    }
  })

  it('name the pools that follow from their factory, tokens and fee', async () => {
    const path = import.meta.resolve('@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json')
    const { bytecode } = JSON.parse(await readFile(new URL(path), 'utf8')) as { bytecode: Hex }
    let pools = 0
    for (const { factory, assets } of Object.values(PUBLISHED))
      for (const asset of Object.values(assets)) {
        if (!('pool' in asset)) continue
        const [token0, token1] = [asset.token, assets.USDC.token].sort((a, b) =>
          a.toLowerCase() < b.toLowerCase() ? -1 : 1,
        ) as [Address, Address]
        const types = [{ type: 'address' }, { type: 'address' }, { type: 'uint24' }] as const
        const salt = keccak256(encodeAbiParameters(types, [token0, token1, asset.fee]))
        const expected = getCreate2Address({ from: factory, salt, bytecodeHash: keccak256(bytecode) })
        assert.equal(asset.pool, expected)
        pools++
      }
    assert.equal(pools, 6)
  })
})
