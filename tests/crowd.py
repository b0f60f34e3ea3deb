"""Several tabs, each with its own files, doing random things: python -m tests.crowd.

Each tab has its own tags, file names and sizes, so anything of one tab that shows in another is noticed.
The journeys run a short crowd; run by hand, it takes some minutes.
"""

import argparse
import random
import re
import tempfile
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from tests.conftest import launched, serving
from tests.logs import line

MEASURES = ("Flows", "Packets", "Bytes")
ACTIONS = ("All", "Accept", "Reject")
SIZES = (2, 10, 100, 1_000, 30_000)


class Visitor:
    """One tab, what it should hold, and what it may do."""

    def __init__(self, window, url, number, folder, rng):
        self.mark, self.rng, self.port, self.typed = f"visitor{number}", rng, 4000 + number, 0
        self.page = window.new_page()
        self.page.goto(url)
        self.page.locator(".st-key-sample button").wait_for()
        # The flow counts of three tabs never add up to the same number.
        self.logs = {}
        for size in SIZES:
            path = Path(folder, f"{self.mark}-{size}.log")
            lines = size + number * 2
            path.write_bytes((line(dstport=str(4000 + number)) + b"\n") * lines)
            self.logs[path] = lines
        self.lookup = Path(folder, f"{self.mark}.csv")
        self.lookup.write_text(f"dstport,protocol,tag\n{4000 + number},tcp,tag-of-{self.mark}\n")
        self.held = []
        self.rules = {}

    def act(self):
        """Do one random thing, as soon as the previous one is done."""
        self.settle()
        self.check()
        act = self.rng.choice(
            [self.drop] * 4
            + [self.drop_lookup, self.remove, self.measure, self.action, self.search]
            + [self.type_tags] * 3
            + [self.undo, self.reload, self.start_over]
        )
        act()
        return act.__name__

    def settle(self):
        """Wait until the script has finished and nothing is being counted."""
        self.page.wait_for_function(
            """() => !document.querySelector('.st-key-cancel')
                && document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
                    === 'notRunning'"""
        )
        self.page.wait_for_timeout(400)

    def check(self):
        """Check that nothing of another tab is shown, and that the flows are those of this tab's logs."""
        text = self.page.locator("body").inner_text()
        assert set(re.findall(r"visitor\d", text)) <= {self.mark}, text
        assert self.page.get_by_test_id("stException").count() == 0
        if self.held:
            self.page.get_by_text(f"Records: {sum(self.held):,} read").first.wait_for(
                timeout=30_000
            )
        else:
            self.page.locator(".st-key-sample button").wait_for(timeout=30_000)

    def drop(self):
        path = self.rng.choice(list(self.logs))
        self.held.append(self.logs[path])
        self.zone().set_input_files(path)
        self.page.locator(".st-key-ask_start_over, .st-key-cancel").first.wait_for()
        self.page.wait_for_timeout(300)

    def drop_lookup(self):
        self.zone().set_input_files(self.lookup)
        self.rules = {self.port: f"tag-of-{self.mark}"}

    def type_tags(self):
        """Tag a few ports of this tab's own, faster than the page responds."""
        if not self.held:
            return
        self.page.locator("[aria-label='Ports to tag']").focus()
        for _ in range(self.rng.randrange(1, 4)):
            self.typed += 1
            port, tag = 10_000 + self.typed, f"typed-{self.mark}-{self.typed}"
            self.page.locator("[aria-label='Ports to tag']").focus()
            self.page.keyboard.type(f"{port}/tcp\n{tag}\n", delay=self.rng.choice((0, 15, 40)))
            self.rules[port] = tag

    def undo(self):
        """Undo the last typed rule, if that was the last change to the lookup."""
        if self.rules and self.typed + 10_000 == list(self.rules)[-1]:
            self.settle()
            self.page.locator("h1").first.click()
            self.page.keyboard.press("z")
            self.rules.popitem()
            self.typed += 1

    def check_rules(self):
        """Check that the lookup has the typed rules and no others."""
        if not self.held:
            return
        self.page.locator(".st-key-more [data-testid=stPopoverButton]").click()
        with self.page.expect_download() as download:
            self.page.locator(".st-key-improved_lookup button").click()
        rows = Path(download.value.path()).read_text().splitlines()[1:]
        assert rows == [f"{port},tcp,{tag}" for port, tag in self.rules.items()]
        self.page.keyboard.press("Escape")

    def zone(self):
        return self.page.locator("[class*='st-key-logs_and_lookup'] input[type=file]")

    def remove(self):
        if not self.held:
            return
        self.page.locator(".st-key-files [data-testid=stPopoverButton]").click()
        self.page.get_by_test_id("stPopoverBody").wait_for()
        buttons = self.page.get_by_role("button", name=f"Remove {self.mark}-")
        if buttons.count():
            button = self.rng.choice(buttons.all())
            size = int(re.search(r"-(\d+)\.log", button.inner_text())[1])
            path = next(path for path in self.logs if path.stem.endswith(f"-{size}"))
            self.held.remove(self.logs[path])
            button.click()
        self.page.keyboard.press("Escape")

    def measure(self):
        self.choose(".st-key-measure", MEASURES)

    def action(self):
        self.choose(".st-key-action", ACTIONS)

    def choose(self, switch, names):
        if self.held:
            self.page.locator(switch).get_by_text(self.rng.choice(names), exact=True).click()

    def search(self):
        if self.held:
            text = self.rng.choice(("40*", "tcp", "tag", "443/tcp", ""))
            self.page.locator(".st-key-search input").fill(text)

    def reload(self):
        self.page.reload()
        self.page.get_by_role("heading", name="flowtag").wait_for()
        self.page.wait_for_timeout(1500)

    def start_over(self):
        ask = self.page.locator(".st-key-ask_start_over button").first
        if ask.count():
            ask.click()
            self.page.locator(".st-key-start_over button").click()
            self.held, self.rules = [], {}
            self.page.locator(".st-key-sample button").wait_for()


def crowd(browser, url, folder, tabs, times, seed):
    """Let several tabs do several things each, in turn, without waiting for one another to finish."""
    rng = random.Random(seed)
    window = browser.new_context(viewport={"width": 1440, "height": 1200})
    visitors = [Visitor(window, url, number, folder, rng) for number in range(tabs)]
    done = [[] for _ in visitors]
    for _ in range(times):
        for visitor, deeds in zip(visitors, done, strict=True):
            try:
                deeds.append(visitor.act())
            except (AssertionError, Error) as error:
                visitor.page.screenshot(path=Path(tempfile.gettempdir(), "crowd.png"))
                raise AssertionError(f"{visitor.mark}, after {deeds}: {error}") from error
    for visitor in visitors:
        visitor.settle()
        visitor.check()
        visitor.check_rules()
    window.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tabs", type=int, default=3)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder) as (url, _),
        sync_playwright() as playwright,
    ):
        browser, tried = launched(playwright, Error)
        if browser is None:
            raise SystemExit(f"no browser: {tried}")
        crowd(browser, url, folder, given.tabs, given.times, given.seed)
    print(f"{given.tabs} tabs did {given.times} things each; none saw another's data, none failed")


if __name__ == "__main__":
    main()
