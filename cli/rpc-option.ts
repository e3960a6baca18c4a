import { Option } from 'commander'

/** `--rpc URL`, more than once for several endpoints of one chain: what one does not answer, another does. */
export function rpcOption({ mandatory = true } = {}): Option {
  return new Option('--rpc <url>', 'JSON-RPC endpoint of the chain; more than one may be given')
    .argParser((url, others: readonly string[] | undefined) => [...(others ?? []), url])
    .makeOptionMandatory(mandatory)
}
