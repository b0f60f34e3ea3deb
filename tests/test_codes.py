"""Addresses and interfaces stay what they are when they become numbers and text again."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.codes import address_code, address_text, interface_code, interface_text


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_an_address_is_the_same_after_it_was_a_pair_of_numbers(address):
    mapped = getattr(address, "ipv4_mapped", None)
    assert address_text(*address_code(str(address).encode())) == str(mapped or address)


@pytest.mark.parametrize("text", [b"-", b"", b"10.0.0", b"fe80::1%eth0", b"1" * 60, b"\xff"])
def test_what_is_not_an_address_is_unknown(text):
    assert address_text(*address_code(text)) == "unknown"


@given(st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=17))
def test_an_interface_is_the_same_after_it_was_a_pair_of_numbers(digits):
    assert interface_text(*interface_code(f"eni-{digits}".encode())) == f"eni-{digits}"


@pytest.mark.parametrize("text", [b"-", b"", b"eni-", b"eni-0A", b"eni-" + b"0" * 18, b"tgw-0"])
def test_what_is_not_an_interface_is_unknown(text):
    assert interface_text(*interface_code(text)) == "unknown"


def test_an_ipv4_address_within_ipv6_is_that_address():
    assert address_text(*address_code(b"::ffff:10.0.0.1")) == "10.0.0.1"
    assert ipaddress.ip_address(address_text(*address_code(b"::1"))).is_loopback
