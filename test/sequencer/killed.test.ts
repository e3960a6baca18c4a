import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Hex } from 'viem'
import { VAULT_ABI } from '../../sdk/abi/vault.ts'
import { PlimsollClient } from '../../sdk/client.ts'
import { OwnerWallet } from '../../sdk/owner-wallet.ts'
import { NodeMetrics } from '../../sequencer/api/metrics.ts'
import { serve } from '../../sequencer/api/server.ts'
import { type EchoSystem, startEchoSystem } from '../support/echo-system.ts'
import { newOwner, type TestOwner } from '../support/test-owner.ts'

const USD = 10n ** 6n
const SCRIPT = fileURLToPath(new URL('../support/echo-node.ts', import.meta.url))

describe('a node that is killed again and again while it works', () => {
  let system: EchoSystem
  let owner: TestOwner

  before(async () => {
    system = await startEchoSystem()
    const node = await system.open()
    const { server, port } = await serve(node, new NodeMetrics(), 0)
    owner = await newOwner(system, `http://127.0.0.1:${port}`)
    await owner.open('USD', 100_000n * USD)
    await node.step()
    server.close()
    server.closeAllConnections()
    await node.close()
  })
  after(() => system.stop())

  it('carries out all that it accepted, once, and needs nobody to clean up after it', async () => {
    const promised = new Map<Hex, bigint>()
    let amount = 1n
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, [SCRIPT, system.chain.url, system.deployed.data, '20'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [port] = (await once(createInterface(child.stdout!), 'line')) as [string]
      const client = new PlimsollClient({ node: `http://127.0.0.1:${port}` })
      const wallet = OwnerWallet.open(client, await client.deployment(), owner.wallet.key)
      const exit = once(child, 'exit')
      let alive = true
      let heard = () => {}
      const first = new Promise<void>((resolve) => (heard = resolve))
      // At any moment, but not before it has promised anything, however busy the machine is.
      const killed = Promise.race([first, sleep(20_000)])
        .then(() => sleep(Math.random() * 900))
        .then(() => {
          child.kill('SIGKILL')
          alive = false
        })
      while (alive) {
        const accepted = await wallet
          .withdraw(0, ++amount, owner.address, { expiresIn: 86_400 })
          .catch((error: { code?: string }) => {
            assert.ok(
              error.code === undefined || error.code === 'STALE_VERSION' || error.code === 'BUSY',
              String(error),
            )
          })
        if (accepted) promised.set(accepted.id, amount)
        if (accepted) heard()
      }
      await Promise.all([killed, exit])
    }
    assert.ok(promised.size >= 6, `only ${promised.size}`)
    const node = await system.open()
    while ((await node.step()) !== undefined);
    for (const id of promised.keys()) assert.equal(node.pool.state(id).status, 'settled')
    const events = await system.signer.read.getContractEvents({
      address: system.deployed.vault,
      abi: VAULT_ABI,
      eventName: 'WithdrawalPending',
      fromBlock: 0n,
      strict: true,
    })
    const amounts = events.map(({ args }) => args.amount)
    assert.equal(new Set(amounts).size, amounts.length)
    for (const promise of promised.values()) assert.ok(amounts.includes(promise))
    assert.equal(
      node.system.accounts.at(0)!.balances[0],
      100_000n * USD - amounts.reduce((sum, each) => sum + each, 0n),
    )
    await node.close()
  })

  it('settles in one short life after the other, each of which is over before a look of full length would be', async () => {
    const url = (port: string) => `http://127.0.0.1:${port}`
    const client = await system.open()
    const served = await serve(client, new NodeMetrics(), 0)
    const others: TestOwner[] = []
    for (let i = 0; i < 2; i++) {
      const other = await newOwner(system, url(String(served.port)))
      await other.open('USD', 100_000n * USD)
      others.push(other)
    }
    await client.step()
    served.server.close()
    served.server.closeAllConnections()
    await client.close()

    const owners = [owner, ...others]
    const promised: { id: Hex; index: number; amount: bigint }[] = []
    const withdrawn = async () =>
      (
        await system.signer.read.getContractEvents({
          address: system.deployed.vault,
          abi: VAULT_ABI,
          eventName: 'WithdrawalPending',
          fromBlock: 0n,
          strict: true,
        })
      ).map(({ args }) => args)
    const before = (await withdrawn()).length
    let amount = 10n ** 6n
    let fruitful = 0
    const LIVES = 6
    for (let life = 0; life < LIVES; life++) {
      const known = (await withdrawn()).length
      // Proofs so slow that what the owners send meanwhile would keep an uncut look busy for longer than the node lives.
      const child = spawn(process.execPath, [SCRIPT, system.chain.url, system.deployed.data, '300'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [port] = (await once(createInterface(child.stdout!), 'line')) as [string]
      const exit = once(child, 'exit')
      let alive = true
      let heard = () => {}
      const first = new Promise<void>((resolve) => (heard = resolve))
      const killed = Promise.race([first, sleep(20_000)])
        .then(() => sleep(2_500 + Math.random() * 2_000))
        .then(() => {
          child.kill('SIGKILL')
          alive = false
        })
      const senders = owners.map(async ({ wallet: { key }, address }, index) => {
        const node = new PlimsollClient({ node: url(port) })
        const wallet = OwnerWallet.open(node, await node.deployment(), key)
        while (alive) {
          const mine = ++amount
          const accepted = await wallet.withdraw(0, mine, address, { expiresIn: 86_400 }).catch(() => undefined)
          if (accepted === undefined) continue
          promised.push({ id: accepted.id, index, amount: mine })
          heard()
          await sleep(40)
        }
      })
      await Promise.all([killed, exit, ...senders.map((sender) => sender.catch(() => {}))])
      if ((await withdrawn()).length > known) fruitful++
    }
    assert.ok(promised.length > LIVES, `only ${promised.length}`)
    assert.ok(fruitful >= LIVES / 2, `only ${fruitful} of ${LIVES} lives settled anything`)
    const node = await system.open()
    while ((await node.step()) !== undefined);
    for (const { id } of promised) assert.equal(node.pool.state(id).status, 'settled')
    const events = (await withdrawn()).slice(before)
    const amounts = events.map((event) => event.amount)
    assert.equal(new Set(amounts).size, amounts.length)
    for (const { amount: promise } of promised) assert.ok(amounts.includes(promise))
    for (const index of [1, 2]) {
      const paid = events.reduce((sum, event) => (Number(event.index) === index ? sum + event.amount : sum), 0n)
      assert.equal(node.system.accounts.at(index)!.balances[0], 100_000n * USD - paid)
    }
    await node.close()
  })
})
