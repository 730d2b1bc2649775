// Subscribes to an endpoint an encoding and prints every batch as a line of JSON: times, ids and sequences as strings,
// qualities as numbers, a missing value as null. The argument is {endpoints: {capnp, msgpack, json}, serverKey}.
import { decode as unpack } from '@msgpack/msgpack'
import { Subscriber, curveKeyPair } from 'zeromq'

const kinds = ['samples', 'windows', 'profiles', 'setpoints', 'events']

// The lists of each kind behind the header, as schemas/batch.capnp numbers them.
const lists = {
  samples: [['time', 'i64'], ['tag', 'name'], ['value', 'f64'], ['quality', 'u16']],
  events: [['time', 'i64'], ['id', 'u64'], ['kind', 'name'], ['severity', 'u16'], ['asset', 'name'], ['tag', 'name'],
    ['end', 'u32'], ['body', 'u8']],
}
const readers = {
  i64: (view, at) => view.getBigInt64(at, true),
  u64: (view, at) => view.getBigUint64(at, true),
  f64: (view, at) => view.getFloat64(at, true),
  u32: (view, at) => view.getUint32(at, true),
  name: (view, at) => view.getUint32(at, true),
  u16: (view, at) => view.getUint16(at, true),
  u8: (view, at) => view.getUint8(at),
}
const widths = { i64: 8, u64: 8, f64: 8, u32: 4, name: 4, u16: 2, u8: 1 }

// Cap'n Proto, one segment: https://capnproto.org/encoding.html. Places are in words behind the table.
class Message {
  constructor (bytes) {
    this.bytes = bytes.subarray(8)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
  }

  target (word) { return word + 1 + (this.view.getInt32(8 * word, true) >> 2) }

  structAt (word) {
    const data = this.target(word)
    return { data, pointers: data + this.view.getUint16(8 * word + 4, true) }
  }

  listAt (word) { return { start: 8 * this.target(word), count: this.view.getUint32(8 * word + 4, true) >>> 3 } }

  textAt (word) {
    const { start, count } = this.listAt(word)
    return new TextDecoder().decode(this.bytes.subarray(start, start + count - 1))
  }

  numbersAt (word, type) {
    const { start, count } = this.listAt(word)
    return Array.from({ length: count }, (_, i) => readers[type](this.view, start + i * widths[type]))
  }
}

function readCapnp (bytes) {
  const message = new Message(bytes)
  const root = message.structAt(0).pointers
  const header = message.structAt(root)
  const at = 8 * header.data
  const kind = kinds[message.view.getUint16(at + 2, true)]
  const names = message.listAt(header.pointers + 1)
  const name = i => message.textAt(names.start / 8 + i)
  const columns = {}
  lists[kind].forEach(([column, type], i) => {
    const numbers = message.numbersAt(root + 1 + i, type)
    columns[column] = type === 'name' ? numbers.map(name) : numbers
  })
  if (columns.end) {
    const ends = columns.end
    const heap = Uint8Array.from(columns.body)
    columns.body = ends.map((end, i) => end > (ends[i - 1] ?? 0) ? unpack(heap.subarray(ends[i - 1] ?? 0, end)) : null)
    delete columns.end
  }
  return {
    kind, columns, source: message.textAt(header.pointers), partition: message.view.getUint16(at + 4, true),
    sequence: message.view.getBigUint64(at + 8, true),
  }
}

// Bodies hold small numbers here; times and ids use all 64 bits.
function readMsgpack (bytes) {
  return unpack(bytes, { useBigInt64: true })
}

function nanoseconds (text) {
  const [date, fraction = ''] = text.replace('Z', '').split('.')
  return BigInt(Date.parse(date + 'Z')) * 1000000n + BigInt(fraction.padEnd(9, '0'))
}

const flags = ['missing', 'out_of_range', 'spike', 'rate', 'frozen', 'stale', 'late', 'replaced', 'backfilled',
  'simulated', 'manual', 'provisional']
const severities = { good: 0, uncertain: 0x4000, bad: 0x8000 }

function quality (text) {
  const [severity, ...rest] = text.split('|')
  return rest.reduce((bits, flag) => bits | 1 << flags.indexOf(flag), severities[severity])
}

function readJson (bytes) {
  const batch = JSON.parse(new TextDecoder().decode(bytes))
  batch.columns.time = batch.columns.time.map(nanoseconds)
  if (batch.columns.quality) batch.columns.quality = batch.columns.quality.map(quality)
  return batch
}

const read = { capnp: readCapnp, msgpack: readMsgpack, json: readJson }

// As JSON: what only a BigInt holds is a string, and -0 is not lost.
const small = new Set(['quality', 'severity', 'body', 'partition', 'generation'])
function line (encoding, topic, batch) {
  const text = JSON.stringify({ encoding, topic, batch }, function (key, value) {
    if (typeof value === 'bigint') return String(value)
    return Object.is(value, -0) ? '-0' : value
  })
  return text.replaceAll('"-0"', '-0.0')
}

function numbersOf (batch) {
  for (const name of Object.keys(batch.columns)) {
    if (!small.has(name)) continue
    const plain = v => typeof v === 'bigint' ? Number(v) : Array.isArray(v) ? v.map(plain)
      : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, w]) => [k, plain(w)])) : v
    batch.columns[name] = batch.columns[name].map(plain)
  }
  batch.partition = Number(batch.partition)
  return batch
}

async function follow (encoding, endpoint, serverKey) {
  const socket = new Subscriber({ receiveHighWaterMark: 0 })
  if (encoding === 'json') {
    const { publicKey, secretKey } = curveKeyPair()
    Object.assign(socket, { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey })
  }
  socket.connect(endpoint)
  socket.subscribe()
  for await (const [topic, payload] of socket) {
    process.stdout.write(line(encoding, topic.toString(), numbersOf(read[encoding](payload))) + '\n')
  }
}

const config = JSON.parse(process.argv[2])
await Promise.all(Object.entries(config.endpoints).map(([encoding, endpoint]) =>
  follow(encoding, endpoint, config.serverKey)))
