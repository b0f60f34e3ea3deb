"""The lists of evidence are in the order that was asked for, agree with the flows, and say what they may lack."""

import io
import json
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import evidence
from flowtag_core.counts import MEASURES
from flowtag_core.evidence import Evidence, added
from flowtag_core.reading.evidence import look
from flowtag_core.showing.who import LISTS, document, limits, lists, summary
from flowtag_core.tagging.names import Names, load_names
from tests.logs import line

ORDERS = (*MEASURES, "targets", "ports")
UNKNOWN_ENI = line().replace(b"eni-0a1b2c3d", b"-")
rows_of_logs = st.lists(
    st.builds(
        line,
        srcaddr=st.sampled_from(["10.0.0.1", "10.0.0.2", "8.8.8.8", "fd00::1", "-"]),
        dstaddr=st.sampled_from(["10.0.0.9", "1.1.1.1", "2600::1"]),
        dstport=st.sampled_from(["22", "53", "443", "9092"]),
        protocol=st.sampled_from(["6", "17"]),
        packets=st.integers(0, 99).map(str),
        volume=st.integers(0, 9999).map(str),
        start=st.sampled_from(["-", "1700000000", "1700000100", "1700003600"]),
        action=st.sampled_from(["ACCEPT", "REJECT", "DROP"]),
    ),
    min_size=1,
    max_size=20,
)


def find(*lines, name="log"):
    return look(io.BytesIO(b"\n".join(lines)), names=[name])


def list_of(found, name, *arguments, **options):
    (one,) = (each for each in lists(found, *arguments, **options) if each.name == name)
    return one


def named(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "names.csv")
        path.write_text(text, encoding="utf-8")
        return load_names(str(path))


def shortened(*lines):
    """Return the evidence in lines of which only the largest rows are kept, as if there were very many."""
    with mock.patch.multiple(evidence, MOST_ROWS=8, _KEPT=4):
        parts = [find(*lines[place : place + 3]) for place in range(0, len(lines), 3)]
        found = Evidence()
        for part in parts:
            found = added([found, part])
    return found


@given(rows_of_logs, st.sampled_from(ORDERS), st.integers(1, 5))
def test_each_list_has_its_largest_rows_in_order_and_says_how_many_there_are(lines, order, most):
    found = find(*lines)
    whole = {each.name: each for each in lists(found, order, 10_000)}
    for each in lists(found, order, most):
        every = whole[each.name].rows
        assert each.rows == every[:most]
        assert each.total == len(every)
        assert not each.is_cut
        by = order if order in MEASURES or each.name == "sources" else "flows"
        values = [getattr(row, by) for row in every]
        assert values == sorted(values, reverse=True)


@given(rows_of_logs)
def test_the_rows_of_each_list_add_up_to_all_flows(lines):
    found = find(*lines)
    sums = document(found, [])
    for each in lists(found, most=10_000):
        assert len({row.ends for row in each.rows}) == len(each.rows)
        for name in ("flows", "packets", "bytes", "accepted", "rejected"):
            assert sum(getattr(row, name) for row in each.rows) == sums[name]


@given(rows_of_logs)
def test_a_source_has_as_many_targets_and_ports_as_its_flows(lines):
    targets, ports = {}, {}
    for words in map(bytes.split, lines):
        source = words[3].decode().replace("-", "unknown")
        targets.setdefault(source, set()).add(words[4])
        ports.setdefault(source, set()).add((words[6], words[7]))
    for each in lists(find(*lines), most=10_000):
        for row in each.rows:
            if each.name == "sources":
                assert row.targets == len(targets[row.ends[0]])
                assert row.ports == len(ports[row.ends[0]])
            else:
                assert (row.targets, row.ports) == (None, None)


