import { type Command, Option } from 'commander'
import { marketTemplate, TEMPLATE_NAMES, type TemplateName } from '../../deploy/market-templates.ts'
import { PlimsollError } from '../../protocol/errors.ts'
import { printJson, printText } from '../output.ts'

export function register(program: Command): void {
  program
    .command('market')
    .summary('print an example or a template of a MARKET.json, or check one')
    .description(
      'With --example it prints a market of USD, ETH, BTC and a perpetual on ETH for `plimsoll deploy` to a local chain. With --template it prints one for a public chain, with the feeds of Chainlink and Pyth and the pools of Uniswap that are published for it: their form is checked and nothing else, so compare each address with its publisher, and choose sizes and factors yourself. With a file it says what `deploy` would make of it, or what is wrong in it.',
    )
    .argument('[market]', 'a MARKET.json to check')
    .option('--example', 'print an example')
    .addOption(
      new Option('--template <name>', 'print a template for a chain, its addresses checked for form only').choices(
        TEMPLATE_NAMES,
      ),
    )
    .option('--json', 'print JSON, which example and template are anyway')
    .addHelpText('after', '\nExample:\n  plimsoll market --example > market.json')
    .action(async (path: string | undefined, options: { example?: true; template?: TemplateName; json?: true }) => {
      const { example, template } = options
      if ([path, example, template].filter((one) => one !== undefined).length !== 1)
        throw new PlimsollError('market takes one of a MARKET.json, --example and --template.')
      const { checkMarket, EXAMPLE } = await import('../run-market.ts')
      if (template !== undefined) return printJson(marketTemplate(template))
      if (path === undefined) return printText(EXAMPLE)
      const lines = await checkMarket(path)
      if (options.json) return printJson({ ok: true, assets: lines })
      printText(`${path} can be deployed:`)
      for (const { symbol, decimals, price, custody, token, sources } of lines)
        printText(
          `  ${symbol.padEnd(9)} ${decimals} decimals${price === undefined ? ', the cash' : `, price ${price}`}, ${custody ? (token === null ? 'with a token that deploy makes (local chains only)' : `with token ${token}`) : 'synthetic'}${sources.length === 0 ? '' : `, sources ${sources.join(', ')}`}`,
        )
    })
}
