import pytest

from flowtag_core.errors import FormatError
from flowtag_core.shapes.layout import ABSENT, DEFAULT_FIELDS, format_layout, header_layout
from tests.logs import DEFAULT_HEADER


def test_the_default_layout_has_its_fourteen_fields():
    layout = header_layout(DEFAULT_HEADER.encode())
    assert layout is not None
    assert layout.names == DEFAULT_FIELDS
    assert layout.is_default


@pytest.mark.parametrize(
    "header",
    [
        b"dstport protocol",
        b"version dstport protocol new-field-of-2031",
        b"log_status dstport protocol ecs_task_id",
        b"${version} ${dstport} ${protocol}",
        b"$${version}\t$${dstport} $${protocol}",
        b"version start end",
    ],
)
def test_a_header_names_port_and_protocol_or_only_known_fields(header):
    assert header_layout(header) is not None


@pytest.mark.parametrize(
    "text",
    [
        b"dstport",
        b"version dstPort protocol",
        b"VERSION DSTPORT PROTOCOL",
        b"this is prose",
        b"dstport protocol 443",
        b"dstport,protocol,tag",
        b"version new-field",
        b"",
    ],
)
def test_a_line_with_words_that_are_not_names_or_not_known_is_not_a_header(text):
    assert header_layout(text) is None


def test_the_first_of_two_equal_names_counts():
    layout = header_layout(b"dstport protocol dstport")
    assert layout is not None
    assert layout.position("dstport") == 0
    assert layout.position("action") == ABSENT


@pytest.mark.parametrize(
    "text",
    [
        "${version} ${dstport} ${protocol}",
        "version,dstport,protocol",
        "$${version} dstport  protocol",
    ],
)
def test_a_format_may_be_written_as_in_aws_or_terraform_or_as_bare_names(text):
    assert format_layout(text).names == ("version", "dstport", "protocol")


def test_a_format_without_port_or_protocol_is_refused_and_its_unknown_names_are_listed():
    with pytest.raises(
        FormatError, match="not both dstport and protocol; not AWS field names: port"
    ):
        format_layout("version port protocol")
