// Potline operators, sinks and sources in Node: one file, which needs the npm packages zeromq and @msgpack/msgpack.
//
//     import { Operator, run } from './potline.mjs'
//
//     class Doubles extends Operator {
//       async rows (columns) {
//         columns.value = columns.value.map(value => 2 * value)
//         await this.emit(columns)
//       }
//     }
//     await run(Doubles)
//
// and in a graph file
//
//     twice: { op: external, from: in, command: [node, doubles.mjs] }
//
// The engine starts the program, and ends it; see docs/external.md for what the two say to each other. A program that
// cannot go on lets its exception go: it is started again from the last checkpoint, and at a third failure at the same
// rows these are left out.
//
// Times are nanoseconds since 1970 and more than a number holds: they are BigInt, as are all integers of 64 bits. What a
// program gives may be a number where it is small enough.
import { Pair } from 'zeromq'
import { Decoder, Encoder } from '@msgpack/msgpack'

export const PROTOCOL = 1
export const UNCERTAIN = 0x4000 // the top bits of a quality; the others say why (potline/quality.h)
export const BAD = 0x8000
const BATCH = 4096 // rows of a message

const encoder = new Encoder({ useBigInt64: true })
const decoder = new Decoder({ useBigInt64: true })
const pack = value => Buffer.from(encoder.encode(value))
const unpack = bytes => decoder.decode(bytes)

// What has few digits is shown as a number, wherever it was written in 64 bits.
const WIDE = new Set(['time', 'start', 'end', 'id', 'token', 'expiry', 'position'])
const narrow = column => column.map(value => typeof value === 'bigint' ? Number(value) : value)

function readBatch (bytes) {
  const { columns } = unpack(bytes)
  for (const [name, column] of Object.entries(columns)) {
    if (!WIDE.has(name)) columns[name] = narrow(column)
  }
  return columns
}

// What a program keeps between two rows, by key: a Map of texts to whatever msgpack can write. Set a key again when its
// value has changed within: only keys that were set or deleted since the last barrier are saved at the next one.
export class State extends Map {
  #changed = new Set()

  set (key, value) {
    this.#changed?.add(key)
    return super.set(key, value)
  }

  delete (key) {
    this.#changed.add(key)
    return super.delete(key)
  }

  clear () {
    for (const key of [...this.keys()]) this.delete(key)
  }

  restore (key, value) {
    super.set(key, unpack(value))
  }

  takeChanges () {
    const changes = [...this.#changed].sort().map(key => [key, this.has(key) ? pack(this.get(key)) : null])
    this.#changed.clear()
    return changes
  }
}

class Program {
  constructor (link, config) {
    this.link = link
    this.config = config
    this.node = config.node
    this.partition = Number(config.partition)
    this.options = config.options // names and texts, from the graph file
    this.state = new State() // not of a source, which has its position
  }

  async open () {} // everything is there, the state too; rows come next
  async close () {} // it ends in good order

  // Which model makes its rows from now on, with its version: 'mpc 2.1 5f0c21ae'. They say so, and what is made of them: in
  // the zones, to `explain`, and in the audit of a set point.
  model (name) { this.link.model = name }
}

// Works on rows; with no output (op: sink.external) it only takes them. While it awaits something, pings are answered.
export class Operator extends Program {
  // Columns by name, each an array: time, tag, value, quality of samples.
  async rows (columns) { throw new Error('rows: what is to become of them?') }
  // No row older than `time` is to come. Emits what is due; returns the watermark of its own rows.
  async watermark (time) { return time }
  async committed (epoch) {} // what was saved at the barrier of this epoch is durable
  async end (stopped) {} // no rows follow; `stopped`: the engine stops, and another run goes on here

  // Columns by name, as `rows` gets them; in pieces when there are many.
  async emit (columns) {
    const count = Object.values(columns)[0].length
    for (let start = 0; start < count; start += BATCH) {
      const piece = Object.entries(columns).map(([name, column]) => [name, column.slice(start, start + BATCH)])
      await this.link.sendRows(Object.fromEntries(piece), {})
    }
  }
}

// Gives rows, each batch with the position behind it, at which it goes on when it is started again.
export class Source extends Program {
  position = null // where to go on: what was given with the last rows that the engine has; null: begin

  // Emits about one batch and returns true; false: there is nothing more, ever.
  async produce () { throw new Error('produce: which rows?') }

  // Rows and where it stands behind them: anything that msgpack can write (64 KiB). One message, some thousand rows.
  async emit (columns, position) {
    await this.link.sendRows(columns, { position })
    this.position = position
  }

