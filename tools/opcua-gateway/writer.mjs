// Set points that a guard has let pass, as writes to nodes of an OPC UA server; each is read back.
//
//     write: { op: setpoint.external, from: safe, command: [node, tools/opcua-gateway/write.mjs],
//              options: { endpoint: "opc.tcp://plc:4840", nodes: targets.csv, pki: pki, trust: server.pem } }
//
// Options as subscribe.mjs has them; nodes (CSV: tag, node, tolerance); deadline (2000 ms). It gives events, as the other ways
// to the field do: setpoint.verified, .failed, .refused, .expired, .superseded, .unmapped; the engine has them in the audit. None
// is written from its expiry on, none that the engine gives once more after a death, when it has expired meanwhile, and none
// while there is no connection: node-opcua would keep it, and write it whenever there is one again.
import { AttributeIds, connect, number, readNodes, valueOf, variantFor } from './opcua.mjs'
import { Operator } from './potline.mjs'

const SEVERITY = { verified: 100, failed: 700, refused: 600, expired: 400, superseded: 200, unmapped: 600 }
const AGAIN = 200 // ms
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const within = (ms, promise) => Promise.race([promise, pause(ms).then(() => { throw new Error('no answer in time') })])

export default class Writer extends Operator {
  async open () {
    this.targets = new Map(readNodes(this.options.nodes).map(row => [row.tag, row]))
    this.deadline = number(this.options, 'deadline', 2000)
    connect(this.options, this.node, { down: why => this.#turn(false, why), up: () => this.#turn(true, 'connected again') })
      .then(({ client, session }) => { Object.assign(this, { client, session }); this.#turn(true, 'connected') })
      .catch(error => { console.error(String(error)); process.exit(1) })
  }

  #turn (up, why) {
    if (this.up === up || this.link.quitting) return
    this.up = up
    console.error(`${this.options.endpoint}: ${why}`)
    const kind = up ? 'opcua.connected' : 'opcua.disconnected'
    this.#event(kind, up ? 100 : 700, '', { endpoint: this.options.endpoint, why })
  }

  // At once: nobody's alarm waits for another tag's node.
  async #event (kind, severity, tag, body) {
    const now = BigInt(Date.now()) * 1000000n
    await this.emit({
      time: [now], id: [BigInt(body.id ?? now)], kind: [kind], severity: [severity],
      asset: [tag.slice(0, Math.max(0, tag.lastIndexOf('.')))], tag: [tag], body: [body]
    })
  }

  // The node's own type, asked for once.
  async #typeOf (target) {
    target.type ??= (await this.session.getBuiltInDataType(target.node))
    return target.type
  }

  async #read (target, left) {
    return valueOf((await within(left(), this.session.read({ nodeId: target.node, attributeId: AttributeIds.Value }))).value)
  }

  async #once (target, order, left) {
    const tolerance = Number(target.tolerance || 0) + Math.abs(order.value) * 1e-6
    const value = variantFor(await within(left(), this.#typeOf(target)), order.value, tolerance)
    if (!value) return { end: 'refused', why: 'its type cannot hold the value' }
    if (!order.sends) order.old = await this.#read(target, left)
    if (Date.now() >= order.expires || !this.up) return null // the questions have taken their time
    order.sends++
    const status = await within(left(), this.session.write({ nodeId: target.node, attributeId: AttributeIds.Value, value: { value } }))
    if (status.value & 0x80000000) return { end: /NotWritable|UserAccess|TypeMismatch|OutOfRange|NodeId/.test(status.name) ? 'refused' : null, why: status.name }
    order.found = await this.#read(target, left)
    return Math.abs(order.found - order.value) <= tolerance ? { end: 'verified', why: '' } : { end: null, why: 'another value is read back' }
  }

  async #carryOut (order) {
    const target = this.targets.get(order.tag)
    const until = Date.now() + this.deadline
    const left = () => Math.max(1, until - Date.now())
    let why = 'no connection'
    if (!target) return { end: 'unmapped', why: 'its tag has no node here' }
    for (;;) {
      if (Date.now() >= order.expires) return { end: order.sends ? 'failed' : 'expired', why: order.sends ? why : '' }
      if (Date.now() >= until) return { end: 'failed', why }
      try {
        const outcome = this.up ? await this.#once(target, order, left) : null
        if (outcome?.end) return outcome
        why = outcome?.why ?? why
      } catch (error) {
        why = error.message
      }
      await pause(Math.min(AGAIN, left()))
    }
  }

  // Of two for one tag the later one counts; one without a value takes back what had not left, and here nothing waits.
  async rows (columns) {
    const orders = columns.tag.map((tag, i) => ({
      tag, id: columns.id[i], value: columns.value[i], origin: columns.origin[i], reason: columns.reason[i], found: NaN, old: NaN, sends: 0,
      expires: Number(BigInt(columns.expiry[i]) / 1000000n), since: Date.now(), last: columns.tag.lastIndexOf(tag) === i
    }))
    const wanted = orders.filter(order => order.value !== null && !Number.isNaN(order.value))
    await Promise.all(wanted.map(async order => this.#tell(order, order.last ? await this.#carryOut(order) : { end: 'superseded', why: '' })))
  }

  async #tell (order, { end, why }) {
    await this.#event(`setpoint.${end}`, SEVERITY[end], order.tag, {
      id: String(order.id), value: order.value, origin: order.origin, reason: String(order.reason ?? ''), why, latency_ms: Date.now() - order.since,
      old: order.old, read_back: order.found, sends: order.sends
    })
  }

  async close () {
    await Promise.race([this.client?.disconnect(), pause(1000)])
  }
}
