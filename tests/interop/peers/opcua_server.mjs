// An OPC UA server of its own, on npm node-opcua: what the gateway subscribes to and writes to. `nodes` are {NAME: {type, value,
// readOnly}}, ns=1;s=NAME. Told by lines of JSON, tells each write of a client:
//     {"set": "voltage", "value": 4.3, "status": "Bad", "time": 1764150000123}  {"flood": "voltage", "values": 5000}  {"stop": true}
import fs from 'node:fs'
import readline from 'node:readline'
import { DataType, MessageSecurityMode, OPCUAServer, SecurityPolicy, StatusCodes, Variant } from 'node-opcua'
import { certificates } from './opcua.mjs' // the gateway's, beside it

const config = JSON.parse(process.argv[2])
const say = what => process.stdout.write(JSON.stringify(what) + '\n')
const manager = await certificates({ pki: config.pki }, 'server')
const server = new OPCUAServer({
  port: config.port, serverCertificateManager: manager, securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256],
  securityModes: config.encryptOnly ? [MessageSecurityMode.SignAndEncrypt] : [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt]
})
await server.initialize()
const space = server.engine.addressSpace.getOwnNamespace()
const folder = space.addFolder(server.engine.addressSpace.rootFolder.objects, { browseName: 'plant' })
const nodes = config.nodes ?? { voltage: { value: 4.2, readOnly: true }, current: { type: 'Float' }, set: { type: 'Float' }, small: { type: 'Int16' } }
const variables = {}
for (const [name, { type = 'Double', value = 0, readOnly }] of Object.entries(nodes)) {
  const variable = variables[name] = space.addVariable({ componentOf: folder, browseName: name, nodeId: `s=${name}`, dataType: type,
    accessLevel: 'CurrentRead | CurrentWrite', userAccessLevel: readOnly ? 'CurrentRead' : 'CurrentRead | CurrentWrite' })
  variable.setValueFromSource(new Variant({ dataType: DataType[type], value }))
  variable.on('value_changed', data => say({ changed: name, value: data.value.value, at: Date.now() }))
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
  for (let i = 0; i < (order.values ?? 0); i++) {
    variables[order.flood].setValueFromSource(new Variant({ dataType: DataType.Double, value: i }))
    if (i % 100 === 99) await new Promise(setImmediate)
  }
  if (order.stop) { await server.shutdown(10); process.exit(0) }
})
