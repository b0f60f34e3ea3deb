// Makes fast typing work in Streamlit's data editor.
const GRID = "#portal, [class*='st-key-rules_']"
const isInGrid = (place) => place instanceof Element && place.closest(GRID) !== null
const isInCell = (place) => place instanceof Element && place.closest("#portal") !== null
const isOpen = () => document.getElementById("portal")?.childElementCount > 0

// While a cell opens or closes, the table loses the keys that are pressed. So they are queued until it
// is done.
const LONGEST = 3000
let turn = ""
let since = 0
let waiting = []

function isTurning() {
  const isDone = turn === "opens" ? isInCell(document.activeElement) : !isOpen()
  if (isDone || performance.now() - since > LONGEST) turn = ""
  return turn !== ""
}

function begin({ key, shiftKey }, place) {
  if (isInCell(place)) turn = ["Enter", "Tab", "Escape"].includes(key) && !shiftKey ? "closes" : ""
  else turn = key.length === 1 || key === "Enter" ? "opens" : ""
  since = performance.now()
}

// One at a time: the table needs a moment to process each key.
function goOn() {
  if (!isTurning() && waiting.length) play(waiting.shift())
  if (turn || waiting.length) setTimeout(goOn, 4)
}

function play(event) {
  const place = document.activeElement
  if (isInCell(place) && event.key.length === 1) {
    document.execCommand("insertText", false, event.key)
    return
  }
  const { key, code, keyCode, shiftKey } = event
  const again = { key, code, keyCode, shiftKey, bubbles: true, cancelable: true }
  begin(event, place)
  place.dispatchEvent(new KeyboardEvent("keydown", again))
}

function press(event) {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing
  if (!event.isTrusted || !isPlain || !isInGrid(event.target)) return
  if (isTurning() || waiting.length) {
    event.preventDefault()
    event.stopImmediatePropagation()
    waiting.push(event)
  } else {
    begin(event, event.target)
    if (turn) setTimeout(goOn, 4)
  }
}

document.addEventListener("keydown", press, true)

// If the table reported every cell itself, the page would be redrawn while the next one is typed, and
// letters would be lost. So it reports nothing, and this script reports an edit once typing pauses.
// A click anywhere closes the open cell.
const RESTS = 250
let say = () => {}
let timer

function wait({ target, key = "" }) {
  if (!(isInGrid(target) || isOpen()) || /^(Arrow|Page)/.test(key)) return
  clearTimeout(timer)
  timer = setTimeout(rest, RESTS)
}

function rest() {
  if (isOpen() || waiting.length) timer = setTimeout(rest, RESTS)
  else say()
}

for (const deed of ["keydown", "pointerdown", "pointerup", "paste", "cut"]) {
  document.addEventListener(deed, wait, true)
}

export default function ({ setTriggerValue }) {
  say = () => setTriggerValue("edited", true)
  return () => {
    say = () => {}
  }
}
