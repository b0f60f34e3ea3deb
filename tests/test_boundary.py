"""Addresses are inside if they are never routed on the internet, or if the user says so."""

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
def test_an_address_is_where_the_standard_library_says(seed):
    text = address(random.Random(seed))
    assert ALWAYS.place(text.encode("latin-1")) == PLACES[oracle.is_inside(text)]


@pytest.mark.parametrize("text", EDGES)
def test_addresses_at_the_edges_of_ranges_are_on_the_right_side(text):
    assert ALWAYS.place(text.encode()) == PLACES[oracle.is_inside(text)]


@pytest.mark.parametrize(
    "text", ["", "-", "1.2.3", "01.2.3.4", "fe80::1%eth0", "::1::", "10.0.0.1 "]
)
def test_the_place_of_an_invalid_address_is_unknown(text):
    assert ALWAYS.place(text.encode()) == UNKNOWN


def test_a_word_too_long_for_an_address_is_not_parsed():
    assert ALWAYS.place(b"1" * 10**6) == UNKNOWN


def test_the_users_own_ranges_are_inside_too():
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
def test_the_boundary_depends_on_where_source_and_destination_are(source, destination, boundary):
    assert BOUNDARIES[ALWAYS.boundary(source.encode(), destination.encode())] == boundary
    counts = parse_flow_log(io.BytesIO(line(srcaddr=source, dstaddr=destination)))
    assert [BOUNDARIES[each] for each in counts.requests.boundary] == [boundary]


def test_each_pair_of_known_places_has_its_own_boundary():
    ways = {between(one, other) for one in (INSIDE, OUTSIDE) for other in (INSIDE, OUTSIDE)}
    assert ways == {0, 1, 2, 3}
    assert between(UNKNOWN, INSIDE) == between(OUTSIDE, UNKNOWN) == 4


def test_the_boundary_is_unknown_if_the_layout_lacks_an_address():
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
def test_ranges_are_sorted_and_free_of_duplicates(given_as, ranges):
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
def test_an_invalid_range_is_named_with_the_remedy(text, sentence):
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
