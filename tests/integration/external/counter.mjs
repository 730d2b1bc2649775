// An operator in Node: the values are how many rows of their tag there have been.
const { Operator, run } = await import(process.env.CLIENT)

class Counter extends Operator {
  async open () { this.model('counter 1') }

  async rows (columns) {
    columns.value = columns.tag.map(tag => {
      const count = Number(this.state.get(tag) ?? 0) + 1
      this.state.set(tag, count)
      return count
    })
    await this.emit(columns)
  }
}

await run(Counter)
