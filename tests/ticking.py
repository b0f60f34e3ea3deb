"""Measures the page on logs that are followed, in a browser: python -m tests.ticking [TICKS | night [HOURS]]

While lines arrive, it watches each frame: whether anything fades, a chart is drawn anew, or the page jumps, and
whether what the user does stays. Then it measures how long a line takes from the disk to the page, and the processor
time of a busy page and of an idle one. `night` lets ten hours of traffic arrive in ten minutes, or
other hours in as many minutes, with three tabs, and watches the memory.
"""

import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from tests.conftest import launched, rest, serving
from tests.logs import LOOKUP, line

PORTS = 5_000
WATCH = """() => {
    const seen = new WeakSet(document.querySelectorAll("svg.marks"))
    const place = () => document.querySelector(".st-key-ports_head")?.getBoundingClientRect().top
    const watch = window.watch = {ticks: 0, faded: 0, embedded: 0, jumps: 0}
    let before = place(), said = document.querySelector(".live")?.innerText
    const look = () => {
        for (const chart of document.querySelectorAll("svg.marks"))
            if (!seen.has(chart)) { seen.add(chart); watch.embedded++ }
        for (const each of document.querySelectorAll("[data-stale=true]"))
            if (parseFloat(getComputedStyle(each).opacity) < 0.99) { watch.faded++; break }
        const now = place(), says = document.querySelector(".live")?.innerText
        if (Math.abs(now - before) > 1 && !watch.isScrolling) watch.jumps++
        if (says !== said) watch.ticks++
        before = now
        said = says
        requestAnimationFrame(look)
    }
    look()
}"""


