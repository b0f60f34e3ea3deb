"""A small file that is counted at once has the same counts as one that arrives in parts."""

from hypothesis import given
from hypothesis import strategies as st

from flowtag_core.boundary import Inside, ranges_of
from flowtag_core.counting.file_count import FileCount
from flowtag_core.counting.plain_file import plain_file
from flowtag_core.counting.total import Total
from flowtag_core.shapes.layout import ASSUMED, format_layout
from flowtag_core.shapes.text import Block
from tests.logs import DEFAULT_HEADER, flow_lines, line, odd_lines

HEADER = DEFAULT_HEADER.encode()
INSIDE = Inside(ranges_of(["100.64.0.0/10"]))
LAYOUTS = [ASSUMED, format_layout("dstport protocol"), format_layout("version dstport protocol")]


def total_of(counted):
    total = Total()
    total.add_counted(counted)
    return total.counts()


@given(
    lines=st.lists(flow_lines | odd_lines, max_size=6),
    first=st.sampled_from([b"", HEADER, b"version dstport protocol", b"version account-id"]),
    end=st.sampled_from([b"", b"\n", b"\r\n"]),
    layout=st.sampled_from(LAYOUTS),
)
def test_a_small_file_has_the_same_counts_at_once_as_in_parts(kernel, lines, first, end, layout):
    text = b"\n".join([first] * bool(first) + lines) + end
    at_once = plain_file(kernel, "log", text, layout, INSIDE)
    if at_once is not None:
        count = FileCount("log", layout, 1 << 30, INSIDE)
        count.count(Block(text))
        assert total_of(at_once) == total_of(count.take(len(text)))


def test_a_file_of_plain_lines_is_counted_at_once_with_and_without_a_header(kernel):
    plain = b"\n".join([line(), line(status="NODATA"), b"", line(dstport="53")])
    for text in (plain, plain + b"\n", HEADER + b"\r\n" + plain):
        counts = total_of(plain_file(kernel, "log", text, ASSUMED, INSIDE))
        assert counts.total.flows == 2


def test_a_file_with_an_odd_line_is_not_counted_at_once(kernel):
    for odd in (line(dstport="x"), b"no header", b"version account-id"):
        assert plain_file(kernel, "log", odd + b"\n" + line(), ASSUMED, INSIDE) is None
        assert plain_file(kernel, "log", line() + b"\n" + odd, ASSUMED, INSIDE) is None
