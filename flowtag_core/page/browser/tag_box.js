// A rerun never removes what is typed here. The box keeps its own text, picks the next port itself and
// never the same one twice, and sends everything that Python has not yet processed.
const A_PAUSE = 150
const MOST_OPTIONS = 8

export default function ({ data, parentElement, setStateValue }) {
  parentElement.tagBox ??= new TagBox(parentElement.querySelector(".tag-box"))
  parentElement.tagBox.send = setStateValue
  parentElement.tagBox.receive(data)
}

class TagBox {
  constructor(root) {
    this.ports = root.querySelector(".tag-box-ports")
    this.tag = root.querySelector("input")
    this.options = root.querySelector(".tag-box-options")
    this.suggestion = root.querySelector(".tag-box-suggestion")
    this.line = root.querySelector(".tag-box-line")
    this.data = { bench: null }
    this.used = new Set()
    this.ports.addEventListener("input", () => this.writePorts())
    this.ports.addEventListener("keydown", (event) => this.pressInPorts(event))
    this.tag.addEventListener("input", () => this.writeTag())
    this.tag.addEventListener("keydown", (event) => this.pressInTag(event))
    this.tag.addEventListener("blur", () => this.closeOptions())
    this.suggestion.addEventListener("click", (event) => this.clickSuggestion(event))
    // Holding a key down tags one port, not many.
    this.suggestion.addEventListener("keydown", (event) => event.repeat && event.preventDefault())
    for (const each of [this.options, this.suggestion]) {
      each.addEventListener("pointerdown", (event) => event.preventDefault())
      each.addEventListener("mousedown", (event) => event.preventDefault())
    }
  }

  // Python sends the untagged ports, the number of the last processed entry, and the sentence.
  receive(data) {
    if (data.bench !== this.data.bench) {
      this.log = []
      this.number = data.taken
      this.aims = data.aim[0]
      this.used.clear()
    } else if (data.taken < this.data.taken) {
      return // An outdated run.
    } else if (data.epoch !== this.data.epoch) {
      this.used.clear()
    }
    const refused = this.log.find((entry) => entry.number === data.refused)
    this.data = data
    this.log = this.log.filter((entry) => entry.number > data.taken)
    this.log.forEach((entry) => this.use(entry))
    if (refused) this.giveBack(refused)
    this.aim(...data.aim)
    this.show()
  }

  // Takes the ports that were chosen elsewhere on the page to get another tag.
  aim(number, ports) {
    if (number <= this.aims) return
    this.aims = number
    this.ports.value = ports
    this.tag.focus()
    this.tag.scrollIntoView({ block: "nearest" })
  }

  use(entry) {
    entry.keys.forEach((key) => this.used.add(key))
  }

  // A refused tag comes back, selected, if nothing else is typed yet: the next key replaces it.
  giveBack(entry) {
    if (this.tag.value) return
    this.ports.value ||= entry.written
    this.tag.value = entry.tag
    this.pinned = undefined
    if (document.activeElement === this.tag) this.tag.select()
  }

  // The ports that a tag applies to: the typed ones, the ticked ones, or the first.
  target() {
    const written = this.ports.value.trim()
    if (written) return { ports: written, written, keys: [], suggestion: "" }
    const free = this.data.targets.filter(([key]) => !this.used.has(key))
    const ticked = free.filter(([key]) => this.data.ticked.includes(key))
    const first = free.find(([key]) => key === this.pinned) ?? free[0]
    const chosen = ticked.length ? ticked : first ? [first] : []
    if (!chosen.length) return null
    const keys = chosen.map(([key]) => key)
    const name = fewWords(chosen.map(([, name]) => name))
    const suggestions = new Set(chosen.map(([, , suggestion]) => suggestion))
    const suggestion = suggestions.size === 1 ? chosen[0][2] : ""
    return { ports: keys.join(","), written: "", keys, name, suggestion }
  }

  show() {
    if (!this.tag.value) this.pinned = undefined
    const target = this.target()
    // While a tag is being typed, its port stays, even if a rerun puts another one first.
    this.pinned = target?.keys[0] ?? this.pinned
    this.ports.placeholder = target?.name ?? "port/protocol"
    this.ports.style.width = `${(this.ports.value || this.ports.placeholder).length + 1}ch`
    this.ports.setAttribute("aria-invalid", this.isWrong())
    this.suggestion.hidden = !target?.suggestion
    this.suggestion.textContent = target?.suggestion ? `+ ${target.suggestion}` : ""
    if (this.line.textContent !== this.data.line) this.line.textContent = this.data.line
    this.line.title = this.data.line
    this.line.toggleAttribute("data-wrong", this.data.isWrong)
  }

