"""The ready questions find their planted answers, and the wanted flows are those of the filters and the lookup."""

import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core.boundary import Inside
from flowtag_core.counts import ACTIONS, BOUNDARIES, MEASURES
from flowtag_core.evidence import EVERY_FLOW, port_bits
from flowtag_core.reading.evidence import look
from flowtag_core.showing.who import LISTS, lists
from flowtag_core.tagging.lookup import UNTAGGED
from flowtag_core.tagging.questions import (
    ADMINISTRATION,
    QUESTIONS,
    tag_bits,
    wanted_by,
    wanted_in,
)
from flowtag_core.tagging.report import Filters
from tests.logs import line, lookup_text, rule_texts
from tests.tagging.made import filters, load

MINUTE = 60


def times(number, **fields):
    return [line(**fields) for _ in range(number)]


def flows():
    """Return lines with one answer to each question, and many flows that are larger but no answers."""
    outside = {"dstaddr": "10.0.0.9"}
    return [
        # the answers
        *times(30, srcaddr="45.0.0.1", dstport="4444", action="REJECT", **outside),
        *times(30, srcaddr="46.0.0.1", dstport="9092", **outside),
        *times(20, srcaddr="47.0.0.1", dstport="22", **outside),
        *(line(srcaddr="10.0.0.4", dstaddr="10.0.0.5", dstport=f"{port}") for port in range(40)),
        line(srcaddr="10.0.0.7", dstaddr="52.0.0.1", volume="999999"),
        # flows of the same kind, but fewer
        *times(5, srcaddr="45.0.0.2", dstport="4444", action="REJECT", **outside),
        *times(5, srcaddr="46.0.0.2", dstport="9093", **outside),
        *times(5, srcaddr="47.0.0.2", dstport="3389", **outside),
        *(line(srcaddr="10.0.0.6", dstaddr="10.0.0.5", dstport=f"{port}") for port in range(9)),
        *times(50, srcaddr="10.0.0.7", dstaddr="52.0.0.2", volume="900"),
        # flows that lack one property of an answer
        *times(99, srcaddr="10.0.0.3", dstport="22", action="REJECT", **outside),
        *times(99, srcaddr="48.0.0.1", dstport="443", **outside),
        *times(99, srcaddr="48.0.0.1", dstport="22", protocol="17", **outside),
        *times(50, srcaddr="49.0.0.1", dstport="9094", action="DROP", **outside),
        *times(9, srcaddr="48.0.0.1", dstport="443", volume="99999999", **outside),
        *(line(srcaddr="10.0.0.8", srcport="443", dstport=f"{50_000 + n}") for n in range(99)),
    ]


LOOKUP = "dstport,protocol,tag\n443,tcp,web\n22,udp,web\n22,tcp,ssh\n3389,tcp,desktop\n"
ANSWERS = {
    "rejected": ("45.0.0.1",),
    "untagged": ("9092/tcp",),
    "admin": ("47.0.0.1",),
    "scan": ("10.0.0.4",),
    "out": ("10.0.0.7", "52.0.0.1"),
}


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("name", ANSWERS)
@settings(max_examples=6)
@given(order=st.integers(0, 1 << 20))
def test_the_planted_answer_is_the_first_row_of_the_first_list(name, order):
    question, rows = QUESTIONS[name], flows()
    random.Random(order).shuffle(rows)
    log = io.BytesIO(b"\n".join(rows))
    found = look(log, names=["log"], wanted=wanted_by(question, load(LOOKUP)))
    first = lists(found, question.order, first=question.answer)[0]
    assert (first.name, first.rows[0].ends) == (question.answer, ANSWERS[name])
    assert first.total > 1


def test_every_question_has_a_planted_answer_and_can_be_asked():
    assert list(QUESTIONS) == list(ANSWERS)
    for question in QUESTIONS.values():
        assert question.text.endswith("?")
        assert question.answer in LISTS
        assert question.order in {*MEASURES, "targets", "ports"}


