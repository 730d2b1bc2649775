// An OPC UA server of its own, on npm node-opcua: what the gateway subscribes to and writes to. Told by lines of JSON:
//     {"set": "voltage", "value": 4.3, "status": "Bad", "time": 1764150000123}  {"stop": true}
import fs from 'node:fs'
import readline from 'node:readline'
import { DataType, MessageSecurityMode, OPCUACertificateManager, OPCUAServer, SecurityPolicy, StatusCodes, Variant } from 'node-opcua'

const config = JSON.parse(process.argv[2])
const say = what => process.stdout.write(JSON.stringify(what) + '\n')
const manager = new OPCUACertificateManager({ rootFolder: config.pki, automaticallyAcceptUnknownCertificate: false })
await manager.initialize()
for (const file of config.trust ?? []) await manager.trustCertificate(fs.readFileSync(file))
setInterval(() => manager.reloadCertificates(), 500).unref()
const server = new OPCUAServer({
  port: config.port, serverCertificateManager: manager, securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
  securityModes: config.encryptOnly ? [MessageSecurityMode.SignAndEncrypt] : [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt]
})
await server.initialize()
const space = server.engine.addressSpace.getOwnNamespace()
const folder = space.addFolder(server.engine.addressSpace.rootFolder.objects, { browseName: 'plant' })
const variables = {}
for (const [name, dataType] of [['voltage', 'Double'], ['current', 'Float'], ['set', 'Float'], ['small', 'Int16']]) {
  variables[name] = space.addVariable({ componentOf: folder, browseName: name, nodeId: `s=${name}`, dataType,
    accessLevel: 'CurrentRead | CurrentWrite', userAccessLevel: name === 'voltage' ? 'CurrentRead' : 'CurrentRead | CurrentWrite' })
  variables[name].setValueFromSource(new Variant({ dataType: DataType[dataType], value: name === 'voltage' ? 4.2 : 0 }))
  variables[name].on('value_changed', data => say({ changed: name, value: data.value.value }))
}
await server.start()
fs.writeFileSync(config.certificate, server.getCertificate())
say({ ready: server.endpoints[0].port })

readline.createInterface({ input: process.stdin }).on('line', async line => {
  const order = JSON.parse(line)
  if (order.set) {
    const variable = variables[order.set]
    variable.setValueFromSource(new Variant({ dataType: variable.readValue().value.dataType, value: order.value }),
      StatusCodes[order.status ?? 'Good'], order.time ? new Date(order.time) : new Date())
  }
  if (order.stop) { await server.shutdown(10); process.exit(0) }
})
