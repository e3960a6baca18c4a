import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Hex } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { loadArtifact } from '../../chain/artifacts.ts'
import { rawCall } from '../../chain/development-chain.ts'
import { deployContract } from '../../deploy/deploy.ts'
import { FORCED_ABI } from '../../sdk/abi/forced.ts'
import { TOKEN_ABI } from '../../sdk/abi/token.ts'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { approve } from '../../sdk/chain/approve.ts'
import { connectSigner } from '../../sdk/chain/client.ts'
import { sendCall } from '../../sdk/chain/send-call.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import type { SequencerNode } from '../../sequencer/node/node.ts'
import { chapters } from '../support/chapters.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { movePrices } from '../support/live-chain.ts'
import { runCli } from '../support/run-cli.ts'
import { startSwitchedEndpoint } from '../support/switched-endpoint.ts'
import { runWallet, walletRefuses } from '../support/wallet-cli.ts'

const USD = 10n ** 6n
const WEI = 10n ** 18n

describe('plimsoll wallet', () => {
  const it = chapters()
  let system: EchoSystem
  let node: SequencerNode
  let server: Awaited<ReturnType<typeof serve>>
  let directory: string
  let api: string
  let chain: readonly string[]
  let stepping = true
  let paused = false
  let loop: Promise<void>
  const alice = generatePrivateKey()
  const bob = generatePrivateKey()

  const run = (key: Hex | undefined, ...args: string[]) => runWallet(directory, key, ...args)
  const refused = (key: Hex | undefined, args: readonly string[], complaint: RegExp) =>
    walletRefuses(directory, key, args, complaint)

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'plimsoll-'))
    system = await startEchoSystem()
    node = await system.open()
    server = await serve(node, new NodeMetrics(), 0)
    api = `http://127.0.0.1:${server.port}`
    chain = ['--rpc', system.chain.url, '--settlement', system.deployed.settlement]
    for (const key of [alice, bob]) {
      const { address } = privateKeyToAccount(key)
      await rawCall(system.signer, 'hardhat_setBalance', address, `0x${WEI.toString(16)}`)
      await system.mint('USD', address, 10_000n * USD)
      if (key === alice) await system.mint('ETH', address, 100n * WEI)
    }
    loop = (async () => {
      while (stepping) {
        // The tests use the operator's account too: the node looks again when their transactions are mined.
        if (!paused) await node.step().catch((error: Error) => assert.match(error.message, /is still pending/))
        await sleep(400)
      }
    })()
  })
  after(async () => {
    stepping = false
    await loop
    server.server.close()
    server.server.closeAllConnections()
    await node.close()
    await system.stop()
    await rm(directory, { recursive: true })
  })

  it('derives the same key each time, and another for another account number', async () => {
    const first = await run(alice, 'address', ...chain)
    assert.deepEqual(Object.keys(first), ['ethereum', 'publicKey', 'owner'])
    assert.equal(first.ethereum, privateKeyToAccount(alice).address)
    assert.deepEqual(await run(alice, 'address', ...chain), first)
    assert.notDeepEqual((await run(alice, 'address', ...chain, '--account', '1')).publicKey, first.publicKey)
    const unlocked = (await system.signer.write.getAddresses())[3]!
    const local = await run(undefined, 'address', ...chain, '--from', unlocked)
    assert.equal(local.ethereum, unlocked)
  })

  it('deposits, borrows, trades, states preferences and reads its balance', async () => {
    const opened = await run(
      alice,
      'deposit',
      '--rpc',
      system.chain.url,
      '--node',
      api,
      '--asset',
      'ETH',
      '--amount',
      '10',
      '--wait',
    )
    assert.deepEqual([opened.depositId, opened.index, opened.kind, opened.status], [0, 0, 'open', 'settled'])
    assert.equal(
      (
        await run(
          bob,
          'deposit',
          '--rpc',
          system.chain.url,
          '--node',
          api,
          '--asset',
          'USD',
          '--amount',
          '5000.5',
          '--wait',
        )
      ).index,
      1,
    )
    assert.equal(
      (
        await run(
          bob,
          'deposit',
          '--rpc',
          system.chain.url,
          '--node',
          api,
          '--asset',
          'ETH',
          '--amount',
          '0.5',
          '--index',
          '0',
          '--mint',
          '--wait',
        )
      ).kind,
      'topup',
    )
    const withdrawn = await run(
      alice,
      'withdraw',
      '--node',
      api,
      '--asset',
      'USD',
      '--amount',
      '1000',
      '--to',
      privateKeyToAccount(alice).address,
      '--wait',
    )
    assert.equal(withdrawn.status, 'settled')
    const half = await run(alice, 'trade', '--node', api, '--asset', 'PERP', '--buy', '4', '--for', '200')
    assert.equal(half.status, 'waiting')
    assert.equal(
      (
        await run(
          bob,
          'trade',
          '--node',
          api,
          '--asset',
          'PERP',
          '--sell',
          '4',
          '--for',
          '200',
          '--link',
          half.link,
          '--wait',
        )
      ).status,
      'settled',
    )
    assert.equal(
      (await run(bob, 'preferences', '--node', api, '--set', 'ETH=15', '--set', 'PERP=1', '--wait')).status,
      'settled',
    )
    const balance = await run(alice, 'balance', '--node', api)
    assert.deepEqual(balance.balances, { USD: '-1200', ETH: '10.5', PERP: '4' })
    assert.equal(balance.equity, '1100')
    // 1.5 200 10.5^2 / 250,000 and 1.5 50 4^2 / 900,000, rounded up; -1,200 + 0.8 (2,100 + 200) less both.
    assert.deepEqual([balance.concentration, balance.initialHealth], ['0.133634', '639.866366'])
    const { ETH, PERP } = balance.initialMargins
    assert.deepEqual([ETH.concentration, PERP.concentration], ['0.132301', '0.001334'])
    assert.match(ETH.collateralLimit, /^66666\.6666/)
    const { whatIf } = await run(alice, 'balance', '--node', api, '--what-if', 'buy ETH 200000 for 1')
    assert.deepEqual([whatIf.status, whatIf.initialHealth.split('.')[0]], ['too concentrated', '-16004401'])
    assert.deepEqual(balance.pending, [{ id: 0, asset: 'USD', amount: '1000', claimable: true }])
    const theirs = await run(bob, 'balance', '--node', api)
    assert.deepEqual(
      [theirs.balances, theirs.weights],
      [
        { USD: '5200.5', PERP: '-4' },
        { ETH: 15, PERP: 1 },
      ],
    )
    assert.equal((await run(alice, 'withdraw', '--claim', '0', '--rpc', system.chain.url, '--node', api)).paid, '1000')
    const held = await system.signer.read.readContract({
      address: system.deployed.tokens.USD!,
      abi: TOKEN_ABI,
      functionName: 'balanceOf',
      args: [privateKeyToAccount(alice).address],
    })
    assert.equal(held, 11_000n * USD)
  })

  it('recovers the account and its history from the chain alone', async () => {
    const recovered = await run(alice, 'recover', ...chain)
    const { account, leaf } = { account: node.system.accounts.at(0)!, leaf: node.system.tree.leaf(0) }
    assert.deepEqual(
      [recovered.index, recovered.version, recovered.leaf],
      [0, Number(account.version), leaf.toString()],
    )
    assert.deepEqual(recovered.balances, { USD: '-1200', ETH: '10.5', '#3': '4' })
    const { events } = await run(alice, 'history', ...chain)
    assert.deepEqual(events, recovered.history)
    assert.deepEqual(
      events.map(({ kind, version }: Record<string, unknown>) => [kind, version]),
      [
        ['open', 0],
        ['deposit', 1],
        ['withdraw', 2],
        ['trade', 3],
      ],
    )
    assert.deepEqual(events[3].changes, { USD: '-200', '#3': '4' })
    const { path } = await run(alice, 'recover', ...chain, '--at-checkpoint', '--out', 'alice.json')
    assert.equal(path.length, 3)
    assert.deepEqual(JSON.parse(await readFile(join(directory, 'alice.json'), 'utf8')).path, path)
    await refused(alice, ['recover', ...chain, '--out', 'alice.json'], /Cannot write alice\.json: it exists/)
  })

  it('forces a withdrawal through the contract, which the node serves', async () => {
    const account = privateKeyToAccount(bob)
    await refused(
      bob,
      ['withdraw', '--forced', ...chain, '--asset', 'USD', '--amount', '15000000000000', '--to', account.address],
      /refused a withdrawal of 15000000000000 USD/,
    )
    const { queueNumber, deadline, transaction } = await run(
      bob,
      'withdraw',
      '--forced',
      ...chain,
      '--asset',
      'USD',
      '--amount',
      '25',
      '--to',
      account.address,
    )
    assert.equal(queueNumber, 1)
    assert.ok(deadline > 0)
    assert.match(transaction, /^0x/)
    for (let i = 0; i < 100 && node.system.accounts.at(1)!.balances[0] !== 5_175_500_000n; i++) await sleep(100)
    assert.deepEqual((await run(bob, 'balance', '--node', api)).balances.USD, '5175.5')
    assert.deepEqual(await run(bob, 'refund', ...chain), { refunds: [], bonds: '0.01' })
    assert.deepEqual(await run(bob, 'refund', ...chain), { refunds: [], bonds: '0' })
  })

  it('insures the backstop, and takes out what has not become shares', async () => {
    const perShare = { shares: '1000000000000', price: '1', redemption: '1' }
    const none = {
      shares: '0',
      total: '0',
      offered: '0',
      waiting: '0',
      collectable: '0',
      worth: { price: '0', redemption: '0' },
      perShare,
    }
    assert.deepEqual(await run(bob, 'insure', ...chain), none)
    assert.deepEqual(await run(bob, 'insure', ...chain, '--deposit', '300'), { ...none, waiting: '300' })
    assert.deepEqual(await run(bob, 'insure', ...chain, '--cancel'), none)
    await run(bob, 'insure', ...chain, '--deposit', '200')
    // It becomes shares at a checkpoint of a later round.
    await movePrices(system.signer, system.feeds, [201n * WEI, 8_000n * WEI, 50n * WEI])
    let position = none
    for (let i = 0; i < 100 && position.shares === '0'; i++) position = await run(bob, 'insure', ...chain)
    const worth = { price: '200', redemption: '200' }
    assert.deepEqual(position, { ...none, shares: '200000000000000', total: '200000000000000', worth })
    await refused(bob, ['insure', ...chain, '--redeem', '200000000000001'], /has 200000000000000 shares/)
    await refused(bob, ['redeem', ...chain, '--shares', '-1'], /--shares is neither a number of shares nor "all"/)
    assert.equal((await run(bob, 'insure', ...chain, '--redeem', '50000000000000')).offered, '50000000000000')
    assert.equal((await run(bob, 'redeem', ...chain)).offered, '200000000000000')
    await movePrices(system.signer, system.feeds, [202n * WEI, 8_000n * WEI, 50n * WEI])
    for (let i = 0; i < 100 && position.collectable === '0'; i++) position = await run(bob, 'insure', ...chain)
    assert.deepEqual(position, { ...none, collectable: '200' })
    assert.deepEqual(await run(bob, 'insure', ...chain, '--collect'), none)
    await refused(bob, ['insure', ...chain, '--collect'], /NothingToCollect/)
    await refused(bob, ['insure', ...chain, '--collect', '--cancel'], /Choose one/)
    await refused(bob, ['insure', ...chain, '--redeem', '1.5'], /neither a number of shares/)
    await refused(bob, ['insure', ...chain, '--pull'], /not frozen/)
    await refused(bob, ['insure', ...chain, '--history', '--collect'], /Choose one/)
    const { events, ...sums } = await run(bob, 'insure', ...chain, '--history')
    assert.deepEqual(
      events.map(({ kind, cash, shares }: any) => [kind, cash, shares]),
      [
        ['insured', '300', undefined],
        ['cancelled', '300', undefined],
        ['insured', '200', undefined],
        ['converted', '200', '200000000000000'],
        ['offered', undefined, '50000000000000'],
        ['offered', undefined, '150000000000000'],
        ['redeemed', '200', '200000000000000'],
        ['collected', '200', undefined],
      ],
    )
    assert.deepEqual(sums, { paidIn: '200', paidOut: '200', worth: '0', gain: '0', yield: '0' })
  })

  it('deposits into the account that an earlier deposit is about to open, rather than opening another', async () => {
    const carol = generatePrivateKey()
    const { address } = privateKeyToAccount(carol)
    await rawCall(system.signer, 'hardhat_setBalance', address, `0x${WEI.toString(16)}`)
    await system.mint('USD', address, 100n * USD)
    paused = true
    const args = [
      'deposit',
      '--rpc',
      system.chain.url,
      '--node',
      api,
      '--settlement',
      system.deployed.settlement,
      '--asset',
      'USD',
      '--amount',
      '20',
    ]
    const [first, second] = [await run(carol, ...args), await run(carol, ...args)]
    paused = false
    assert.deepEqual([first.kind, second.kind, second.index], ['open', 'topup', first.index])
    assert.equal((await run(carol, ...args, '--wait')).status, 'settled')
    assert.deepEqual((await run(carol, 'balance', '--node', api)).balances, { USD: '60' })

    // Anyone may open another account for the key, even before its owner does: the owner has both.
    const [x, y] = (await run(carol, 'address', ...chain)).publicKey.map(BigInt)
    const { openingFee } = await system.signer.read.readContract({
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'config',
    })
    const from = (await system.signer.write.getAddresses())[4]!
    const stranger = await connectSigner(system.chain.url, from)
    await system.mint('ETH', from, WEI)
    await approve(stranger, system.deployed.tokens.ETH!, system.deployed.vault, WEI)
    await sendCall(stranger, {
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'open',
      args: [1, WEI, x, y, false],
      value: openingFee,
    })
    const other = first.index + 1
    const read = (...args: string[]) => run(carol, 'balance', '--node', api, ...args)
    for (let i = 0; i < 100 && node.system.accounts.at(other) === undefined; i++) await sleep(100)
    assert.deepEqual(
      [(await read()).balances, (await read('--index', String(other))).balances],
      [{ USD: '60' }, { ETH: '1' }],
    )
    const plain = await runCli(['wallet', 'balance', '--node', api], { env: { PLIMSOLL_WALLET_KEY: carol } })
    assert.match(plain.stdout, new RegExp(`other accounts, which --index names: ${other}\n`))
    assert.deepEqual((await run(carol, 'recover', ...chain, '--index', String(other))).balances, { ETH: '1' })
    assert.equal(
      (await run(carol, 'preferences', '--node', api, '--set', 'ETH=3', '--index', String(other), '--wait')).status,
      'settled',
    )
    await refused(carol, ['balance', '--node', api, '--index', '0'], /Account 0 is not of this key\. It has \d+, \d+/)
    await refused(carol, ['recover', ...chain, '--index', '0'], /Account 0 is not of this key/)
  })

  it('sends nothing to a vault or a token that are not those of the settlement', async () => {
    const other = system.deployed.tokens.ETH!
    let change: (deployment: any) => void = () => {}
    const liar = createServer(async (request, response) => {
      const answer = await fetch(`${api}${request.url}`)
      const body = (await answer.json()) as object
      if (request.url === '/v1/deployment') change(body)
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    liar.listen(0, '127.0.0.1')
    await once(liar, 'listening')
    const args = [
      'deposit',
      '--rpc',
      system.chain.url,
      '--node',
      `http://127.0.0.1:${(liar.address() as AddressInfo).port}`,
      '--asset',
      'USD',
      '--amount',
      '20',
    ]
    for (const [lie, complaint] of [
      [(d: any) => (d.vault = other), /vault or token of USD is not that of the settlement/],
      [(d: any) => (d.assets[0].token = other), /vault or token of USD is not/],
      [(d: any) => (d.assets[0].tokenDecimals = 18), /vault or token of USD is not/],
      [(d: any) => (d.settlement = other), /There is no settlement of this version at/],
    ] as const) {
      change = lie
      await refused(bob, args, complaint)
    }
    change = () => {}
    await refused(bob, [...args, '--settlement', other], /The node is of the settlement 0x\w+, not 0x/)
    liar.close()
    liar.closeAllConnections()
  })

  it('approves tokens that return nothing, and that change no allowance into another', async () => {
    const token = await deployContract(system.signer, 'SilentToken', [])
    const { abi } = await loadArtifact('SilentToken')
    await sendCall(system.signer, { address: token, abi, functionName: 'mint', args: [system.signer.sender, 50n] })
    const vault = system.deployed.vault
    for (const amount of [10n, 20n, 20n, 5n]) await approve(system.signer, token, vault, amount)
    assert.equal(
      await system.signer.read.readContract({
        address: token,
        abi,
        functionName: 'allowance',
        args: [system.signer.sender, vault],
      }),
      20n,
    )
    await assert.rejects(
      approve(system.signer, token, vault, 51n),
      /has 0\.00005 0x\w+, and the deposit takes 0\.000051\./,
    )
  })

  it('files a forced request with the place that a run before got and did not use, and only one at a time', async () => {
    const { address } = privateKeyToAccount(bob)
    const forced = { address: system.deployed.forced, abi: FORCED_ABI } as const
    const args = ['withdraw', '--forced', ...chain, '--asset', 'USD', '--to', address]
    const queue = () => system.signer.read.readContract({ ...forced, functionName: 'requestOf', args: [1, address] })
    await refused(
      bob,
      ['withdraw', '--forced', ...chain, '--asset', '#3', '--to', address, '--amount', '1'],
      /There is no token "#3"/,
    )
    assert.equal(await queue(), 0n)
    const signer = await connectSigner(system.chain.url, privateKeyToAccount(bob))
    const { bond, forcedFee } = await signer.read.readContract({ ...forced, functionName: 'config' })
    paused = true
    const owner = await signer.read.readContract({
      address: system.deployed.vault,
      abi: VAULT_ABI,
      functionName: 'ownerOf',
      args: [1],
    })
    await sendCall(signer, { ...forced, functionName: 'reserve', args: [1, owner], value: bond + forcedFee })
    const number = await queue()
    assert.equal((await run(bob, ...args, '--amount', '1')).queueNumber, Number(number))
    await refused(
      bob,
      [...args, '--amount', '1'],
      new RegExp(`Request ${number} of 0x\\w+ for account 1 waits already`),
    )
    paused = false
    for (let i = 0; i < 100 && (await queue()) !== 0n; i++) await sleep(100)
    assert.equal(await queue(), 0n)
  })

  it('closes a position by force, whose side and size it reads from the chain', async () => {
    const close = (...args: string[]) => ['close', ...chain, ...args]
    await refused(bob, close('--asset', 'USD'), /USD has a token: only positions in synthetics are closed by force/)
    await refused(bob, close('--asset', 'PERP'), /There is no asset "PERP"/)
    await refused(bob, close('--asset', '#3', '--amount', '0'), /--amount is not above 0/)
    await refused(bob, close('--asset', '#3', '--amount', '0.0000001'), /--amount has 7 decimals/)
    await refused(bob, close('--asset', '#3', '--limit', 'cheap'), /--limit is not a plain decimal/)
    await refused(bob, close('--asset', '#3', '--limit=-1'), /--limit is not above 0/)
    await refused(bob, close('--asset', '#3', '--limit', '5000000000000'), /--limit is beyond every price/)
    await refused(bob, close(), /--asset/)
    await run(bob, 'refund', ...chain)
    paused = true
    // By the symbol that the node has; and it buys back, for bob sold.
    const named = await run(
      bob,
      'close',
      ...chain,
      '--node',
      api,
      '--asset',
      'PERP',
      '--amount',
      '1.5',
      '--limit',
      '51',
    )
    assert.deepEqual([named.side, named.amount, named.limit], ['short', '1.5', '51'])
    assert.ok(named.deadline > 0)
    assert.match(named.transaction, /^0x/)
    await refused(bob, close('--asset', '#3'), /Request \d+ of 0x\w+ for account 1 waits already/)
    // At a round after it.
    paused = false
    await movePrices(system.signer, system.feeds, [200n * WEI, 8_000n * WEI, 50n * WEI])
    const short = () => node.system.accounts.at(1)!.balances[3]!
    for (let i = 0; i < 200 && short() !== -2_500_000n; i++) await sleep(100)
    assert.equal(short(), -2_500_000n)
    const { events } = await run(bob, 'history', ...chain)
    assert.deepEqual([events.at(-1).kind, events.at(-1).changes], ['close', { USD: '-76.5', '#3': '1.5' }])
    assert.deepEqual(await run(bob, 'refund', ...chain), { refunds: [], bonds: '0.01' })
  })

  it('says in one line that an endpoint stopped answering halfway', async () => {
    const endpoint = await startSwitchedEndpoint(system.chain.url)
    endpoint.broken = ['eth_call']
    const [rpc, to] = [
      ['--rpc', endpoint.url, '--settlement', system.deployed.settlement],
      privateKeyToAccount(bob).address,
    ]
    await refused(
      bob,
      ['deposit', '--rpc', endpoint.url, '--node', api, '--asset', 'USD', '--amount', '5'],
      /The chain did not serve/,
    )
    endpoint.broken = ['eth_getLogs', 'eth_getTransactionByHash']
    for (const args of [
      ['recover', ...rpc],
      ['history', ...rpc],
      ['withdraw', '--forced', ...rpc, '--asset', 'USD', '--amount', '1', '--to', to],
    ])
      await refused(bob, args, /The chain did not serve/)
    endpoint.broken = ['eth_sendRawTransaction']
    // Behind a bad gateway it may have been sent all the same.
    const { code, stderr } = await runCli(
      ['wallet', 'deposit', '--rpc', endpoint.url, '--node', api, '--asset', 'USD', '--amount', '5'],
      { env: { PLIMSOLL_WALLET_KEY: bob } },
    )
    assert.equal(code, 3)
    assert.match(stderr, /^plimsoll: The chain did not serve [^\n]+ reached the chain is not known\.\n$/)
    endpoint.close()
  })

  it('answers bad input with one line and exit code 2', async () => {
    const to = privateKeyToAccount(bob).address
    await refused(undefined, ['address', ...chain], /PLIMSOLL_WALLET_KEY is not set.*--from/)
    await refused('0x12', ['address', ...chain], /PLIMSOLL_WALLET_KEY is not a private key/)
    await refused(`0x${'0'.repeat(64)}`, ['address', ...chain], /PLIMSOLL_WALLET_KEY is not a private key/)
    await refused(bob, ['address', '--rpc', system.chain.url, '--settlement', '0x12'], /must be an address/)
    await refused(undefined, ['balance', '--node', api, '--from', to], /--from needs --rpc/)
    await refused(undefined, ['address', ...chain, '--from', to], /is not an unlocked account/)
    await refused(bob, ['balance', '--node', 'ftp://x'], /not an http or https URL/)
    await refused(bob, ['balance', '--node', 'http://127.0.0.1:1'], /No node answers/)
    await refused(bob, ['balance', '--node', system.chain.url], /is not a node of this version/)
    await refused(generatePrivateKey(), ['balance', '--node', api], /no account of this key yet.*first deposit/)
    await refused(generatePrivateKey(), ['recover', ...chain], /no account of this key/)
    await refused(bob, ['recover', '--rpc', system.chain.url, '--settlement', to], /There is no settlement/)
    await refused(bob, ['withdraw', '--node', api], /needs --asset, --amount and --to/)
    for (const [amount, complaint] of [
      ['0', /not above 0/],
      ['-1', /not above 0/],
      ['1e3', /not a plain decimal/],
      ['0.0000001', /7 decimals, more than 6/],
      ['99999999999999', /2\^64/],
    ] as const) {
      await refused(bob, ['withdraw', '--node', api, '--asset', 'USD', `--amount=${amount}`, '--to', to], complaint)
    }
    await refused(
      bob,
      ['withdraw', '--node', api, '--asset', 'XRP', '--amount', '1', '--to', to],
      /no asset "XRP".*USD, ETH, BTC, PERP/,
    )
    await refused(
      bob,
      ['withdraw', '--node', api, '--asset', 'PERP', '--amount', '1', '--to', to],
      /PERP is a synthetic/,
    )
    await refused(
      bob,
      ['withdraw', '--node', api, '--asset', 'USD', '--amount', '4500', '--to', to],
      /TARGET_TOO_LOW|FREE_CUSTODY/,
    )
    await refused(
      bob,
      ['withdraw', '--node', api, '--asset', 'USD', '--amount', '1', '--to', to, '--expires-in', '10'],
      /EXPIRED/,
    )
    await refused(
      bob,
      ['withdraw', '--node', api, '--asset', 'USD', '--amount', '1', '--to', misspelt(to)],
      /--to 0x\w+ is not an address: its capitals/,
    )
    for (const named of [
      ['withdraw', '--asset', 'USD', '--amount', '1', '--to', to],
      ['balance'],
      ['trade', '--asset', 'ETH', '--buy', '1', '--for', '1'],
      ['preferences', '--set', 'ETH=3'],
    ]) {
      await refused(
        bob,
        [...named, '--node', api, '--settlement', system.deployed.vault],
        /The node is of the settlement 0x\w+, not 0x/,
      )
    }
    await refused(
      bob,
      ['withdraw', '--claim', '77', '--node', api, '--rpc', system.chain.url],
      /no withdrawal 77|UnknownWithdrawal/,
    )
    await refused(bob, ['trade', '--node', api, '--asset', 'ETH', '--for', '1'], /either --buy or --sell/)
    await refused(bob, ['trade', '--node', api, '--asset', 'USD', '--buy', '1', '--for', '1'], /USD is cash/)
    await refused(
      bob,
      ['trade', '--node', api, '--asset', 'ETH', '--buy', '1', '--for', '1', '--link', '0x0'],
      /--link is not/,
    )
    await refused(
      bob,
      ['trade', '--node', api, '--asset', 'ETH', '--buy', '1', '--for', '1', '--backstop'],
      /BACKSTOP_SIDE/,
    )
    await refused(bob, ['preferences', '--node', api, '--set', 'ETH=16'], /weight from 1 to 15/)
    await refused(bob, ['preferences', '--node', api, '--set', 'USD=9'], /USD is cash/)
    await refused(bob, ['preferences', '--node', api, '--set', 'ETH=9', '--set', 'ETH=3'], /ETH has a weight already/)
    await refused(
      bob,
      ['deposit', '--rpc', system.chain.url, '--node', api, '--asset', 'ETH', '--amount', '0.001'],
      /below the least/,
    )
    await refused(
      bob,
      ['deposit', '--rpc', system.chain.url, '--node', api, '--asset', 'ETH', '--amount', '1000'],
      /has 0 ETH, and the deposit takes 1000\./,
    )
    await refused(bob, ['exit', ...chain, '--to', to], /not frozen.*--forced/)
    await refused(bob, ['exit', ...chain, '--to', `0x${'0'.repeat(40)}`], /address 0/)
    await refused(bob, ['refund', '--rpc', system.chain.url, '--settlement', to], /There is no settlement/)
    await refused(bob, ['nothing'], /unknown command/)
  })
})

/** The address with one letter in the other case. */
function misspelt(address: string): string {
  const digits = address.slice(2)
  const at = digits.search(/[a-fA-F]/)
  const letter = digits[at]!
  return `0x${digits.slice(0, at)}${letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()}${digits.slice(at + 1)}`
}
