"""Text from users never becomes markup in the page's HTML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.showing import markup
from flowtag_core.showing.view import view_of
from tests.logs import line, log_lines, lookup_text, rule_texts
from tests.showing.made import Seen, counts_of, report
from tests.tagging.made import load, measures, parse

# An HTML parser normalizes line ends and replaces NUL.
texts = st.one_of(
    st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1),
    st.text(st.sampled_from("<>&\"'/=b;#x-! "), min_size=1),
    st.sampled_from(["<script>", "</h2>", "&lt;", "<!--", "]]>", '" onload="x', "<b", "&#60;"]),
)


@given(texts, texts, st.integers(2, 3))
def test_a_heading_has_its_text_and_its_note(text, about, level):
    seen = Seen(markup.heading(text, about, level))
    assert [each for each in seen.text if each != " "] == [
        each for each in (text, about) if each != " "
    ]
    assert seen.tags == ["div", f"h{level}", "span"]
    assert seen.attributes == [("class", "heading"), ("class", "quiet")]
    assert not seen.open


@given(texts)
def test_a_heading_without_a_note_has_nothing_after_it(text):
    seen = Seen(markup.heading(text))
    assert (seen.text, seen.tags) == ([text], ["div", "h2"])


@given(texts)
def test_a_muted_line_contains_only_its_text(text):
    seen = Seen(markup.quiet(text))
    assert (seen.text, seen.tags, seen.attributes) == ([text], ["span"], [("class", "quiet")])


def shown(report):
    """Return the count, the width of the bar and the share in the line about Untagged."""
    seen = Seen(markup.untagged_line(report))
    name, count, share = seen.text
    assert name == "Untagged"
    return count, dict(seen.attributes)["style"], share


@given(log_lines, st.lists(rule_texts, max_size=8), measures)
def test_the_line_about_untagged_has_its_count_and_its_share(lines, rows, measure):
    found = view_of(parse(line(), *lines), load(lookup_text(rows)), measure).report
    count, width, share = shown(found)
    assert count == f"{found.untagged:,}"
    part = found.untagged / max(found.total, 1)
    assert float(share.rstrip("%")) / 100 == pytest.approx(part, abs=0.0006)
    assert float(width.removeprefix("width:").rstrip("%")) / 100 == pytest.approx(part, abs=1e-5)


def test_the_line_about_untagged_works_for_no_flows_one_flow_and_15_digits():
    assert shown(report()) == ("0", "width:0.000%", "0.0%")
    assert shown(report(9092)) == ("1", "width:100.000%", "100.0%")
    volume = 123_456_789_012_345
    large = view_of(counts_of((1, 6, 9092, 0, 1, volume)), load(), "bytes").report
    assert shown(large)[0] == "123,456,789,012,345"
