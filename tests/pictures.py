"""Takes the pictures of the page that README and docs show: python -m tests.pictures.

The page is shown with three days of made-up traffic, always the same. Each picture carries the text that
the page showed, so that a test can tell when it is older than the page.
"""

import math
import os
import random
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, PngImagePlugin
from playwright.sync_api import Error, sync_playwright

from tests.conftest import ROOT, answering, free_port, launched, rest

SCHEMES = ("light", "dark")
SIZE = {"width": 1440, "height": 900}
FLOWS_A_DAY = 30_000
FIRST_DAY = 1_795_392_000  # 23 November 2026
SCAN = FIRST_DAY + 27 * 3600  # the second night at three

TAGS = {
    "443/tcp": "web", "80/tcp": "web", "8080/tcp": "web-app", "8443/tcp": "web-app", "53/udp": "dns",
    "53/tcp": "dns", "5432/tcp": "db-postgres", "6379/tcp": "cache-redis", "123/udp": "ntp",
    "9100/tcp": "monitoring", "8125/udp": "monitoring", "3306/tcp": "db-mysql",
    "6443/tcp": "kubernetes-control-plane-production-eu", "22/tcp": "ssh", "25/tcp": "mail",
    "993/tcp": "mail", "389/tcp": "ldap", "88/tcp": "kerberos", "445/tcp": "file-share",
    "3389/tcp": "rdp", "161/udp": "snmp", "514/udp": "syslog",
}  # fmt: skip
LOOKUP = "dstport,protocol,tag\n" + "".join(
    f"{pair.replace('/', ',')},{tag}\n" for pair, tag in TAGS.items()
)
WEIGHTS = {
    (443, 6): 40, (53, 17): 20, (80, 6): 15, (8080, 6): 7, (443, 17): 7, (5432, 6): 6, (6379, 6): 6,
    (9092, 6): 6, (123, 17): 5, (8443, 6): 4, (9100, 6): 4, (8125, 17): 4, (3306, 6): 4,
    (6443, 6): 3, (22, 6): 3, (8472, 17): 3, (9200, 6): 3, (10250, 6): 3, (0, 1): 2, (25, 6): 2,
    (389, 6): 2, (9300, 6): 2, (27017, 6): 2, (4317, 6): 1.6, (9093, 6): 1.4, (5672, 6): 1.3,
    (8301, 17): 1.1, (11211, 6): 1, (445, 6): 1, (3389, 6): 1, (9042, 6): 0.8, (2181, 6): 0.8,
}  # fmt: skip
OFTEN_REJECTED = frozenset({22, 3389, 6379})


def write_days(folder):
    """Write the three logs and the lookup; return the words that the page is started with."""
    rng = random.Random(4)
    names = []
    for day in range(3):
        lines = [_flow(rng, FIRST_DAY + day * 86_400) for _ in range(FLOWS_A_DAY)]
        if day == 1:
            lines += [_scanned(rng) for _ in range(FLOWS_A_DAY // 8)]
            lines += ["2 123456789012 eni-0a1b2c3d - - - - - - - 1795478400 1795478460 - SKIPDATA"]
        names.append(f"prod-vpc_2026-11-{23 + day}.log")
        Path(folder, names[-1]).write_text("\n".join([*lines, "not a record", ""]))
    Path(folder, "lookup.csv").write_text(LOOKUP)
    return [*names, "--lookup", "lookup.csv"]


def _flow(rng, day):
    (port, protocol), *_ = rng.choices([*WEIGHTS], [*WEIGHTS.values()])
    is_reply = rng.random() < 0.4 and port
    inside = f"10.1.{rng.randrange(4)}.{rng.randrange(250)}"
    other = (
        f"203.0.113.{rng.randrange(250)}" if rng.random() < 0.3 else f"10.0.2.{rng.randrange(250)}"
    )
    ends = [(other, rng.randrange(32_768, 61_000) if port else 0), (inside, port)]
    (source, srcport), (destination, dstport) = reversed(ends) if is_reply else ends
    chance = 0.3 if port in OFTEN_REJECTED else 0.01
    action = "REJECT" if rng.random() < chance else "ACCEPT"
    packets = rng.randrange(1, 40)
    return _line(
        source, destination, srcport, dstport, protocol,
        packets, packets * rng.randrange(40, 1400), day + _second(rng), action,
    )  # fmt: skip


def _second(rng):
    """A second of the day: most of them about noon."""
    while True:
        part = rng.random()
        if rng.random() < 0.3 + 0.7 * max(0, math.sin((part - 0.25) * 2 * math.pi)) ** 2:
            return int(part * 86_400)


def _scanned(rng):
    port = rng.randrange(1, 65_536)
    start = SCAN + rng.randrange(1_700)
    return _line(
        "203.0.113.7", "10.1.0.4", rng.randrange(40_000, 60_000), port, 6, 1, 40, start, "REJECT"
    )


def _line(source, destination, srcport, dstport, protocol, packets, volume, start, action):
    return (
        f"2 123456789012 eni-0a1b2c3d {source} {destination} {srcport} {dstport} {protocol} "
        f"{packets} {volume} {start} {start + 60} {action} OK"
    )


@contextmanager
def page_of_days(folder):
    """The address of a page with the three days, which are in this folder."""
    port = free_port()
    command = [sys.executable, "-m", "flowtag_core", "page", *write_days(folder)]
    options = ["--port", str(port), "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with answering([*command, *options], folder, port, cwd=folder, env=environment):
        yield f"http://127.0.0.1:{port}"


def picture(scheme):
    """The path of a picture in docs."""
    return ROOT / "docs" / f"page-{scheme}.png"


@contextmanager
def opened(browser, url):
    """Yield a tab that shows the page."""
    tab = browser.new_page(viewport=SIZE, reduced_motion="reduce")
    tab.goto(url)
    yield tab
    tab.close()


def taken(tab, scheme, path):
    """Take a picture of the page into a file; return the text that is in it."""
    tab.emulate_media(color_scheme=scheme)
    for section in ("tags", "untagged"):
        tab.locator(f".st-key-{section} canvas").first.wait_for(timeout=60_000)
    rest(tab, quiet=1_000)
    tab.screenshot(path=path)
    return tab.locator("[data-testid=stMain]").inner_text()


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser, tried = launched(playwright, Error)
        assert browser, f"no browser could be started: {tried}. Set FLOWTAG_BROWSER to one."
        with page_of_days(folder) as url, opened(browser, url) as tab:
            for scheme in SCHEMES:
                path = picture(scheme)
                about = PngImagePlugin.PngInfo()
                about.add_itxt("page", taken(tab, scheme, path))
                with Image.open(path) as image:
                    image.load()
                image.save(path, pnginfo=about, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
