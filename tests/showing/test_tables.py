"""The tables agree with the report."""

import io
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.iana import protocol_name
from flowtag_core.showing import tables
from flowtag_core.showing.legend import AMBER, PALETTE, Colours
from flowtag_core.showing.tables import SWATCH
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Filters
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import counts_of
from tests.tagging.made import filters, load, measures, parse

rules = st.lists(rule_texts, max_size=8)


def view(*ports, lookup=None, **options):
    log = [line(dstport=str(port)) for port in ports]
    return view_of(parse(*log), lookup or load(), **options)


def tags_of(view):
    colours = Colours()
    colours.give(view.report.tag_counts)
    of_tags = colours.of(view.report.tag_counts)
    return tables.tag_table(view.report, of_tags, view.rejected, view.course)


def ports_of(view, text=""):
    colours = Colours()
    colours.give(view.report.tag_counts)
    of_tags = colours.of(view.report.tags)
    return tables.port_table(view.ports(text), view.report, of_tags, view.rejected, view.course)


def dot(address):
    """Return the color of the dot in the image with this data URL."""
    kind, _, picture = address.partition(",")
    assert kind == "data:image/svg+xml"
    (circle,) = ET.fromstring(unquote(picture))  # noqa: S314
    return circle.get("fill")


@given(log_lines, rules, measures, filters)
def test_the_row_of_a_tag_has_its_color_count_share_and_rejected_percentage(
    lines, rows, measure, chosen
):
    found = view_of(parse(*lines), load(lookup_text(rows)), measure, chosen)
    table, report = tags_of(found), found.report
    assert table["Tag"].tolist() == list(report.tag_counts)
    assert table[measure.capitalize()].tolist() == list(report.tag_counts.values())
    assert table["Share"].sum() == pytest.approx(100 if report.total else 0)
    assert [dot(each) == AMBER for each in table[SWATCH]] == [
        tag == UNTAGGED for tag in report.tag_counts
    ]
    assert ("Rejected" in table) == (found.rejected is not None)
    if found.rejected is not None:
        count = table[measure.capitalize()] * table["Rejected"] / 100
        rejected = [found.rejected.tag_counts.get(tag, 0) for tag in report.tag_counts]
        assert count.tolist() == pytest.approx(rejected)
    assert ("Trend" in table) == (len(found.course.start) > 1)
    if "Trend" in table and not found.course.unknown:
        sums = [trend.sum() for trend in table["Trend"]]
        assert sums == pytest.approx(list(report.tag_counts.values()))


@given(log_lines, rules, measures, filters, st.sampled_from(["", "443", "tcp", "untagged"]))
def test_the_row_of_a_port_agrees_with_the_report(lines, rows, measure, chosen, text):
    found = view_of(parse(*lines), load(lookup_text(rows)), measure, chosen)
    table, pairs = ports_of(found, text)
    name = measure.capitalize()
    assert table[name].tolist() == sorted(table[name], reverse=True)
    expected = {
        (port, protocol): (tag, count) for port, protocol, tag, count in found.ports(text).rows()
    }
    said = {
        (port, protocol_name(number)): (tag, count)
        for (port, number), tag, count in zip(pairs, table["Tag"], table[name], strict=True)
    }
    assert said == expected
    shares = [100 * count / max(found.report.total, 1) for count in table[name]]
    assert table["Share"].tolist() == pytest.approx(shares)
    if "Rejected" in table:
        rejected = found.rejected.combination_counts
        counts = [rejected.get((port, protocol_name(number)), 0) for port, number in pairs]
        assert (table[name] * table["Rejected"] / 100).tolist() == pytest.approx(counts)
    if "Trend" in table and not found.course.unknown:
        assert [trend.sum() for trend in table["Trend"]] == pytest.approx(table[name].tolist())


def test_tables_are_sorted_by_count_and_shares_are_percentages():
    found = view(25, 443, 443, 443)
    ports, pairs = ports_of(found)
    assert pairs == [(443, 6), (25, 6)]
    assert ports["Port"].tolist() == [443, 25]
    assert ports["Share"].tolist() == [75.0, 25.0]
    assert tags_of(found)["Tag"].tolist() == ["web", "mail", "Untagged"]


def test_a_port_has_the_swatch_of_its_tag():
    found = view(25, 443, 9092)
    tags, (ports, _) = tags_of(found), ports_of(found)
    of_tag = dict(zip(tags["Tag"], tags[SWATCH], strict=True))
    assert [of_tag[tag] for tag in ports["Tag"]] == ports[SWATCH].tolist()


