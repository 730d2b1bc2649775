// Potline's tags as an OPC UA server, for SCADA clients (Ignition, UaExpert, FUXA); what they write are set points for a guard.
//
//     opcua: { op: external, from: clean, kind: setpoints, command: [node, tools/opcua-gateway/serve.mjs],
//              options: { port: 4840, pki: pki, trust: "scada.pem", writable: writable.csv, lease: 10 } }
//     safe:  { op: guard, from: [opcua, plc], ... }
//
// Options: port (4840; 0: any free one), name (potline); security (encrypt, sign: at least so much; none); pki, trust, certificate
// (where its own is written for others to trust); users (CSV: user,password; none: anonymous clients, who may then read alone
// unless anonymous is "write"); writable (CSV of tags that may be written, header tag); lease (10 s: how long what was written
// holds). A tag is the variable ns=1;s=TAG in folders by its parts; its quality is the status, its time the source timestamp.
// A written value is shown as Uncertain until the tag itself says it: a set point is a wish.
import fs from 'node:fs'
import {
  DataType, MessageSecurityMode, OPCUAServer, SecurityPolicy, StatusCodes, Variant, makeAccessLevelFlag
} from 'node-opcua'
import { Operator } from './potline.mjs'
import { certificates, number, security, statusOf, valueOf } from './opcua.mjs'

const NODES_MAX = 100000
const WISHES_MAX = 10000 // that the engine has not made room for yet
const AGAIN = 100 // ms

export default class Server extends Operator {
  #variables = new Map()
  #folders = new Map()
  #wishes = []
  #giving = null // a timer
  #count = 0n
  #full = false

  async open () {
    const { securityMode } = security(this.options)
    this.lease = BigInt(Math.round(number(this.options, 'lease', 10) * 1e9))
    this.writable = new Set(this.options.writable ? fs.readFileSync(this.options.writable, 'utf8').split(/\r?\n/).slice(1).map(line => line.split(',')[0].trim()).filter(Boolean) : [])
    const users = this.options.users ? new Map(fs.readFileSync(this.options.users, 'utf8').split(/\r?\n/).slice(1).filter(Boolean).map(line => line.split(',').map(text => text.trim()))) : null
    const manager = await certificates(this.options, this.node)
    const modes = [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt].filter(mode => mode >= securityMode)
    this.server = new OPCUAServer({
      port: number(this.options, 'port', 4840), resourcePath: '/potline', serverCertificateManager: manager,
      securityModes: modes, securityPolicies: securityMode === MessageSecurityMode.None ? [SecurityPolicy.None, SecurityPolicy.Basic256Sha256] : [SecurityPolicy.Basic256Sha256],
      allowAnonymous: !users, userManager: users ? { isValidUser: (name, password) => users.has(name) && users.get(name) === password } : undefined,
      buildInfo: { productName: 'potline', buildNumber: '1', buildDate: new Date(0) }, serverInfo: { applicationUri: 'urn:potline:opcua-gateway' }
    })
    this.anonymousWrites = !!users || this.options.anonymous === 'write'
    await this.server.initialize()
    this.space = this.server.engine.addressSpace.getOwnNamespace()
    this.root = this.space.addFolder(this.server.engine.addressSpace.rootFolder.objects, { browseName: this.options.name ?? 'potline', nodeId: 's=' })
    await this.server.start()
    if (this.options.certificate) fs.writeFileSync(this.options.certificate, this.server.getCertificate())
    console.error(`serves opc.tcp on port ${this.server.endpoints[0].port}`)
    for (const tag of this.writable) this.#variable(tag)
  }

  #folder (path) {
    if (!path) return this.root
    if (!this.#folders.has(path)) {
      const cut = path.lastIndexOf('.')
      this.#folders.set(path, this.space.addObject({ organizedBy: this.#folder(cut < 0 ? '' : path.slice(0, cut)), browseName: path.slice(cut + 1), nodeId: `s=/${path}` }))
    }
    return this.#folders.get(path)
  }

  #variable (tag) {
    if (this.#variables.has(tag)) return this.#variables.get(tag)
    if (this.#variables.size >= NODES_MAX) {
      if (!this.#full) console.error(`there are ${NODES_MAX} variables: ${tag} and later tags are not served`)
      this.#full = true
      return undefined
    }
    const cut = tag.lastIndexOf('.')
    const write = this.writable.has(tag) && this.anonymousWrites
    const variable = this.space.addVariable({
      componentOf: this.#folder(cut < 0 ? '' : tag.slice(0, cut)), browseName: tag.slice(cut + 1), nodeId: `s=${tag}`, dataType: 'Double',
      accessLevel: makeAccessLevelFlag(write ? 'CurrentRead | CurrentWrite' : 'CurrentRead'),
      userAccessLevel: makeAccessLevelFlag(write ? 'CurrentRead | CurrentWrite' : 'CurrentRead')
    })
    variable.setValueFromSource({ dataType: DataType.Double, value: NaN }, StatusCodes.BadWaitingForInitialData)
    if (write) {
      variable.writeValue = (context, data, ...more) => {
        const callback = more.at(-1)
        const value = valueOf(data.value)
        callback(null, Number.isFinite(value) ? this.#wish(tag, value, context) : StatusCodes.BadTypeMismatch)
      }
    }
    this.#variables.set(tag, variable)
    return variable
  }

  #wish (tag, value, context) {
    const user = context?.session?.userIdentityToken?.userName ?? 'opcua'
    if (this.#wishes.length >= WISHES_MAX) return StatusCodes.BadTooManyOperations
    this.#wishes.push({ tag, value, user, time: BigInt(Date.now()) * 1000000n })
    this.#giveSoon(0)
    return StatusCodes.Good
  }

  #giveSoon (delay) {
    this.#giving ??= setTimeout(() => {
      this.#giving = null
      this.#give().catch(error => { console.error(error); process.exit(1) })
    }, delay)
  }

  // At once, whatever the engine gives meanwhile: a wish that waits for the next row of a silent node has expired by then. Those of
  // one turn leave together; while the engine is too far behind they wait.
  async #give () {
    if (this.link.quitting) return
    if (this.link.emitted - this.link.credited >= this.link.ahead) return this.#giveSoon(AGAIN)
    const wishes = this.#wishes.splice(0)
    if (!wishes.length) return
    await this.emit({
      time: wishes.map(wish => wish.time),
      id: wishes.map(wish => wish.time + this.#count++),
      tag: wishes.map(wish => wish.tag),
      value: wishes.map(wish => wish.value),
      lower: wishes.map(() => 0),
      upper: wishes.map(() => 0),
      expiry: wishes.map(wish => wish.time + this.lease),
      token: wishes.map(() => 1n),
      origin: wishes.map(wish => wish.user),
      reason: wishes.map(wish => `written over OPC UA by ${wish.user}`)
    })
  }

  async rows (columns) {
    columns.tag.forEach((tag, i) => {
      const value = columns.value[i] ?? NaN
      this.#variable(tag)?.setValueFromSource(new Variant({ dataType: DataType.Double, value }),
        statusOf(columns.quality[i]), new Date(Number(BigInt(columns.time[i]) / 1000000n)))
    })
  }

  async close () {
    clearTimeout(this.#giving)
    await Promise.race([this.server.shutdown(100), new Promise(resolve => setTimeout(resolve, 2000))])
  }
}
