"""A handout has the ports that the page lists, and says which time it covers."""

import io
from datetime import UTC, datetime

from flowtag_core.evidence import Wanted
from flowtag_core.reading.evidence import look
from flowtag_core.showing import who
from flowtag_core.showing.handout import Findings, Handout
from flowtag_core.showing.view import view_of
from flowtag_core.tagging.report import Filters
from tests.logs import line
from tests.tagging.made import load, parse

LINES = line(), line(dstport="25"), line(dstport="9092")
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def handout(tag=None, search="", **chosen):
    return Handout(view_of(parse(*LINES), load(), "flows", Filters(**chosen), tag), NOW, search)


def test_the_tag_and_the_search_limit_the_ports():
    assert handout().ports.port.tolist() == [25, 443, 9092]
    assert handout(tag="web").ports.port.tolist() == [443]
    assert handout(search="9092").ports.port.tolist() == [9092]
    assert handout(tag="web", search="9092").ports.port.tolist() == []


def test_an_end_that_was_not_chosen_is_none():
    begin = 1_700_000_000 - 1_700_000_000 % 60
    assert handout().bounds == (None, None)
    assert handout(time=(begin, 7_258_118_400)).bounds == (begin, None)
    assert handout(time=(0, begin + 60)).bounds == (None, begin + 60)
    assert handout().covered == (begin, begin + 60)
    assert handout(time=(0, 60)).covered is None


def test_findings_say_what_they_are_about_and_what_may_be_missing():
    evidence = look(io.BytesIO(b"\n".join([*LINES, b"short"])), wanted=Wanted())
    found = Findings(evidence, who.lists(evidence), scope="Only these: inbound.")
    said = found.sentences
    assert said[:2] == ["3 flows, 2.52 kB.", "Only these: inbound."]
    assert said[2].startswith("1 line could not be read")
