"""The report is one file that needs nothing else, and text from others is never markup in it."""

import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from flowtag_core.evidence import Wanted
from flowtag_core.exporting.report_html import report_html
from flowtag_core.reading.evidence import look
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.showing import who
from flowtag_core.showing.handout import Findings, Handout
from flowtag_core.showing.view import view_of
from flowtag_core.showing.words import size
from flowtag_core.tagging.names import load_names
from flowtag_core.tagging.report import Filters
from tests.exporting.made import HOSTILE, MADE, handout_of, handouts
from tests.logs import line
from tests.tagging.made import load

VOID = {"meta"}


class Read(HTMLParser):
    """A strict reader: what is opened is closed in order. It collects names, headings, tables and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.attributes = [], set(), set()
        self.headings, self.tables, self.values, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.tables[-1][-1].append("")
        elif tag in {"h1", "h2"}:
            self.headings.append("")
        elif tag == "data":
            self.values.append(int(dict(attrs)["value"]))

    def handle_startendtag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & {*self.open}:
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] in {"h1", "h2"}:
            self.headings[-1] += data


def report(handout):
    return b"".join(report_html(handout)).decode()


def words(count, measure):
    return size(count) if measure == "bytes" else f"{count:,}"


def table(found, *heads):
    """The rows of the tables with these headings, as a list."""
    return [row for each in found.tables for row in each[1:] if each[0][: len(heads)] == [*heads]]


@settings(max_examples=6)
@given(handouts)
def test_the_tables_have_the_numbers_of_the_view(handout):
    found = Read(report(handout))
    view, measure = handout.view, handout.view.report.measure
    if not len(view.report.port):
        assert "No flows match." in found.text or "There are no flows." in found.text
        return
    (heads,) = (each[0] for each in found.tables if each[0][0] == "Tag")
    column = heads.index(measure.capitalize())
    shown = {row[0]: row[column] for row in table(found, "Tag")}
    assert shown == {tag: words(count, measure) for tag, count in view.report.tag_counts.items()}
    assert len(table(found, "Port", "Tag", "Flows", "Packets")) == len(handout.ports.port)
    if measure == "bytes":
        assert {*view.report.tag_counts.values()} <= {*found.values}


def test_all_parts_are_there_and_it_says_when_and_from_what_it_was_made():
    lines = [line(srcaddr="8.8.8.8"), line(dstport="9092"), b"short"]
    lookup = load("dstport,protocol,tag\n443,tcp,web\nx,tcp,y\n")
    chosen = Filters(action="ACCEPT")
    handout = handout_of(*lines, lookup=lookup, chosen=chosen, messages=["Read as text."])
    found = Read(report(handout))
    assert found.headings == [
        *("Flow log report", "In short", "Flows over time", "Tags", "Unexplained", "From outside"),
        *("Ports", "Records"),
    ]
    for said in (
        "29 Nov 2026 12:30 UTC",
        "only accepted flows",
        "Read as text.",
        "3 records = 0 headers + 0 blank + 2 flows + 1 too few fields",
    ):
        assert said in found.text
    assert table(found, "Line", "Problem")[0][0] == "3"
    assert table(found, "File", "Line")[0][2:] == ["too few fields", "short"]
    assert table(found, "Port", "Usual service")[0][:2] == ["9092/tcp", "kafka"]
    assert [row[0] for row in table(found, "Boundary")] == ["internal", "inbound"]


def hostile_handout(tmp_path):
    name = re.sub("/", "", HOSTILE)
    log = tmp_path / f"{name}.log"
    bad = HOSTILE.encode()
    log.write_bytes(b"\n".join([line(), line(dstport="25"), bad, line(srcaddr="8.8.8.8")]))
    cell = HOSTILE.replace('"', '""')
    lookup = load(f'dstport,protocol,tag\n443,tcp,"{cell}"\n25,tcp,{{{{x}}}}\nx,tcp,"{cell}"\n')
    names = tmp_path / "names.csv"
    names.write_text(f'cidr,name\n10.0.0.0/8,"{cell}"\n', encoding="utf-8")
    evidence = look(str(log), wanted=Wanted())
    lists = who.lists(evidence, names=load_names(str(names)))
    view = view_of(parse_flow_log(str(log)), lookup, tag=HOSTILE)
    return Handout(view, MADE, HOSTILE, messages=[HOSTILE], findings=Findings(evidence, lists))


def test_hostile_text_is_never_markup(tmp_path):
    text = report(hostile_handout(tmp_path))
    found = Read(text)
    assert found.text.count("<script>alert(1)</script>") > 5
    assert "{{7*7}}" in found.text
    assert not found.names & {"script", "img", "link", "iframe", "a", "form", "object", "base"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert not found.attributes & {"href", "src", "srcset", "xlink:href", "action"}
    assert not re.search(r"url\((?!#)|@import", text)
    assert "default-src 'none'" in text


def test_bytes_that_are_not_unicode_are_shown_escaped():
    handout = handout_of(line(), messages=["a\udcff.log"])
    assert "a\\udcff.log" in Read(report(handout)).text


@pytest.mark.parametrize(
    ("lines", "chosen"),
    [
        ((), Filters()),
        ((line(),), Filters(action="REJECT")),
        ((b"dstport protocol", b"443 6"), Filters()),
    ],
)
def test_a_view_with_few_or_no_flows_makes_a_report_too(lines, chosen):
    assert Read(report(handout_of(*lines, chosen=chosen))).headings[0] == "Flow log report"


def test_evidence_is_there_if_it_was_asked_for():
    evidence = look(io.BytesIO(line()), wanted=Wanted())
    found = Findings(
        evidence, who.lists(evidence), "Top talkers on 443/tcp", "Only these: inbound."
    )
    read = Read(report(handout_of(line(), findings=found)))
    assert "Top talkers on 443/tcp" in read.headings
    assert table(read, "Source", "Destination")[0][:3] == ["10.0.0.1", "10.0.0.2", "1"]
    assert "1 flow, 840 B. Only these: inbound." in read.text


@pytest.mark.parametrize(
    "tag",
    [
        "a\x1bb",
        "\x01",
        "a\x0bb",
        "\ufffe",
        "a\u2028b",
        "constructor",
        "__proto__",
        "hasOwnProperty",
    ],
)
@pytest.mark.parametrize("start", ["1700000000", "-"])
def test_no_tag_stops_a_report_or_the_process(tag, start):
    lookup = load(f"dstport,protocol,tag\n443,tcp,{tag}\n".encode())
    lines = [line(start=start), line(dstport="25", start=start)]
    assert "Untagged" in Read(report(handout_of(*lines, lookup=lookup))).text
