import { fileURLToPath } from 'node:url'

import { defineConfig } from 'hardhat/config'

// One local chain for the in-process tests (`default`) and for `hardhat node` (`node`). The block gas limit leaves room
// for a genesis of thousands of leaves; everything else, the cap on a transaction's gas included, is as on mainnet.
const localChain = {
  type: 'edr-simulated',
  chainType: 'l1',
  chainId: 31337,
  blockGasLimit: 120_000_000,
  mining: { auto: true, interval: 0 },
} as const

const compiler = (runs: number) => ({
  version: '0.8.37',
  // The compiler that npm installed: nothing is downloaded at build time.
  path: fileURLToPath(import.meta.resolve('solc/soljson.js')),
  settings: { evmVersion: 'cancun', viaIR: true, optimizer: { enabled: true, runs } },
})

export default defineConfig({
  solidity: {
    compilers: [compiler(10_000)],
    // Optimized for size, to stay below the limit of 24,576 bytes.
    overrides: { 'contracts/core/Vault.sol': compiler(200), 'contracts/core/Rounds.sol': compiler(200) },
  },
  networks: { default: localChain, node: localChain },
})
