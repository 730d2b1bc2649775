// A SCADA client on npm node-opcua: reads and writes nodes of the server that the gateway is. Lines of JSON:
//     {"read": "ns=1;s=line1.pot07.voltage"}  {"write": "ns=1;s=line1.pot07.set", "value": 42}
import fs from 'node:fs'
import readline from 'node:readline'
import { AttributeIds, DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAClient, SecurityPolicy } from 'node-opcua'

const config = JSON.parse(process.argv[2])
const say = what => process.stdout.write(JSON.stringify(what) + '\n')
const manager = new OPCUACertificateManager({ rootFolder: config.pki, automaticallyAcceptUnknownCertificate: false })
await manager.initialize()
for (const file of config.trust ?? []) await manager.trustCertificate(fs.readFileSync(file))
const encrypts = config.security !== 'none'
const client = OPCUAClient.create({
  clientCertificateManager: manager, endpointMustExist: false, connectionStrategy: { maxRetry: config.retries ?? 3, initialDelay: 200 },
  securityMode: encrypts ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.None,
  securityPolicy: encrypts ? SecurityPolicy.Basic256Sha256 : SecurityPolicy.None
})
if (config.certificate) { await client.createDefaultCertificate(); fs.copyFileSync(client.certificateFile, config.certificate) }
try {
  await client.connect(config.endpoint)
  const session = await client.createSession()
  say({ ready: true })
  readline.createInterface({ input: process.stdin }).on('line', async line => {
    const order = JSON.parse(line)
    if (order.read) {
      const data = await session.read({ nodeId: order.read, attributeId: AttributeIds.Value })
      say({ read: order.read, value: data.value?.value, status: data.statusCode.name, time: data.sourceTimestamp?.getTime() })
    }
    if (order.write) {
      const status = await session.write({ nodeId: order.write, attributeId: AttributeIds.Value, value: { value: { dataType: DataType.Double, value: order.value } } })
      say({ write: order.write, status: status.name })
    }
  })
} catch (error) {
  say({ refused: String(error.message).split('\n')[0] })
  process.exit(1)
}
