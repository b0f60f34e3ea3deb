"""The whole page as a test sees it, run without a browser, and files to drop on it."""

import io
import re
import zipfile

from streamlit.testing.v1 import AppTest

from flowtag_core.shapes.layout import BY_VERSION
from tests.conftest import ROOT, SAMPLE
from tests.logs import record

LOG = (SAMPLE / "flow.log").read_bytes()
SAMPLE_LOOKUP = (SAMPLE / "lookup.csv").read_bytes()
V3, V5 = tuple(sorted(BY_VERSION[3])), BY_VERSION[5]
SMALL = ("start", "dstport", "protocol", "srcport")


def opened():
    page = AppTest.from_file(str(ROOT / "dashboard.py"), default_timeout=60).run()
    return settled(page)


def session(page):
    return page.session_state["tab"].session


def settled(page):
    """Return the page after everything is read, as its own refreshes would show it."""
    session(page).intake.wait(60)
    page.run()
    assert not page.exception
    return page


def drop(page, *files):
    """Drop (name, content) pairs into the zone, all at once."""
    zone = page.file_uploader(key=f"logs_and_lookup_{session(page).drops}")
    zone.set_value([(name, content, "application/octet-stream") for name, content in files]).run()
    return settled(page)


def metrics(page):
    return {metric.label: metric.value for metric in page.metric}


def html(page):
    """All HTML of the page, as one text."""
    raw = [each.proto.body for each in page.get("html")]
    return "\n".join([*raw, *(each.value for each in page.markdown if each.allow_html)])


def summary(page):
    """The parts of the summary bar, by name, as percentages."""
    found = re.findall(r"<b>([^<]*)</b> ([^<]*)</li>", html(page))
    return {name: share for share, name in found}


def tags(page):
    table = page.dataframe(key="tags").value
    return dict(zip(table["Tag"], table["Flows"], strict=True))


def table(page, *columns):
    """The one table that begins with these columns."""
    tables = [element.value for element in page.dataframe]
    (found,) = (frame for frame in tables if (*frame.columns[: len(columns)],) == columns)
    return found


def said(page):
    kinds = (page.error, page.warning, page.info, page.text)
    text = "\n".join(element.value for kind in kinds for element in kind)
    return text.replace("\\", "").replace("\u2060", "").replace("`", "")


def captions(page):
    return "\n".join(c.value.replace("\\", "") for c in page.caption)


def names(page):
    """The names of the files in the list, each of which has an x."""
    return [button.key.split(" ", 2)[2] for button in page.button if "remove " in button.key]


def buttons(page):
    return [button.key for button in page.button]


def log_with(names, flows, dstport=443):
    return "".join(f"{record(names, dstport=str(dstport))}\n" for _ in range(flows)).encode()


def zipped(**contents):
    """A zip archive of these logs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"{name}.log", content)
    return out.getvalue()
