"""Make handouts for tests, and read the exports back."""

import json
from datetime import UTC, datetime

from hypothesis import strategies as st

from flowtag_core.exporting.result_json import document, result_json
from flowtag_core.showing.handout import Handout
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.report import EVERY_FLOW
from tests.logs import log_lines, lookup_text, rule_texts
from tests.tagging.made import filters, load, measures, parse

MADE = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'`{{7*7}}[x](y)\u202e"
"""A tag or name that would do harm as HTML, Markdown or a template."""


def handout_of(
    *lines, lookup=None, measure="flows", chosen=EVERY_FLOW, tag=None, search="", **more
):
    view = view_of(parse(*lines), lookup or load(), measure, chosen, tag)
    return Handout(view, MADE, search, **more)


handouts = st.builds(
    lambda lines, rows, measure, chosen, tag, search: handout_of(
        *lines,
        lookup=load(lookup_text(rows)),
        measure=measure,
        chosen=chosen,
        tag=tag,
        search=search,
    ),
    log_lines,
    st.lists(rule_texts, max_size=8),
    measures,
    filters,
    st.sampled_from([None, "web", "Untagged"]),
    st.sampled_from(["", "443", "udp", "web"]),
)


def read_back(handout):
    """Return the JSON export, read by a JSON parser."""
    return json.loads(b"".join(result_json(document(handout))))
