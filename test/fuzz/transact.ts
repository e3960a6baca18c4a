import assert from 'node:assert/strict'
import { type Account, accountLeaf } from '../../protocol/account.ts'
import type { CircuitInput, Signal } from '../../protocol/circuit-input.ts'
import { concentrationChargeUp } from '../../protocol/concentration.ts'
import { FIELD, INBOX, SCALE } from '../../protocol/constants.ts'
import { exitEquity, exitMessage, exitTransition } from '../../protocol/exit.ts'
import { initialHealth } from '../../protocol/health.ts'
import { abs } from '../../protocol/integer.ts'
import { sharedViewKey } from '../../protocol/keys.ts'
import { messageHash } from '../../protocol/messages.ts'
import { balancesAfter, checkOperation, fits, isQueued, newAccount, type Operation } from '../../protocol/operation.ts'
import { vectorSignals } from '../../protocol/public-vector.ts'
import { sign } from '../../protocol/signature.ts'
import { headOf } from '../../protocol/stacks.ts'
import type { System } from '../../protocol/system.ts'
import { INACTIVE_STEP, OP, writingOperation } from '../../protocol/transact.ts'
import { inactiveTransactStep, transactStep } from '../../protocol/transact-input.ts'
import type { Random } from '../protocol/random.ts'
import { type Circuit, openCircuit } from '../support/circuit.ts'
import { TINY } from '../support/circuit-market.ts'
import { owned, ownerKey, RECIPIENT, SEQUENCER, SIGNING, VALID_UNTIL } from '../support/circuit-owners.ts'
import { forgeTransact } from '../support/circuit-transact-forgery.ts'
import { randomMarks } from './cases.ts'
import { randomOperations, randomOwned } from './operations.ts'
import { agrees, Counts } from './run.ts'

/**
 * Runs at least `steps` random operations: the circuit must accept what the reference machine does, and refuse, told with a
 * public vector to match, what it refuses; nor may a request that is served be discharged, a deposit that fits be bounced, or
 * the other way round.
 * @param kinds that have to come up as well, within ten times as many steps
 */
export async function fuzzTransact(random: Random, steps: number, kinds: readonly string[] = []): Promise<Counts> {
  const circuit = await openCircuit('transact')
  const counts = new Counts()
  const isMissing = (kind: string) => !counts.all.has(kind)
  for (let done = 0, queueNumber = 1n; done < steps || (done < 10 * steps && kinds.some(isMissing)); ) {
    const marks = randomMarks(random)
    const accounts = Array.from({ length: random.integer(2, 4) }, (_, index) => randomOwned(random, index, marks))
    const system = owned(accounts, { marks })
    for (let turn = 0; turn < 6; turn++) {
      const operations = randomOperations(random, system, queueNumber++)
      // Two operations of different accounts do not depend on each other: each is judged, and told, on its own.
      const more = operations.length === 1 ? randomOperations(random, system, queueNumber++) : []
      const batch = more.length === 1 && more[0]!.index !== operations[0]!.index ? [...operations, ...more] : operations
      const refused = batch.find((operation) => {
        const code = refusal(system, operation)?.code
        return code !== undefined && (!isQueued(operation) || code === 'EXPIRED')
      })
      done += batch.length
      counts.add('steps')
      counts.add('steps', batch.length > 1)
      if (refused !== undefined) {
        const { code } = refusal(system, refused)!
        counts.add(`${refused.kind}: ${code}`)
        counts.add('a trade of what has no price', code === 'UNKNOWN_ASSET')
        for (const exception of refused.kind === 'trade' || refused.kind === 'unwind' ? [false, true] : [false]) {
          await refuses(
            circuit,
            forge(system, batch, (operation) => exception && operation === refused),
            `${refused.kind} ${code}`,
          )
        }
        // A request that is only too late for the batch is neither discharged, as just tried, nor served.
        if (isQueued(refused))
          await refuses(
            circuit,
            forge(system, batch, () => false, refused),
            `${refused.kind} ${code}`,
          )
        continue
      }
      const before = system.clone()
      const transition = system.transact(batch, VALID_UNTIL)
      await agrees(circuit, transition.input, random)
      for (const [s, { operation, outcome, account }] of transition.results.entries()) {
        counts.add(`${operation.kind}, ${outcome}`)
        if (operation.kind === 'close') {
          const why = outcome === 'discharged' ? refusal(before, operation)!.code : undefined
          const position = abs(before.accounts.at(operation.index)!.balances[operation.asset]!)
          counts.add(`close: ${why ?? (operation.amount < position ? 'in part' : 'all of it')}`)
        }
        counts.add('an exception', (transition.input.exception as readonly bigint[])[s] === 1n)
        counts.add(
          'a target health within a cash unit of its line',
          abs(initialHealth(account.balances, marks) - SCALE) <= SCALE,
        )
        const charge = concentrationChargeUp(account.balances, marks)
        counts.add('a charge for concentration', charge > 0n)
        counts.add(
          'a charged health within a cash unit of its line',
          charge > 0n && abs(initialHealth(account.balances, marks) - charge - SCALE) <= SCALE,
        )
        counts.add(
          'a position closed',
          before.accounts
            .at(operation.index)
            ?.balances.some((b, a) => a > 0 && b !== 0n && account.balances[a] === 0n) ?? false,
        )
        if (isQueued(operation) || operation.kind === 'topup') {
          await refuses(
            circuit,
            forge(before, batch, () => false, operation),
            `the contrary of ${operation.kind}, ${outcome}`,
          )
          counts.add('contraries refused')
        }
      }
    }
  }
  return counts
}