  isWrong() {
    const written = this.ports.value.trim()
    return Boolean(written) && written === this.data.wrongPorts
  }

  // Tags the target. If that is not possible, the typed text stays.
  commit(text) {
    const tag = text.trim()
    const target = this.target()
    if (!tag || this.isWrong()) return
    if (!target) {
      this.line.textContent = this.line.title = "Type a port first, such as 443/tcp, or show the replies."
      return
    }
    const entry = { number: ++this.number, tag, ...target }
    this.log.push(entry)
    this.use(entry)
    this.ports.value = this.tag.value = ""
    this.closeOptions()
    this.tell()
    this.show()
  }

  tell() {
    clearTimeout(this.timer)
    this.send("typed", {
      bench: this.data.bench,
      log: this.log.map(({ number, ports, tag }) => [number, ports, tag]),
      ports: this.ports.value.trim(),
    })
  }

  writePorts() {
    if (/[\r\n]/.test(this.ports.value)) {
      this.ports.value = this.ports.value.trim().replace(/\s*[\r\n]+\s*/g, ", ")
    }
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.tell(), A_PAUSE)
    this.show()
  }

  writeTag() {
    this.openOptions()
    this.show()
  }

  pressInPorts(event) {
    if (event.key === "Escape") this.ports.blur()
    if (event.key !== "Enter" || event.isComposing) return
    event.preventDefault()
    this.tag.focus()
  }

  pressInTag(event) {
    if (event.isComposing) return
    const highlighted = this.highlighted()?.textContent
    const isOpen = !this.options.hidden
    if (event.key === "Enter") this.commit(highlighted ?? this.tag.value)
    else if (event.key === " " && highlighted) this.commit(highlighted)
    else if (event.key === "ArrowDown" && isOpen) this.highlight(1)
    else if (event.key === "ArrowUp" && isOpen) this.highlight(-1)
    else if (event.key === "Escape" && isOpen) this.closeOptions()
    else if (event.key === "Escape") this.tag.blur()
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  clickSuggestion(event) {
    // The second click of a double click would tag the next port, unseen.
    if (event.detail > 1) return
    const target = this.target()
    if (target) this.commit(target.suggestion)
    // With the keyboard, focus stays here as long as there is a suggestion.
    if (event.detail === 1 || this.suggestion.hidden) this.tag.focus()
  }

  openOptions() {
    const found = matching(this.data.known, this.tag.value.trim())
    this.options.replaceChildren(...found.map((name, place) => this.option(name, place)))
    this.setOpen(found.length > 0)
  }

  option(name, place) {
    const option = document.createElement("li")
    option.id = `tag-box-option-${place}`
    option.setAttribute("role", "option")
    option.setAttribute("aria-selected", "false")
    option.textContent = name
    option.addEventListener("click", () => {
      this.commit(name)
      this.tag.focus()
    })
    return option
  }

  closeOptions() {
    this.options.replaceChildren()
    this.setOpen(false)
  }

  setOpen(isOpen) {
    this.options.hidden = !isOpen
    this.tag.setAttribute("aria-expanded", isOpen)
    this.tag.removeAttribute("aria-activedescendant")
  }

  highlighted() {
    return this.options.querySelector("[aria-selected=true]")
  }

  highlight(step) {
    const options = [...this.options.children]
    const from = options.indexOf(this.highlighted())
    // Past either end nothing is highlighted, and the typed text counts again.
    const to = from < 0 && step < 0 ? options.length - 1 : from + step
    options.forEach((option, place) => option.setAttribute("aria-selected", place === to))
    if (options[to]) this.tag.setAttribute("aria-activedescendant", options[to].id)
    else this.tag.removeAttribute("aria-activedescendant")
  }
}

// The known tags that contain the text, those that begin with it first.
function matching(known, text) {
  const sought = text.toLowerCase()
  if (!sought) return []
  const found = known.filter((name) => name.toLowerCase().includes(sought) && name !== text)
  const begins = (name) => name.toLowerCase().startsWith(sought)
  return [...found.filter(begins), ...found.filter((name) => !begins(name))].slice(0, MOST_OPTIONS)
}

function fewWords(names) {
  if (names.length < 4) return names.join(", ")
  return `${names[0]}, ${names[1]} and ${(names.length - 2).toLocaleString("en")} more`
}
