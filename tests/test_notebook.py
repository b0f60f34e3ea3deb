"""The tables in a notebook are short, add up, and contain no markup from logs or lookups."""

import re
from html.parser import HTMLParser

import pytest

from flowtag_core import FlowCounts, load_lookup_table, map_tags, parse_flow_log
from flowtag_core.notebook import MOST_ROWS, cut, html_table
from tests.conftest import SAMPLE
from tests.logs import line

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def counts(tmp_path):
    """Counts of two logs, one with a hostile name."""
    paths = [tmp_path / EVIL.replace("/", ""), tmp_path / "b.log"]
    for number, path in enumerate(paths):
        path.write_bytes(b"\n".join([line(), b"short", line(dstport=str(number + 1))]))
    return parse_flow_log(*paths)


@pytest.fixture
def report(counts, tmp_path):
    lookup = tmp_path / "lookup.csv"
    lookup.write_text(f"dstport,protocol,tag\n443,tcp,{EVIL}\n", encoding="utf-8")
    return map_tags(counts, load_lookup_table(lookup))


class Cells(HTMLParser):
    """The tag names and the rows of cells in some HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.rows = set(), []
        self.feed(html)

    def handle_starttag(self, tag, _):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        if self.rows and self.lasttag in ("th", "td"):
            self.rows[-1].append(data)


KNOWN = {"table", "caption", "thead", "tbody", "tr", "th", "td"}


def test_counts_show_the_equation_of_each_file(counts):
    found = Cells(counts._repr_html_())
    assert found.tags == KNOWN
    head, *rows = found.rows
    assert head == ["File", "Records", "Headers", "Blank", "Flows", "Too few fields"]
    assert [row[0] for row in rows] == ["all", *counts.files]
    for row in rows:
        records, *parts = (int(cell.replace(",", "")) for cell in row[1:])
        assert records == sum(parts)
    assert rows[0][1] == "6"


def test_a_report_shows_its_tags_and_its_largest_ports(report):
    found = Cells(report._repr_html_())
    assert found.tags == KNOWN
    assert [EVIL, "2", "50.0%"] in found.rows
    assert ["443", "tcp", EVIL, "2"] in found.rows
    assert ["Untagged", "2", "50.0%"] in found.rows


def test_only_the_first_of_many_tags_and_ports_are_shown_and_the_caption_says_so(tmp_path):
    lookup = tmp_path / "lookup.csv"
    rows = "".join(f"{port},tcp,tag{port}\n" for port in range(1, 31))
    lookup.write_text("dstport,protocol,tag\n" + rows)
    log = tmp_path / "a.log"
    log.write_bytes(b"\n".join(line(dstport=str(port)) for port in range(1, 41)))
    html = map_tags(parse_flow_log(log), load_lookup_table(lookup))._repr_html_()
    assert "<caption>Tags (the first 21 of 31)</caption>" in html
    assert "<caption>Ports (the first 20 of 40)</caption>" in html
    assert "<td>Untagged</td>" in html


def test_empty_counts_and_reports_are_shown_too():
    assert "Records of flow logs" in FlowCounts()._repr_html_()
    lookup = load_lookup_table(SAMPLE / "lookup.csv")
    assert "Untagged" in map_tags(FlowCounts(), lookup)._repr_html_()


def test_the_repr_of_a_value_is_one_short_line(counts, report):
    lookup = load_lookup_table(SAMPLE / "lookup.csv")
    for value in (counts, report, lookup, counts.requests, FlowCounts()):
        assert re.fullmatch(r"<[A-Z][^\n]{,200}>", repr(value))
    assert repr(counts) == "<FlowCounts: 4 flows, 6 records; files: 2>"
    assert repr(report) == "<Report: 4 flows, Untagged 2; tags: 1, ports: 3>"


def test_numbers_have_commas_and_long_text_is_shortened():
    html = html_table("a & b", ["<x>"], [[1234567], ["y" * 201]])
    assert "<caption>a &amp; b</caption>" in html
    assert "<th>&lt;x&gt;</th>" in html
    assert ">1,234,567</td>" in html
    assert f"<td>{'y' * 200}...</td>" in html
    assert "<caption>?</caption>" in html_table("\udcff", [], [])
    assert cut("Tags", MOST_ROWS, MOST_ROWS) == "Tags"
