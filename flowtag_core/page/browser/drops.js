// Files that are dropped anywhere on the page, or chosen in its drop zone, are queued here until the
// server has taken them. Streamlit's own uploader loses some: uploads are forgotten when a run of the
// script starts or the zone is redrawn at the wrong moment.
//
// Files that are dropped together are a batch. They are sent to the address that Streamlit's uploader
// would use, each under a unique name, so that a file sent twice counts once. Then the batch is reported
// to the server repeatedly, until the server says that it took it or that one of its files is missing.
//
// The queue outlives the component, which is sometimes recreated elsewhere on the page.

const AT_ONCE = 4
const PATIENCE = 3_000 // all times in milliseconds
const FIRST_WAIT = 1_000
const LONGEST_WAIT = 30_000
const AROUND = 1 << 10 // bytes around a file in its request; they count towards the limit
const LONG = 100
const LEFT_BY_SYSTEMS = new Set([".DS_Store", "Thumbs.db"])
const ZONE = '[class*="st-key-logs_and_lookup_"] input[type="file"]'
const OPENER = ".st-key-add_files"

export default function ({ data, parentElement, setStateValue }) {
  const queue = (window.flowtagDrops ??= started())
  queue.server = data
  queue.setSent = (value) => setStateValue("sent", value)
  queue.sign = parentElement.querySelector(".ft-sending")
  queue.heard(data)
}

function started() {
  const queue = newQueue()
  listenForDrags(queue)
  listenForChoices(queue)
  document.documentElement.dataset.drops = "queued" // shows the zone
  return queue
}

function newQueue() {
  const queue = { server: undefined, setSent: undefined, sign: undefined }
  let batches = []
  let isSending = false
  let telling
  let turn = 0
  let told = 0

  queue.add = (files, unreadable = []) => {
    const limit = queue.server.megabytes * 2 ** 20 - AROUND
    const small = files.filter((file) => file.size <= limit)
    const large = files.filter((file) => file.size > limit)
    batches.push({
      name: random(),
      files: small.map((file) => ({ id: random(), file, bytes: 0 })),
      unsent: [...large.map(tooLarge), ...unreadable.map((name) => [name, "unreadable"])],
      tellAt: Infinity,
      wait: FIRST_WAIT,
    })
    send()
  }

  queue.heard = ({ taken, missing, turn: answered }) => {
    batches = batches.filter((batch) => !taken.includes(batch.name))
    // The last report is sent again with every click, so a long one must not stay.
    if (!batches.length && told > LONG) tellOf([])
    if (answered !== turn) return
    for (const batch of batches) if (missing.includes(batch.name)) batch.tellAt = Infinity
    send()
  }

  async function send() {
    if (isSending) return
    isSending = true
    for (let batch; (batch = batches.find((each) => each.tellAt === Infinity)); ) {
      await sendBatch(queue, batch)
      batch.tellAt = Date.now()
      telling ??= setInterval(tell, 50)
    }
    isSending = false
  }

  function tell() {
    const sent = batches.filter((batch) => batch.tellAt !== Infinity)
    if (!sent.length) telling = clearInterval(telling)
    if (!sent.some(isDue)) return
    for (const batch of sent) {
      batch.wait = Math.min(2 * batch.wait, LONGEST_WAIT)
      batch.tellAt = Date.now() + batch.wait
    }
    tellOf(sent)
  }

  function tellOf(sent) {
    turn += 1
    told = sent.reduce((sum, { files }) => sum + files.length, 0)
    queue.setSent({ turn, batches: sent.map(described) })
  }

  return queue
}

// A report restarts a running script. So the report waits until the script has finished, but only for a
// limited time if the files have not been reported yet.
function isDue({ tellAt, wait }) {
  if (!isScriptRunning()) return Date.now() >= tellAt
  return wait === FIRST_WAIT && Date.now() >= tellAt + PATIENCE
}

function described({ name, files, unsent }) {
  return { name, files: files.map(({ id, file }) => [id, file.name]), unsent }
}

async function sendBatch(queue, batch) {
  const since = Date.now()
  const shown = setInterval(() => show(queue, batch, since), 200)
  const waiting = [...batch.files]
  const sender = async () => {
    while (waiting.length) await sendFile(queue, batch, waiting.shift())
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sender))
  clearInterval(shown)
  show(queue)
}

async function sendFile(queue, batch, entry) {
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    const status = await put(queue.server.address + entry.id, entry)
    if (status >= 200 && status < 300) return
    const isTooLarge = status === 413
    if (isTooLarge || !(await isReadable(entry.file))) {
      batch.files = batch.files.filter((each) => each !== entry)
      batch.unsent.push(isTooLarge ? tooLarge(entry.file) : [entry.file.name, "unreadable"])
      return
    }
    entry.isWaiting = true
    await new Promise((done) => setTimeout(done, wait))
    entry.isWaiting = false
  }
}

