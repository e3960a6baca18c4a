import type { Command } from 'commander'
import { PlimsollError } from '../../protocol/errors.ts'
import { printJson, printText } from '../output.ts'

export function register(program: Command): void {
  program
    .command('market')
    .summary('print an example of a MARKET.json, or check one')
    .description(
      'With --example it prints a market of USD, ETH, BTC and a perpetual on ETH for `plimsoll deploy` to a local chain. With a file it says what `deploy` would make of it, or what is wrong in it.',
    )
    .argument('[market]', 'a MARKET.json to check')
    .option('--example', 'print an example')
    .option('--json', 'print JSON, which the example is anyway')
    .addHelpText('after', '\nExample:\n  plimsoll market --example > market.json')
    .action(async (path: string | undefined, options: { example?: true; json?: true }) => {
      if ((path === undefined) !== (options.example === true))
        throw new PlimsollError('market takes either a MARKET.json or --example.')
      const { checkMarket, EXAMPLE } = await import('../run-market.ts')
      if (path === undefined) return printText(EXAMPLE)
      const lines = await checkMarket(path)
      if (options.json) return printJson({ ok: true, assets: lines })
      printText(`${path} can be deployed:`)
      for (const { symbol, decimals, price, custody, token } of lines)
        printText(
          `  ${symbol.padEnd(9)} ${decimals} decimals${price === undefined ? ', the cash' : `, price ${price}`}, ${custody ? (token === null ? 'with a token that deploy makes (local chains only)' : `with token ${token}`) : 'synthetic'}`,
        )
    })
}