@given(rows_of_logs)
def test_a_row_knows_in_which_minutes_its_first_and_last_flow_began(lines):
    starts = {}
    for words in map(bytes.split, lines):
        starts.setdefault(words[4].decode(), set()).add(words[10])
    for row in list_of(find(*lines), "destinations").rows:
        known = [int(start) // 60 * 60 for start in starts[row.ends[0]] - {b"-"}]
        assert row.first == min(known, default=None)
        assert row.last == max(known, default=None)


@pytest.mark.parametrize("first", LISTS)
def test_the_list_that_was_asked_for_comes_first_and_the_others_in_their_usual_order(first):
    found = [each.name for each in lists(find(line()), first=first)]
    assert found == [first, *(name for name in LISTS if name != first)]


def test_a_list_without_rows_is_left_out():
    found = lists(find(UNKNOWN_ENI), first="interfaces")
    assert [each.name for each in found] == [name for name in LISTS if name != "interfaces"]


def test_ends_are_written_as_people_know_them():
    found = find(
        line(srcaddr="::ffff:10.0.0.1", dstaddr="2001:DB8:0::1", dstport="53", protocol="17"),
        line(srcaddr="::ffff:10.0.0.1", dstaddr="-", dstport="0", protocol="1"),
        line(srcaddr="::ffff:10.0.0.1", dstaddr="-", dstport="0", protocol="6"),
    )
    ends = {each.name: {row.ends for row in each.rows} for each in lists(found)}
    assert ends == {
        "pairs": {("10.0.0.1", "2001:db8::1"), ("10.0.0.1", "unknown")},
        "sources": {("10.0.0.1",)},
        "destinations": {("2001:db8::1",), ("unknown",)},
        "ports": {("53/udp",), ("icmp",), ("0/tcp",)},
        "interfaces": {("eni-0a1b2c3d",)},
    }
    assert all(len(each.heads) == len(each.rows[0].ends) for each in lists(found))


def test_addresses_have_their_names_and_ports_and_interfaces_have_none():
    names = named("cidr,name\n10.0.0.0/8,office\n10.0.0.2,db\n2001:db8::/32,lab\n")
    found = find(line(), line(srcaddr="2001:db8::1", dstaddr="8.8.8.8"))
    pairs = {row.ends: row.names for row in list_of(found, "pairs", names=names).rows}
    assert pairs == {
        ("10.0.0.1", "10.0.0.2"): ("office", "db"),
        ("2001:db8::1", "8.8.8.8"): ("lab", ""),
    }
    assert {row.names for row in list_of(found, "sources", names=names).rows} == {
        ("office",),
        ("lab",),
    }
    for name in ("ports", "interfaces"):
        assert {row.names for row in list_of(found, name, names=names).rows} == {("",)}
    assert {row.names for row in list_of(found, "pairs", names=Names()).rows} == {("", "")}


def test_sources_that_try_many_hosts_or_ports_are_first_when_sorted_by_them():
    flows = [
        *(line(srcaddr="10.0.0.1", dstaddr=f"10.1.0.{n}") for n in range(9)),
        *(line(srcaddr="10.0.0.2", dstaddr="10.1.0.1", dstport=f"{n}") for n in range(9)),
        *[line(srcaddr="10.0.0.3", dstaddr="10.1.0.1")] * 50,
    ]
    found = find(*flows)
    tops = {order: list_of(found, "sources", order, 1).rows[0] for order in ORDERS}
    assert {order: row.ends[0][-1] for order, row in tops.items()} == {
        **dict.fromkeys(MEASURES, "3"),
        "targets": "1",
        "ports": "2",
    }
    assert (tops["targets"].targets, tops["ports"].ports) == (9, 9)


def test_the_ports_are_exact_even_if_pairs_of_source_and_port_were_dropped():
    with mock.patch.multiple(evidence, MOST_ROWS=8, _KEPT=4):
        parts = [find(*(line(srcaddr=f"10.0.{n}.{m}") for m in range(4))) for n in range(30)]
        found = sum(parts, Evidence())
    (row,) = list_of(found, "ports", "flows", 10).rows
    assert (row.ends, row.flows) == (("443/tcp",), 120)
    assert not found.ports.is_exact


def test_without_flows_there_are_no_lists():
    assert lists(Evidence()) == []


def test_if_nothing_was_dropped_there_are_no_limits():
    found = find(line(), UNKNOWN_ENI)
    assert list(limits(found)) == []
    assert document(found, [])["exact"] is True
    assert list(limits(Evidence())) == []


many_sources = st.lists(st.integers(1, 60), min_size=40, max_size=90).filter(
    lambda drawn: len(set(drawn)) > 12
)


@given(many_sources)
def test_if_rows_were_dropped_each_list_concerned_says_so_with_what_its_rows_may_lack(drawn):
    lines = [line(srcaddr=f"10.0.0.{number}") for number in drawn]
    found = shortened(*lines)
    said = list(limits(found))
    for what, lacking in (
        ("pairs of source and destination", found.pairs.lacking),
        ("sources", found.sources.lacking),
    ):
        (sentence,) = (each for each in said if f" {what}, so" in each)
        assert f"may lack up to {lacking[0]} flow" in sentence
    assert "real numbers of destinations may be higher" in said[0]
    assert any("real numbers of ports may be higher" in each for each in said)
    assert not any(" destinations, so" in each for each in said)
    told = document(found, lists(found))
    assert (told["exact"], told["limits"]) == (False, said)
    cut = {each.name: each.is_cut for each in lists(found)}
    assert cut["pairs"]
    assert cut["sources"]
    assert not cut["destinations"]


@given(many_sources)
def test_a_row_lacks_no_more_than_is_said_and_the_sums_of_all_flows_lack_nothing(drawn):
    exact = Counter(f"10.0.0.{number}" for number in drawn)
    found = shortened(*(line(srcaddr=f"10.0.0.{number}") for number in drawn))
    for name in ("pairs", "sources"):
        shown = {row.ends[0]: row.flows for row in list_of(found, name, most=99).rows}
        most = getattr(found, name).lacking[0]
        assert all(0 <= flows - shown.get(end, 0) <= most for end, flows in exact.items())
    assert document(found, [])["flows"] == len(drawn)
    assert summary(found).startswith(f"{len(drawn)} flows, ")


@given(rows_of_logs, st.booleans())
def test_the_document_is_the_same_after_it_was_json_and_has_every_row(lines, has_names):
    names = named("cidr,name\n10.0.0.0/8,office\n") if has_names else Names()
    found = find(*lines)
    shown = lists(found, most=3, names=names)
    told = document(found, shown)
    assert json.loads(json.dumps(told)) == told
    assert list(told["lists"]) == [each.name for each in shown]
    for each in shown:
        for row, written in zip(each.rows, told["lists"][each.name], strict=True):
            sums = row._asdict()
            sums["destinations"] = sums.pop("targets")
            for head, end, name in zip(
                each.heads, sums.pop("ends"), sums.pop("names"), strict=True
            ):
                assert written.pop(head.lower()) == end
                assert written.pop(f"{head.lower()}_name", "") == name
            assert written == {key: sums[key] for key in written}
            assert ("destinations" in written) == ("ports" in written) == (each.name == "sources")
    assert [sample["line"] for sample in told["samples"]] == list(range(1, len(lines) + 1))[:5]


def test_the_document_of_hostile_names_and_damage_is_plain_json():
    found = find(line() + b" \x1b[2J\xff", name="\x1b[31m\udcff.log")
    names = Names({0: {0: '"\x00\u2028'}})
    told = document(found, lists(found, names=names))
    assert json.dumps(told).isascii()
    assert json.dumps(told).isprintable()
    assert json.loads(json.dumps(told)) == told


def test_the_summary_has_the_sums_of_all_flows():
    assert summary(Evidence()) == "No flows match."
    assert summary(find(line())) == "1 flow, 840 B."
    assert (
        summary(find(line(action="REJECT"), *[line()] * 7)) == "8 flows, 6.72 kB, 12.5% rejected."
    )


def test_a_document_without_flows_has_sums_of_0():
    told = document(Evidence(), [])
    assert [told[name] for name in ("flows", "packets", "bytes", "accepted", "rejected")] == [0] * 5
    assert (told["lists"], told["samples"], told["damage"], told["exact"]) == ({}, [], [], True)
