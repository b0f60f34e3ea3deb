"""The format by example: one line, one verdict. There are many more cases in tests/cases."""

import io
import tracemalloc

import pytest
from hypothesis import given

from flowtag_core.counting.reference import Reference
from flowtag_core.counts import ACTIONS, Reason
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes.layout import BY_VERSION
from tests.logs import DEFAULT_HEADER, line, log_lines, record


def count(*lines, **options):
    return parse_flow_log(io.BytesIO(b"\n".join(lines)), **options)


def rows(counts):
    """Return (port, protocol, action, packets, bytes) of every row, by destination port."""
    return sorted(
        (port, protocol, ACTIONS[action], packets, volume)
        for table in (counts.requests, counts.replies)
        for port, protocol, action, packets, volume in zip(
            table.port.tolist(),
            table.protocol.tolist(),
            table.action.tolist(),
            table.packets.tolist(),
            table.bytes.tolist(),
            strict=True,
        )
    )


def test_a_plain_line_is_one_flow_at_its_destination_port():
    assert rows(count(line(srcport="443", dstport="49153"))) == [(49153, 6, "ACCEPT", 10, 840)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"2 123456789012 eni-0a1b2c3d", Reason.TOO_FEW_FIELDS),
        (line(version="3"), Reason.UNSUPPORTED_VERSION),
        (line(version="02"), Reason.UNSUPPORTED_VERSION),
        (line(status="NODATA"), Reason.NO_DATA),
        (line(status="SKIPDATA", dstport="-"), Reason.SKIPPED_DATA),
        (line(dstport="65536"), Reason.BAD_PORT),
        (line(dstport="000443"), Reason.BAD_PORT),
        (line(dstport="-"), Reason.BAD_PORT),
        (line(dstport="443.0"), Reason.BAD_PORT),
        (line(dstport="٤٤٣"), Reason.BAD_PORT),
        (line(protocol="256"), Reason.BAD_PROTOCOL),
        (line(protocol="tcp"), Reason.BAD_PROTOCOL),
        (line(dstport="x", protocol="x"), Reason.BAD_PORT),
    ],
)
def test_a_line_is_set_aside_for_the_right_reason(text, reason):
    counts = count(line(), text, line())
    assert counts.total.set_aside == {reason: 1}
    assert counts.total.flows == 2
    expected = [(2, reason)] if reason.is_fault else []
    assert [(fault.line, fault.reason) for fault in counts.faults] == expected


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"packets": "-"}, "packets"),
        ({"volume": "1e3"}, "bytes"),
        ({"srcport": "65536"}, "srcport"),
        ({"start": "17"}, "start"),
    ],
)
def test_a_flow_with_an_unreadable_field_counts_and_is_reported(changed, name):
    total = count(line(), line(**changed)).total
    assert total.flows == 2
    assert total.unreadable == {name: 1}


def test_flows_with_an_unknown_action_or_status_count_and_are_reported():
    counts = count(line(action="DROP"), line(status="PARTIAL"))
    assert [row[2] for row in rows(counts)] == ["ACCEPT", "other"]
    assert counts.total.odd_words == {"action": 1, "log-status": 1}


def test_a_field_that_the_layout_does_not_have_is_lacking_not_unreadable():
    counts = count(b"dstport protocol log-status", b"443 6 OK", b"25 6 OK")
    assert rows(counts) == [(25, 6, "other", 0, 0), (443, 6, "other", 0, 0)]
    assert counts.total.unreadable == {}
    assert counts.total.odd_words == {}
    assert set(counts.total.lacking) == {"srcport", "start", "packets", "bytes", "action"}
    assert counts.requests.window.tolist() == [-1, -1]


def test_a_start_in_milliseconds_is_the_same_time_as_in_seconds():
    assert count(line(start="1700000000")).requests == count(line(start="1700000000123")).requests


@pytest.mark.parametrize(
    ("srcport", "dstport", "protocol", "is_reply"),
    [
        ("443", "49153", "6", True),
        ("443", "49153", "136", True),
        ("443", "443", "6", False),
        ("49153", "443", "6", False),
        ("-", "443", "6", False),
        ("0", "8", "1", False),
        ("443", "49153", "47", False),
    ],
)
def test_a_reply_comes_from_the_lower_port_of_a_protocol_with_ports(
    srcport, dstport, protocol, is_reply
):
    counts = count(line(srcport=srcport, dstport=dstport, protocol=protocol))
    assert (len(counts.requests), len(counts.replies)) == (int(not is_reply), int(is_reply))
    assert counts.replies_by_service.port.tolist() == ([int(srcport)] if is_reply else [])


