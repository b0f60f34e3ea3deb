"""The opening of a report says in sentences what its tables say in numbers."""

import io

from hypothesis import given

from flowtag_core.evidence import Wanted
from flowtag_core.reading.evidence import look
from flowtag_core.showing import story, who
from flowtag_core.showing.handout import Findings
from flowtag_core.tagging.report import Filters
from tests.exporting.made import handout_of, handouts
from tests.logs import line
from tests.tagging.made import load

BEGIN = 1_700_000_000 - 1_700_000_000 % 60


def said(handout):
    return [" ".join(answer.sentences) for answer in story.story(handout)]


def test_the_four_answers_of_a_small_log():
    lines = [
        *[line()] * 6,
        line(dstport="25", srcaddr="8.8.8.8"),
        line(dstport="25", srcaddr="8.8.8.8", action="REJECT"),
        line(dstport="9092", srcaddr="8.8.8.8"),
        line(srcport="443", dstport="51999"),
        b"short",
        line(status="NODATA"),
    ]
    traffic, unexplained, outside, sure = said(handout_of(*lines))
    assert traffic == (
        "10 flows and 8.40 kB in 1 file, 14 Nov 2023 22:13 \u2013 22:14 UTC. The largest tags are web (60.0%) and mail (20.0%)."
    )
    assert unexplained == (
        "20.0% of the flows are Untagged: no row of the lookup covers them. At least 10.0% of all flows look like "
        "replies of tagged services, so at most 10.0% are unexplained. The largest untagged port that does not look "
        "like replies is 9092/tcp (10.0%, perhaps kafka)."
    )
    assert outside == (
        "3 flows (30.0%) came from outside the network. Of these, 33.3% were rejected. Apart from replies, the ports "
        "that let in the most are 25/tcp (50.0%) and 9092/tcp (50.0%). The untagged port that let in the most is "
        "9092/tcp (50.0%)."
    )
    assert sure == (
        "12 records were read. Not counted: 1 line with a fault and 1 NODATA or SKIPDATA record. "
        "Which flows are replies is a guess from their ports."
    )


def test_nothing_is_said_that_is_not_known():
    traffic, unexplained, outside, sure = said(handout_of(b"dstport protocol", b"443 6"))
    assert traffic == "1 flow in 1 file. The largest tag is web (100.0%)."
    assert unexplained == "Nothing: every flow has a tag."
    assert outside == "Unknown: none of these flows has two readable addresses."
    assert sure == (
        "2 records were read, none of them with a fault. Some flows have no start, srcport, action, packets and "
        "bytes, because their log lacks the field."
    )
    assert said(handout_of(line(), chosen=Filters(action="REJECT")))[:3] == [
        "No flows match.",
        "",
        "",
    ]


def test_without_actions_nothing_is_said_about_what_was_let_in():
    head = b"srcaddr dstaddr dstport protocol"
    outside = said(handout_of(head, b"8.8.8.8 10.0.0.1 443 6"))[2]
    assert outside == (
        "1 flow (100.0%) came from outside the network. The logs do not say which flows were rejected."
    )


def test_a_peak_and_what_makes_the_numbers_uncertain_are_named():
    lines = [line(start=str(BEGIN + 60 * minute)) for minute in range(20)]
    lines += [line(start=str(BEGIN + 60 * 7))] * 30
    lines.append(line(status="SKIPDATA"))
    lookup = load("dstport,protocol,tag\n443,tcp,web\nx,tcp,y\n")
    traffic, *_, sure = said(handout_of(*lines, lookup=lookup))
    assert "The busiest time was 14 Nov 2023 22:20 – 22:21 UTC, with 31 flows." in traffic
    assert "the counts are a lower bound" in sure
    assert "1 lookup row needs checking." in sure


def test_each_filter_is_named():
    assert story.filters(handout_of(line())) == []
    chosen = Filters("REJECT", "inbound", (BEGIN, BEGIN + 120), "service")
    assert story.filters(handout_of(line(), chosen=chosen, tag="web", search="443")) == [
        "only rejected inbound flows",
        "only flows that begin during 14 Nov 2023 22:13 – 22:15 UTC",
        "flows that look like replies count under their source port",
        "the list of ports shows only those with the tag web",
        "the list of ports shows only those that match 443",
    ]
    for time, words in (
        ((BEGIN, 7_258_118_400), "at 14 Nov 2023 22:13 UTC or later"),
        ((0, BEGIN), "before 14 Nov 2023 22:13 UTC"),
    ):
        chosen = Filters("other", time=time)
        assert story.filters(handout_of(line(), chosen=chosen)) == [
            "only flows neither accepted nor rejected",
            f"only flows that begin {words}",
        ]


@given(handouts)
def test_every_view_can_be_told_in_whole_sentences(handout):
    for answer in story.story(handout):
        assert answer.question.endswith("?")
        for sentence in answer.sentences:
            assert sentence[0] == sentence[0].upper()
            assert sentence.endswith(".")


def test_flows_far_from_the_rest_are_not_passed_over():
    lines = [line(start=str(BEGIN + 60 * (place % 100))) for place in range(2000)]
    stray = line(start=str(BEGIN - 86_400 * 30))
    assert story.days(handout_of(*lines)).endswith("14 Nov 2023 22:13 \u2013 23:53 UTC")
    assert story.days(handout_of(*lines, stray)).endswith("UTC, and 1 flow at other times")
    assert story.days(handout_of(b"dstport protocol", b"443 6")) == ""


def test_the_sources_with_the_most_flows_and_ports_are_named():
    lines = [line(srcaddr="8.8.8.8", dstport=str(port)) for port in range(1, 4)]
    lines += [line(srcaddr="10.0.0.9")] * 5
    evidence = look(io.BytesIO(b"\n".join(lines)), wanted=Wanted())
    found = Findings(evidence, who.lists(evidence))
    answers = {
        each.question: each.sentences for each in story.story(handout_of(*lines, findings=found))
    }
    assert answers["Who is behind it?"] == [
        "8 flows, 6.72 kB.",
        "10.0.0.9 has the most flows: 5.",
        "8.8.8.8 tried the most ports: 3.",
    ]
