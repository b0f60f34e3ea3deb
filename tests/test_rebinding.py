"""DNS rebinding: a site whose name resolves to this machine can read, upload and save nothing.

The browser's own protections are off, so that only the checks in `door` stand between the site and the page.
"""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.conftest import serving
from tests.logs import line

NAME = "site.example"
UNGUARDED = (
    f"--host-resolver-rules=MAP {NAME} 127.0.0.1",
    "--disable-web-security",
    "--disable-site-isolation-trials",
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
)
TAG = "payroll"

# What a script on the site tries to do with the server at an address. It opens sockets as the page does.
TRIED = """async ([there, session]) => {
    const got = {}
    const ask = async (what, path, options) => {
        try {
            const answer = await fetch(there + path, { credentials: "include", ...options })
            got[what] = [answer.status, (await answer.text()).slice(0, 80)]
        } catch (fault) {
            got[what] = [0, String(fault)]
        }
    }
    await ask("page", "/")
    await ask("settings", "/_stcore/host-config")
    await ask("health", "/_stcore/health")
    const body = new FormData()
    body.append("file", new File(["dstport,protocol,tag\\n443,tcp,theirs\\n"], "lookup.csv"))
    await ask("upload", `/_stcore/upload_file/${session}/1`, { method: "PUT", body })
    await ask("delete", `/_stcore/upload_file/${session}/1`, { method: "DELETE" })
    await ask("media", "/media/0123456789.csv")
    got.socket = await new Promise((done) => {
        const socket = new WebSocket(there.replace("http", "ws") + "/_stcore/stream", ["streamlit"])
        socket.onopen = () => done([200, "open"])
        socket.onerror = () => done([0, "refused"])
    })
    return got
}"""


@pytest.fixture
def unguarded(start_browser):
    browser = start_browser(*UNGUARDED)
    yield browser
    browser.close()


@pytest.fixture
def started(tmp_path):
    """Serve the page with a log and a lookup, and yield its URL and the lookup file that Save writes."""
    log, lookup = tmp_path / "flow.log", tmp_path / "lookup.csv"
    log.write_bytes(line(dstport="443"))
    lookup.write_text(f"dstport,protocol,tag\n443,tcp,{TAG}\n")
    with serving(tmp_path, str(log), "--lookup", str(lookup)) as (url, _):
        yield url, lookup


@contextmanager
def another_site():
    """Serve another site, with its own page, on this machine."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>another site</p>")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_another_name_for_this_machine_and_another_site_get_nothing(unguarded, started):
    url, lookup = started
    before = lookup.read_bytes()
    port = urlsplit(url).port
    context = unguarded.new_context()
    mine, theirs = context.new_page(), context.new_page()
    mine.goto(url)
    mine.get_by_text(TAG).first.wait_for(state="attached", timeout=60_000)
    # On the page itself the script reaches the server, so the refusals below are not its own failures.
    own = mine.evaluate(TRIED, [url, "session"])
    assert (own["page"][0], own["health"][0], own["socket"][0]) == (200, 200, 200)

    assert theirs.goto(f"http://{NAME}:{port}/").status == 403
    assert "does not answer to the name" in theirs.inner_text("body")
    for answer in theirs.evaluate(TRIED, [f"http://{NAME}:{port}", "session"]).values():
        assert answer[0] in (0, 403)

    with another_site() as elsewhere:
        for address in (
            elsewhere,
            elsewhere.replace("127.0.0.1", "localhost"),
            elsewhere.replace("127.0.0.1", NAME),
        ):
            theirs.goto(address)
            for answer in theirs.evaluate(TRIED, [url, "session"]).values():
                assert answer[0] in (0, 403), address
            theirs.set_content(f'<iframe src="{url}"></iframe>')
            frame = theirs.frame_locator("iframe").locator("body")
            assert "cannot be shown inside one" in frame.inner_text()
    assert lookup.read_bytes() == before
    context.close()
