import pytest

from flowtag_core.iana import KEYWORDS, protocol_name, protocol_number


def test_there_are_143_keywords_and_the_numbers_without_one_stay_numbers():
    assert len(KEYWORDS) == 143
    assert [number for number in range(148) if number not in KEYWORDS] == [61, 63, 68, 99, 114]
    assert [protocol_name(number) for number in (61, 148, 253, 255)] == ["61", "148", "253", "255"]


@pytest.mark.parametrize("number", range(256))
def test_every_name_that_is_written_is_read_back_in_any_case(number):
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
def test_keywords_with_traps(text, number):
    assert protocol_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "icmpv6", "any", "tcp/udp", "reserved", "256", "-1", "+6", "6.5", "000006", "٦", "isis"],
)
def test_what_is_no_keyword_is_never_guessed(text):
    assert protocol_number(text) is None
