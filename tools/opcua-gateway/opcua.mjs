// What the programs of the gateway share: a client with its certificates, values and qualities of both worlds.
import fs from 'node:fs'
import path from 'node:path'
import {
  AttributeIds, MessageSecurityMode, OPCUACertificateManager, OPCUAClient, SecurityPolicy, StatusCodes, UserTokenType, Variant, DataType
} from 'node-opcua'
import { BAD, UNCERTAIN } from './potline.mjs'

export const MISSING = 1 << 0 // flags of a quality (potline/quality.h)
export const STALE = 1 << 5
const RETRY_MOST = 10000 // ms
const RELOAD = 2000
const SECURITY = {
  none: [MessageSecurityMode.None, SecurityPolicy.None],
  sign: [MessageSecurityMode.Sign, SecurityPolicy.Basic256Sha256],
  encrypt: [MessageSecurityMode.SignAndEncrypt, SecurityPolicy.Basic256Sha256]
}

// Numbers and choices of the options, which are texts.
export function number (options, name, fallback) {
  const value = options[name] === undefined ? fallback : Number(options[name])
  if (!(value >= 0)) throw new Error(`${name}: '${options[name]}' is not a number`)
  return value
}

export function security (options) {
  const chosen = SECURITY[options.security ?? 'encrypt']
  if (!chosen) throw new Error(`security: there are ${Object.keys(SECURITY).join(', ')}, not '${options.security}'`)
  return { securityMode: chosen[0], securityPolicy: chosen[1] }
}

// The table of nodes: CSV with a header; tag and node, and for a subscription sampling (ms) and deadband.
export function readNodes (file) {
  if (!file) throw new Error('nodes: a file of tags and nodes is wanted')
  const [header, ...lines] = fs.readFileSync(file, 'utf8').split(/\r?\n/).filter(line => line.trim() && !line.startsWith('#'))
  const names = (header ?? '').split(',').map(name => name.trim())
  if (!names.includes('tag') || !names.includes('node')) throw new Error(`${file}: a header with tag and node is wanted`)
  const rows = lines.map(line => Object.fromEntries(line.split(',').map((text, i) => [names[i], text.trim()])))
  const tags = new Set()
  for (const row of rows) {
    if (!row.tag || !row.node || tags.has(row.tag)) throw new Error(`${file}: '${row.tag}' has no node, or is there twice`)
    tags.add(row.tag)
  }
  return rows
}

// Certificates: our own is made where there is none; others are trusted when people have put them there, never by themselves. The
// folders are read anew now and then. Meanwhile the manager knows nobody: who comes waits, or he would be rejected though trusted.
export async function certificates (options, name) {
  const manager = new OPCUACertificateManager({
    rootFolder: path.resolve(options.pki ?? `pki-${name}`), automaticallyAcceptUnknownCertificate: false, disableFileWatchers: true
  })
  await manager.initialize()
  const check = manager.checkCertificate.bind(manager)
  let last = Promise.resolve()
  const inTurn = work => { last = last.catch(() => {}).then(work); return last }
  manager.checkCertificate = (chain, callback) => {
    const status = inTurn(() => check(chain))
    return callback ? void status.then(found => callback(null, found), callback) : status
  }
  for (const file of (options.trust ?? '').split(':').filter(Boolean)) {
    const text = fs.readFileSync(file)
    const der = text.toString('latin1').includes('-----BEGIN')
      ? Buffer.from(text.toString().replace(/-----[^-]+-----/g, '').replace(/\s+/g, ''), 'base64') : text
    await manager.trustCertificate(der)
  }
  setInterval(() => inTurn(() => manager.reloadCertificates()).catch(error => console.error(String(error))), RELOAD).unref()
  return manager
}

