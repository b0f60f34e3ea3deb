"""A second look finds exactly the flows that the table counts, in every shape, and who they come from and go to."""

import io
from collections import Counter
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.boundary import Inside
from flowtag_core.codes import address_text, interface_text
from flowtag_core.counting import hits
from flowtag_core.counts import ACTIONS, BOUNDARIES
from flowtag_core.errors import Cancelled, ChoiceError, LogError
from flowtag_core.evidence import Evidence, Wanted, port_bits
from flowtag_core.reading import evidence as reading
from flowtag_core.reading.evidence import look
from flowtag_core.shapes.layout import DEFAULT_FIELDS
from flowtag_core.tagging.report import Filters, select
from tests.counting.made import BY_KERNEL, counting
from tests.logs import DEFAULT_HEADER, line, log_lines, record_lists, text
from tests.shapes.test_shapes import SHAPES
from tests.test_evidence import sums

PORTS = [(6, 443), (17, 53), (6, 25), (1, 0)]
wanteds = st.builds(
    Wanted,
    ports=st.none() | st.frozensets(st.sampled_from(PORTS)).map(port_bits),
    actions=st.none() | st.frozensets(st.integers(0, 2), max_size=1),
    boundaries=st.none() | st.frozensets(st.integers(0, 4), max_size=1),
    minutes=st.none() | st.just((28_333_333, 28_334_000)),
    by_service=st.booleans(),
    address=st.none() | st.sampled_from(["10.0.0.1", "8.8.8.8", "fd00::1"]),
)


def find(content, wanted, **options):
    return look(io.BytesIO(content), wanted=wanted, names=["log"], **options)


def flows_of(rows, wanted):
    """Return the flows in rows of the default layout that fit: source, destination, packets, bytes, interface."""
    found = []
    for row in rows:
        words = dict(zip(DEFAULT_FIELDS, row.decode().split(), strict=True))
        if words["log-status"] != "OK":
            continue
        protocol, dstport, source = int(words["protocol"]), int(words["dstport"]), words["srcport"]
        is_reply = protocol in (6, 17, 132) and source.isdigit() and int(source) < dstport
        port = int(source) if wanted.by_service and is_reply else dstport
        action = ACTIONS.index(words["action"]) if words["action"] in ACTIONS else 2
        ends = words["srcaddr"], words["dstaddr"]
        boundary = Inside().boundary(*(end.encode() for end in ends))
        minute = int(words["start"]) // 60 if words["start"] != "-" else None
        if (
            (wanted.ports is None or wanted.ports[(protocol << 16 | port) >> 3] >> (port & 7) & 1)
            and (wanted.actions is None or action in wanted.actions)
            and (wanted.boundaries is None or boundary in wanted.boundaries)
            and (
                wanted.minutes is None
                or (minute is not None and wanted.minutes[0] <= minute <= wanted.minutes[1])
            )
            and (wanted.address is None or wanted.address in ends)
        ):
            numbers = int(words["packets"]), int(words["bytes"])
            found.append(
                (
                    *("unknown" if end == "-" else end for end in ends),
                    *numbers,
                    protocol << 16 | port,
                )
            )
    return found


def pairs_of(found):
    return {
        (address_text(*key[:2]), address_text(*key[2:])): values[:3]
        for key, values in sums(found.pairs).items()
    }


def expected_pairs(flows):
    total = Counter()
    for source, destination, packets, volume, _ in flows:
        total.update(
            {(source, destination, n): each for n, each in enumerate((1, packets, volume))}
        )
    return {
        (source, destination): tuple(total[source, destination, n] for n in range(3))
        for source, destination, _ in total
    }


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
@pytest.mark.parametrize("shape", ["text", *SHAPES])
@settings(max_examples=8)
@given(rows=record_lists, wanted=wanteds, few=st.sampled_from([0, 1 << 16]))
def test_in_every_shape_the_pairs_are_those_of_the_flows_that_fit(
    by_kernel, shape, rows, wanted, few
):
    content = text(rows) if shape == "text" else SHAPES[shape](rows)
    with counting(by_kernel=by_kernel), mock.patch.object(hits, "_MOST_FEW", few):
        found = find(content, wanted)
    flows = flows_of(rows, wanted)
    assert pairs_of(found) == expected_pairs(flows)
    assert found.flows == len(flows)
    ports = {(address_text(*key[:2]), key[2]) for key in sums(found.ports)}
    assert ports == {(flow[0], flow[4]) for flow in flows}
    assert len(found.samples) == min(len(flows), 5)
    assert {address_text(*key) for key in sums(found.sources)} == {flow[0] for flow in flows}
    assert {address_text(*key) for key in sums(found.destinations)} == {flow[1] for flow in flows}
    interfaces = {interface_text(*key): values[0] for key, values in sums(found.interfaces).items()}
    assert interfaces == ({"eni-0a1b2c3d": len(flows)} if flows else {})


