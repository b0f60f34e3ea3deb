const SHOWN = 1_600 // milliseconds

export default function ({ parentElement }) {
  const button = parentElement.querySelector(".ft-copy")
  const label = button.querySelector("span")
  let showing
  button.onclick = async () => {
    label.textContent = (await copy(location.href)) ? "Copied" : "Not copied"
    clearTimeout(showing)
    showing = setTimeout(() => (label.textContent = "Copy link"), SHOWN)
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Not allowed or not available, for example on a page served by http from another machine.
    return copyBySelection(text)
  }
}

function copyBySelection(text) {
  const focused = document.activeElement
  const area = document.createElement("textarea")
  area.value = text
  area.style.position = "fixed"
  document.body.append(area)
  area.select()
  const isCopied = document.execCommand("copy")
  area.remove()
  focused?.focus()
  return isCopied
}
