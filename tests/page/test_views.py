"""A reused view equals the one that would be made from scratch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.page.views import Views
from flowtag_core.showing.view import view_of
from tests.logs import log_lines, lookup_text, rule_texts
from tests.tagging.made import filters, load, measures, parse

rules = st.lists(rule_texts, max_size=6)


def numbers(view):
    """Everything that must be equal in two views for them to show the same."""
    reports = (view.report, view.whole, view.service, view.rejected)
    return (
        [report and (report.tags, [*report.rows()]) for report in reports],
        [each.value for each in view.numbers],
        view.parts,
        view.tag,
        view.cautions,
    )


@given(log_lines, st.lists(rules, min_size=2, max_size=3), measures, filters)
def test_a_view_reused_under_another_lookup_equals_a_new_one(lines, lookups, measure, chosen):
    counts, views = parse(*lines), Views()
    for number, rows in enumerate(lookups):
        lookup = load(lookup_text(rows))
        tag = ([*lookup.tags, None])[number % (len(lookup.tags) + 1)]
        kept = views.of(counts, lookup, measure, chosen, tag)
        assert numbers(kept) == numbers(view_of(counts, lookup, measure, chosen, tag))


@given(log_lines, st.lists(st.tuples(rules, measures), min_size=2, max_size=4), filters)
def test_a_view_reused_for_another_measure_equals_a_new_one(lines, choices, chosen):
    counts, views = parse(*lines), Views()
    for rows, measure in choices:
        lookup = load(lookup_text(rows))
        kept = views.of(counts, lookup, measure, chosen, None)
        made = view_of(counts, lookup, measure, chosen)
        assert numbers(kept) == numbers(made)
        for one, other in ((kept.course, made.course), (kept.whole_course, made.whole_course)):
            for name, column in vars(one).items():
                assert np.array_equal(column, getattr(other, name)), name


@given(log_lines, rules, measures, filters, filters)
def test_other_filters_or_other_logs_get_a_new_view(lines, rows, measure, first, second):
    views, lookup = Views(), load(lookup_text(rows))
    views.of(parse(*lines), lookup, measure, first, None)
    counts = parse(*lines, *lines)
    found = views.of(counts, lookup, measure, second, None)
    assert numbers(found) == numbers(view_of(counts, lookup, measure, second, None))
