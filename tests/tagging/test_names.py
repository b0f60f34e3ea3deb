"""The smallest range that contains an address names it, and rows that cannot be used are listed and passed over."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.codes import address_code
from flowtag_core.errors import LookupFileError
from flowtag_core.tagging import names
from flowtag_core.tagging.names import Names, load_names

V4 = [0, 0x0A000000, 0x0A000001, 0x0A0102FF, 0xC0A80001, 0xFFFFFFFF]
V6 = [0, 1, 0xFFFF << 32 | 0x0A000001, 0x20010DB8 << 96, (0x20010DB8 << 96) + 1, 0xFF02 << 112 | 1]
networks = st.one_of(
    st.tuples(st.sampled_from(V4).map(ipaddress.IPv4Address), st.integers(0, 32)),
    st.tuples(st.sampled_from(V6).map(ipaddress.IPv6Address), st.integers(0, 128)),
).map(lambda drawn: ipaddress.ip_network(f"{drawn[0]}/{drawn[1]}", strict=False))
addresses = st.one_of(
    st.sampled_from(V4).map(ipaddress.IPv4Address),
    st.sampled_from(V6).map(ipaddress.IPv6Address),
    st.ip_addresses(v=4, network="10.0.0.0/8"),
    st.ip_addresses(v=6, network="2001:db8::/32"),
)


def within_ipv6(address):
    """Return an address as an IPv6 address."""
    if address.version == 6:
        return address
    return ipaddress.IPv6Address(0xFFFF << 32 | int(address))


def range_within_ipv6(network):
    """Return a range as a range of IPv6 addresses."""
    length = network.prefixlen + (96 if network.version == 4 else 0)
    return ipaddress.IPv6Network((int(within_ipv6(network.network_address)), length))


def name_by_trying_all(rows, address):
    """Return the name of the smallest range that contains an address; of equal ranges, the first one's."""
    fitting = [
        (-range_within_ipv6(network).prefixlen, place, name)
        for place, (network, name) in enumerate(rows)
        if within_ipv6(address) in range_within_ipv6(network)
    ]
    return min(fitting)[2] if fitting else ""


def name_in(found, address):
    """Return the name of an address, or of an address as text, as evidence asks for it."""
    return found.of(*address_code(str(address).encode()))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("names") / "names.csv"


@pytest.fixture(scope="module")
def load(path):
    """A function that writes a text or bytes to the file and loads its names."""

    def write_and_load(content):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_names(str(path))

    return write_and_load


def csv_of(rows):
    return "cidr,name\n" + "".join(f"{network},{name}\n" for network, name in rows)


def lines_of(found):
    return [problem.line for problem in found.problems]


@given(st.lists(networks, max_size=12), st.lists(addresses, min_size=1, max_size=8))
def test_the_smallest_range_that_contains_an_address_names_it(load, ranges, some):
    rows = [(network, f"n{place}") for place, network in enumerate(ranges)]
    found = load(csv_of(rows))
    for address in some:
        assert name_in(found, address) == name_by_trying_all(rows, address)
    assert len(found) == len(set(map(range_within_ipv6, ranges)))
    assert len(found) + len(found.problems) == len(ranges)