// A client that connects again for ever, and a session that keeps its subscriptions over it. A server that is not there yet, or
// does not trust us yet, is asked again: that is for people to settle, and no reason to end.
export async function connect (options, name, events) {
  if (!options.endpoint) throw new Error('endpoint: opc.tcp://host:port is wanted')
  const manager = await certificates(options, name)
  for (let wait = 500, told = ''; ; wait = Math.min(2 * wait, RETRY_MOST)) {
    try {
      return await connectOnce(options, manager, events)
    } catch (error) {
      const why = String(error.message).split('\n')[0]
      if (why !== told) console.error(`${options.endpoint}: ${why}; tried again until it works`)
      told = why
      await new Promise(resolve => setTimeout(resolve, wait))
    }
  }
}

async function connectOnce (options, manager, events) {
  const client = OPCUAClient.create({
    applicationName: 'potline-gateway',
    ...security(options),
    clientCertificateManager: manager,
    endpointMustExist: false,
    keepSessionAlive: true,
    requestedSessionTimeout: 60000,
    connectionStrategy: { initialDelay: 200, maxDelay: 5000, maxRetry: -1 }
  })
  client.on('connection_lost', () => events.down?.('the connection was lost'))
  client.on('backoff', (retry, delay) => { if (retry === 0) events.down?.(`no connection; tried again in ${delay} ms`) })
  client.on('after_reconnection', () => events.up?.(false))
  client.on('connection_reestablished', () => events.up?.(true)) // and its sessions
  try {
    await client.connect(options.endpoint)
    const identity = options.user
      ? { type: UserTokenType.UserName, userName: options.user, password: options.password ?? '' } : { type: UserTokenType.Anonymous }
    return { client, session: await client.createSession(identity) }
  } catch (error) {
    client.removeAllListeners()
    await client.disconnect().catch(() => {})
    throw error
  }
}

// A status code as a quality: the two top bits are the same in both.
export function qualityOf (status) {
  const code = status.value >>> 0
  const quality = code & 0x80000000 ? BAD : code & 0x40000000 ? UNCERTAIN : 0
  const stale = [StatusCodes.BadNoCommunication, StatusCodes.BadNotConnected, StatusCodes.UncertainLastUsableValue,
    StatusCodes.UncertainNoCommunicationLastUsableValue].some(each => each.value === status.value)
  return quality | (stale ? STALE : 0)
}

export function statusOf (quality) {
  if (quality & BAD) return quality & STALE ? StatusCodes.BadNoCommunication : StatusCodes.Bad
  if (quality & UNCERTAIN) return quality & STALE ? StatusCodes.UncertainLastUsableValue : StatusCodes.Uncertain
  return StatusCodes.Good
}

// The number in a variant; NaN: there is none.
export function valueOf (variant) {
  const value = variant?.value
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (Array.isArray(value) && value.length === 2 && (variant.dataType === DataType.Int64 || variant.dataType === DataType.UInt64)) {
    const wide = (BigInt(value[0]) << 32n) | BigInt(value[1] >>> 0)
    return Number(variant.dataType === DataType.Int64 ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide))
  }
  return NaN
}

// Whole milliseconds, and what the server says beyond them.
export function timeOf (date, picoseconds) {
  return date ? BigInt(date.getTime()) * 1000000n + BigInt(Math.floor((picoseconds ?? 0) / 1000)) : BigInt(Date.now()) * 1000000n
}

// A number as the type that the node has; null: it does not fit, or what would be written differs by more than `tolerance`.
export function variantFor (dataType, value, tolerance = 0) {
  const range = {
    [DataType.SByte]: [-128, 127], [DataType.Byte]: [0, 255], [DataType.Int16]: [-32768, 32767], [DataType.UInt16]: [0, 65535],
    [DataType.Int32]: [-(2 ** 31), 2 ** 31 - 1], [DataType.UInt32]: [0, 2 ** 32 - 1]
  }[dataType]
  if (dataType === DataType.Boolean) return value === 0 || value === 1 ? new Variant({ dataType, value: value === 1 }) : null
  const whole = Math.round(value)
  if (range) return whole >= range[0] && whole <= range[1] && Math.abs(whole - value) <= tolerance ? new Variant({ dataType, value: whole }) : null
  if (dataType === DataType.Float || dataType === DataType.Double) return new Variant({ dataType, value })
  return null
}

export { AttributeIds }
