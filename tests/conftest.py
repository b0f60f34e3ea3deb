"""Settings, fixtures and helpers for several test files, above all the running page."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
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
    "chromium-headless-shell",  # Chromium without a window; 25% faster
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)


def pytest_configure(config):
    """Compile the kernel before several workers need it, and hide the user's own flowtag.toml."""
    os.environ["XDG_CONFIG_HOME"] = str(ROOT / "tests" / "no settings")
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        compiled.kernel(wait=True)


def pytest_collection_modifyitems(items):
    """Run the files that use a browser last, those with the most such tests first.

    Playwright leaves an event loop running, which AppTest and asyncio do not tolerate. And the longest file
    must not be the last one to start.
    """
    browsing = Counter(item.path for item in items if "start_browser" in item.fixturenames)
    items.sort(key=lambda item: (browsing[item.path] > 0, -browsing[item.path]))


def pytest_xdist_auto_num_workers():
    """Return one more than the number of processors: a journey waits for its browser a quarter of the time."""
    return 1 + (os.cpu_count() or 1)


@contextmanager
def serving(folder, *arguments, program=("streamlit",)):
    """Start the page as README does, but on a free port; yield its URL and the server's process.

    `program` is the module that starts the page, followed by its own arguments. The server's log goes
    into `folder`.
    """
    port = free_port()
    command = [sys.executable, "-m", *program, "run", "dashboard.py"]
    options = ["--server.port", str(port), "--server.headless", "true", "--", *arguments]
    with answering([*command, *options], folder, port) as server:
        yield f"http://127.0.0.1:{port}", server


def free_port():
    """Return a port on which nothing is listening."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def answering(command, folder, port, **options):
    """Start a server with this command, and yield its process once it answers on the port.

    Its log goes into `folder`. At the end, fail if the log contains a traceback.
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


# A race in Streamlit: a run of the script that is just ending and the next one of the same session use one
# dictionary without a lock.
STREAMLITS_OWN = re.compile(
    r"Traceback \(most recent call last\):\n(?:  .*\n)+?"
    r"  .*in _reset_triggers\n(?:  .*\n)*RuntimeError: dictionary changed size during iteration\n"
)


@pytest.fixture(scope="session")
def page_url(tmp_path_factory):
    """Yield the URL of a page that was started without files."""
    with serving(tmp_path_factory.mktemp("server")) as (url, _):
        yield url


def _wait_until_healthy(address, server, log):
    for _ in range(300):
        assert server.poll() is None, log.read_text(errors="replace")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:  # Nothing is listening yet, or the server is still loading.
            time.sleep(0.1)
    pytest.fail(f"the page did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def start_browser():
    """Yield a function that starts a browser with extra arguments. Without one it skips the test (fails it in CI)."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:

        def start(*arguments):
            browser, tried = launched(playwright, sync_api.Error, *arguments)
            if browser is None:
                reason = f"no browser could be started: {tried}. Set FLOWTAG_BROWSER to its path."
                if os.environ.get("CI"):
                    pytest.fail(reason)
                pytest.skip(reason)
            return browser

        yield start


@pytest.fixture(scope="session")
def browser(start_browser):
    """Yield a headless browser: FLOWTAG_BROWSER, one on the PATH, or an installed one."""
    browser = start_browser()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def desk(browser, page_url):
    """Yield a browser context for tabs of one size; they share what is fetched and compiled."""
    window = browser.new_context(
        viewport={"width": 1440, "height": 1000}, reduced_motion="reduce", accept_downloads=True
    )
    # Tabs of one site share a process while at least one of them is open.
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
    """Wait until no script has run and nothing has moved on the page for this many milliseconds."""
    page.evaluate("window.restsSince = undefined")
    page.wait_for_function(RESTS, arg=quiet, timeout=60_000)


def launched(playwright, error, *more):
    """Start a browser with extra arguments. Return it, or None, and the attempts that failed."""
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
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses to run as root.
    tried = []
    for way in ways:
        try:
            return playwright.chromium.launch(args=arguments, **way), tried
        except error as failure:
            tried.append(f"{way}: {str(failure).splitlines()[0]}")
    return None, tried


@pytest.fixture(scope="module")
def kernel():
    """The kernel, which is compiled if need be; without it, nothing is counted by blocks."""
    kernel = compiled.kernel(wait=True)
    assert kernel is not None
    return kernel


@pytest.fixture
def bucket(monkeypatch):
    """A bucket on loopback, with the environment that makes flowtag use it."""
    from tests.sources.bucket import Bucket, serving

    bucket = Bucket()
    with serving(bucket) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", environment["AWS_ENDPOINT_URL"])
        yield bucket
