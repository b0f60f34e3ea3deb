"""The small example on the empty page is correct."""

import re

import pytest

from flowtag_core.showing import glance
from flowtag_core.showing.legend import AMBER
from flowtag_core.tagging.lookup import UNTAGGED
from tests.showing.made import Seen
from tests.tagging.made import load


@pytest.mark.parametrize(
    "html", [glance.HEADING, glance.ZONE, glance.START, glance.PROMISE, glance.GLANCE]
)
def test_every_html_tag_is_closed(html):
    assert not Seen(html).open


def test_each_port_in_the_result_has_the_tag_that_the_lookup_gives_it():
    log, lookup = re.findall(r"<pre>(.*?)</pre>", glance.GLANCE, re.DOTALL)
    rules = load(lookup)
    assert not rules.problems
    rows = re.findall(r"<code>(\d+)/(\w+)</code></td><td>.*?</i>(\w[\w-]*)</td>", glance.GLANCE)
    assert len(rows) == 4
    for port, protocol, tag in rows:
        assert rules.tag_of(int(port), {"tcp": 6, "udp": 17}[protocol]) == tag
    in_log = re.findall(r"<b>(\d+) (\d+)</b>", log)
    assert {port for port, _ in in_log} <= {port for port, *_ in rows}


def test_the_shares_add_up_to_at_most_100_percent_and_only_untagged_is_amber():
    shares = re.findall(r'class="number">(\d+)%', glance.GLANCE)
    assert sum(map(int, shares)) <= 100
    amber = [row for row in glance.GLANCE.split("<tr>") if AMBER in row]
    assert len(amber) == 1
    assert UNTAGGED in amber[0]