@pytest.mark.parametrize("colour", [*PALETTE, AMBER])
def test_a_swatch_is_an_image_of_one_dot_in_its_color(colour):
    assert dot(tables.swatch(colour)) == colour
    assert not set(tables.swatch(colour)) & set('"#\n')


def test_the_tables_of_an_empty_report_have_no_ports_and_a_share_of_0():
    found = view()
    ports, pairs = ports_of(found)
    assert len(ports) == len(pairs) == 0
    table = tags_of(found).drop(columns=SWATCH)
    assert table.to_dict("list") == {
        "Tag": ["Untagged"],
        "Flows": [0],
        "Share": [0.0],
        "Rejected": [0.0],
    }


def test_the_rejected_column_is_left_out_if_an_action_is_chosen_or_unknown():
    for found in (
        view(443, filters=Filters(action="REJECT")),
        view_of(parse(b"dstport protocol", b"443 6"), load()),
    ):
        assert "Rejected" not in tags_of(found)
        assert "Rejected" not in ports_of(found)[0]


def test_rejected_is_a_percentage_of_its_row():
    log = [line(), *[line(action="REJECT")] * 3, line(dstport="9092")]
    found = view_of(parse(*log), load())
    assert tags_of(found)["Rejected"].tolist() == [75.0, 0.0]
    assert ports_of(found)[0]["Rejected"].tolist() == [75.0, 0.0]


def test_the_port_column_is_empty_for_a_protocol_without_ports_but_0_for_tcp():
    log = [line(dstport="0", protocol="1"), line(dstport="0")]
    ports, pairs = ports_of(view_of(parse(*log), load()))
    assert pairs == [(0, 1), (0, 6)]
    assert [str(port) for port in ports["Port"]] == ["<NA>", "0"]
    assert ports["Protocol"].tolist() == ["icmp", "tcp"]


def test_the_smallest_ports_are_left_out_if_there_are_too_many(monkeypatch):
    monkeypatch.setattr(tables, "MOST_PORTS", 2)
    ports, pairs = ports_of(view(1, 2, 2, 3, 3, 3))
    assert pairs == [(3, 6), (2, 6)]
    assert ports["Share"].tolist() == [50.0, pytest.approx(100 / 3)]


def test_numbers_of_15_digits_are_shown_in_full():
    volume = 123_456_789_012_345
    found = view_of(counts_of((1, 6, 443, 0, 1, volume)), load(), "bytes")
    assert tags_of(found)["Bytes"].tolist() == [volume, 0]
    assert ports_of(found)[0]["Bytes"].tolist() == [volume]


def test_each_of_thousands_of_tags_has_a_row_with_its_own_trend():
    lookup = load("dstport,protocol,tag\n" + "".join(f"{n},tcp,tag{n}\n" for n in range(1, 5001)))
    rows = [(n % 50, 6, n, 0, 1, n) for n in range(1, 5002)]
    table = tags_of(view_of(counts_of(*rows), lookup, "bytes"))
    assert table["Bytes"].tolist() == [*range(5000, 0, -1), 5001]
    assert [trend.sum() for trend in table["Trend"]] == pytest.approx(table["Bytes"].tolist())
    assert np.unique(table[SWATCH]).size == len(PALETTE) + 1


@given(st.lists(log_lines, min_size=1, max_size=3))
def test_each_file_has_a_row_with_its_equation(logs):
    files = [io.BytesIO(b"\n".join(lines)) for lines in logs]
    counts = parse_flow_log(*files, names=[f"{number}.log" for number in range(len(logs))])
    table = tables.file_table(counts)
    assert table["File"].tolist() == list(counts.files)
    assert table["Flows"].tolist() == [file.flows for file in counts.files.values()]
    reasons = table.columns[5:].tolist()
    assert (table[["Headers", "Blank", "Flows", *reasons]].sum(axis=1) == table["Records"]).all()
    assert all(table[reason].sum() for reason in reasons)


def test_each_fault_has_a_row_with_its_line_and_text():
    counts = parse_flow_log(io.BytesIO(line() + b"\nshort\n"), names=["a.log"])
    assert tables.fault_table(counts).to_dict("list") == {
        "File": ["a.log"],
        "Line": [2],
        "Reason": ["too few fields"],
        "Text": ["short"],
    }
