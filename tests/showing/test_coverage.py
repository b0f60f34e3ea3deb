"""The bar includes all counted flows, and claims no more than the tables show."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowtag_core.counts import FileCounts, FlowCounts, Reason
from flowtag_core.showing import coverage
from flowtag_core.showing.coverage import AT_LEAST, AT_MOST, Part
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import Filters
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import Seen, counts_of
from tests.tagging.made import filters, load, measures, parse

rules = st.lists(rule_texts, max_size=8)
ports = st.sampled_from([22, 25, 443, 1500, 9092, 50000, 60000])
flows = st.lists(
    st.tuples(ports, ports, st.sampled_from([6, 17]), st.integers(0, 1000)), max_size=30
)


def bar_of(view):
    return {part.name: (part.bound, part.amount) for part in view.parts}


def shown(view):
    return {each.label: (each.value, each.note) for each in view.numbers}


@given(log_lines, rules, measures, filters)
def test_the_parts_add_up_to_all_flows_that_pass_the_filters(lines, rows, measure, chosen):
    view = view_of(parse(*lines), load(lookup_text(rows)), measure, chosen)
    amounts = [part.amount for part in view.parts]
    assert sum(amounts) == view.report.total
    assert min(amounts) >= 0
    assert view.parts[0].amount == view.report.total - view.report.untagged


@given(flows, rules, st.sampled_from(["flows", "bytes"]))
@example([(443, 50000, 6, 1)], [("443", "tcp", "web")], "flows")
@example([(22, 60000, 6, 9), (443, 50000, 6, 1)], [("443", "*", "a"), ("60000", "*", "b")], "bytes")
def test_lower_bounds_are_never_too_high_and_upper_bounds_never_too_low(flows, rows, measure):
    log = [
        line(srcport=str(source), dstport=str(port), protocol=str(protocol), volume=str(volume))
        for source, port, protocol, volume in flows
    ]
    lookup = load(lookup_text(rows))
    found = bar_of(view_of(parse(*log), lookup, measure))
    truth = Counter()
    for source, port, protocol, volume in flows:
        kind = "Unexplained"
        if lookup.tag_of(port, protocol) != UNTAGGED:
            kind = "Tagged"
        elif source < port and lookup.tag_of(source, protocol) != UNTAGGED:
            kind = coverage.REPLIES
        truth[kind] += 1 if measure == "flows" else volume
    assert found["Tagged"] == ("", truth["Tagged"])
    if UNTAGGED in found:
        assert found[UNTAGGED] == ("", truth["Unexplained"] + truth[coverage.REPLIES])
    elif not found["Unexplained"][1]:  # There cannot be more replies, so the numbers are exact.
        assert found[coverage.REPLIES] == ("", truth[coverage.REPLIES])
        assert found["Unexplained"] == ("", truth["Unexplained"])
    else:
        assert found[coverage.REPLIES][0] == AT_LEAST
        assert 0 < found[coverage.REPLIES][1] <= truth[coverage.REPLIES]
        assert found["Unexplained"][0] == AT_MOST
        assert found["Unexplained"][1] >= truth["Unexplained"]


def test_replies_of_a_tagged_service_are_a_part_of_their_own():
    counts = parse(
        line(), line(dstport="9092"), *[line(srcport="443", dstport="50000", volume="70")] * 2
    )
    assert bar_of(view_of(counts, load())) == {
        "Tagged": ("", 1),
        coverage.REPLIES: (AT_LEAST, 2),
        "Unexplained": (AT_MOST, 1),
    }
    assert bar_of(view_of(counts, load(), "bytes"))[coverage.REPLIES] == (AT_LEAST, 140)


def test_a_view_by_service_port_has_no_part_for_replies():
    counts = parse(line(), line(srcport="443", dstport="50000"), line(dstport="9092"))
    by_service = view_of(counts, load(), filters=Filters(view="service"))
    assert bar_of(by_service) == {"Tagged": ("", 2), UNTAGGED: ("", 1)}


def test_there_is_no_part_for_replies_if_a_tagged_high_port_makes_the_difference_negative():
    lookup = load("dstport,protocol,tag\n40000-65535,tcp,clients\n")
    counts = parse(line(), line(srcport="22", dstport="50000"))
    view = view_of(counts, lookup)
    assert view.report.untagged - view.service.untagged == -1
    assert bar_of(view) == {"Tagged": ("", 1), UNTAGGED: ("", 1)}


def test_reports_of_different_flows_are_not_compared():
    report = view_of(parse(*[line(dstport="9092")] * 3), load()).report
    part = replace(report, count=np.array([1]))
    assert coverage.parts(report, part) == [
        Part("tagged", "Tagged", 0),
        Part("unexplained", UNTAGGED, 3),
    ]


def test_the_numbers_show_what_was_counted_and_which_tags_are_in_use():
    counts = parse(line(), line(dstport="25"), *[line(dstport="9092")] * 2, b"short")
    assert shown(view_of(counts, load())) == {
        "Flows": ("4", "1 file"),
        "Bytes": ("3.36 kB", "in this view"),
        "Tags in use": ("2", "of 4 in the lookup"),
        "Ports": ("3", "2 tagged"),
        "Not counted": ("1", "20.0% of records"),
    }


@given(log_lines, rules, measures, filters)
def test_bytes_are_shown_with_flows_and_other_measures_with_bytes(lines, rows, measure, chosen):
    counts, lookup = parse(line(), *lines), load(lookup_text(rows))
    first, second, *_ = view_of(counts, lookup, measure, chosen).numbers
    other = "flows" if measure == "bytes" else "bytes"
    assert (first.label, second.label) == (measure.capitalize(), other.capitalize())
    total = view_of(counts, lookup, other, chosen).report.total
    noun = other[:-1] if total == 1 else other
    assert second.help.endswith(f": {AT_LEAST * ('≥' in second.value)}{total:,} {noun}.")


def test_without_a_bytes_field_there_is_no_number_of_bytes():
    view = view_of(parse(b"dstport protocol", b"443 6"), load())
    assert [each.label for each in view.numbers] == ["Flows", "Tags in use", "Ports", "Not counted"]


def test_a_view_without_flows_does_not_divide_by_zero():
    view = view_of(FlowCounts(), load(b"dstport,protocol,tag\n"))
    assert shown(view) == {
        "Flows": ("0", "0 files"),
        "Bytes": ("0 B", "in this view"),
        "Tags in use": ("0", "of 0 in the lookup"),
        "Ports": ("0", "0 tagged"),
        "Not counted": ("0", "0.0% of records"),
    }
    assert bar_of(view) == {"Tagged": ("", 0), UNTAGGED: ("", 0)}
    assert Seen(coverage.bar(view.parts)).text == ["0.0%", " Tagged", "0.0%", " Untagged"]


def test_one_flow_is_in_the_singular():
    view = view_of(parse(line()), load())
    assert view.numbers[0].help == "All files, after the filters: 1 flow."


def test_a_large_number_is_shortened_and_its_tooltip_has_it_in_full():
    volume = 123_456_789_012_345
    view = view_of(counts_of((1, 6, 443, 0, 1, volume)), load(), "bytes")
    assert view.numbers[0].value == "123 TB"
    assert view.numbers[0].help.endswith("123,456,789,012,345 bytes.")


def test_a_tag_whose_rows_are_all_overridden_is_not_a_tag_of_the_lookup():
    lookup = load("dstport,protocol,tag\n443,tcp,old\n443,tcp,new\n")
    assert shown(view_of(parse(line()), lookup))["Tags in use"] == ("1", "of 1 in the lookup")


@pytest.mark.parametrize(
    ("reason", "note", "value"),
    [
        (Reason.SKIPPED_DATA, "25.0% of records", "≥ 0"),
        (Reason.NO_DATA, "25.0% of records", "0"),
        (Reason.BAD_PORT, "25.0% of records", "0"),
    ],
)
def test_after_skipped_data_the_counts_are_lower_bounds(reason, note, value):
    file = FileCounts(headers=1, flows=2, set_aside=Counter([reason]))
    view = view_of(FlowCounts(files={"a": file}), load())
    assert (view.numbers[-1].value, view.numbers[-1].note) == ("1", note)
    assert view.numbers[0].value == value


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=3))
def test_the_parts_of_the_bar_fill_its_width_and_each_is_described(amounts):
    names = ["Tagged", coverage.REPLIES, "Unexplained"]
    bounds = ["", AT_LEAST, AT_MOST]
    found = [
        Part("tagged", name, amount, bound)
        for name, amount, bound in zip(names, amounts, bounds, strict=False)
    ]
    seen = Seen(coverage.bar(found))
    widths = [
        float(value.removeprefix("width:").removesuffix("%"))
        for name, value in seen.attributes
        if name == "style"
    ]
    assert len(widths) == sum(amount > 0 for amount in amounts)
    assert sum(widths) == pytest.approx(100 if sum(amounts) else 0, abs=0.01)
    spoken = dict(seen.attributes)["aria-label"]
    for part in found:
        share = f"{100 * part.amount / max(sum(amounts), 1):.1f}%"
        assert f"{part.name} {part.bound}{share}" in spoken
        assert f"{part.bound}{share}" in seen.text
    titles = [value for name, value in seen.attributes if name == "title"]
    assert titles == [f"{part.name}: {part.bound}{part.amount:,}" for part in found if part.amount]


def test_the_bar_and_the_numbers_contain_no_text_from_users():
    name = "<img src=x>"
    lookup = load(f"dstport,protocol,tag\n443,tcp,{name}\n", name=name)
    view = view_of(replace(parse(line()), files={name: FileCounts(flows=1)}), lookup)
    said = [coverage.bar(view.parts), *(text for each in view.numbers for text in each)]
    assert not any("src=x" in text for text in said)


def test_the_help_explains_the_parts_that_there_are():
    without_replies = coverage.help_on([coverage.Part("tagged", "Tagged", 1)])
    assert "Replies" not in without_replies
    assert "**Untagged**" in without_replies
    replies = coverage.Part("replies", coverage.REPLIES, 1)
    assert "**Replies of tagged services**" in coverage.help_on([replies])
