// Records the numbers that tables draw on their canvases, and whether each is fully visible in its cell.
;(() => {
  const drawn = (window.drawn = new Map())
  const states = new WeakMap()
  const of = (context) => {
    if (!states.has(context)) states.set(context, { saved: [], clip: null, path: null })
    return states.get(context)
  }
  const box = (context, left, right) => {
    const { a, e } = context.getTransform()
    return [left * a + e, right * a + e]
  }
  const meet = (one, other) =>
    one ? [Math.max(one[0], other[0]), Math.min(one[1], other[1])] : other
  const wrap = (name, before) => {
    const plain = CanvasRenderingContext2D.prototype[name]
    CanvasRenderingContext2D.prototype[name] = function (...given) {
      before.call(this, of(this), ...given)
      return plain.apply(this, given)
    }
  }
  wrap("save", (state) => state.saved.push(state.clip))
  wrap("restore", (state) => (state.clip = state.saved.pop() ?? null))
  wrap("beginPath", (state) => (state.path = null))
  wrap("rect", function (state, x, _y, width) {
    state.path = box(this, x, x + width)
  })
  wrap("clip", (state) => {
    if (state.path) state.clip = meet(state.clip, state.path)
  })
  wrap("fillText", function (state, text, x) {
    const table = this.canvas.closest("[class*=st-key-]")?.className.match(/st-key-(\w+)/)?.[1]
    if (!table || !/\d/.test(text)) return
    const width = this.measureText(text).width
    const start = { right: x - width, end: x - width, center: x - width / 2 }[this.textAlign] ?? x
    const [left, right] = box(this, start, start + width)
    const [from, to] = meet(state.clip, [0, this.canvas.width])
    const key = `${table}|${text}`
    const isWhole = left >= from - 1 && right <= to + 1
    drawn.set(key, isWhole || (drawn.get(key) ?? false))
  })
})()
