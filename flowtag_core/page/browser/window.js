// Reports the width of the window and the theme, and listens for the keyboard shortcuts that the dialog
// in window.html lists.

const STEP = 20
const SETTLED = 250 // milliseconds without another change

// Elements in which keys are typed or have another meaning.
const TYPING = [
  "input",
  "textarea",
  "select",
  '[contenteditable]:not([contenteditable="false"])',
  '[role="textbox"]',
  '[role="combobox"]',
  '[class*="st-key-rules_"]',
  "#portal", // the editor of a cell
].join(", ")
const DIALOGS = 'dialog[open], [aria-modal="true"], [data-testid="stDialog"]'

export default function ({ data, parentElement, setStateValue }) {
  const page = (window.flowtagWindow ??= started())
  const tell = setStateValue
  Object.assign(page, { tell, known: data, dialog: parentElement.querySelector("dialog") })
  page.starts ??= data.starts
  if (data.starts > page.starts) {
    page.starts = data.starts
    if (location.search) location.replace(location.pathname)
  }
  page.measure()
  page.look()
  return () => {
    if (page.tell === tell) page.tell = undefined
  }
}

function started() {
  const page = {}
  let settling
  page.measure = () => {
    const tell = () => {
      const width = Math.floor(innerWidth / STEP) * STEP
      if (width !== page.known.width) page.tell?.("width", width)
    }
    clearTimeout(settling)
    // The first width is reported immediately, together with the tab's name, so that one run serves both.
    if (page.known.width) settling = setTimeout(tell, SETTLED)
    else tell()
  }
  // The server draws with the theme's colors, so a change of the theme needs another run.
  page.look = () => {
    const theme = getComputedStyle(document.querySelector(".stApp")).colorScheme
    document.documentElement.dataset.theme = theme
    if (page.known.theme && theme !== page.known.theme) page.tell?.("theme", theme)
  }
  // The style changes after the class does; on a busy machine, long after.
  const watch = new MutationObserver(() =>
    [0, 100, 500, 2000].forEach((wait) => setTimeout(page.look, wait)),
  )
  watch.observe(document.querySelector(".stApp"), { attributeFilter: ["class"] })
  window.addEventListener("resize", page.measure)
  window.addEventListener("keydown", (event) => press(page, event), { capture: true })
  return page
}

function press(page, event) {
  const act = { "/": search, u: tag, z: undo, "?": list }[event.key]
  if (!act || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return
  if (event.composedPath().some((element) => element.matches?.(TYPING))) return
  if ([...document.querySelectorAll(DIALOGS)].some((dialog) => act !== list || dialog !== page.dialog))
    return
  if (act(page)) event.preventDefault()
}

// Each of these returns whether it did anything.

function search() {
  return goTo(document.querySelector(".st-key-search input"))
}

function tag() {
  return goTo(document.querySelector(".st-key-tag_as input"))
}

function undo() {
  const button = document.querySelector(".st-key-undo button:enabled")
  button?.click()
  return Boolean(button)
}

function list({ dialog }) {
  if (!dialog) return false
  if (dialog.open) dialog.close()
  else dialog.showModal()
  return true
}

function goTo(input) {
  if (!input) return false
  input.scrollIntoView({ block: "nearest" })
  input.focus({ preventScroll: true })
  input.select()
  return true
}