function refusal(system: System, operation: Operation) {
  const { marks, domain } = system.ledger
  return checkOperation(system.accounts.at(operation.index), operation, {
    marks,
    domain,
    publicKey: system.publicKeys.at(operation.index),
    now: VALID_UNTIL,
  })
}

/**
 * The batch carried out whatever the rules say: with an exception where told, and the contrary of what one operation
 * deserves.
 */
function forge(
  system: System,
  operations: readonly Operation[],
  exception: (operation: Operation) => boolean,
  contrary?: Operation,
): CircuitInput {
  const { tree } = system.clone()
  const current = [...system.accounts]
  const { ledger, secret } = system
  const inputs = operations.map((operation) => {
    const { index } = operation
    const publicKey = operation.kind === 'open' ? operation.publicKey : system.publicKeys.at(index)!
    const before =
      operation.kind === 'open'
        ? newAccount(publicKey, sharedViewKey(SEQUENCER.secret, publicKey), index)
        : current[index]!
    const op = numberOf(system, operation, operation === contrary)
    const input = transactStep(operation, before, tree.path(index), {
      publicKey,
      exception: exception(operation),
      published: { ...INACTIVE_STEP, op },
      marks: ledger.marks,
      domain: ledger.domain,
      secret,
    })
    if (writingOperation(op) !== undefined) {
      const weights = operation.kind === 'preferences' ? operation.weights : before.weights
      const next: Account = {
        ...before,
        viewKey: operation.kind === 'rekey' ? sharedViewKey(SEQUENCER.secret, publicKey) : before.viewKey,
        version: operation.kind === 'open' ? 0n : before.version + 1n,
        weights,
        balances: balancesAfter(before.balances, operation, ledger.marks!),
      }
      current[index] = next
      tree.set(index, accountLeaf(next))
    }
    return input
  })
  const padding = inactiveTransactStep(TINY.depth)
  while (inputs.length < TINY.transact.steps) inputs.push(padding)
  const { chainId, settlement, sequencer } = ledger.domain
  return forgeTransact({
    rootBefore: ledger.root,
    inboxBefore: headOf(system.stacks[INBOX]!),
    saltBefore: system.salts.current[INBOX]!,
    saltAfter: 5n,
    chainId,
    settlement,
    sequencer,
    validUntil: VALID_UNTIL,
    secret: secret!,
    marks: ledger
      .marks!.slice(1)
      .map(({ price, initialCollateralValue, initialLiabilityValue, sell, buy }) => [
        price,
        initialCollateralValue,
        initialLiabilityValue,
        sell,
        buy,
      ]),
    kappas: ledger.marks!.slice(1).map(({ concentration }) => concentration),
    ...Object.fromEntries(Object.keys(padding).map((name) => [name, inputs.map((input) => input[name] as Signal)])),
  })
}

