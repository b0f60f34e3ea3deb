"""Protocol keywords, protocol numbers and service names are those of IANA."""

import pytest

from flowtag_core.iana import (
    KEYWORDS,
    WITH_PORTS,
    keyword_number,
    protocol_name,
    protocol_number,
    service_name,
)


def test_there_are_143_keywords_and_other_protocols_are_shown_as_numbers():
    assert len(KEYWORDS) == 143
    assert [number for number in range(148) if number not in KEYWORDS] == [61, 63, 68, 99, 114]
    assert [protocol_name(number) for number in (61, 148, 253, 255)] == ["61", "148", "253", "255"]


@pytest.mark.parametrize("number", range(256))
def test_every_protocol_name_is_read_back_in_any_case(number):
    name = protocol_name(number)
    assert {protocol_number(spelling) for spelling in (name, name.upper(), name.title())} == {
        number
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("HOPOPT", 0),
        ("tcp", 6),
        ("06", 6),
        ("3PC", 34),
        ("TP++", 39),
        ("Min-IPv4", 55),
        ("IPv6-ICMP", 58),
        ("ttp", 84),
        ("IPTM", 84),
        ("ax.25", 93),
        ("ipip", 94),
        ("A/N", 107),
        ("ISIS  over IPv4", 124),
        ("Mobility Header", 135),
        ("BIT-EMU", 147),
        ("SWIPE (deprecated)", 53),
        ("sm(deprecated)", 122),
        ("255", 255),
    ],
)
def test_unusual_spellings_of_keywords_are_understood(text, number):
    assert protocol_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "icmpv6", "any", "tcp/udp", "reserved", "256", "-1", "+6", "6.5", "000006", "٦", "isis"],
)
def test_a_word_that_is_not_a_keyword_is_never_guessed(text):
    assert protocol_number(text) is None


@pytest.mark.parametrize(
    ("port", "protocol", "name"),
    [
        (22, 6, "ssh"),
        (7, 17, "echo"),
        (7, 33, None),
        (0, 6, None),
        (49153, 6, None),
        (80, 1, None),
    ],
)
def test_a_service_name_depends_on_port_and_protocol(port, protocol, name):
    assert service_name(port, protocol) == name


def test_thousands_of_ports_have_a_service_name_and_each_is_one_word():
    names = {
        (port, protocol): service_name(port, protocol)
        for port in range(65536)
        for protocol in (6, 17)
    }
    named = [name for name in names.values() if name is not None]
    assert len(named) > 5_000
    assert all(name.split() == [name] for name in named)


@pytest.mark.parametrize("number", KEYWORDS)
def test_a_log_may_contain_any_keyword_in_any_case(number):
    assert keyword_number(KEYWORDS[number].title()) == number


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("icmp6", 58),
        ("ICMPv6", 58),
        ("ttp", 84),
        ("6", None),
        ("any", None),
        ("-", None),
        ("", None),
    ],
)
def test_in_a_log_ipv6_icmp_has_two_more_names_and_a_number_is_not_a_keyword(word, number):
    assert keyword_number(word) == number


def test_five_protocols_have_ports():
    assert {protocol_name(number) for number in WITH_PORTS} == {
        *("tcp", "udp", "dccp", "sctp", "udplite")
    }
