"""Inside is what is never routed on the internet, and what the user says; the addresses alone decide."""

import io
import ipaddress
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.boundary import INSIDE, OUTSIDE, UNKNOWN, Inside, between, ranges_of
from flowtag_core.counts import BOUNDARIES
from flowtag_core.errors import RangesError
from tests.fuzz import oracle
from tests.fuzz.addresses import EDGES, OWN, address
from tests.logs import line

ALWAYS = Inside()
PLACES = {True: INSIDE, False: OUTSIDE, None: UNKNOWN}


@given(st.integers(0, 2**32))
def test_an_address_is_where_the_networks_of_the_standard_library_say(seed):
    text = address(random.Random(seed))
    assert ALWAYS.place(text.encode("latin-1")) == PLACES[oracle.is_inside(text)]


@pytest.mark.parametrize("text", EDGES)
def test_at_the_edge_of_each_range_an_address_is_on_its_side(text):
    assert ALWAYS.place(text.encode()) == PLACES[oracle.is_inside(text)]


@pytest.mark.parametrize(
    "text", ["", "-", "1.2.3", "01.2.3.4", "fe80::1%eth0", "::1::", "10.0.0.1 "]
)
def test_what_is_no_address_is_nowhere(text):
    assert ALWAYS.place(text.encode()) == UNKNOWN


def test_what_an_address_is_costs_no_more_however_long_it_is():
    assert ALWAYS.place(b"1" * 10**6) == UNKNOWN


def test_own_ranges_are_inside_too():
    inside = Inside(ranges_of(OWN))
    for text in EDGES:
        ip = ipaddress.ip_address(text)
        ip = getattr(ip, "ipv4_mapped", None) or ip
        is_own = any(
            ip in net for net in map(ipaddress.ip_network, OWN) if net.version == ip.version
        )
        assert inside.place(text.encode()) == PLACES[is_own or oracle.is_inside(text)]


@pytest.mark.parametrize(
    ("source", "destination", "boundary"),
    [
        ("10.0.0.1", "fc00::1", "internal"),
        ("8.8.8.8", "10.0.0.1", "inbound"),
        ("10.0.0.1", "8.8.8.8", "outbound"),
        ("8.8.8.8", "2600::1", "external"),
        ("-", "10.0.0.1", "unknown"),
        ("10.0.0.1", "x", "unknown"),
    ],
)
def test_a_flow_goes_from_where_its_source_is_to_where_its_destination_is(
    source, destination, boundary
):
    assert BOUNDARIES[ALWAYS.boundary(source.encode(), destination.encode())] == boundary
    counts = parse_flow_log(io.BytesIO(line(srcaddr=source, dstaddr=destination)))
    assert [BOUNDARIES[each] for each in counts.requests.boundary] == [boundary]


def test_between_two_places_is_one_boundary():
    ways = {between(one, other) for one in (INSIDE, OUTSIDE) for other in (INSIDE, OUTSIDE)}
    assert ways == {0, 1, 2, 3}
    assert between(UNKNOWN, INSIDE) == between(OUTSIDE, UNKNOWN) == 4


def test_a_layout_without_an_address_has_no_known_boundary():
    log = b"srcaddr dstport protocol\n10.0.0.1 443 6\n"
    assert parse_flow_log(io.BytesIO(log)).requests.boundary.tolist() == [4]


@pytest.mark.parametrize(
    ("given_as", "ranges"),
    [
        ("", ()),
        ("203.0.113.0/24", ("203.0.113.0/24",)),
        (
            "2001:db8::/32, 8.8.8.8 203.0.113.0/24,8.8.8.8/32",
            ("8.8.8.8/32", "203.0.113.0/24", "2001:db8::/32"),
        ),
        (["9.9.9.0/24", "8.8.8.8"], ("8.8.8.8/32", "9.9.9.0/24")),
        ("::ffff:9.9.0.0/112", ("9.9.0.0/16",)),
    ],
)
def test_ranges_are_sorted_and_each_is_there_once(given_as, ranges):
    assert ranges_of(given_as) == ranges


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("203.0.113.0/33", "'203.0.113.0/33' is not an address range. Write it as 203.0.113.0/24"),
        (
            "10.1.2.3/16",
            r"'10.1.2.3/16' is not an address range \(did you mean 10.1.0.0/16\?\)\. Write",
        ),
        ("home", "'home' is not an address range. Write it as 203.0.113.0/24"),
        (
            " ".join(f"10.0.{n // 256}.{n % 256}" for n in range(1001)),
            "1,001 ranges are too many. Give at most 1,000",
        ),
    ],
)
def test_what_is_no_range_is_named_with_the_remedy(text, sentence):
    with pytest.raises(RangesError, match=sentence):
        ranges_of(text)
    with pytest.raises(RangesError):
        parse_flow_log(io.BytesIO(line()), internal=text)


def test_counts_say_which_ranges_were_inside():
    log = line(srcaddr="203.0.113.9")
    assert parse_flow_log(io.BytesIO(log)).internal == ()
    counts = parse_flow_log(io.BytesIO(log), internal="203.0.113.0/24")
    assert counts.internal == ("203.0.113.0/24",)
    assert counts.requests.boundary.tolist() == [0]
