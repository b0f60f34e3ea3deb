"""What several test files share: settings and the running page."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from flowtag_core.counting import compiled

settings.register_profile("flowtag", deadline=None, print_blob=True, max_examples=12)
settings.register_profile("long", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile(os.environ.get("FLOWTAG_EXAMPLES", "flowtag"))

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "flowtag_core" / "sample"
BROWSERS = (
    "chromium-headless-shell",  # the same without a window of its own: a quarter faster
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)


def pytest_configure(config):
    """Have the kernel compiled before several workers ask for it at once, and no settings of one's own."""
    os.environ["XDG_CONFIG_HOME"] = str(ROOT / "tests" / "no settings")
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        compiled.kernel(wait=True)


def pytest_xdist_auto_num_workers():
    """As many as there are processors: a browser has enough to do with one journey."""
    return os.cpu_count() or 1


@contextmanager
def serving(folder, *arguments, program=("streamlit",)):
    """The page as README starts it but for the port: its address and the server's process.

    `program` is the module that starts it, followed by its arguments.
    """
    port = free_port()
    command = [sys.executable, "-m", *program, "run", "dashboard.py"]
    options = ["--server.port", str(port), "--server.headless", "true", "--", *arguments]
    with answering([*command, *options], folder, port) as server:
        yield f"http://127.0.0.1:{port}", server


def free_port():
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def answering(command, folder, port, **options):
    """The server that a command starts, once it answers at this port.

    It writes its log into the folder, and at the end no exception may be in it.
    """
    log = Path(folder, "server.log")
    options = {"cwd": ROOT, **options}
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, **options)
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", server, log)
            yield server
        finally:
            server.terminate()
            server.wait(timeout=20)
    text = STREAMLITS_OWN.sub("", log.read_text(errors="replace"))
    assert "Traceback" not in text, text


# Two runs of the script on one session, the old one at its end, share a dictionary without a common lock.
STREAMLITS_OWN = re.compile(
    r"Traceback \(most recent call last\):\n(?:  .*\n)+?"
    r"  .*in _reset_triggers\n(?:  .*\n)*RuntimeError: dictionary changed size during iteration\n"
)


@pytest.fixture(scope="session")
def page_url(tmp_path_factory):
    """The address of a page that was started without files."""
    with serving(tmp_path_factory.mktemp("server")) as (url, _):
        yield url


def _wait_until_healthy(address, server, log):
    for _ in range(300):
        assert server.poll() is None, log.read_text(errors="replace")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:  # nobody listens yet, or what listens is still loading
            time.sleep(0.1)
    pytest.fail(f"the page did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def start_browser():
    """Starts a browser with these arguments too; a test that has none is skipped, except in CI."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:

        def start(*arguments):
            browser, tried = launched(playwright, sync_api.Error, *arguments)
            if browser is None:
                reason = f"no browser could be started: {tried}. Set FLOWTAG_BROWSER to one."
                if os.environ.get("CI"):
                    pytest.fail(reason)
                pytest.skip(reason)
            return browser

        yield start


@pytest.fixture(scope="session")
def browser(start_browser):
    """A headless Chromium or Chrome: FLOWTAG_BROWSER, one on the PATH, or an installed one."""
    browser = start_browser()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def desk(browser, page_url):
    """A window for tabs of one size: what one tab has fetched and compiled the next need not."""
    window = browser.new_context(
        viewport={"width": 1440, "height": 1000}, reduced_motion="reduce", accept_downloads=True
    )
    # Tabs of one site share a process as long as one is open.
    window.new_page().goto(f"{page_url}/_stcore/health")
    yield window
    window.close()


RESTS = """quiet => {
    const app = document.querySelector("[data-testid=stApp]")
    const isMoving = app?.dataset.testScriptState !== "notRunning"
        || document.querySelector("[data-stale=true]")
        || document.getAnimations().some((each) => each.playState === "running")
    const now = performance.now()
    if (isMoving) window.restsSince = undefined
    else window.restsSince ??= now
    return !isMoving && now - window.restsSince >= quiet
}"""


def rest(page, quiet=300):
    """Wait until the page has had its say: for so many milliseconds no script has run and nothing has moved."""
    page.evaluate("window.restsSince = undefined")
    page.wait_for_function(RESTS, arg=quiet, timeout=60_000)


def launched(playwright, error, *more):
    """A browser, started with these arguments too, or None; and what was tried in vain."""
    path = os.environ.get("FLOWTAG_BROWSER") or next(
        filter(None, map(shutil.which, BROWSERS)), None
    )
    ways = (
        [{"executable_path": path}] if path else [{"channel": "chrome"}, {"channel": "msedge"}, {}]
    )
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    arguments += more
    arguments.append("--process-per-site")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's own sandbox refuses to run as root.
    tried = []
    for way in ways:
        try:
            return playwright.chromium.launch(args=arguments, **way), tried
        except error as failure:
            tried.append(f"{way}: {str(failure).splitlines()[0]}")
    return None, tried
