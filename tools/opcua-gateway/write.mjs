// Set points that a guard has let pass, as writes to nodes of an OPC UA server; each is read back.
//
//     write: { op: setpoint.external, from: safe, command: [node, tools/opcua-gateway/write.mjs],
//              options: { endpoint: "opc.tcp://plc:4840", nodes: targets.csv, pki: pki, trust: server.pem } }
//
// Options as subscribe.mjs has them; nodes (CSV: tag, node, tolerance); deadline (2000 ms). It gives events, as the other ways
// to the field do: setpoint.verified, .failed, .refused, .expired, .unmapped. None is written from its expiry on, and none that
// the engine gives once more after a death, when it has expired meanwhile.
import { AttributeIds, connect, number, readNodes, valueOf, variantFor } from './opcua.mjs'
import { Operator, run } from './potline.mjs'

const SEVERITY = { verified: 100, failed: 700, refused: 600, expired: 400, unmapped: 600 }
const AGAIN = 200 // ms
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))
const within = (ms, promise) => Promise.race([promise, pause(ms).then(() => { throw new Error('no answer in time') })])

class Writer extends Operator {
  async open () {
    this.targets = new Map(readNodes(this.options.nodes).map(row => [row.tag, row]))
    this.deadline = number(this.options, 'deadline', 2000)
    connect(this.options, this.node, {
      down: why => console.error(`${this.options.endpoint}: ${why}`), up: () => console.error(`${this.options.endpoint}: connected again`)
    }).then(({ client, session }) => Object.assign(this, { client, session }))
      .catch(error => { console.error(String(error)); process.exit(1) })
  }

  // The node's own type, asked for once.
  async #typeOf (target) {
    target.type ??= (await this.session.getBuiltInDataType(target.node))
    return target.type
  }

  async #once (target, order, left) {
    const value = variantFor(await within(left(), this.#typeOf(target)), order.value)
    if (!value) return { end: 'refused', why: 'its type cannot hold the value' }
    if (Date.now() >= order.expires) return null // the questions have taken their time
    const status = await within(left(), this.session.write({ nodeId: target.node, attributeId: AttributeIds.Value, value: { value } }))
    if (status.value & 0x80000000) return { end: /NotWritable|UserAccess|TypeMismatch|OutOfRange|NodeId/.test(status.name) ? 'refused' : null, why: status.name }
    order.written = true
    const back = await within(left(), this.session.read({ nodeId: target.node, attributeId: AttributeIds.Value }))
    order.found = valueOf(back.value)
    return Math.abs(order.found - order.value) <= Number(target.tolerance || 0) + Math.abs(order.value) * 1e-6
      ? { end: 'verified', why: '' } : { end: null, why: 'another value is read back' }
  }

  async #carryOut (order) {
    const target = this.targets.get(order.tag)
    const until = Date.now() + this.deadline
    const left = () => Math.max(1, until - Date.now())
    let why = 'no connection'
    if (!target) return { end: 'unmapped', why: 'its tag has no node here' }
    for (;;) {
      if (Date.now() >= order.expires) return { end: order.written ? 'failed' : 'expired', why: order.written ? why : '' }
      if (Date.now() >= until) return { end: 'failed', why }
      try {
        const outcome = this.session ? await this.#once(target, order, left) : null
        if (outcome?.end) return outcome
        why = outcome?.why ?? why
      } catch (error) {
        why = error.message
      }
      await pause(Math.min(AGAIN, left()))
    }
  }

  async rows (columns) {
    const orders = columns.tag.map((tag, i) => ({
      tag, id: columns.id[i], value: columns.value[i], origin: columns.origin[i], reason: columns.reason[i], found: NaN,
      expires: Number(BigInt(columns.expiry[i]) / 1000000n), time: columns.time[i]
    }))
    const wanted = orders.filter(order => order.value !== null && !Number.isNaN(order.value)) // others take back what had not left
    const ends = await Promise.all(wanted.map(order => this.#carryOut(order)))
    if (!wanted.length) return
    const now = BigInt(Date.now()) * 1000000n
    await this.emit({
      time: wanted.map(() => now),
      id: wanted.map(order => BigInt(order.id)),
      kind: ends.map(({ end }) => `setpoint.${end}`),
      severity: ends.map(({ end }) => SEVERITY[end]),
      asset: wanted.map(order => order.tag.slice(0, Math.max(0, order.tag.lastIndexOf('.')))),
      tag: wanted.map(order => order.tag),
      body: wanted.map((order, i) => ({
        id: String(order.id), value: order.value, origin: order.origin, reason: String(order.reason ?? ''), why: ends[i].why, read_back: order.found
      }))
    })
  }

  async close () {
    await Promise.race([this.client?.disconnect(), pause(1000)])
  }
}

await run(Writer)
process.exit(0)
