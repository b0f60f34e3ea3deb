"""The row of numbers on top of the page."""

from collections import Counter

import pytest

from flowtag_core.counts import FileCounts, FlowCounts, Reason
from flowtag_core.showing.cards import cards, set_aside_card
from flowtag_core.tagging.report import map_tags
from tests.logs import line
from tests.tagging.made import load, parse


def shown(counts, lookup, replies=0, **filters):
    report = map_tags(counts, lookup, **filters)
    return {card.label: (card.value, card.note) for card in cards(report, counts, lookup, replies)}


def test_the_cards_say_what_is_untagged_what_was_counted_and_what_is_in_use():
    counts = parse(line(), line(dstport="25"), *[line(dstport="9092")] * 2, b"short")
    assert shown(counts, load()) == {
        "Untagged": (":orange[50.0%]", "2 flows"),
        "Flows": ("4", "in 1 file"),
        "Tags in use": ("2", "of 4"),
        "Port/protocol pairs": ("3", "2 tagged"),
        "Set aside": ("1", "20.0% of records"),
    }


def test_the_share_of_replies_is_that_of_what_is_untagged():
    counts = parse(line(), line(dstport="9092"), *[line(srcport="22", dstport="50000")] * 3)
    assert shown(counts, load(), replies=3)["Untagged"] == (":orange[80.0%]", "75% are replies")


def test_the_chosen_measure_is_counted_and_a_large_number_is_said_exactly_too():
    told = shown(parse(*[line(volume="900000")] * 3), load(), measure="bytes")
    assert told["Bytes"] == ("2.70 M", "2,700,000 exactly")
    assert told["Untagged"] == (":orange[0.0%]", "0 bytes")


def test_without_a_flow_the_share_is_none_and_nothing_divides_by_it():
    told = shown(FlowCounts(), load(b"dstport,protocol,tag\n"))
    assert told == {
        "Untagged": ("none", "0 flows"),
        "Flows": ("0", "in 0 files"),
        "Tags in use": ("0", "of 0"),
        "Port/protocol pairs": ("0", "0 tagged"),
        "Set aside": ("0", "0.0% of records"),
    }


def test_a_tag_whose_every_row_loses_is_no_tag_of_the_lookup():
    lookup = load("dstport,protocol,tag\n443,tcp,old\n443,tcp,new\n")
    assert shown(parse(line()), lookup)["Tags in use"] == ("1", "of 1")


@pytest.mark.parametrize(
    ("reason", "note"),
    [
        (Reason.SKIPPED_DATA, "a lower bound"),
        (Reason.NO_DATA, "25.0% of records"),
        (Reason.BAD_PORT, "25.0% of records"),
    ],
)
def test_after_skipped_data_what_was_counted_is_a_lower_bound(reason, note):
    file = FileCounts(headers=1, flows=2, set_aside=Counter([reason]))
    card = set_aside_card(FlowCounts(files={"a": file}))
    assert (card.value, card.note) == ("1", note)


def test_one_flow_is_one_flow():
    counts = parse(line(dstport="9092"))
    untagged = next(cards(map_tags(counts, load()), counts, load(), 0))
    assert untagged.note == "1 flow"