  // No row older than `time` will follow.
  async progress (time) { await this.link.send({ type: 'progress', time: BigInt(time) }) }
}

// The two endpoints, and the rules of who may be ahead of whom.
class Link {
  emitted = 0
  credited = 0
  ahead = 1
  gives = null
  model = null
  quitting = false
  messages = []
  #parent = process.ppid
  #incoming = new Pair({ receiveHighWaterMark: 0, linger: 5000 })
  #outgoing = new Pair({ sendHighWaterMark: 0, linger: 5000 })
  #last = Promise.resolve()
  #wake = null

  async open () {
    this.#incoming.connect(process.env.POTLINE_IN)
    this.#outgoing.connect(process.env.POTLINE_OUT)
    this.#read().catch(fail)
    setInterval(() => { if (process.ppid !== this.#parent) process.exit(1) }, 1000).unref() // the engine is gone
    await this.send({ type: 'hello', protocol: PROTOCOL })
  }

  // A socket takes one message at a time: each waits for the one before.
  send (message) {
    this.#last = this.#last.then(() => this.#outgoing.send(pack(message)))
    return this.#last
  }

  async #read () {
    for await (const [bytes] of this.#incoming) {
      const message = unpack(bytes)
      if (message.type === 'ping') this.send({ type: 'pong', number: message.number }).catch(fail)
      else if (message.type === 'credit') this.credited = Number(message.bytes)
      else this.messages.push(message)
      if (message.type === 'quit') this.quitting = true
      this.#wake?.()
    }
  }

  async #more () {
    await new Promise(resolve => { this.#wake = resolve })
    this.#wake = null
  }

  async next () { // the next message that asks for something
    while (!this.messages.length) await this.#more()
    return this.messages.shift()
  }

  async waitForRoom () { // false: it is to quit
    while (this.emitted - this.credited >= this.ahead && !this.quitting) await this.#more()
    return !this.quitting
  }

  async sendRows (columns, more) {
    const rows = pack({ kind: this.gives, ...(this.model ? { model: this.model } : {}), columns })
    this.emitted += rows.length
    await this.send({ type: 'rows', rows, ...more })
  }

  close () {
    this.#incoming.close()
    this.#outgoing.close()
  }
}

function fail (error) {
  console.error(error)
  process.exit(1)
}

async function begin (wanted) {
  const link = new Link()
  await link.open()
  const Kind = wanted.prototype instanceof Program ? wanted : (await wanted()).default
  for (let program = null; ;) {
    const message = await link.next()
    if (message.type === 'config') {
      link.ahead = Number(message.ahead)
      link.gives = message.gives
      program = new Kind(link, message)
      if (program instanceof Source) program.position = message.position
    } else if (message.type === 'state') {
      program.state.restore(Buffer.from(message.key).toString(), message.value)
    } else if (message.type === 'open') {
      await program.open()
      await link.send({ type: 'ready' })
      return [link, program]
    } else if (message.type === 'quit') {
      process.exit(0)
    }
  }
}

async function workOn (link, program, message) {
  const done = { type: 'done', number: message.number }
  if (message.type === 'rows') await program.rows(readBatch(message.rows))
  else if (message.type === 'watermark') done.watermark = BigInt(await program.watermark(message.time))
  else if (message.type === 'end') await program.end(message.stopped)
  const saves = message.type === 'barrier' || (message.type === 'end' && !message.stopped)
  if (saves && program.config.recovers) {
    for (const [key, value] of program.state.takeChanges()) await link.send({ type: 'state', key, value })
  }
  await link.send(done)
}

async function runOperator (link, program) {
  for (;;) {
    const message = await link.next()
    if (message.type === 'quit') return
    if (message.type === 'commit') await program.committed(message.epoch)
    else if ('number' in message) {
      if (!await link.waitForRoom()) return
      await workOn(link, program, message)
    }
  }
}

async function runSource (link, program) {
  while (await link.waitForRoom()) {
    if (await program.produce()) {
      await new Promise(setImmediate) // what has come is read
      continue
    }
    await link.send({ type: 'end' })
    while ((await link.next()).type !== 'quit');
    return
  }
}

// Runs a class derived from Operator or Source until the engine has enough of it. Where its libraries take long to load, a function
// that imports the module whose default export it is: the engine has heard of the program by then, and does not end it.
export async function run (Kind) {
  if (!process.env.POTLINE_IN) throw new Error('this program is started by the engine: command: [node, ...]')
  try {
    const [link, program] = await begin(Kind)
    await (program instanceof Source ? runSource : runOperator)(link, program)
    await program.close()
    await link.send({ type: 'closed' })
    link.close()
  } catch (error) {
    fail(error)
  }
}