@given(
    st.lists(networks, max_size=8, unique_by=range_within_ipv6),
    st.randoms(use_true_random=False),
    addresses,
)
def test_the_order_of_the_rows_does_not_matter(load, ranges, random, address):
    rows = [(network, f"n{place}") for place, network in enumerate(ranges)]
    shuffled = random.sample(rows, len(rows))
    assert name_in(load(csv_of(rows)), address) == name_in(load(csv_of(shuffled)), address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_the_same_within_ipv6(load, address):
    found = load(f"cidr,name\n{address},host\n")
    assert name_in(found, address) == name_in(found, f"::ffff:{address}") == "host"
    found = load(f"cidr,name\n::ffff:{address}/128,host\n0.0.0.0/0,any\n")
    assert name_in(found, address) == name_in(found, f"::ffff:{address}") == "host"
    assert name_in(found, "2001:db8::1") == ""


def test_an_address_in_no_range_has_no_name(load):
    found = load("cidr,name\n10.0.0.0/8,office\n2001:db8::/32,lab\n")
    assert [name_in(found, text) for text in ("9.255.255.255", "11.0.0.0", "2001:db9::")] == [
        ""
    ] * 3
    assert [name_in(found, text) for text in ("10.255.255.255", "2001:db8::")] == ["office", "lab"]
    assert name_in(Names(), "10.0.0.1") == ""
    assert len(Names()) == len(load("cidr,name\n")) == 0


def test_rows_that_cannot_be_used_are_listed_with_their_lines_and_passed_over(load):
    found = load(
        "cidr,name\n"
        "10.0.0.1,first\n"
        "10.0.0.0/33,too long\n"
        '10.0.0.2,"two\nlines"\n'
        "example.com,no range\n"
        "10.0.0.3,\n"
        "10.0.0.4\n"
        ",nowhere\n"
        "10.0.0.0-10.0.0.9,no prefix\n"
        "10.0.0.5,last\n"
    )
    assert lines_of(found) == [3, 6, 7, 8, 9, 10]
    texts = [problem.text for problem in found.problems]
    assert all("is not an address range" in texts[place] for place in (0, 1, 4, 5))
    assert all("has no name" in texts[place] for place in (2, 3))
    kept = {text: name_in(found, text) for text in ("10.0.0.1", "10.0.0.2", "10.0.0.5")}
    assert kept == {"10.0.0.1": "first", "10.0.0.2": "two\nlines", "10.0.0.5": "last"}
    assert name_in(found, "10.0.0.3") == name_in(found, "10.0.0.4") == ""


def test_of_two_names_of_a_range_the_first_one_counts_and_the_other_row_is_listed(load):
    found = load(
        "cidr,name\n10.0.0.0/24,first\n10.0.0.7/24,second\n::ffff:10.0.0.0/120,third\n"
        "2001:DB8::/32,lab\n2001:db8:0:0::/32,lab\n"
    )
    assert lines_of(found) == [3, 4, 6]
    assert all("already has a name" in problem.text for problem in found.problems)
    assert name_in(found, "10.0.0.7") == "first"
    assert len(found) == 2


def test_what_a_row_says_is_shortened_in_its_problem(load):
    (problem,) = load(f"cidr,name\n{'x' * 5000},name\n").problems
    assert len(problem.text) < 200


@pytest.mark.parametrize(
    "content",
    [
        b"cidr,name\n10.0.0.1,host\n",
        b"\xef\xbb\xbfcidr,name\r\n10.0.0.1,host\r\n",
        b"cidr,name\r10.0.0.1,host",
        b" CIDR , Name \n 10.0.0.1 , host \n",
        b'"cidr","name"\n"10.0.0.1","host"\n',
        b"owner,name,note,cidr\nme,host,x,10.0.0.1,more\n",
        b"cidr,name\n\n , \n# 10.0.0.1,comment\n10.0.0.1,host\n",
    ],
)
def test_the_columns_are_found_by_their_names_and_blank_rows_and_comments_do_not_count(
    load, content
):
    found = load(content)
    assert (name_in(found, "10.0.0.1"), found.problems, len(found)) == ("host", (), 1)


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        ("", "cidr or name"),
        ("\n", "cidr or name"),
        ("10.0.0.1,host\n", "cidr or name"),
        ("cidr,label\n10.0.0.1,host\n", "name"),
        ("range,name\n10.0.0.1,host\n", "cidr"),
    ],
)
def test_a_file_without_a_column_is_refused_and_says_how_to_begin(load, path, content, missing):
    with pytest.raises(LookupFileError) as refused:
        load(content)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert f"column {missing}." in said
    assert said.endswith("Begin the file with: cidr,name")


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b\x08\0\0\0", "cidr,name\n".encode("utf-16"), b"cidr,name\n10.0.0.1,\0\n"]
)
def test_a_binary_file_is_refused(load, content):
    with pytest.raises(LookupFileError, match="is not a CSV of names"):
        load(content)


def test_a_file_that_is_too_large_is_refused(load, monkeypatch):
    content = "cidr,name\n10.0.0.1,host\n"
    monkeypatch.setattr(names, "LARGEST_FILE", len(content))
    assert len(load(content)) == 1
    with pytest.raises(LookupFileError, match="too large for names"):
        load(f"{content}#")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path, "a\0b"):
        with pytest.raises(LookupFileError) as refused:
            load_names(str(path))
        assert str(refused.value).startswith(f"{path}: cannot be read: ")


def test_a_quote_that_is_never_closed_is_named_with_its_line(load):
    with pytest.raises(LookupFileError, match="line 3: a quote is opened but never closed"):
        load('cidr,name\n10.0.0.1,host\n10.0.0.2,"db\n10.0.0.3,web\n')


@given(
    st.one_of(st.binary(max_size=60), st.text("0123456789.:/,\"'\n\r#%ncidramef \t", max_size=60))
)
def test_whatever_a_file_contains_it_is_loaded_or_refused_with_its_name(load, path, content):
    head = b"cidr,name\n" if isinstance(content, bytes) else "cidr,name\n"
    for whole in (content, head + content):
        said, lines = f"{path}: ", []
        try:
            lines = lines_of(load(whole))
        except LookupFileError as refused:
            said = str(refused)
        assert said.startswith(f"{path}: ")
        assert lines == sorted(set(lines))


def test_an_unknown_address_has_no_name(tmp_path):
    (tmp_path / "names.csv").write_text("cidr,name\nff00::/8,multicast\n::/0,any\n")
    assert load_names(str(tmp_path / "names.csv")).of(-1, -1) == ""


@pytest.mark.parametrize(
    "text",
    [
        "cidr;name\n10.0.0.0/8;office\n",
        "cidr\tname\n10.0.0.0/8\toffice\n",
        "# our ranges\n\nname,cidr\n#1 office,10.0.0.0/8\n# a comment,\n",
    ],
)
def test_any_common_delimiter_and_comments_before_the_header_are_read(tmp_path, text):
    (tmp_path / "names.csv").write_text(text)
    names = load_names(str(tmp_path / "names.csv"))
    assert names.of(0, 0xFFFF << 32 | 10 << 24).removeprefix("#1 ") == "office"
    assert names.problems == ()
