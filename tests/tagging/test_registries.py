"""Public lists of services can be loaded as lookups."""

import gzip
import io

import pytest

from flowtag_core.tagging.lookup_file import load_lookup_table, looks_like_lookup
from flowtag_core.tagging.registries import registry
from tests.conftest import SAMPLE
from tests.logs import DEFAULT_HEADER, line

IANA = (
    "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact\r\n"
    "tcpmux,1,tcp,TCP Port Service Multiplexer,[Mark],\r\n"
    ",2-3,tcp,Unassigned,,\r\n"
    'http,80,tcp,"World Wide\r\nWeb, HTTP",,\r\n'
    "www-http,80,tcp,World Wide Web HTTP,,\r\n"
    "http,80,sctp,HTTP,,\r\n"
    "x11,6000-6063,tcp,X Window System,,\r\n"
    "portless,,tcp,,,\r\n"
    "any-protocol,7,,,,\r\n"
)
SERVICES = (
    "# Network services, Internet style\n\n"
    "tcpmux\t\t1/tcp\t\t\t# TCP port service multiplexer\n"
    "http\t\t80/tcp\t\twww\t# WorldWideWeb HTTP\n"
    "www\t\t80/tcp\n"
    "http\t\t80/sctp\n"
    "x11 6000-6063/tcp\n"
)
NAMES = ["1,tcp,tcpmux", "80,tcp,http", "80,sctp,http", "6000-6063,tcp,x11"]


@pytest.mark.parametrize(
    ("text", "form", "left_out"),
    [
        (
            IANA,
            "IANA's list of service names",
            "rows left out for lack of a port, protocol or name: 3",
        ),
        ("\ufeff" + IANA, "IANA's list of service names", "same port and protocol left out: 1"),
        (SERVICES, "a list of services like /etc/services", "same port and protocol left out: 1"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_list_of_services_loads_as_a_lookup_and_a_notice_says_so(text, form, left_out, pack):
    content = pack(text.encode())
    lookup = load_lookup_table(io.BytesIO(content), name="services")
    assert [f"{rule.key},{rule.tag}" for rule in lookup.rules] == NAMES
    assert lookup.form == form
    assert form in lookup.notices[0]
    assert left_out in lookup.notices[0]
    assert lookup.problems == ()
    assert lookup.content.decode() == "dstport,protocol,tag\n" + "".join(f"{n}\n" for n in NAMES)
    assert looks_like_lookup(content[: 1 << 16])


def test_a_service_may_have_several_protocols_in_one_row():
    text = "ssh 22/tcp/udp/sctp # x\nx11\t6000-6063/tcp/udp\nhttp 80/tcp/\n"
    assert registry(text, "a").text == (
        "dstport,protocol,tag\n22,tcp,ssh\n22,udp,ssh\n22,sctp,ssh\n6000-6063,tcp,x11\n"
        "6000-6063,udp,x11\n80,tcp,http\n"
    )


def test_columns_of_a_list_may_be_in_any_order_and_short_rows_are_ignored():
    text = "Transport Protocol, Port Number,Note,Service Name\nTCP,22,,ssh\nudp,53\nudp,53,\n"
    assert registry(text, "a").text == "dstport,protocol,tag\n22,tcp,ssh\n"


def test_a_name_is_quoted_if_necessary():
    text = 'Service Name,Port Number,Transport Protocol\n"a,""b""",1,tcp\n'
    assert registry(text, "a").text == 'dstport,protocol,tag\n1,tcp,"a,""b"""\n'


def test_a_row_without_a_name_or_with_an_unknown_protocol_gives_no_rule():
    found = registry("ssh 22/tcp\nddp 4/ddp\nodd 5/spx\nnothing\nfar 70000/tcp\n", "a")
    assert found.text == "dstport,protocol,tag\n22,tcp,ssh\n4,ddp,ddp\n"
    assert found.notice.endswith("2 rules; rows left out for lack of a port, protocol or name: 3")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing but a comment\n",
        "dstport,protocol,tag\n22,tcp,ssh\n",
        "22,tcp,ssh\n",
        "Service Name,Port Number\nssh,22\n",
        f"{DEFAULT_HEADER}\n",
        line().decode(),
        (SAMPLE / "lookup.csv").read_text(),
    ],
)
def test_other_text_is_not_taken_for_a_list_of_services(text):
    assert registry(text, "a") is None


def test_the_beginning_of_the_iana_list_is_recognized_wherever_it_is_cut():
    text = 'Service Name,Port Number,Transport Protocol,Description\nssh,22,tcp,"two\nlines"\n'
    header = text.index("\n")
    for end in range(header + 1, len(text) + 1):
        assert looks_like_lookup(text[:end].encode()), end
