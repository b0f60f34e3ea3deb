"""The opening of a report says in sentences what its tables say in numbers."""

from hypothesis import given

from flowtag_core.showing import story
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
        "10 flows and 8.40 kB in 1 file, 14 Nov 2023 UTC. The largest tags are web (60.0%) and mail (20.0%)."
    )
    assert unexplained == (
        "20.0% of the flows are Untagged: no row of the lookup covers them. At least 10.0% of all flows look like "
        "replies of tagged services, so at most 10.0% are unexplained. The largest untagged port is 9092/tcp (10.0%, perhaps "
        "kafka)."
    )
    assert outside == (
        "3 flows (30.0%) came from outside the network; 33.3% of them were rejected. The ports that let in the most "
        "are 25/tcp and 9092/tcp. The untagged port that let in the most is 9092/tcp."
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
    assert sure == "2 records were read, none of them with a fault."
    assert said(handout_of(line(), chosen=Filters(action="REJECT")))[:3] == [
        "No flows match.",
        "",
        "",
    ]


def test_without_actions_nothing_is_said_about_what_was_let_in():
    head = b"srcaddr dstaddr dstport protocol"
    outside = said(handout_of(head, b"8.8.8.8 10.0.0.1 443 6"))[2]
    assert outside == (
        "1 flow (100.0%) came from outside the network. The logs do not say which of them were rejected."
    )


def test_a_peak_and_what_makes_the_numbers_uncertain_are_named():
    lines = [line(start=str(BEGIN + 60 * minute)) for minute in range(20)]
    lines += [line(start=str(BEGIN + 60 * 7))] * 30
    lines.append(line(status="SKIPDATA"))
    lookup = load("dstport,protocol,tag\n443,tcp,web\nx,tcp,y\n")
    traffic, *_, sure = said(handout_of(*lines, lookup=lookup))
    assert "The busiest time was 14 Nov 2023 22:20 – 22:21 UTC, with 31 flows." in traffic
    assert "the counts are a lower bound" in sure
    assert "1 lookup row needs checking, so some tags may be wrong." in sure


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
