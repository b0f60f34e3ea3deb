// A tab's session storage survives a reload and the back button, is not part of a link, and no other
// site can read it. A duplicated tab starts with the name of the original, so it gets a new one.
export default function ({ data, setStateValue }) {
  let name = sessionStorage.getItem("flowtag-tab")
  if (!name || name === data.refused) {
    const random = crypto.getRandomValues(new Uint8Array(16))
    name = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")
    sessionStorage.setItem("flowtag-tab", name)
  }
  if (name !== data.known) setStateValue("name", name)
}