/** The operation's number: whether a request is discharged and a deposit bounced the reference machine says, or lies about. */
function numberOf(system: System, operation: Operation, lie: boolean): number {
  if (!isQueued(operation) && operation.kind !== 'topup') return OP[operation.kind]
  if (operation.kind === 'close')
    return (refusal(system, operation) === undefined) !== lie ? OP.close : OP.dischargeClose
  if (operation.kind === 'forced') return (refusal(system, operation) === undefined) !== lie ? OP.forced : OP.discharge
  return fits(balancesAfter(system.accounts.at(operation.index)!.balances, operation)) !== lie ? OP.topup : OP.bounce
}

async function refuses(circuit: Circuit, lie: CircuitInput, what: string): Promise<void> {
  const outcome = await circuit.run(lie)
  assert.ok('message' in outcome, `accepted: ${what}`)
  // At what is wrong, not at a public vector that does not match.
  assert.doesNotMatch(outcome.message, /template PublicVector_/, what)
}

/**
 * Runs at least `count` exits of random accounts: one whose equity is negative has none.
 * @param kinds that have to come up as well, within ten times as many exits
 */
export async function fuzzExit(random: Random, count: number, kinds: readonly string[] = []): Promise<Counts> {
  const circuit = await openCircuit('exit')
  const counts = new Counts()
  const isMissing = (kind: string) => !counts.all.has(kind)
  for (let done = 0; done < count || (done < 10 * count && kinds.some(isMissing)); ) {
    const marks = randomMarks(random)
    const prices = marks.slice(1).map(({ price }) => price)
    const { accounts, tree } = owned(
      Array.from({ length: 4 }, (_, index) => randomOwned(random, index, marks)),
      { marks },
    )
    for (const account of accounts) {
      const key = ownerKey(account.index)
      const equity = exitEquity(account.balances, prices)
      const signature = sign(key, messageHash(SIGNING, exitMessage(account.index, RECIPIENT)))
      const parameters = {
        domain: SIGNING,
        account,
        path: tree.path(account.index),
        publicKey: key.publicKey,
        recipient: RECIPIENT,
        signature,
        prices,
      }
      counts.add(equity < 0n ? 'negative equity' : 'exits')
      counts.add('an equity within a cash unit of 0', abs(equity) <= SCALE)
      done++
      if (equity < 0n) {
        assert.throws(() => exitTransition(parameters))
        // As the witness of an equity below zero, and of the same with all signs turned.
        const { input, vector } = exitTransition({
          ...parameters,
          prices: prices.map(() => 0n),
          account: { ...account, balances: account.balances.with(0, 0n) },
          path: tree.path(account.index),
        })
        const price = prices
        const magnitude = account.balances.map(abs)
        const lie = [tree.root, ...vector.slice(1, 5), equity + FIELD, ...price]
        await refuses(
          circuit,
          {
            ...input,
            ...vectorSignals(lie),
            root: tree.root,
            price,
            magnitude,
            sign: account.balances.map((b) => (b < 0n ? 1n : 0n)),
            children: tree.path(account.index),
          },
          'an exit of negative equity',
        )
        continue
      }
      const { input, vector } = exitTransition(parameters)
      assert.equal(vector[5], equity)
      await agrees(circuit, input, random)
      const lie = vector.with(5, equity + 1n)
      assert.ok('message' in (await circuit.run({ ...input, ...vectorSignals(lie) })))
    }
  }
  return counts
}
