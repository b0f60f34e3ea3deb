// Runs the script again when the follower has something new: not more often than the server asks for, and never
// while the script runs, the tab is hidden, or a button of the mouse is held, for that may be a drag.

const HELD = 300 // milliseconds after a button was released
const AGAIN = 10000 // milliseconds after which a request that had no effect is made again

export default function ({ data, setTriggerValue }) {
  const live = (window.flowtagLive ??= started())
  Object.assign(live, { tell: setTriggerValue, ...data })
  document.documentElement.dataset.live = data.on ? "on" : "paused"
  live.look()
}

function started() {
  const live = { newest: 0, asked: 0, since: 0, held: false, released: 0 }
  let waiting
  live.look = () => {
    clearTimeout(waiting)
    const now = performance.now()
    const isNew = live.newest > live.number
    if (!live.on || document.hidden || !isNew) return
    const isAsked = live.asked > live.number && now - live.since < AGAIN
    const wait = Math.max(live.since + live.every - now, live.released + HELD - now, isAsked ? 200 : 0)
    if (live.held || isRunning() || wait > 0) {
      waiting = setTimeout(live.look, Math.max(wait, 100))
      return
    }
    live.asked = live.newest
    live.since = now
    live.tell("tick", live.newest)
  }
  document.addEventListener("visibilitychange", live.look)
  addEventListener("pointerdown", () => (live.held = true), true)
  for (const name of ["pointerup", "pointercancel", "blur"])
    addEventListener(
      name,
      ({ type, target }) => {
        // A press takes the focus from a field, which is no end of the press.
        if (type === "blur" && target !== window) return
        live.held = false
        live.released = performance.now()
        live.look()
      },
      true,
    )
  connect(live)
  return live
}

function isRunning() {
  return document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "running"
}

function connect(live) {
  const address = new URL("flowtag/ticks", location.href.replace(/[?#].*/, "").replace(/\/?$/, "/"))
  address.protocol = address.protocol.replace("http", "ws")
  const socket = new WebSocket(address)
  socket.onmessage = ({ data }) => {
    live.newest = Number(data)
    live.look()
  }
  socket.onclose = () => setTimeout(() => connect(live), 1000)
}
