"""Files dropped faster than the page can count them: python -m tests.drops.

One small log after another is dropped anywhere on the page, while a script clicks the page's
switches. Each log has its own port, so the result CSV shows which logs were counted, and how often.
A short version runs as a test; run by hand, it takes some minutes.
"""

import argparse
import csv
import io
import os
import random
import re
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Error, sync_playwright
from playwright.sync_api import TimeoutError as TimedOut

from tests.conftest import launched, serving
from tests.logs import line

FIRST_PORT = 20_000
LARGE = 2 << 20
"""The size in bytes of a file that is too large to upload if the limit is 1 MB."""
WAYS = ("page", "zone", "input")
ZONE = "[class*='st-key-logs_and_lookup'] [data-testid='stFileUploaderDropzone']"
INPUT = "[class*='st-key-logs_and_lookup'] input[type=file]"

LET_GO = """
async ({ files, every, way, zone, large }) => {
  const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds))
  const target = () => {
    if (way === "zone") return document.querySelector(zone)
    const [x, y] = [Math.random() * innerWidth, Math.random() * innerHeight]
    return document.elementFromPoint(x, y) ?? document.body
  }
  let stopped = false
  const click = async () => {
    while (!stopped) {
      const switches = [...document.querySelectorAll(".st-key-measure button")]
      switches[Math.floor(Math.random() * switches.length)]?.click()
      await pause(0.1 + 0.4 * Math.random())
    }
  }
  const clicking = click()
  for (const [name, text] of files) {
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File([text ?? new Uint8Array(large)], name))
    target()?.dispatchEvent(
      new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true, composed: true }),
    )
    await pause(every)
  }
  stopped = true
  await clicking
}
"""


def let_go(page, drops, every, way, large_every=0):
    """Drop this many logs, one after another; return the ports that must be counted exactly once."""
    numbers = range(drops)
    large = {
        number for number in numbers if large_every and number % large_every == large_every // 2
    }
    texts = [line(dstport=str(FIRST_PORT + number)).decode() + "\n" for number in numbers]
    names = [f"drop-{number}.log" for number in numbers]
    if way == "input":
        _choose(page, names, texts, every)
    else:
        files = [
            [name, None if number in large else text]
            for number, name, text in zip(numbers, names, texts, strict=True)
        ]
        asked = {"files": files, "every": every, "way": way, "zone": ZONE, "large": LARGE}
        page.evaluate(LET_GO, asked)
    return [FIRST_PORT + number for number in numbers if number not in large]


def _choose(page, names, texts, every):
    """Set each file on the zone's input, as its dialog does."""
    for name, text in zip(names, texts, strict=True):
        file = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
        page.locator(INPUT).last.set_input_files(file)
        page.evaluate(
            "place => document.querySelectorAll('.st-key-measure button')[place]?.click()",
            random.randrange(3),
        )
        page.wait_for_timeout(1000 * every)


def counted(page):
    """Port -> flows that the page has counted."""
    for _ in range(10):
        # If a run of the script starts in the meantime, Streamlit forgets the requested download.
        with suppress(TimedOut):
            with page.expect_download(timeout=5_000) as download:
                page.locator(".st-key-result_csv button").click()
            return _flows(Path(download.value.path()).read_text(encoding="utf-8"))
    raise AssertionError("the page gives no result")


def _flows(result):
    rows = csv.reader(io.StringIO(result.partition("Port,Protocol,Count\n")[2]))
    return {int(port): int(flows) for port, _, flows in rows}


def differences(page, ports, patience=60):
    """Port -> flows for each port that was not counted exactly once, after some waiting."""
    until = time.monotonic() + patience
    # A result that is requested while files arrive may be lost, with an error in the server's log.
    number = re.compile(rf"Records: {len(ports):,} read")
    with suppress(TimedOut):
        page.get_by_text(number).first.wait_for(state="attached", timeout=1000 * patience)
    while True:
        settle(page)
        found = counted(page)
        wrong = {port: found.get(port, 0) for port in ports if found.get(port, 0) != 1}
        wrong |= {port: found[port] for port in found.keys() - set(ports)}
        if not wrong or time.monotonic() > until:
            return wrong


def settle(page):
    """Wait until the script has finished and nothing is being counted."""
    page.locator(".st-key-result_csv button").wait_for(timeout=60_000)
    page.wait_for_function(
        """() => !document.querySelector('.st-key-cancel')
            && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
                === 'notRunning'"""
    )
    page.wait_for_timeout(400)


@contextmanager
def page_with_small_limit(folder):
    """The URL of a page that accepts files of at most 1 MB."""
    os.environ["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"] = "1"
    try:
        with serving(folder) as (url, _):
            yield url
    finally:
        del os.environ["STREAMLIT_SERVER_MAX_UPLOAD_SIZE"]


@contextmanager
def visited(browser, url):
    """A tab on the page, ready for files."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(url)
    page.locator(INPUT).wait_for(state="attached")
    page.wait_for_timeout(500)
    yield page
    assert page.get_by_test_id("stException").count() == 0
    page.context.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drops", type=int, default=200)
    parser.add_argument("--every", type=float, default=0.1, help="seconds")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--large-every", type=int, default=10, help="0 for none")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        page_with_small_limit(folder) as url,
        sync_playwright() as playwright,
    ):
        browser, tried = launched(playwright, Error)
        if browser is None:
            raise SystemExit(f"no browser: {tried}")
        for number in range(given.rounds):
            for way in given.ways:
                with visited(browser, url) as page:
                    started = time.monotonic()
                    large = 0 if way == "input" else given.large_every
                    ports = let_go(page, given.drops, given.every, way, large)
                    dropped = time.monotonic()
                    wrong = differences(page, ports)
                    lost = sum(not times for times in wrong.values())
                    print(
                        f"round {number + 1}, {way}: {len(ports)} logs in {dropped - started:.1f} s, "
                        f"{lost} lost, {len(wrong) - lost} counted more than once, "
                        f"settled {time.monotonic() - dropped:.1f} s later",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
