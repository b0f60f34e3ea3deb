// A tab's session storage survives a reload and the back button, is not part of a link, and no other
// site can read it. A duplicated tab starts with the name of the original, so it gets a new one.
export default function ({ data, setStateValue }) {
  let name = sessionStorage.getItem("flowtag-tab")
  if (!name || name === data.refused) {
    const random = crypto.getRandomValues(new Uint8Array(16))
    name = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")
    sessionStorage.setItem("flowtag-tab", name)
  }
  let waiting
  const tell = () => {
    // A run of the script makes Streamlit forget files that were dropped before our queue was loaded.
    if (document.querySelector('[data-testid="stFileChip"]')) waiting = setTimeout(tell, 200)
    else setStateValue("name", name)
  }
  if (name !== data.known) tell()
  return () => clearTimeout(waiting)
}
