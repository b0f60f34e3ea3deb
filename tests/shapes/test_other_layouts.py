"""A layout is never guessed, and an offered layout gives exactly the result that the offer promised."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtag_core import parse_flow_log
from flowtag_core.shapes import other_layouts
from flowtag_core.shapes.layout import DEFAULT_FIELDS
from flowtag_core.showing.log_notes import cautions
from tests.logs import line, record

LAYOUTS = [
    look.names
    for looks in other_layouts._layouts().values()
    for look in looks
    if look.names != DEFAULT_FIELDS
]


def parse(text, format=None):
    return parse_flow_log(io.BytesIO(text.encode()), names=["log"], format=format)


@pytest.mark.parametrize("names", LAYOUTS, ids=lambda names: f"{names[0]}-{len(names)}")
@pytest.mark.parametrize(
    "prefix", ["", "2018-09-22T20:28:14.000Z ", "2018-09-22T20:28:14Z eni-a-all "]
)
@settings(max_examples=10)
@given(
    ports=st.lists(st.integers(0, 65535), min_size=1, max_size=9),
    odd=st.lists(
        st.sampled_from(
            [
                {"dstport": "65536"},
                {"dstport": "-", "protocol": "-", "log_status": "NODATA"},
                {"protocol": "256"},
                {"action": "nonsense"},
            ]
        ),
        max_size=3,
    ),
)
def test_no_layout_is_guessed_and_the_offered_one_counts_as_many_flows_as_promised(
    names, prefix, ports, odd
):
    odd = [each for each in odd if {name.replace("_", "-") for name in each} & {*names}]
    lines = [record(names, dstport=str(port)) for port in ports]
    lines += [
        record(names, dstport="1", **each) if "dstport" not in each else record(names, **each)
        for each in odd
    ]
    text = "".join(f"{prefix}{each}\n" for each in lines)
    total = parse(text).total
    assert total.flows == 0
    assert total.offer is not None
    again = parse(text, format=total.offer.fields)
    assert again.total.flows == total.offer.flows >= len(ports)
    assert len(total.offer.fields.split()) == len(names)


def test_every_known_layout_is_distinguished_from_the_others_by_its_words():
    for names in LAYOUTS:
        assert parse(record(names, dstport="443")).total.offer.fields == " ".join(names)


@pytest.mark.parametrize(
    "text",
    [
        line().decode(),
        line(version="5").decode(),
        "version " + " ".join(DEFAULT_FIELDS[1:]),
        "nothing like a flow log\n" * 30,
        " ".join(["word"] * 29),
        record(LAYOUTS[3], dstport="x"),
        "",
    ],
)
def test_no_layout_is_offered_if_nothing_would_be_gained(text):
    assert parse(text).total.offer is None


def test_no_layout_is_offered_if_as_many_flows_would_be_lost_as_gained():
    alphabetical = next(names for names in LAYOUTS if names[0] == "account-id")
    custom = record(alphabetical, dstport="443")
    mixed = line().decode() + "\n" + custom + "\n"
    assert parse(mixed).total.offer is None
    assert parse(mixed + custom).total.offer.flows == 2
    assert "1 line would fit" not in " ".join(cautions(parse(line().decode())))
    assert "1 line would fit a different layout" in " ".join(cautions(parse(mixed)))


def test_the_default_layout_is_offered_if_the_given_format_does_not_fit():
    log = f"{line().decode()}\n" * 3
    offer = parse(log, format="action dstport protocol").total.offer
    assert (offer.fields, offer.flows) == (" ".join(DEFAULT_FIELDS), 3)
    assert parse(log, format=offer.fields).total.flows == 3


def test_a_line_of_millions_of_words_fits_no_layout():
    assert parse("5 " * 4_000_000).offers == {}