// The status of the response, 0 if there is none.
function put(address, entry) {
  return new Promise((done) => {
    const form = new FormData()
    form.append("file", entry.file, "file")
    const request = new XMLHttpRequest()
    request.open("PUT", new URL(`.${address}`, document.baseURI))
    const token = document.cookie.match(/\b_streamlit_xsrf=([^;]*)/)?.[1]
    if (token) request.setRequestHeader("X-Xsrftoken", token)
    request.upload.onprogress = ({ loaded }) => (entry.bytes = loaded)
    request.onloadend = () => done(request.status)
    request.send(form)
  })
}

async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer()
    return true
  } catch {
    return false
  }
}

// Shows the progress of uploads that take longer than a moment.
function show(queue, batch, since) {
  if (!queue.sign) return
  let text = ""
  if (batch && Date.now() - since > 700) {
    const size = batch.files.reduce((sum, { file }) => sum + file.size, 0)
    const done = batch.files.reduce((sum, { file, bytes }) => sum + Math.min(bytes, file.size), 0)
    const count = batch.files.length
    const what = count === 1 ? batch.files[0].file.name : `${count.toLocaleString("en")} files`
    const part = `${Math.floor((100 * done) / Math.max(size, 1))}%`
    const isWaiting = batch.files.some((entry) => entry.isWaiting)
    text = isWaiting ? `Waiting for the server: ${what}` : `Uploading ${what}: ${part}`
  }
  if (queue.sign.textContent !== text) queue.sign.textContent = text
}

function listenForDrags(queue) {
  let entered = null // the element that a drag of files is over
  let isOwn = false // the page's own images and text can be dragged too
  const over = (element) => {
    entered = element
    document.body.classList.toggle("ft-drag", element !== null)
  }
  const ofFiles = (act) => (event) => {
    if (isOwn || !event.dataTransfer?.types.includes("Files")) return
    event.preventDefault()
    event.stopPropagation() // or the zone would stay in its drag state
    act(event)
  }
  const on = (type, act) => window.addEventListener(type, act, { capture: true })
  on("dragstart", () => (isOwn = true))
  on("dragend", () => (isOwn = false))
  on("dragenter", ofFiles((event) => over(event.target)))
  on("dragover", ofFiles((event) => (event.dataTransfer.dropEffect = "copy")))
  // The next element is entered before the last is left.
  on("dragleave", ofFiles((event) => event.target === entered && over(null)))
  on("drop", ofFiles(async (event) => {
    over(null)
    const { files, unreadable } = await filesOf(event.dataTransfer)
    if (files.length || unreadable.length) queue.add(files, unreadable)
  }))
  // An element that is removed during a drag gets no dragleave. No pointermove comes during a drag.
  on("pointermove", () => entered && over(null))
}

function listenForChoices(queue) {
  // The dialog has its own input: it would be lost if the zone were redrawn while the dialog is open.
  const choose = () => {
    const input = document.createElement("input")
    Object.assign(input, { type: "file", multiple: true })
    input.addEventListener("change", () => queue.add([...input.files]))
    queue.input = input // so that it is not garbage-collected before the user has chosen
    input.click()
  }
  const on = (type, act) => window.addEventListener(type, act, { capture: true })
  on("click", (event) => {
    if (event.target.matches?.(ZONE)) {
      event.preventDefault()
      event.stopPropagation()
      choose()
    } else if (event.target.closest?.(OPENER)) choose()
  })
  on("change", (event) => {
    if (!event.target.matches?.(ZONE)) return
    event.stopPropagation()
    const files = [...event.target.files]
    event.target.value = "" // so that the same file can be chosen again
    if (files.length) queue.add(files)
  })
}

// The dragged items must be read before the event ends; folders are walked later.
async function filesOf(transfer) {
  const found = { files: [], unreadable: [] }
  const items = [...transfer.items].filter((item) => item.kind === "file")
  const all = items.map((item) => {
    const entry = item.webkitGetAsEntry?.()
    return entry?.isDirectory ? entry : item.getAsFile()
  })
  for (const each of all) {
    if (each instanceof File) found.files.push(each)
    else if (each) await walk(each, found)
  }
  return found
}

async function walk(entry, found) {
  try {
    if (entry.isFile) {
      if (LEFT_BY_SYSTEMS.has(entry.name)) return
      found.files.push(await new Promise((done, failed) => entry.file(done, failed)))
      return
    }
    const reader = entry.createReader()
    const readSome = () => new Promise((done, failed) => reader.readEntries(done, failed))
    for (let some; (some = await readSome()).length; ) {
      for (const each of some) await walk(each, found)
    }
  } catch {
    found.unreadable.push(entry.name)
  }
}

function isScriptRunning() {
  const app = document.querySelector('[data-testid="stApp"]')
  return app?.dataset.testScriptState === "running"
}

function tooLarge(file) {
  return [file.name, "large"]
}

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("")
}
