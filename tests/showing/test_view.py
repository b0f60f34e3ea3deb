"""Everything in a view is about the chosen flows and comes from the same reports."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.counts import WIDTHS
from flowtag_core.showing import coverage
from flowtag_core.showing.legend import AMBER, Colours
from flowtag_core.showing.search import search
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.course import outward, over_time
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.report import (
    Filters,
    map_tags,
    select,
    tagged,
    with_tag,
)
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.tagging.made import FIRST, are_equal, filters, load, measures, parse

rules = st.lists(rule_texts, max_size=8)
MINUTE = 60 * 28_000_000
SMALL = [
    line(dstport="443", start=str(MINUTE)),
    line(dstport="25", start=str(MINUTE + 60), action="REJECT"),
    line(dstport="9092", start=str(MINUTE + 120)),
    line(srcport="443", dstport="50000", start=str(MINUTE + 120)),
]


@pytest.fixture(scope="module")
def small():
    return parse(*SMALL)


def made_by(counts, lookup, measure, chosen):
    """Return the report with these filters."""
    return map_tags(
        counts,
        lookup,
        measure=measure,
        action=chosen.action,
        boundary=chosen.boundary,
        time=chosen.time,
        view=chosen.view,
    )


@given(log_lines, rules, measures, filters)
def test_a_view_has_reports_for_the_widened_time_and_for_all_time(lines, rows, measure, chosen):
    counts, lookup = parse(*lines), load(lookup_text(rows))
    view = view_of(counts, lookup, measure, chosen)
    replies = counts.replies if chosen.view == "destination" else counts.replies_by_service
    width = WIDTHS[max(counts.requests.rung, replies.rung)]
    wide = replace(chosen, time=outward(chosen.time, width) if chosen.time else None)
    always = replace(chosen, time=None)
    assert are_equal(view.report, made_by(counts, lookup, measure, wide))
    assert are_equal(view.whole, made_by(counts, lookup, measure, always))
    assert view.time == wide.time
    for course, report in ((view.course, view.report), (view.whole_course, view.whole)):
        expected = over_time(select(counts, report.filters), report)
        assert course.start.tolist() == expected.start.tolist()
        assert course.count.tolist() == expected.count.tolist()
        assert (course.width, course.unknown) == (expected.width, expected.unknown)


@given(log_lines, rules, measures, filters)
def test_the_rejected_report_is_about_the_same_flows_and_none_if_an_action_is_chosen(
    lines, rows, measure, chosen
):
    counts, lookup = parse(*lines, line()), load(lookup_text(rows))
    view = view_of(counts, lookup, measure, chosen)
    if chosen.action:
        assert view.rejected is None
    else:
        same = replace(chosen, time=view.time, action="REJECT")
        assert are_equal(view.rejected, made_by(counts, lookup, measure, same))


def test_there_is_no_rejected_report_if_the_layout_has_no_action():
    view = view_of(parse(b"dstport protocol", b"443 6"), load())
    assert (view.report.total, view.rejected) == (1, None)


def test_a_selected_tag_that_is_not_in_the_lookup_becomes_none(small):
    for tag, selected in [
        ("web", "web"),
        ("games", "games"),
        (UNTAGGED, UNTAGGED),
        ("WEB", None),
        ("", None),
        (None, None),
    ]:
        assert view_of(small, load(), tag=tag).tag == selected


def test_a_tag_without_flows_in_the_chosen_time_stays_selected(small):
    view = view_of(small, load(), filters=Filters(time=(MINUTE, MINUTE + 60)), tag="mail")
    assert (view.tag, view.report.total, len(view.ports("").port)) == ("mail", 1, 0)


def test_the_identity_of_a_view_depends_on_every_choice_except_lookup_and_tag(small):
    view = view_of(small, load(), "bytes", Filters(time=(MINUTE, MINUTE + 60)))
    other_lookup = load("dstport,protocol,tag\n")
    same_windows = Filters(time=(MINUTE + 1, MINUTE + 59))
    for same in (
        view_of(small, other_lookup, "bytes", Filters(time=(MINUTE, MINUTE + 60)), "web"),
        view_of(small, load(), "bytes", same_windows),
    ):
        assert same.identity == view.identity
        assert hash(same.identity) == hash(view.identity)
    others = [
        view_of(small, load(), "packets", view.report.filters),
        view_of(parse(*SMALL), load(), "bytes", view.report.filters),
        view_of(small, load(), "bytes"),
        *(
            view_of(small, load(), "bytes", replace(view.report.filters, **changed))
            for changed in (
                {"action": "ACCEPT"},
                {"view": "service"},
                {"time": (MINUTE, MINUTE + 61)},
            )
        ),
    ]
    assert len({other.identity for other in (view, *others)}) == 1 + len(others)


def test_no_time_can_be_chosen_if_all_time_is_in_one_window():
    minutes = [0, *(60 * 60 * 24 * 28 * number for number in range(1, 300))]
    counts = parse(*(line(start=str(FIRST + seconds)) for seconds in minutes))
    view = view_of(counts, load(), filters=Filters(time=(FIRST, FIRST + 60)))
    assert (view.course.width, view.time) == (0, None)
    assert view.report.total == len(minutes)


def test_ports_are_those_of_the_selected_tag_that_match_the_search_text(small):
    everything = view_of(small, load())
    assert [row[0] for row in everything.ports("").rows()] == [25, 443, 9092, 50000]
    assert [row[0] for row in everything.ports("9092, mail").rows()] == [25, 9092]
    web = view_of(small, load(), tag="web")
    assert [row[0] for row in web.ports("").rows()] == [443]
    assert len(web.ports("9092").port) == 0


@given(log_lines, rules, st.sampled_from(["", "443", "tcp", "untagged"]), st.data())
def test_a_search_for_ports_is_limited_to_the_selected_tag(lines, rows, text, data):
    counts, lookup = parse(*lines), load(lookup_text(rows))
    tag = data.draw(st.sampled_from([UNTAGGED, *lookup.tags]))
    view = view_of(counts, lookup, tag=tag)
    assert are_equal(view.ports(text), search(with_tag(view.report, tag), text))


def test_the_numbers_and_the_bar_are_for_the_chosen_time(small):
    view = view_of(small, load(), filters=Filters(time=(MINUTE + 120, MINUTE + 180)))
    assert view.numbers == list(
        coverage.numbers(view.report, view.selections.report, small, view.lookup)
    )
    assert [each.value for each in view.numbers[:3]] == ["2", "1.68 kB", "0"]
    assert [part.amount for part in view.parts] == [0, 1, 1]


@given(log_lines, rules, measures, filters)
def test_the_report_by_service_has_the_same_filters_and_total(lines, rows, measure, chosen):
    counts, lookup = parse(*lines), load(lookup_text(rows))
    view = view_of(counts, lookup, measure, chosen)
    same = replace(view.report.filters, view="service")
    assert are_equal(view.service, made_by(counts, lookup, measure, same))
    assert view.service.total == view.report.total
    if chosen.view == "service":
        assert view.service is view.report


@given(log_lines, rules, measures, filters)
def test_the_report_is_made_from_the_selection(lines, rows, measure, chosen):
    counts, lookup = parse(*lines), load(lookup_text(rows))
    view = view_of(counts, lookup, measure, chosen)
    assert are_equal(view.report, tagged(view.selections.report, lookup, measure))


def test_cautions_cover_both_the_logs_and_the_lookup():
    lookup = load("dstport,protocol,tag\n99999,tcp,x\n", name="mine.csv")
    counts = parse(line(), line(status="SKIPDATA"))
    skipped, doubt = view_of(counts, lookup).cautions
    assert "SKIPDATA" in skipped
    assert doubt.startswith("mine.csv: 1 lookup row needs checking")
    assert view_of(parse(line()), load()).cautions == []


def test_the_legend_has_the_tags_of_all_time_and_the_selected_tag(small):
    view = view_of(small, load(), filters=Filters(time=(MINUTE, MINUTE + 60)), tag="web")
    colours = Colours()
    legend = view.legend(colours)
    assert legend.names == ("mail", "web", UNTAGGED)
    assert legend.names[legend.selected] == "web"
    assert legend.colours == (*colours.of(["mail", "web"]), AMBER)
