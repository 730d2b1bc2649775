// A source of readings that are worked out: sample n of a tag is the sine of n, `step` behind the one before.
//
//     wave: { op: source.external, command: [node, tools/clients/node/source.mjs],
//             options: { tag: line1.pot01.wave, count: 100000, batch: 500, step: 100ms } }
//
// Its position is the number of the next sample: started again it goes on there, and no sample is lost or comes twice.
import { Source, run } from './potline.mjs'

const UNITS = { ns: 1n, us: 1000n, ms: 1000000n, s: 1000000000n, m: 60000000000n, h: 3600000000000n }
const START = 1700000000000000000n

function nanoseconds (text) {
  const [, digits, unit] = /^([0-9]+)(ns|us|ms|s|m|h)$/.exec(text) ?? []
  if (!digits) throw new Error(`step: "${text}" is not a duration like 100ms`)
  return BigInt(digits) * UNITS[unit]
}

class Wave extends Source {
  async open () {
    this.tag = this.options.tag
    this.count = Number(this.options.count ?? Infinity)
    this.batch = Number(this.options.batch ?? 500)
    this.step = nanoseconds(this.options.step ?? '100ms')
    if (!this.tag || !(this.batch >= 1 && this.batch <= 4096)) throw new Error('a tag, and a batch of 1 to 4096 samples')
  }

  async produce () {
    const from = Number(this.position ?? 0)
    const numbers = Array.from({ length: Math.min(this.batch, this.count - from) }, (_, i) => from + i)
    if (!numbers.length) return false
    await this.emit({
      time: numbers.map(n => START + BigInt(n) * this.step),
      tag: numbers.map(() => this.tag),
      value: numbers.map(n => Math.sin(n)),
      quality: numbers.map(() => 0)
    }, from + numbers.length)
    return true
  }
}

await run(Wave)
