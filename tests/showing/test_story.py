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
        "20.0% of the flows are Untagged: no row of the lookup covers them. At least 10.0% look like replies of "
        "tagged services, so at most 10.0% are unexplained. The largest untagged port is 9092/tcp (10.0%, perhaps "
        "kafka)."
    )
    assert outside == (
        "3 flows (30.0%) came from outside the network; 33.3% of them were rejected. Most of what was let in went "
        "to 25/tcp and 9092/tcp. Most of what was let in untagged went to 9092/tcp."
    )
    assert sure == (
        "12 records were read. Not counted: 1 line with a fault and 1 record in which AWS reported no data. "
        "Which flows are replies is a guess from their ports."
    )


def test_nothing_is_said_that_is_not_known():
    traffic, unexplained, outside, sure = said(handout_of(b"dstport protocol", b"443 6"))
    assert traffic == "1 flow in 1 file. The largest tag is web (100.0%)."
    assert unexplained == "Nothing: every flow has a tag."
    assert outside == "That is not known, because the logs have no addresses."
    assert sure == "2 records were read, and none was lost."
    assert said(handout_of(line(), chosen=Filters(action="REJECT")))[:3] == [
        "No flows match.",
        "",
        "",
    ]


def test_a_peak_and_what_makes_the_numbers_unsure_are_named():
    lines = [line(start=str(BEGIN + 60 * minute)) for minute in range(20)]
    lines += [line(start=str(BEGIN + 60 * 7))] * 30
    lines.append(line(status="SKIPDATA"))
    lookup = load("dstport,protocol,tag\n443,tcp,web\nx,tcp,y\n")
    traffic, *_, sure = said(handout_of(*lines, lookup=lookup))
    assert "The largest peak, 31 flows, was at 14 Nov 2023 22:20 – 22:21 UTC." in traffic
    assert "the counts are a lower bound" in sure
    assert "1 lookup row needs checking; some tags may not be what was meant." in sure


def test_each_filter_is_named():
    assert story.filters(handout_of(line())) == []
    chosen = Filters("REJECT", "inbound", (BEGIN, BEGIN + 120), "service")
    assert story.filters(handout_of(line(), chosen=chosen, tag="web", search="443")) == [
        "only rejected inbound flows",
        "only flows that begin in 14 Nov 2023 22:13 – 22:15 UTC",
        "flows that look like replies count under their source port",
        "the list of ports has only those of the tag web",
        "the list of ports has only those that match 443",
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