def test_lines_separated_by_commas_are_tried_in_other_layouts_too():
    flow = record(BY_VERSION[5], dstport="443").replace(" ", ",").encode()
    (offer,) = count(flow, b'"%s"' % flow.replace(b",", b'","'), b"one,two").offers.values()
    assert (offer.fields, offer.flows) == (" ".join(BY_VERSION[5]), 2)
    assert offer.line == flow.decode()


def test_a_header_applies_until_the_next_header():
    counts = count(
        line(dstport="1"), b"protocol dstport", b"17 2", DEFAULT_HEADER.encode(), line(dstport="3")
    )
    assert [row[:2] for row in rows(counts)] == [(1, 6), (2, 17), (3, 6)]
    assert counts.total.headers == 2


def test_a_protocol_may_be_a_keyword_only_if_the_fields_are_named():
    flows = [line(protocol=word) for word in ("tcp", "UDP", "icmp6", "3pc", "any", "tcp/udp", "-")]
    named = count(DEFAULT_HEADER.encode(), *flows)
    assert (named.total.flows, named.total.set_aside) == (4, {Reason.BAD_PROTOCOL: 3})
    assert {*named.requests.protocol, *named.replies.protocol} == {6, 17, 34, 58}
    assert count(*flows).total.set_aside == {Reason.BAD_PROTOCOL: 7}


def test_a_format_applies_only_to_files_without_a_header():
    assert rows(count(b"6 443 x", format="protocol dstport vpc-id"))[0][:2] == (443, 6)
    assert rows(count(b"dstport protocol", b"443 6", format="protocol dstport"))[0][:2] == (443, 6)


def test_the_text_of_a_fault_is_its_first_200_characters():
    (fault,) = count("é".encode() * 500).faults
    assert fault.text == "é" * 200


@given(log_lines)
def test_every_record_is_accounted_for(lines):
    counts = count(*lines)
    total = counts.total
    held = {
        view: int(sum(table.flows.sum() for table in tables))
        for view, tables in {
            "destination": (counts.requests, counts.replies),
            "service": (counts.requests, counts.replies_by_service),
        }.items()
    }
    assert total.records == total.headers + total.blank + total.flows + total.set_aside.total()
    assert total.records >= len(lines) - (lines[-1:] == [b""])
    assert held == {"destination": total.flows, "service": total.flows}


@given(log_lines)
def test_the_fast_path_for_plain_blocks_agrees_with_the_careful_path(lines):
    """One odd byte in a block sends all of its lines down the careful path."""
    plain = count(*lines, b"# end")
    odd = count(*lines, b"# \xc2\xa0\x0b")
    assert plain.files == odd.files
    assert (plain.requests, plain.replies) == (odd.requests, odd.replies)


def test_a_line_that_is_set_aside_adds_nothing_else():
    total = count(line(dstport="x", status="PARTIAL", action="DROP", packets="-", start="x")).total
    assert total.set_aside == {Reason.BAD_PORT: 1}
    assert total.odd_words == total.unreadable == total.lacking == {}


def test_a_line_of_millions_of_words_is_never_split_completely():
    lines = [b"ab " * 1_000_000, b"dstport protocol " + b"a b " * 500_000, b"\xc2\xa0" * 1_000_000]
    tracemalloc.start()
    counts = count(*lines)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts.total.records == 3
    assert peak < 12 * max(map(len, lines))


@given(log_lines)
def test_the_reference_alone_gives_the_same_counts_as_parse_flow_log(lines):
    text = b"\n".join(lines)
    reference = Reference("stream")
    reference.count(text)
    alone, product = reference.take(len(text)), count(*lines)
    assert (alone.requests, alone.replies) == (product.requests, product.replies)
    assert alone.replies_by_service == product.replies_by_service
    assert (alone.files, sorted(alone.faults)) == (product.files, [*product.faults])
