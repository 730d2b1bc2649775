// Nodes of an OPC UA server as samples.
//
//     plc: { op: source.external, command: [node, tools/opcua-gateway/subscribe.mjs],
//            options: { endpoint: "opc.tcp://plc:4840", nodes: nodes.csv, pki: pki, trust: server.pem, sampling: 500, deadband: 0.1 } }
//
// Options: endpoint; nodes (CSV: tag, node, and where they differ sampling in ms and deadband); security (encrypt, sign: both
// Basic256Sha256; none); pki, trust (opcua.mjs); user, password; sampling (1000 ms); deadband (0, absolute); queue (100 values).
// The time is the source's. While the server is away each tag is told once more, with its last value, as stale.
import { DataChangeFilter, DataChangeTrigger, DeadbandType, TimestampsToReturn } from 'node-opcua'
import { BAD, Source, UNCERTAIN } from './potline.mjs'
import { AttributeIds, MISSING, STALE, connect, number, qualityOf, readNodes, timeOf, valueOf } from './opcua.mjs'

const WAITING_MAX = 100000 // values that the engine has no room for; then the oldest go
const AT_ONCE = 100 // nodes that the server is asked for before it has answered

export default class Subscription extends Source {
  #waiting = []
  #last = new Map()
  #wake = null
  #lost = 0
  #stale = false

  async open () {
    this.nodes = readNodes(this.options.nodes)
    this.sampling = number(this.options, 'sampling', 1000)
    this.deadband = number(this.options, 'deadband', 0)
    this.queue = number(this.options, 'queue', 100)
    this.#begin().catch(error => { console.error(String(error)); process.exit(1) }) // the engine starts it again
  }

  async #begin () {
    const events = { down: why => this.#down(why), up: whole => this.#up(whole) }
    const { client, session } = await connect(this.options, this.node, events)
    this.client = client
    this.session = session
    const subscription = await session.createSubscription2({
      requestedPublishingInterval: Math.max(50, this.sampling / 2), requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
      maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 1
    })
    subscription.on('terminated', () => { if (!this.link.quitting) { console.error('the server has ended the subscription'); process.exit(1) } })
    for (const nodes of this.#portions()) await Promise.all(nodes.map(node => this.#monitor(subscription, node)))
    console.error(`${this.options.endpoint}: ${this.nodes.length} nodes are subscribed to`)
  }

  * #portions () {
    for (let i = 0; i < this.nodes.length; i += AT_ONCE) yield this.nodes.slice(i, i + AT_ONCE)
  }

  async #monitor (subscription, node) {
    const item = await subscription.monitor({ nodeId: node.node, attributeId: AttributeIds.Value }, this.#parameters(node), TimestampsToReturn.Both)
    item.on('changed', value => this.#take(node.tag, value))
    item.on('err', why => console.error(`${node.tag}: ${node.node}: ${why}`))
  }

  #parameters (node) {
    const deadband = number(node, 'deadband', this.deadband)
    return {
      samplingInterval: number(node, 'sampling', this.sampling), queueSize: this.queue, discardOldest: true,
      filter: new DataChangeFilter({
        trigger: DataChangeTrigger.StatusValue, deadbandType: deadband > 0 ? DeadbandType.Absolute : DeadbandType.None, deadbandValue: deadband
      })
    }
  }

  #put (tag, time, value, quality) {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#waiting.shift()
      if (this.#lost++ % 10000 === 0) console.error(`the engine is slow: ${this.#lost} values have been dropped`)
    }
    this.#waiting.push({ time, tag, value, quality })
    this.#wake?.()
  }

  #take (tag, data) {
    const value = valueOf(data.value)
    let quality = qualityOf(data.statusCode)
    if (Number.isNaN(value)) quality |= BAD | MISSING
    else if (!(quality & BAD)) this.#last.set(tag, value)
    this.#stale = false
    this.#put(tag, timeOf(data.sourceTimestamp, data.sourcePicoseconds), value, quality)
  }

  #down (why) {
    if (this.#stale) return
    this.#stale = true
    console.error(`${this.options.endpoint}: ${why}`)
    const now = timeOf()
    for (const [tag, value] of this.#last) this.#put(tag, now, value, UNCERTAIN | STALE)
  }

  // A subscription that the server has kept says only what changes from now on: what stands there is read.
  async #up (whole) {
    this.#stale = false
    if (!whole) return
    console.error(`${this.options.endpoint}: connected again`)
    try {
      for (const nodes of this.#portions()) {
        const values = await this.session.read(nodes.map(node => ({ nodeId: node.node, attributeId: AttributeIds.Value })))
        values.forEach((value, i) => this.#take(nodes[i].tag, value))
      }
    } catch (error) {
      console.error(`${this.options.endpoint}: what stands there cannot be read: ${error.message}`)
    }
  }

  async produce () {
    while (!this.#waiting.length) {
      await new Promise(resolve => {
        this.#wake = resolve
        setTimeout(resolve, 500) // to see whether it is to quit
      })
      this.#wake = null
      if (this.link.quitting) return true
    }
    const rows = this.#waiting.splice(0, 2000)
    const columns = Object.fromEntries(['time', 'tag', 'value', 'quality'].map(name => [name, rows.map(row => row[name])]))
    await this.emit(columns, Number(this.position ?? 0) + rows.length)
    return true
  }

  async close () {
    await Promise.race([this.client?.disconnect(), new Promise(resolve => setTimeout(resolve, 1000))])
  }
}