class Traffic:
    """Appends lines to a log, on a thread of its own, until it is stopped."""

    def __init__(self, path, a_second=40, ports=PORTS, before=3_000):
        self.path, self.a_second, self.rng = path, a_second, random.Random(1)
        self.others = range(20_000, 20_000 + ports)
        self.is_stopped = threading.Event()
        now = int(time.time())
        at = [now - 3_000 + 3_000 * place // max(before, 1) for place in range(before)]
        path.write_bytes(b"".join(self.flow(start) for start in at))
        if ports > before:
            self.append(*(self.flow(now - 60, port) for port in self.others))

    def flow(self, start, port=None):
        if port is None:
            port = self.rng.choice([443, 443, 443, 25, 53, self.rng.choice(self.others)])
        action = "REJECT" if self.rng.random() < 0.1 else "ACCEPT"
        return line(dstport=str(port), start=str(start), action=action) + b"\n"

    def append(self, *lines):
        with self.path.open("ab") as file:
            file.write(b"".join(lines))

    def _run(self):
        while not self.is_stopped.wait(0.25):
            self.append(*(self.flow(int(time.time())) for _ in range(max(self.a_second // 4, 1))))

    def __enter__(self):
        self.is_stopped.clear()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_stopped.set()
        self.thread.join()


def flows(page):
    """The flows that the page shows, as a number."""
    text = page.locator(".st-key-numbers [data-testid=stMetricValue]").first.inner_text()
    return int(text.replace(",", ""))


def opened(page, url):
    page.goto(url)
    page.locator(".st-key-live").wait_for(timeout=60_000)
    page.locator(".st-key-ports_head").wait_for(timeout=60_000)
    page.wait_for_timeout(2_000)


def watched(page, ticks):
    """Watch so many ticks; return how many frames faded, charts were embedded, jumps there were."""
    page.evaluate(WATCH)
    page.wait_for_function(
        "ticks => watch.ticks >= ticks", arg=ticks, timeout=ticks * 6_000 + 20_000
    )
    return page.evaluate("watch")


def waited_for(page, path, lines):
    """Append lines, and return the seconds until the page shows their number."""
    before = flows(page)
    with path.open("ab") as file:
        file.write(lines)
    begun = time.perf_counter()
    page.wait_for_function(
        """flows => {
            const shown = document.querySelector(".st-key-numbers [data-testid=stMetricValue]")
            return parseInt(shown.innerText.replaceAll(",", "")) >= flows
        }""",
        arg=before + lines.count(b"\n"),
        timeout=30_000,
        polling=20,
    )
    return time.perf_counter() - begun


def late(page, traffic):
    """Return the seconds until the page shows as many flows as the log has now."""
    begun, lines = time.perf_counter(), traffic.path.read_bytes().count(b"\n")
    page.wait_for_function(
        """flows => {
            const shown = document.querySelector(".st-key-numbers [data-testid=stMetricValue]")
            return parseInt(shown.innerText.replaceAll(",", "")) >= flows
        }""",
        arg=lines,
        timeout=30_000,
        polling=20,
    )
    took = time.perf_counter() - begun
    page.wait_for_timeout(random.Random().randint(0, 700))
    return took


def spent(server):
    """The processor seconds of a process so far."""
    user, system = Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100


def memory(server):
    """The memory of a process in MB."""
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def night(minutes=10):
    """Let an hour of traffic arrive each minute, up to now, with three tabs."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "lookup.csv").write_bytes(LOOKUP)
        browser, _ = launched(playwright, Error)
        traffic = Traffic(folder / "a.log", before=0)
        traffic.path.write_bytes(b"")
        arguments = "--follow", str(folder / "a.log"), "--lookup", str(folder / "lookup.csv")
        with serving(folder, *arguments, "--keep", "24h") as (url, server):
            tabs = [browser.new_page(viewport={"width": 1440, "height": 900}) for _ in range(3)]
            begun = time.time()
            end = begun + 60 * minutes
            first = end - 3600 * minutes
            written = 0
            for tab in tabs:
                opened(tab, url)
            for minute in range(minutes):
                while time.time() < begun + 60 * (minute + 1):
                    start = int(first + 60 * (time.time() - begun))
                    traffic.append(*(traffic.flow(start) for _ in range(100)))
                    written += 100
                    tabs[0].wait_for_timeout(250)
                numbers = [flows(tab) for tab in tabs]
                print(
                    f"{minute + 1} h: {memory(server):.0f} MB, {written:,} lines, {numbers}",
                    flush=True,
                )
            for tab in tabs:
                tab.locator(".st-key-live").get_by_text("All", exact=True).click()
                tab.wait_for_timeout(3_000)
                assert flows(tab) == written
            print("every line is on every tab")
        browser.close()


def main(ticks):
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "lookup.csv").write_bytes(LOOKUP)
        browser, _ = launched(playwright, Error)
        traffic = Traffic(folder / "a.log", before=20_000)
        arguments = "--follow", str(folder / "a.log"), "--lookup", str(folder / "lookup.csv")
        with serving(folder, *arguments) as (url, server):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            opened(page, url)
            with traffic:
                rest(page, 100)
                begun, before = time.perf_counter(), spent(server)
                found = watched(page, ticks)
                share = (spent(server) - before) / (time.perf_counter() - begun)
                print(f"{found}, {share:.1%} of a core", flush=True)
                delays = [late(page, traffic) for _ in range(21)]
                print(
                    f"from the disk to the page, busy: median {statistics.median(delays):.2f} s, "
                    f"most {max(delays):.2f} s",
                    flush=True,
                )
            page.wait_for_timeout(15_000)
            delays = []
            for _ in range(21):
                delays.append(waited_for(page, traffic.path, traffic.flow(int(time.time()))))
                page.wait_for_timeout(random.Random().randint(0, 1_500))
            print(
                f"from the disk to the page: median {statistics.median(delays):.2f} s, most {max(delays):.2f} s"
            )
            page.wait_for_timeout(15_000)
            begun, before = time.perf_counter(), spent(server)
            page.wait_for_timeout(30_000)
            print(f"idle: {(spent(server) - before) / (time.perf_counter() - begun):.1%} of a core")
        browser.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["night"]:
        night(*map(int, sys.argv[2:]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
