"""Bytes give the same whole lines however they are split, and a line that is too long spoils no other."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowtag_core.counts import Reason
from flowtag_core.errors import DamagedLogError
from flowtag_core.reading.flow_log import parse_flow_log
from flowtag_core.shapes import text as text_lines
from flowtag_core.shapes.text import LineReader, whole_lines
from flowtag_core.sources.pieces import HEAD_SIZE, MEMBER_END
from tests.logs import line
from tests.sources.made import LOG, Dribble, parse


def test_a_line_that_is_too_long_is_set_aside_and_the_next_one_counts(monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1 << 20)
    long = b"x" * (3 << 20)
    counts = parse(LOG + long + b"\n" + LOG + long)
    file = counts.files["log"]
    assert file.flows == 10
    assert file.set_aside == {Reason.TOO_LONG: 2}
    assert [fault.line for fault in counts.faults] == [6, 12]


@pytest.mark.parametrize("before", [0, 1000, 70_000, 300_000])
@pytest.mark.parametrize("most", [1 << 10, 1 << 16, 1 << 30])
def test_only_the_length_of_a_line_itself_makes_it_too_long(monkeypatch, before, most):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1 << 18)
    comments = b"#\n" * (before // 2)
    whole = line() + b" x" * (((1 << 18) - len(line())) // 2)
    whole = whole.ljust(1 << 18, b"x")
    counts = parse_flow_log(Dribble(comments + whole + b"\n" + whole + b"x\n" + LOG, most))
    assert counts.total.flows == 6
    assert counts.total.set_aside == {Reason.TOO_LONG: 1}
    assert counts.faults[0].line == before // 2 + 2


def damaged(pieces):
    yield from pieces
    raise DamagedLogError("a.log: is cut short.")


def lines_in(blocks):
    """Return each line, without its newline, and whether it is too long."""
    lines = []
    for text, too_long in blocks:
        some = [text] if too_long else text.removesuffix(b"\n").split(b"\n")
        lines += [(line, too_long) for line in some]
    return lines


def fed(pieces):
    """Return all bytes that were fed to a reader, with every MEMBER_END as the end of a line."""
    text = b""
    for piece in pieces:
        text += piece if piece != MEMBER_END or text[-1:] in (b"", b"\n") else b"\n"
    return text


some_pieces = st.lists(
    st.text("ab\n\r", max_size=12).map(str.encode) | st.binary(max_size=5), max_size=30
)
asked = st.sets(st.integers(0, 29))


@given(pieces=some_pieces, for_lines=asked, for_pending=asked, block_size=st.integers(1, 40))
def test_a_reader_returns_what_it_was_fed_as_whole_lines_whenever_it_is_asked(
    pieces, for_lines, for_pending, block_size
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "_BLOCK_SIZE", block_size)
        reader, blocks = LineReader(), []
        for place, piece in enumerate(pieces):
            blocks += reader.feed(piece)
            whole, end, rest = fed(pieces[: place + 1]).rpartition(b"\n")
            if place in for_pending:
                assert reader.pending == rest
            if place in for_lines:
                blocks += reader.lines()
                assert b"".join(block.text for block in blocks) == whole + end
                assert reader.pending == rest
        assert all(block.text.endswith(b"\n") for block in blocks)
        blocks += reader.end()
    assert b"".join(block.text for block in blocks) == fed(pieces)
    assert all(block.text for block in blocks)
    assert not any(block.too_long for block in blocks)
    assert all(block.text.endswith(b"\n") for block in blocks[:-1])
    assert reader.pending == b""


@given(pieces=some_pieces, block_size=st.integers(1, 40))
def test_whole_lines_are_those_of_a_reader_and_damage_loses_only_an_unfinished_line(
    pieces, block_size
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "_BLOCK_SIZE", block_size)
        reader = LineReader()
        blocks = [block for piece in pieces for block in reader.feed(piece)]
        assert list(whole_lines(iter(pieces))) == [*blocks, *reader.end()]
        got = []
        with pytest.raises(DamagedLogError) as error:
            got.extend(whole_lines(damaged(pieces)))
    before, end, rest = fed(pieces).rpartition(b"\n")
    assert b"".join(block.text for block in got) == before + end
    assert error.value.tail == rest


@given(
    pieces=some_pieces,
    for_lines=asked,
    for_pending=asked,
    block_size=st.integers(1, 40),
    longest=st.integers(4, 14),
)
@example([b"abc" * 5, b"\n", b"a\n"], {0}, {0, 1}, 1, 6)
@example([b"abc" * 5, MEMBER_END, b"a"], set(), {0, 1}, 1, 6)
@example([b"a\n" + b"abc" * 5 + b"\nb\n"], set(), set(), 1, 6)
def test_a_line_that_is_too_long_is_truncated_and_no_other_is_lost_however_bytes_are_split(
    pieces, for_lines, for_pending, block_size, longest
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "_BLOCK_SIZE", block_size)
        patch.setattr(text_lines, "LONGEST_LINE", longest)
        patch.setattr(text_lines, "HEAD_SIZE", 3)
        reader, blocks = LineReader(), []
        for place, piece in enumerate(pieces):
            blocks += reader.feed(piece)
            if place in for_lines:
                blocks += reader.lines()
            if place in for_pending:
                rest = fed(pieces[: place + 1]).rpartition(b"\n")[2]
                is_cut = len(rest) > longest and reader.pending == rest[:3]
                assert is_cut or reader.pending == rest
        blocks += reader.end()
    text = fed(pieces)
    assert lines_in(blocks) == [
        (line[:3], True) if len(line) > longest else (line, False)
        for line in (text.removesuffix(b"\n").split(b"\n") if text else [])
    ]


def test_a_reader_can_be_used_again_after_its_end():
    reader = LineReader()
    assert [*reader.feed(b"a"), *reader.end()] == [(b"a", False)]
    assert [*reader.feed(MEMBER_END), *reader.feed(b"b\n"), *reader.end()] == [(b"b\n", False)]


def test_a_reader_keeps_only_the_beginning_of_a_line_that_is_too_long(monkeypatch):
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1 << 16)
    reader = LineReader()
    for _ in range(100):
        assert not list(reader.feed(b"x" * (1 << 16)))
        assert sum(map(len, reader._held)) <= 1 << 20
    assert reader.pending == b"x" * HEAD_SIZE
    assert [*reader.feed(b"x\nnext")] == [(b"x" * HEAD_SIZE, True)]
    assert reader.pending == b"next"