def bit(bits, port, protocol):
    """Return whether a port with a protocol is set in bits as from `port_bits`."""
    place = protocol << 16 | port
    return bool(bits[place >> 3] >> (place & 7) & 1)


@given(st.lists(rule_texts, max_size=10), st.data())
def test_a_port_is_in_the_bits_of_its_tag_and_in_no_others(rules, data):
    lookup = load(lookup_text(rules))
    found = {UNTAGGED: tag_bits(lookup, None)} | {tag: tag_bits(lookup, tag) for tag in lookup.tags}
    edges = sorted(
        {0, 443, 65535}
        | {end for rule in lookup.rules for end in (rule.ports.low, rule.ports.high)}
    )
    ports = st.sampled_from(edges) | st.integers(0, 65535)
    protocols = st.sampled_from([0, 1, 6, 17, 255]) | st.integers(0, 255)
    for _ in range(9):
        port, protocol = data.draw(ports), data.draw(protocols)
        tag = lookup.tag_of(port, protocol)
        assert [name for name, bits in found.items() if bit(bits, port, protocol)] == [tag]
    sets = [np.frombuffer(bits, np.uint8) for bits in found.values()]
    assert sum(int(np.bitwise_count(each).sum()) for each in sets) == 1 << 24


def test_a_tag_that_the_lookup_does_not_have_has_no_port():
    assert not any(tag_bits(load(), "nowhere"))
    assert not any(tag_bits(load(), UNTAGGED))


def test_without_filters_every_flow_is_wanted():
    assert wanted_in(Filters()) == EVERY_FLOW


@given(filters, st.integers(-200, 200))
def test_the_wanted_flows_are_those_that_pass_the_filters(given_filters, near):
    wanted = wanted_in(given_filters)
    assert wanted.by_service == (given_filters.view == "service")
    for chosen, every, name in (
        (wanted.actions, ACTIONS, given_filters.action),
        (wanted.boundaries, BOUNDARIES, given_filters.boundary),
    ):
        passing = {place for place, each in enumerate(every) if name in (None, each)}
        assert (set(range(len(every))) if chosen is None else chosen) == passing
    assert (wanted.minutes is None) == (given_filters.time is None)
    if given_filters.time is not None:
        begin, behind = given_filters.time
        first, last = wanted.minutes
        for minute in ((end // MINUTE) + near for end in given_filters.time):
            overlaps = begin < (minute + 1) * MINUTE and minute * MINUTE < behind
            assert (first <= minute <= last) == (overlaps and minute >= 0)


def test_the_ports_are_wanted_besides_the_filters():
    bits = port_bits([(6, 443)])
    assert wanted_in(Filters("REJECT"), bits) == wanted_in(Filters("REJECT"))._replace(ports=bits)


def test_only_administration_ports_over_tcp_are_wanted_for_administration():
    bits = wanted_by(QUESTIONS["admin"], None).ports
    assert bits == port_bits((6, port) for port in ADMINISTRATION)
    assert [bit(bits, *pair) for pair in ((22, 6), (22, 17), (23, 6), (443, 6))] == [
        True,
        False,
        True,
        False,
    ]


def test_only_the_question_for_untagged_ports_depends_on_the_lookup():
    for name, question in QUESTIONS.items():
        without, with_lookup = wanted_by(question, None), wanted_by(question, load())
        assert (without != with_lookup) == (name == "untagged")
    assert wanted_by(QUESTIONS["untagged"], None).ports is None
    assert wanted_by(QUESTIONS["untagged"], load()).ports == tag_bits(load(), None)


@pytest.mark.parametrize("name", ["rejected", "untagged", "admin", "out"])
def test_a_question_on_the_outside_wants_only_flows_that_cross_the_edge(name):
    (boundary,) = wanted_by(QUESTIONS[name], load()).boundaries
    ends = (b"10.0.0.1", b"8.8.8.8") if name == "out" else (b"8.8.8.8", b"10.0.0.1")
    assert boundary == Inside().boundary(*ends)


def test_a_tag_has_no_ports_in_an_empty_lookup():
    assert not any(tag_bits(load("dstport,protocol,tag\n"), "web"))