@pytest.mark.parametrize("by_kernel", BY_KERNEL)
@settings(max_examples=40)
@given(
    lines=log_lines,
    action=st.sampled_from([None, *ACTIONS]),
    boundary=st.sampled_from([None, *BOUNDARIES]),
    view=st.sampled_from(["destination", "service"]),
    most_blocks=st.sampled_from([1 << 9, 1 << 19]),
)
def test_its_sums_equal_those_of_the_table_for_the_same_filters(
    by_kernel, lines, action, boundary, view, most_blocks
):
    content = b"\n".join(lines)
    wanted = Wanted(
        actions=None if action is None else frozenset([ACTIONS.index(action)]),
        boundaries=None if boundary is None else frozenset([BOUNDARIES.index(boundary)]),
        by_service=view == "service",
    )
    with (
        counting(by_kernel=by_kernel),
        mock.patch("flowtag_core.shapes.text._BLOCK_SIZE", most_blocks),
    ):
        found = find(content, wanted)
        counts = parse_flow_log(io.BytesIO(content))
    chosen = select(counts, Filters(action, boundary, view=view)).tables
    for name in ("flows", "packets", "bytes"):
        total = int(getattr(found.total, name).sum())
        assert total == sum(int(getattr(table, name).sum()) for table in chosen)


@pytest.mark.usefixtures("kernel")
def test_samples_are_the_first_lines_that_fit_with_their_numbers():
    lines = [line(dstport="53", protocol="17"), line(), b"odd", line(dstport="x")]
    content = DEFAULT_HEADER.encode() + b"\n" + b"\n".join(lines * 900)
    found = find(content, Wanted(ports=port_bits([(6, 443)])))
    assert found.flows == 900
    assert [sample.line for sample in found.samples] == [3, 7, 11, 15, 19]
    assert {sample.text for sample in found.samples} == {line().decode()}


@pytest.mark.usefixtures("kernel")
def test_interfaces_are_those_of_the_flows():
    content = b"\n".join([line(), line().replace(b"eni-0a1b2c3d", b"eni-0z" + b"f" * 15)] * 50)
    found = find(content, Wanted())
    assert {interface_text(*key): values[0] for key, values in sums(found.interfaces).items()} == {
        "eni-0a1b2c3d": 50,
        "eni-0z" + "f" * 15: 50,
    }


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("few", [0, 1 << 16])
def test_a_scanner_an_exfiltration_and_a_noisy_neighbour_are_first_in_the_right_list(
    monkeypatch, few
):
    monkeypatch.setattr(hits, "_MOST_FEW", few)
    usual = [
        line(srcaddr=f"10.0.0.{n % 9}", dstaddr=f"10.0.1.{n % 5}", packets="9", volume="900")
        for n in range(2000)
    ]
    scan = [
        line(srcaddr="45.9.9.9", dstaddr=f"10.0.{n % 7}.{n % 200}", dstport=str(n), action="REJECT")
        for n in range(1, 300)
    ]
    leak = [line(srcaddr="10.0.0.3", dstaddr="8.8.4.4", volume="999999999")]
    noise = [line(srcaddr="10.0.0.7", dstaddr="10.0.0.8", packets="1", volume="40")] * 1500
    found = find(b"\n".join([*usual, *scan, *leak, *noise]), Wanted())
    assert pairs_of_top(found, "flows")[0] == ("10.0.0.7", "10.0.0.8")
    assert pairs_of_top(found, "bytes")[0] == ("10.0.0.3", "8.8.4.4")
    for table in (found.targets, found.source_ports):
        (top,) = sums(table.top("flows", 1))
        assert address_text(*top) == "45.9.9.9"


def pairs_of_top(found, measure):
    keys = sums(found.pairs.top(measure, 3))
    return [(address_text(*key[:2]), address_text(*key[2:])) for key in keys]


@pytest.mark.usefixtures("kernel")
def test_several_files_and_archives_add_up_and_a_damaged_one_is_named(tmp_path):
    (tmp_path / "a.log").write_bytes(text([line()] * 20))
    (tmp_path / "b.log").write_bytes(text([line(dstport="53", protocol="17")] * 7))
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.7")
    found = look(tmp_path)
    assert found.flows == 27
    assert any("c.pdf" in sentence for sentence in found.damage)
    assert [sample.file for sample in found.samples] == [str(tmp_path / "a.log")] * 5


@pytest.mark.usefixtures("kernel")
def test_what_was_found_so_far_grows_to_the_whole(monkeypatch):
    monkeypatch.setattr(reading, "_TOLD_FIRST", 0)
    seen = []
    whole = find(text([line()] * 20_000), Wanted(), so_far=lambda found: seen.append(found.flows))
    assert whole.flows == 20_000
    assert seen == sorted(seen)
    assert len(seen) > 0
    assert seen[-1] <= 20_000


def test_a_look_can_be_cancelled_and_refuses_what_is_no_log():
    with pytest.raises(Cancelled):
        find(text([line()]), Wanted(), cancel=lambda: True)
    with pytest.raises(LogError, match="PDF"):
        find(b"%PDF-1.7", Wanted())


def test_parts_without_rows_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(hits, "_MOST_PARTS", 3)
    total = hits.HitSum()
    for number in range(20):
        total.add_evidence(Evidence(faults=1, damage=frozenset([f"{number}"])))
        assert len(total._parts) <= 3
    assert total.evidence().faults == len(total.evidence().damage) == 20


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(ports=frozenset([(6, 443)])), "port_bits"),
        (Wanted(actions={"REJECT"}), "0 for ACCEPT, 1 for REJECT"),
        (Wanted(boundaries=frozenset([99])), "1 for inbound"),
        (Wanted(minutes=(5, 1)), "the first and the last minute"),
        (Wanted(address="10.0.0.7/24"), "Write it as 10.0.0.1"),
    ],
)
def test_what_nothing_can_fit_is_refused(wanted, said):
    with pytest.raises(ChoiceError, match=said):
        find(b"", wanted)


def test_an_empty_log_has_no_evidence():
    assert find(b"", Wanted()).flows == Evidence().flows == 0
