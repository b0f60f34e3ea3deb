"""How fast and how lean the page is: python -m tests.bench_page. Not collected by pytest.

A real browser clicks a measure, then a suggested tag, and waits for the new number. Memory is the
server's (Linux only), first for a dropped log, then for the same log read in place. Takes several
minutes and some GB.
"""

import argparse
import os
import platform
import random
import re
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from tests.bench import lookup_rows, write_log
from tests.conftest import launched, serving

NUMBERS = (
    "[...document.querySelectorAll('[data-testid=stMetric], .untagged')]"
    ".map(number => number.innerText.replaceAll(/\\s+/g, ' '))"
)
AT_REST = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"


def write_table(path, rows):
    """Write a log with this many distinct combinations of window, port, protocol and action."""
    rng = random.Random(9)
    keys = set()
    while len(keys) < rows:
        action = rng.choice(("ACCEPT", "REJECT"))
        keys.add((rng.randrange(200), rng.randrange(65535), rng.choice((6, 17)), action))
    with path.open("w") as log:
        for minute, port, protocol, action in sorted(keys):
            start = 1_700_000_040 + minute * 60
            log.write(
                f"2 123456789012 eni-0a1b2c3d 10.0.0.1 10.0.0.2 65535 {port} {protocol} "
                f"{rng.randrange(1, 99)} {rng.randrange(40, 9999)} {start} {start + 60} {action} OK\n"
            )


@contextmanager
def opened(*arguments):
    """The page, started with these arguments, and the process of its server."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder, *arguments) as (url, server),
        sync_playwright() as playwright,
    ):
        browser, tried = launched(playwright, Error)
        if browser is None:
            raise SystemExit(f"no browser: {tried}")
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(600_000)
        page.goto(url)
        yield page, server
        browser.close()


def switch_measure(page, turn):
    """Click another measure; return the position of the number that will change."""
    name = ("Packets", "Bytes", "Flows")[turn % 3]
    page.locator(".st-key-measure").get_by_text(name, exact=True).click()
    return 0


def take_suggestion(page, _turn):
    """Click the suggested tag of the first untagged pair."""
    list_of_pairs = page.locator(".st-key-untagged canvas").first.bounding_box()
    page.mouse.click(list_of_pairs["x"] + 170, list_of_pairs["y"] + 48)
    return -1


def click_seconds(page, rounds, click):
    """The seconds from each click to its new number, and to the end of all drawing."""
    page.wait_for_selector(".st-key-ports table[role=grid]", state="attached")
    times = []
    for turn in range(rounds):
        page.wait_for_timeout(1500)
        before = page.evaluate(NUMBERS)
        started = time.perf_counter()
        place = click(page, turn)
        page.wait_for_function(
            f"([before, place]) => ({NUMBERS}).at(place) !== before.at(place)",
            arg=[before, place],
            polling=10,
        )
        number = time.perf_counter() - started
        page.wait_for_function(AT_REST, polling=10)
        times.append((number, time.perf_counter() - started))
    return zip(*times, strict=True)


def memory(server):
    """The server's resident memory now and at its peak, in MB."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return [int(re.search(rf"{name}:\s*(\d+)", status)[1]) / 1024 for name in ("VmRSS", "VmHWM")]


def counted(page, server, done):
    """The seconds until the page shows a text, and the server's memory now and at its peak, in MB."""
    started = time.perf_counter()
    page.get_by_text(done).first.wait_for()
    seconds = time.perf_counter() - started
    page.wait_for_timeout(5000)
    return seconds, *memory(server)


def measure_clicks(folder, rounds):
    lookup = Path(folder, "lookup.csv")
    lookup.write_text(lookup_rows(10_000))
    for rows in (5_000, 500_000):
        log = Path(folder, f"{rows}.log")
        write_table(log, rows)
        with opened(str(log), "--lookup", str(lookup)) as (page, _):
            for click in (switch_measure, take_suggestion):
                number, end = click_seconds(page, rounds, click)
                print(
                    f"a table of {rows:,} rows, 10,000 rules, {rounds} times {click.__name__}: to "
                    f"the new number {statistics.median(number):.2f} s (worst {max(number):.2f} s), "
                    f"to the end of drawing {statistics.median(end):.2f} s (worst {max(end):.2f} s)"
                )


def measure_memory(folder, times):
    log, small = Path(folder, "large.log"), Path(folder, "small.log")
    write_log(small, 1_000_000, ports_at_random=False)
    with log.open("wb") as large:
        for _ in range(times):
            large.write(small.read_bytes())
    write_log(small, 1000, ports_at_random=False)
    size = log.stat().st_size / 1e6
    done = f"Records: {times * 1_000_000 + 1000:,} read"
    with opened() as (page, server):
        zone = page.locator("[class*='st-key-logs_and_lookup'] input[type=file]")
        zone.set_input_files(small)
        page.wait_for_selector(".st-key-ports")
        page.wait_for_timeout(3000)
        before, _ = memory(server)
        zone.set_input_files(log)
        seconds, after, peak = counted(page, server, done)
    print(
        f"{size:.0f} MB dropped: {seconds:.1f} s, {before:.0f} MB before, {after:.0f} MB after, "
        f"{after / before:.2f} times; peak {peak:.0f} MB"
    )
    with opened(str(small), str(log)) as (page, server):
        seconds, after, peak = counted(page, server, done)
    print(
        f"the same log in place: {seconds:.1f} s, {after:.0f} MB after, peak {peak:.0f} MB, "
        f"{peak - before:+.0f} MB over a page with a small log"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--millions", type=int, default=8, help="lines of the log for memory")
    parser.add_argument("--only", choices=("clicks", "memory"))
    given = parser.parse_args()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "memory":
            measure_clicks(folder, given.rounds)
        if given.only != "clicks":
            measure_memory(folder, given.millions)


if __name__ == "__main__":
    main()
