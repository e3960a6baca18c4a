import { chainEnvironment } from './chain-environment.ts'

// Run by `startLocalChain`, with the port: tells its parent the URL, and ends with it, however that ends.

process.on('disconnect', () => process.exit())
const { network } = await chainEnvironment()
const server = await network.createServer({ network: 'node' }, '127.0.0.1', Number(process.argv[2]))
const { address, port } = await server.listen()
process.send!(`http://${address}:${port}`)
